// SPDX-License-Identifier: MIT
//
// Programs under the shim, and the snapshots they give: what a user types at the command
// line, with every wait for an answer instead of for a time.
import {execFile, spawn} from 'node:child_process';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import {promisify} from 'node:util';

const TOOL = process.env.HEAPSNAP_TOOL;
const PATIENCE_MS = 30_000;
const call = promisify(execFile);

/** Run `heapsnap VERB …` to its end; rejects with what it said on stderr. */
export async function heapsnap(...args) {
  const {stdout} = await call(TOOL, args, {maxBuffer: 1 << 28});
  return stdout;
}

/** Wait until `probe` gives something. */
export async function eventually(what, probe) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
    const answer = await probe();
    if (answer) return answer;
    await new Promise(resolve => { setTimeout(resolve, 20); });
  }
  throw new Error(`waited ${PATIENCE_MS / 1000} s in vain for ${what}`);
}

/** The one snapshot in `directory`, once it is there; it never shows up incomplete. */
export function onlySnapshot(directory) {
  return eventually(`a snapshot in ${directory}`, () => {
    const [file] = existsSync(directory)
      ? readdirSync(directory).filter(name => name.endsWith('.heapsnapshot')) : [];
    return file && path.join(directory, file);
  });
}

/** 1-based number of the one line of `source` that contains `text`. */
export function lineOf(source, text) {
  const lines = readFileSync(source, 'utf8').split('\n');
  const found = lines.flatMap((line, i) => line.includes(text) ? [i + 1] : []);
  if (found.length !== 1) throw new Error(`${found.length} lines of ${source} contain "${text}"`);
  return found[0];
}

export class Tracked {
  #lines = [];
  #waiting = [];

  /** Start `program` by `heapsnap run OPTIONS`. */
  constructor(program, {args = [], options = ['--no-exit-snapshot'], environment = {}} = {}) {
    this.child = spawn(TOOL, ['run', ...options, '--', program, ...args],
      {stdio: ['pipe', 'pipe', 'pipe'], env: {...process.env, ...environment}});
    this.errors = '';
    this.child.stderr.on('data', data => { this.errors += data; });
    readline.createInterface({input: this.child.stdout}).on('line', line => {
      const next = this.#waiting.shift();
      if (next) next.resolve(line);
      else this.#lines.push(line);
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => resolve({code, signal}));
    });
    this.ended.catch(() => {}); // whoever waits for a line will tell
  }

  /** `run` becomes the program, so its pid is the program's. */
  get pid() { return this.child.pid; }

  /** The next line of the program's output. */
  async line() {
    if (this.#lines.length) return this.#lines.shift();
    let timer;
    return new Promise((resolve, reject) => {
      this.#waiting.push({resolve, reject});
      timer = setTimeout(reject, PATIENCE_MS);
      this.ended.then(reject, reject);
    }).catch(async () => {
      const end = await Promise.race([this.ended, undefined]).catch(error => error.message);
      throw new Error(`${this.child.spawnargs.join(' ')} says nothing more`
        + ` (${end ? `ended: ${JSON.stringify(end)}` : 'still running'}): ${this.errors}`);
    }).finally(() => clearTimeout(timer));
  }

  /** Say something on stdin and hear the answer. */
  ask(command) {
    this.child.stdin.write(`${command}\n`);
    return this.line();
  }

  async snap(file) {
    await heapsnap('snap', '-o', file, String(this.pid));
    return file;
  }

  /** Close stdin after `command` and wait for the end. */
  quit(command = 'quit') {
    this.child.stdin.end(`${command}\n`);
    return this.ended;
  }
}
