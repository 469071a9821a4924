// SPDX-License-Identifier: MIT
//
// What our C writer makes of odd names and sizes (odd_snapshot.c), read by DevTools.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {load} from './model.mjs';

const file = path.join(process.env.HEAPSNAP_TEST_DIR, 'odd.heapsnapshot');
execFileSync(process.env.HEAPSNAP_ODD_SNAPSHOT, [file]);
const text = new TextDecoder('utf-8', {fatal: true}).decode(fs.readFileSync(file));
const model = await load(file);
const sizes = Object.fromEntries(model.classes().map(row => [row.name, row.shallow]));
const group = model.edges(model.nodes(node => node.rawName === '(Odd)')[0].id);

test('the file is valid UTF-8 and valid JSON in the order DevTools needs', () => {
  assert.deepEqual(Object.keys(JSON.parse(text)), ['snapshot', 'nodes', 'edges',
    'trace_function_infos', 'trace_tree', 'samples', 'locations', 'strings']);
  assert.match(text, /^\{"snapshot":\{/);
});

test('it loads without a warning and nothing is missing', () => {
  assert.deepEqual(model.warnings, []);
  assert.equal(model.nodeCount, 2 + 9 + 1 + 3 + 2);
  assert.equal(model.edgeCount, 1 + 9 + 1 + 3 + 4);
});

for (const [what, name, size] of [
  ['quotes and backslashes', 'say "hi" \\ and \\"', 100],
  ['control characters', 'bell\u0007 tab\t line\n return\r escape\u001b delete\u007f', 101],
  ['emoji and other scripts', 'emoji 😀 größe ← 漢字', 102],
  ['line separators', 'separators \u2028 and \u2029', 103],
  ['the names of sections', '] "strings":[ } "edges":[1', 107],
  ['nothing at all', '', 108],
  ['a megabyte', 'x'.repeat(2 ** 20), 50],
]) {
  test(`a name made of ${what} arrives unchanged`, () => {
    assert.equal(sizes[name], size, `classes: ${Object.keys(sizes).map(key => key.slice(0, 80))}`);
  });
}

test('bytes that are no UTF-8 become replacement characters, the rest stays', () => {
  const named = size => Object.keys(sizes).find(name => sizes[name] === size);

  assert.match(named(104), /^bad \ufffd+ end$/);
  assert.match(named(105), /^cut \ufffd+$/);
  assert.match(named(106), /^surrogate \ufffd+ overlong \ufffd+ beyond \ufffd+$/);
});

test('edges carry the same odd names', () => {
  const names = group.map(row => row.edge);

  assert.ok(names.includes('emoji 😀 größe ← 漢字'));
  assert.ok(names.includes('say "hi" \\ and \\"'));
});

test('10 GiB in three parts add up', () => {
  const bytes = 10 * 2 ** 30 - 2;

  assert.deepEqual(model.class('huge'),
    {name: 'huge', count: 3, distance: 2, shallow: bytes, retained: bytes});
});

test('edges added in any order leave from the right node', () => {
  const [first, second] = model.nodes(node => node.rawName === 'mixed');

  assert.deepEqual(model.edges(first.id).map(row => [row.edge, row.id]),
    [[2 ** 32 - 1, second.id], [0, second.id]].map(([edge, id]) => [String(edge), id]));
  assert.deepEqual(model.edges(second.id).map(row => [row.edge, row.type, row.id]),
    [['back', 'weak', first.id]]);
});

test('equal names share one string', () => {
  const {strings} = JSON.parse(text);

  assert.equal(new Set(strings).size, strings.length);
  assert.equal(model.class('mixed').count, 2);
});

test('our metadata survives beside the counts', () => {
  assert.deepEqual(JSON.parse(text).snapshot.heapsnap,
    {command: 'a "b" {c} [d] "nodes":[', bytes: 2 ** 52});
});

test('nobody but the owner may read the file', () => {
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
});
