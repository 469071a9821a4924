// SPDX-License-Identifier: MIT
//
// The terminal and DevTools must never disagree about a file: `heapsnap summary` and
// `heapsnap diff` against DevTools' own worker code, row for row, on the hand-written
// example, on random graphs with everything that DevTools treats specially, and on
// snapshots that Node writes of itself.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {writePair} from './example.mjs';
import {load} from './model.mjs';
import {build} from './random.mjs';
import {heapsnap} from './tracked.mjs';

const directory = process.env.HEAPSNAP_TEST_DIR;
const file = name => path.join(directory, `${name}.heapsnapshot`);
const SEEDS = Number(process.env.HEAPSNAP_SEEDS ?? 4);
const byText = (a, b) => a < b ? -1 : a > b ? 1 : 0;

/** Rows as lines, sorted: a difference then shows as one readable line. */
const lines = (rows, columns) =>
  rows.map(row => columns.map(column => row[column]).join(' | ')).sort(byText);

/** The terminal may shorten a class for people; "devtools_class" is what DevTools calls it. */
const terminalRows = (document, columns) => lines(
  document.rows.map(row => ({...row, name: row.devtools_class})), columns);

async function compareSummary(name) {
  const columns = ['name', 'count', 'distance', 'shallow', 'retained'];
  const model = await load(file(name));
  const terminal = JSON.parse(await heapsnap('summary', '--json', '--top', '0', file(name)));

  assert.deepEqual([terminal.nodes, terminal.edges, terminal.total_bytes],
    [model.nodeCount, model.edgeCount, model.totalSize]);
  assert.deepEqual(terminalRows(terminal, columns), lines(model.classes(), columns));
  return model;
}

async function compareDiff(before, after) {
  const columns = ['name', 'added', 'removed', 'added_bytes', 'removed_bytes'];
  const [base, model] = [await load(file(before)), await load(file(after))];
  const terminal = JSON.parse(
    await heapsnap('diff', '--json', '--top', '0', file(before), file(after)));
  const rows = model.comparison(base).map(row =>
    ({...row, added_bytes: row.addedSize, removed_bytes: row.removedSize}));

  assert.deepEqual(terminalRows(terminal, columns), lines(rows, columns));
}

test('the example, with and without instance names', async () => {
  for (const instanceNames of [false, true]) {
    writePair(directory, {instanceNames});
    await compareSummary('example-1');
    await compareSummary('example-2');
    await compareDiff('example-1', 'example-2');
    await compareDiff('example-2', 'example-1');
  }
});

for (const [what, options] of Object.entries({
  'plain': {},
  'marked as detached': {detached: true},
  'with user roots': {userRoots: true},
  'with nodes that only weak edges reach': {weakOnly: true},
  'with orphans': {orphans: true},
  'with all of it': {userRoots: true, weakOnly: true, orphans: true, detached: true},
})) {
  for (let seed = 1; seed <= SEEDS; seed++) {
    test(`random graph ${seed}, ${what}`, async () => {
      for (const phase of [1, 2]) {
        fs.writeFileSync(file(`random-${phase}`), build(seed, phase, options).text());
        await compareSummary(`random-${phase}`);
      }
      await compareDiff('random-1', 'random-2');
    });
  }
}

test('Node before and after it kept some objects', async () => {
  execFileSync(process.execPath, ['-e', `
    const v8 = require('v8');
    class Session { constructor(i) { this.name = 'user ' + i; this.tags = [i, String(i)]; } }
    const kept = new Map(), seen = new WeakMap();
    v8.writeHeapSnapshot(${JSON.stringify(file('node-1'))});
    for (let i = 0; i < 500; i++) {
      const session = new Session(i);
      kept.set(i, session);
      seen.set(session, {at: i, by: 'someone'});
      setTimeout(() => session.name, 1e6).unref();
    }
    v8.writeHeapSnapshot(${JSON.stringify(file('node-2'))});
  `]);

  const model = await compareSummary('node-2');
  await compareDiff('node-1', 'node-2');

  assert.equal(model.classes().find(row => row.name === 'Session').count, 500);
});
