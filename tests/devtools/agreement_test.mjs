// SPDX-License-Identifier: MIT
//
// The terminal and DevTools must never disagree about a file: `heapsnap summary`, `diff`,
// `tree`, `retainers` and `lost` against DevTools' own worker code, row for row, on the
// hand-written example, on random graphs with everything that DevTools treats specially,
// and on snapshots that Node writes of itself.
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
const NODES = 4; // of a file, whose rows in trees are compared
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

/** Rows in DevTools' order; it may be any where several rows are equal in `column`. */
const inOrder = (rows, column) => rows.map(row => row[column]);
const asSet = rows => lines(rows, ['distance', 'retained', 'id', 'type']);
const terminalRow = row => ({...row, type: row.edge_type});
/** What Retainers shows of a node that nothing reaches, so that it comes last. */
const UNREACHED = 200_000_000;

/** DevTools sorts by names that it makes up for some nodes: only there the order may differ. */
const hasPlainName = row => row.nodeType !== 'concatenated string' && !row.name.startsWith('{');

/** Containment and Retainers of some nodes of a file, one level each. */
async function compareTrees(name, model) {
  const nodes = model.nodes();
  const step = Math.ceil(nodes.length / NODES);
  for (let i = 0; i < nodes.length; i += step) {
    const {id} = nodes[i];
    const ask = async (verb, ...options) => JSON.parse(await heapsnap(verb, '--json',
      '--depth', '1', '--top', '0', ...options, file(name), `@${id}`)).tree.rows.map(terminalRow);

    const edges = model.contents(id), contents = await ask('tree', '--weak');
    assert.deepEqual(inOrder(contents, 'retained'), inOrder(edges, 'retained'), `@${id}`);
    assert.deepEqual(asSet(contents), asSet(edges), `@${id}`);

    const retainers = model.retainers(id), holders = (await ask('retainers'))
      .map(row => ({...row, distance: row.distance < 0 ? UNREACHED : row.distance}));
    assert.deepEqual(asSet(holders), asSet(retainers), `@${id}`);
    assert.deepEqual(inOrder(holders, 'distance'), inOrder(retainers, 'distance'), `@${id}`);
    if (retainers.every(hasPlainName)) {
      assert.deepEqual(inOrder(holders, 'id'), inOrder(retainers, 'id'), `@${id}`);
    }
  }
}

/** What `lost` counts is what the filter for detached nodes shows. */
async function compareLost(name, model) {
  const rows = model.classes({filterName: 'objectsRetainedByDetachedDomNodes'});
  const sum = column => rows.reduce((total, row) => total + row[column], 0);
  const lost = JSON.parse(await heapsnap('lost', '--json', file(name)));

  assert.deepEqual([lost.lost_count, lost.lost_bytes], [sum('count'), sum('shallow')]);
  assert.equal(lost.rows.reduce((total, row) => total + row.retained, lost.shared_bytes),
    lost.lost_bytes);
}

async function compareOne(name) {
  const model = await compareSummary(name);
  await compareTrees(name, model);
  await compareLost(name, model);
  return model;
}

test('the example, with and without instance names', async () => {
  for (const instanceNames of [false, true]) {
    writePair(directory, {instanceNames});
    await compareOne('example-1');
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
        await (phase === 1 ? compareSummary : compareOne)(`random-${phase}`);
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

  const model = await compareOne('node-2');
  await compareDiff('node-1', 'node-2');

  assert.equal(model.classes().find(row => row.name === 'Session').count, 500);
});
