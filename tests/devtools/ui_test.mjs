// SPDX-License-Identifier: MIT
//
// The hand-written example in a real Chromium: do the views show what the worker computes,
// and does the browser's own, possibly newer front-end agree with the pinned one?
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {build, SITE, writePair} from './example.mjs';
import {MemoryPanel, until} from './panel.mjs';

const directory = process.env.HEAPSNAP_TEST_DIR;
const screenshots = path.join(directory, '..', 'screenshots');
const files = writePair(directory);
const malloc = site => `malloc ← ${site}`;
const shot = name => panel.screenshot(path.join(screenshots, `example-${name}.png`));
let panel;

before(async () => {
  fs.mkdirSync(screenshots, {recursive: true});
  panel = await MemoryPanel.start();
  await panel.open(...files);
});

after(() => panel?.stop());

test('Summary has a row for each class, with count, distance and sizes', async () => {
  const rows = await until('all classes', async () => {
    const found = await panel.rows();
    return found.length === 11 && found;
  });

  assert.deepEqual(rows[0], {name: `${malloc(SITE.session)}×8`, 'Distance': '3',
    'Shallow size': '1.7 kB 1 %', 'Retained size': '130 kB 79 %'});
  assert.ok(rows.some(row => row.name === `Detached ${malloc(SITE.request)}×12`));
  await shot('summary');
});

test("a block's Retainers end in the global's name", async () => {
  await panel.expand(malloc(SITE.entry));
  await panel.select('@1035');

  const chain = await panel.retainerChain('(Modules)');

  assert.deepEqual(chain.map(row => row.name.replace(/ @\d+$/, '')), [
    ...Array(4).fill(`+0x8 in ${malloc(SITE.entry)}`),
    'g_cache in server (.data, .bss)', 'server in (Modules)',
  ]);
  await shot('retainers');
});

test('Comparison shows what the second snapshot added, and nothing else', async () => {
  await panel.show('Comparison');

  const row = await panel.row(malloc(SITE.buffer));
  const rows = await panel.rows();

  assert.deepEqual(row, {name: malloc(SITE.buffer), '# New': '2', '# Deleted': '0',
    '# Delta': '+2', 'Alloc. size': '32.0 kB', 'Freed size': '0 B', 'Size delta': '+32.0 kB'});
  assert.deepEqual(rows.map(({name, '# New': added}) => `${name} ${added}`).sort(), [
    '<fd (TCP socket)> 5', `Detached ${malloc(SITE.headers)} 12`,
    `Detached ${malloc(SITE.request)} 12`, `${malloc(SITE.buffer)} 2`,
    `${malloc(SITE.entry)} 20`, `${malloc(SITE.session)} 2`,
  ]);
  await shot('comparison');
});

test('Containment leads from the groups to the blocks', async () => {
  await panel.show('Containment');
  await panel.expand('(Unreachable: leaked)');
  await panel.expand('lost at');

  const row = await panel.row('[12]');

  assert.match(row.name, /^\[12\] :: Detached malloc ← request_new \(http\.c:40\) @\d+$/);
  assert.equal(row['Retained size'], '1.0 kB 1 %');
  await shot('containment');
});

test('Statistics tell native memory from stacks and slack', async () => {
  await panel.show('Statistics');

  const slices = await panel.statistics();

  assert.equal(slices['Other non-JS objects (such as HTML and CSS)'], '154 kB');
  assert.equal(slices['System objects'], '9 kB');
  assert.equal(slices.Total, '163 kB');
  await shot('statistics');
});

test('nothing of this made the page or its workers complain', () => {
  assert.deepEqual(panel.problems, []);
});

test('a snapshot with an orphan does make it complain, so that silence means something', async () => {
  const orphaned = build(1);
  orphaned.node('native', 'orphan', 9001, 100);
  const file = path.join(directory, 'orphaned.heapsnapshot');
  fs.writeFileSync(file, orphaned.text());

  await panel.open(file);

  await until('a warning', () => panel.problems.length);
});
