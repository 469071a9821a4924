// SPDX-License-Identifier: MIT
//
// Facts about DevTools that our writer and assembler are built on. When a new front-end
// turns one of these red, the mapping needs a second look, not this file.
import assert from 'node:assert/strict';
import test from 'node:test';
import {Builder, DETACHED} from './builder.mjs';
import {loadText} from './model.mjs';

/** root → group → A (100 bytes) → B (50 bytes) */
function chain() {
  const builder = new Builder();
  const root = builder.node('synthetic', '', 1);
  const group = builder.edge(root, 'element', 1, builder.node('synthetic', '(G)', 3));
  const a = builder.edge(group, 'property', 'x', builder.node('native', 'A', 5, 100));
  const b = builder.edge(a, 'property', 'y', builder.node('native', 'B', 7, 50));
  return {builder, root, group, a, b};
}
const summary = model => model.classes().map(row =>
  `${row.name} ×${row.count} d${row.distance} ${row.shallow}/${row.retained}`);
const plainChain = ['A ×1 d2 100/150', 'B ×1 d3 50/50'];
const json = (document, indent) => JSON.stringify(document, null, indent);
const column = {name: 1, id: 2, size: 3};
const cell = (node, field) => node.ordinal * 7 + column[field];

test('neither spaces nor the length of the pieces matter', async () => {
  const {builder} = chain();

  assert.deepEqual(summary(await loadText(json(builder.document(), 2))), plainChain);
  // The text `"snapshot":` must stay in one piece; DevTools reads pieces of 10 MB.
  assert.deepEqual(summary(await loadText(builder.text(), 100)), plainChain);
});

test('counts may be padded with spaces, so a header can be patched', async () => {
  const text = chain().builder.text().replace('"node_count":4', '"node_count":4         ');

  assert.deepEqual(summary(await loadText(text)), plainChain);
});

test('unknown members of "snapshot" are ignored: the place for our metadata', async () => {
  const document = chain().builder.document();
  document.snapshot.heapsnap = {pid: 7, command: 'a "b" {c} [d] "nodes":['};

  assert.deepEqual(summary(await loadText(json(document))), plainChain);
});

test('sections in another order are refused', async () => {
  const {nodes, edges, ...rest} = chain().builder.document();

  await assert.rejects(loadText(json({...rest, edges, nodes})), /not found/);
});

test('declared sections must exist', async () => {
  const {samples, ...rest} = chain().builder.document();

  await assert.rejects(loadText(json(rest)), /samples/);
});

test('a truncated file is refused', async () => {
  await assert.rejects(loadText(chain().builder.text().slice(0, -6)));
});

test('sizes of 2^32 and more wrap, so big blocks must be split', async () => {
  const {builder, a} = chain();
  const document = builder.document();
  document.nodes[cell(a, 'size')] = 2 ** 32 + 5;

  assert.deepEqual(summary(await loadText(json(document))),
    ['A ×1 d2 5/55', 'B ×1 d3 50/50']);
});

test('the parts of a split block add up beyond 4 GiB', async () => {
  const {builder, b} = chain();
  b.size = 2 ** 32 - 1;
  const part = builder.edge(b, 'internal', 'part 2', builder.node('native', 'B', 9, 2 ** 32 - 1));
  builder.edge(part, 'internal', 'part 3', builder.node('native', 'B', 11, 2 ** 31));

  const model = await loadText(builder.text());

  const bytes = 2 * (2 ** 32 - 1) + 2 ** 31;
  assert.deepEqual(summary(model), [`A ×1 d2 100/${bytes + 100}`, `B ×3 d3 ${bytes}/${bytes}`]);
  assert.equal(model.totalSize, bytes + 100);
});

test('equal texts under two numbers lose classes, so strings must be unique', async () => {
  const {builder, group} = chain();
  builder.edge(group, 'property', 'z', builder.node('native', 'C', 9, 30));
  const document = builder.document();
  document.strings[document.strings.indexOf('C')] = 'A';

  const model = await loadText(json(document));

  assert.equal(model.classes().reduce((n, row) => n + row.count, 0), 2);
});

test('nodes of size 0 never appear', async () => {
  const {builder, b} = chain();
  builder.edge(b, 'property', 'nothing', builder.node('native', 'Z', 9, 0));

  assert.deepEqual(summary(await loadText(builder.text())), plainChain);
});

test('unreachable nodes warn; a group above them silences that', async () => {
  const {builder, group} = chain();
  const lost = builder.node('native', 'lost', 9, 30);

  const orphaned = await loadText(builder.text());
  builder.edge(group, 'element', 1, lost);
  const grouped = await loadText(builder.text());

  assert.notDeepEqual(orphaned.warnings, []);
  assert.deepEqual(grouped.warnings, []);
});

test('weak edges change no distance, no owner and no Retainers', async () => {
  const {builder, group, b} = chain();
  const lost = builder.edge(group, 'element', 1, builder.node('native', 'L', 9, 30, DETACHED));
  builder.edge(lost, 'weak', '+0x8', b);

  const model = await loadText(builder.text());

  assert.deepEqual(summary(model), [...plainChain, 'Detached L ×1 d2 30/30']);
  assert.deepEqual(model.retainers(b.id).map(row => row.edge), ['y']);
  assert.deepEqual(model.edges(lost.id).map(row => row.edge), ['+0x8']);
});

test('the same pointer as a strong edge would take the live block away', async () => {
  const {builder, group, b} = chain();
  const lost = builder.edge(group, 'element', 1, builder.node('native', 'L', 9, 30, DETACHED));
  builder.edge(lost, 'property', '+0x8', b);

  assert.deepEqual(summary(await loadText(builder.text())),
    ['A ×1 d2 100/100', 'Detached B ×1 d3 50/50', 'Detached L ×1 d2 30/30']);
});

test('only the leader of a lost cycle needs the mark', async () => {
  const builder = new Builder();
  const root = builder.node('synthetic', '', 1);
  const group = builder.edge(root, 'element', 1, builder.node('synthetic', '(G)', 3));
  const [one, two, three] = [5, 7, 9].map(id =>
    builder.node('native', `c${id}`, id, id, id === 5 ? DETACHED : 0));
  builder.edge(group, 'element', 1, one);
  builder.edge(one, 'property', 'n', two);
  builder.edge(two, 'property', 'n', three);
  builder.edge(three, 'property', 'n', one);

  const names = (await loadText(builder.text())).classes().map(row => row.name);

  assert.deepEqual(names, ['Detached c5', 'Detached c7', 'Detached c9']);
});

test('a no-break space stays in the class, the first plain space ends it', async () => {
  const {builder, a, b} = chain();
  a.name = '<struct\u00a0session 0x10>';
  b.name = '<struct\u00a0session 0x20>';

  assert.deepEqual(summary(await loadText(builder.text())),
    ['<struct\u00a0session> ×2 d2 150/150']);
});

test('raw UTF-8, escapes, brackets and lone surrogates are fine in names', async () => {
  const {builder, a, b} = chain();
  a.name = 'A\u0001😀\t"\\] "edges":[1';
  b.name = '→ größe';
  const text = builder.text().replace('→', '\\ud800');

  const names = (await loadText(text)).classes().map(row => row.name);

  assert.deepEqual(names, [a.name, '\ud800 größe']);
});

test('a raw control character is refused', async () => {
  const text = chain().builder.text().replace('"A"', '"A\n"');

  await assert.rejects(loadText(text));
});
