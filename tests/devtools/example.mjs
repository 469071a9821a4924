#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// A small C server's heap, written by hand in the mapping that the assembler follows:
// before (phase 1) and after (phase 2) it leaked. The numbers are chosen so that every
// expected count and size in the tests can be worked out on paper.
//
//   example.mjs DIR     writes DIR/example-1.heapsnapshot and DIR/example-2.heapsnapshot
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {Builder, DETACHED} from './builder.mjs';

const NO_BREAK = '\u00a0';
const GROUPS = ['(Modules)', '(Threads)', '(Mappings)', '(Handles)', '(Allocator)',
  '(Unreachable: leaked)', '(Allocation sites)'];

export const SITE = {
  session: 'session_new (session.c:24)', buffer: 'buffer_new (buffer.c:9)',
  entry: 'cache_put (cache.c:71)', request: 'request_new (http.c:40)',
  headers: 'parse_headers (http.c:131)', table: 'hash_new (hash.c:31)',
};

/** Ids belong to blocks, not to snapshots: one object serves both phases. */
export class Identities {
  #ids = new Map();
  of(block) {
    if (!this.#ids.has(block)) this.#ids.set(block, 1001 + 2 * this.#ids.size);
    return this.#ids.get(block);
  }
}

class Example {
  builder = new Builder();
  #nextFixed = 1;

  constructor(identities, instanceNames) {
    Object.assign(this, {identities, instanceNames});
    this.root = this.fixed('synthetic', '');
    this.groups = Object.fromEntries(GROUPS.map((name, i) =>
      [name, this.builder.edge(this.root, 'element', i + 1, this.fixed('synthetic', name))]));
    this.site = this.builder.edge(this.groups['(Allocation sites)'], 'property', 'entry',
      this.fixed('synthetic', 'main (server.c:88)'));
  }

  fixed(type, name, size = 0) {
    const id = this.#nextFixed;
    this.#nextFixed += 2;
    return this.builder.node(type, name, id, size);
  }

  /** A heap block of class `malloc ← SITE`; `key` tells blocks of one site apart. */
  block(site, key, size, detachedness = 0) {
    const id = this.identities.of(`${site} ${key}`);
    const className = `malloc ← ${site}`;
    const name = this.instanceNames
      ? `<${className.replaceAll(' ', NO_BREAK)} 0x${(0x55d0c3a00000 + id * 64).toString(16)}>`
      : className;
    const node = this.builder.node('native', name, id, size, detachedness);
    this.builder.edge(node, 'weak', 'allocated at', this.site);
    return node;
  }

  handle(number, kind, label) {
    const name = `<fd${NO_BREAK}(${kind})`.replaceAll(' ', NO_BREAK) + ` ${number} ${label}>`;
    const node = this.builder.node('native', name, this.identities.of(`fd ${number}`), 256);
    return this.builder.edge(this.groups['(Handles)'], 'property', `fd ${number} ${label}`, node);
  }
}

function addThreads(example) {
  const thread = example.builder.edge(example.groups['(Threads)'], 'element', 1,
    example.fixed('native', '<thread 1 "server" tid 4242>', 2304));
  example.builder.edge(thread, 'internal', 'stack',
    example.fixed('hidden', 'stack of thread 1', 8192));
  example.builder.edge(example.groups['(Allocator)'], 'internal', 'slack',
    example.fixed('hidden', 'malloc size class slack', 1000));
  return thread;
}

/** A table of sessions in a list, each with a buffer; the last one is on the stack too. */
function addSessions(example, module, thread, count) {
  const {builder} = example;
  const table = builder.edge(module, 'property', 'g_sessions',
    example.block(SITE.table, 'table', 2048));
  let last = table;
  for (let i = 0; i < count; i++) {
    const session = example.block(SITE.session, i, 208);
    builder.edge(last, 'property', i ? '+0x18' : '+0x38', session);
    builder.edge(session, 'property', '+0x20', example.block(SITE.buffer, i, 16000));
    last = session;
  }
  builder.edge(thread, 'context', 'handle_request() worker.c:77', last);
  return last;
}

function addCache(example, module, count) {
  let last = module;
  for (let i = 0; i < count; i++) {
    const entry = example.block(SITE.entry, i, 64);
    last = example.builder.edge(last, 'property', i ? '+0x8' : 'g_cache', entry);
  }
}

/** Requests that nothing points to; each holds its headers and points to a live session. */
function addLost(example, session, count) {
  const {builder} = example;
  const group = builder.edge(example.groups['(Unreachable: leaked)'], 'property', 'lost at',
    example.fixed('synthetic', `${SITE.request} ← parse_request ← on_read — ${count} blocks`));
  for (let i = 0; i < count; i++) {
    const request = example.block(SITE.request, i, 320, DETACHED);
    builder.edge(group, 'element', i + 1, request);
    builder.edge(request, 'property', '+0x10', example.block(SITE.headers, i, 640));
    builder.edge(request, 'weak', '+0x20', session);
  }
}

export function build(phase, {identities = new Identities(), instanceNames = false} = {}) {
  const grown = phase === 2;
  const example = new Example(identities, instanceNames);
  const {builder, groups} = example;
  const module = builder.edge(groups['(Modules)'], 'property', 'server',
    example.fixed('native', 'server (.data, .bss)', 5312));
  const thread = addThreads(example);
  const session = addSessions(example, module, thread, grown ? 8 : 6);
  addCache(example, module, grown ? 25 : 5);
  example.handle(3, 'file', '/var/log/server.log');
  for (let i = 0; i < (grown ? 6 : 1); i++) {
    example.handle(5 + i, 'TCP socket', `10.0.0.${i + 1}:${50000 + i}`);
  }
  if (grown) addLost(example, session, 12);
  return builder;
}

export function writePair(directory, options = {}) {
  const identities = new Identities();
  return [1, 2].map(phase => {
    const file = path.join(directory, `example-${phase}.heapsnapshot`);
    fs.writeFileSync(file, build(phase, {...options, identities}).text());
    return file;
  });
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (process.argv.length !== 3) {
    console.error('usage: example.mjs DIR');
    process.exit(2);
  }
  console.log(writePair(process.argv[2]).join('\n'));
}
