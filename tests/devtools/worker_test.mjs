// SPDX-License-Identifier: MIT
//
// The hand-written example through DevTools' worker: what the mapping itself gives in each
// view, whatever program a snapshot comes from.
import assert from 'node:assert/strict';
import test from 'node:test';
import {SITE, writePair} from './example.mjs';
import {load} from './model.mjs';

const [beforeFile, afterFile] = writePair(process.env.HEAPSNAP_TEST_DIR);
const before = await load(beforeFile), after = await load(afterFile);
const className = site => `malloc ← ${site}`;

test('both snapshots load without a warning', () => {
  assert.deepEqual(before.warnings, []);
  assert.deepEqual(after.warnings, []);
});

test('every node and edge arrives', () => {
  // 7 groups, root, site, module, thread, stack, slack; table; sessions and buffers;
  // cache entries; handles; after: the lost group and 12 pairs
  assert.equal(before.nodeCount, 13 + 1 + 2 * 6 + 5 + 2);
  assert.equal(after.nodeCount, 13 + 1 + 2 * 8 + 25 + 7 + 1 + 2 * 12);
  assert.equal(before.edgeCount, 51);
  assert.equal(after.edgeCount, 165);
});

test('a class shows its count, nearest distance, own and retained size', () => {
  assert.deepEqual(after.class(className(SITE.session)), {
    name: className(SITE.session), count: 8, distance: 3,
    shallow: 8 * 208, retained: 8 * (208 + 16000),
  });
  assert.equal(after.class(className(SITE.entry)).retained, 25 * 64);
  assert.equal(after.totalSize, 163432);
});

test('a thread reaches its block without taking it from the global', () => {
  const [session] = after.nodes(node => node.class === className(SITE.session))
    .filter(node => after.retainers(node.id).some(row => row.type === 'context'));

  const retainers = after.retainers(session.id);

  assert.deepEqual(retainers.map(row => row.edge), ['handle_request() worker.c:77', '+0x18']);
  assert.equal(session.retained, 208 + 16000);
});

test('Comparison shows what was added and nothing else', () => {
  assert.deepEqual(after.comparison(before), [
    [className(SITE.buffer), 2, 32000],
    [`Detached ${className(SITE.headers)}`, 12, 7680],
    [`Detached ${className(SITE.request)}`, 12, 3840],
    [className(SITE.entry), 20, 1280],
    ['<fd\u00a0(TCP\u00a0socket)>', 5, 1280],
    [className(SITE.session), 2, 416],
  ].map(([name, added, addedSize]) => ({name, added, removed: 0, addedSize, removedSize: 0})));
  assert.deepEqual(after.comparison(after), []);
});

test('the other way round everything is deleted', () => {
  const rows = before.comparison(after);

  assert.equal(rows.length, 6);
  assert.ok(rows.every(row => row.added === 0 && row.removed > 0), JSON.stringify(rows));
});

test('the detached filter lists exactly the lost blocks', () => {
  const rows = after.classes({filterName: 'objectsRetainedByDetachedDomNodes'});

  assert.deepEqual(rows.map(row => [row.name, row.count]), [
    [`Detached ${className(SITE.request)}`, 12], [`Detached ${className(SITE.headers)}`, 12],
  ]);
});

test('a lost stack retains all that was lost by it, and steals nothing live', () => {
  const [group] = after.nodes(node => node.rawName.includes('12 blocks'));

  assert.equal(group.retained, 12 * (320 + 640));
  assert.equal(after.class(className(SITE.session)).retained, 8 * (208 + 16000));
});

test("Retainers of the last cache entry end in the global's name", () => {
  const entries = after.nodes(node => node.class === className(SITE.entry));
  const farthest = entries.reduce((a, b) => a.distance > b.distance ? a : b);

  const chain = after.retainerChain(farthest.id);

  assert.equal(chain.length, 26);
  assert.equal(chain.at(-2), 'g_cache in server (.data, .bss)');
  assert.equal(chain.at(-1), 'server in (Modules)');
});

test('Statistics put blocks and handles in one slice, stacks and slack in another', () => {
  assert.deepEqual(after.statistics, {
    total: 163432,
    native: {total: 163432 - 9192, typedArrays: 0},
    v8heap: {total: 9192, code: 0, jsArrays: 0, strings: 0, system: 8192 + 1000},
  });
});

test('instance names keep the class and show the address', async () => {
  const [, file] = writePair(process.env.HEAPSNAP_TEST_DIR, {instanceNames: true});

  const named = await load(file);

  const row = named.class(`<malloc\u00a0←\u00a0${SITE.entry.replace(' ', '\u00a0')}>`);
  assert.equal(row.count, 25);
  assert.deepEqual(named.warnings, []);
  assert.equal(named.nodes(node => /cache_put.* 0x[0-9a-f]+>$/.test(node.name)).length, 25);
});
