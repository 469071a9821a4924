// SPDX-License-Identifier: MIT

// Does the tool say about a sample what the sample's first comment promises?
//
//     node verdict.mjs HEAPSNAP SAMPLE SOURCE
//
// The sample runs under `heapsnap run` and stops between its phases; a snapshot is taken at
// each stop, and the difference of the two is held against every line
//
//     verdict: silent
//     verdict: grows [by N blocks] at FUNCTION      new, and something still points there
//     verdict: loses [N blocks] at FUNCTION         new, and nothing points there any more
//     verdict: leaks N handles at FUNCTION
//
// and the first row of the difference must belong to one of them.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const [heapsnap, sample, source] = process.argv.slice(2).map(path => resolve(path));
const folder = mkdtempSync(join(tmpdir(), 'heapsnap-sample-'));

const PATTERN =
    /^ \* verdict: (?:(silent)|(grows|loses|leaks)(?: (?:by )?(\d+) (?:blocks|handles))? at (\w+))$/gm;

/** The promises in a source file's first comment. */
function readVerdicts(path) {
    const comment = readFileSync(path, 'utf8').split('*/')[0];
    const verdicts = [...comment.matchAll(PATTERN)].map(
        ([, silent, what, count, where]) =>
            ({ what: silent ?? what, count: count && Number(count), where }));
    const lines = comment.match(/verdict:/g)?.length ?? 0;
    assert.ok(lines > 0 && lines === verdicts.length,
        `${path}: a line "verdict: …" is missing or cannot be read`);
    return verdicts;
}

/** Start the sample, which takes the place of `heapsnap run`; `line()` waits for what it
 *  prints next. */
function start() {
    const child = spawn(heapsnap, ['run', '--', sample], {
        cwd: folder,
        stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const ended = new Promise(resolve => child.on('exit', (code, signal) =>
        resolve(signal ?? code)));
    return { child, ended, line: async () => (await lines.next()).value };
}

function snap(pid, name) {
    const path = join(folder, `${name}.heapsnapshot`);
    execFileSync(heapsnap, ['snap', String(pid), '-o', path], { timeout: 15000 });
    return path;
}

/** One request to the sample server, answered or not. */
function get(port, path) {
    return new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1',
            () => socket.write(`GET ${path} HTTP/1.1\r\n\r\n`));
        socket.on('data', () => {});
        socket.on('close', resolve);
        socket.on('error', reject);
    });
}

async function drive(port, users) {
    for (const user of users) {
        await get(port, `/login?user=user${user}`);
        await get(port, `/session?user=user${user}`);
        await get(port, `/no/such/page${user}`);
    }
}

/** The paths of the two snapshots of a server under load. */
async function watchServer(program, port) {
    await drive(port, [1, 2, 3]);
    const before = snap(program.child.pid, 'before');
    await drive(port, Array.from({ length: 40 }, (_, i) => 100 + i));
    const after = snap(program.child.pid, 'after');
    program.child.kill('SIGTERM');
    return [before, after];
}

/** The same for a program that waits for a line after each phase. */
async function watchPhases(program) {
    const before = snap(program.child.pid, 'before');
    program.child.stdin.write('\n');
    assert.equal(await program.line(), 'worked');
    const after = snap(program.child.pid, 'after');
    program.child.stdin.end('\n');
    return [before, after];
}

async function watch() {
    const program = start();
    const first = await program.line();
    const port = first?.match(/^listening on 127\.0\.0\.1:(\d+)$/)?.[1];
    if (!port)
        assert.equal(first, 'warm');
    const paths = await (port ? watchServer(program, Number(port)) : watchPhases(program));
    assert.equal(await program.ended, 0, 'how the sample ended');
    return paths;
}

const isHandle = row => /^fd\b/.test(row.class);

/** Is `row` of the kind that `verdict` speaks of? Its stack begins at the
 *  function, or at an allocator that it called. */
function belongs(row, { what, where }) {
    return new RegExp(`^([^←]* ← )?${where}\\b`).test(row.stack ?? '')
        && isHandle(row) === (what === 'leaks')
        && row.lost === (what === 'loses');
}

function hold(rows, verdict) {
    const growing = rows.filter(row => row.delta > 0);
    if (verdict.what === 'silent') {
        assert.deepEqual(rows, [], 'a silent program has no row');
        return;
    }
    const delta = growing.filter(row => belongs(row, verdict))
        .reduce((sum, row) => sum + row.delta, 0);
    const promise = `${verdict.what} at ${verdict.where}`;
    if (verdict.count)
        assert.equal(delta, verdict.count, promise);
    else
        assert.ok(delta > 0, promise);
}

let failed = false;
try {
    const verdicts = readVerdicts(source);
    const [before, after] = await watch();
    const { rows } = JSON.parse(
        execFileSync(heapsnap, ['diff', before, after, '--json'], { timeout: 15000 }));
    try {
        for (const verdict of verdicts)
            hold(rows, verdict);
        if (rows.length > 0)
            assert.ok(verdicts.some(verdict => belongs(rows[0], verdict)),
                'the first row is one of the promised leaks');
    } catch (error) {
        console.error(`FAIL: ${error.message}`);
        console.error('the rows were:', JSON.stringify(rows, null, 1));
        failed = true;
    }
} catch (error) {
    console.error(`FAIL: ${error.message}`);
    failed = true;
} finally {
    rmSync(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
