// SPDX-License-Identifier: MIT
//
// The main job, seen by its user: the demo's server leaks, two snapshots of it go into the
// Memory panel of a real Chromium, and every view names what leaked and who holds it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, test} from 'node:test';
import {MemoryPanel} from './panel.mjs';
import {GROWTH, snapshotServer} from './server.mjs';

const directory = process.env.HEAPSNAP_TEST_DIR;
const screenshots = path.join(directory, '..', 'screenshots');
const shot = name => panel.screenshot(path.join(screenshots, `server-${name}.png`));
let panel;

before(async () => {
  fs.mkdirSync(screenshots, {recursive: true});
  const files = await snapshotServer(directory);
  panel = await MemoryPanel.start();
  await panel.open(files.before, files.after);
});

after(() => panel?.stop());

test('Comparison shows the three leaks and nothing else', async () => {
  await panel.show('Comparison');
  await panel.row('struct session');

  const rows = await panel.rows();

  assert.deepEqual(rows.map(row => [/struct (\w+)/.exec(row.name)?.[0] ?? row.name,
    row['# New'], row['# Deleted']]), [
    ['struct session', `${GROWTH.logins}`, '0'],
    ['struct request', `${GROWTH.misses}`, '0'],
    ['struct log_line', `${GROWTH.logins + GROWTH.visits + GROWTH.misses}`, '0'],
  ]);
  assert.match(rows[1].name, /Detached/);
  await shot('comparison');
});

test("a session's Retainers lead to the table of sessions", async () => {
  await panel.selectLargest('struct session');

  await panel.retainer(/^g_sessions\S* in leaky_server \(\.data, \.bss\) @\d+$/);
  await panel.retainer(/^leaky_server in \(Modules\) @\d+$/);
  await shot('comparison-retainers');
});

test('Summary counts the whole request log, held by one global', async () => {
  await panel.show('Summary');

  const row = await panel.row('struct log_line');
  await panel.selectLargest('struct log_line');

  assert.match(row.name, /×235$/);
  await panel.retainer(/^g_request_log in leaky_server \(\.data, \.bss\) @\d+$/);
  await shot('summary-retainers');
});

test('Containment lists the lost requests under the stack that lost them', async () => {
  await panel.show('Containment');
  await panel.expand('(Unreachable: leaked)');

  const row = await panel.row('request_new');

  assert.match(row.name, /^lost at :: request_new \(leaky_server\.c:\d+\) ← .* — 45 blocks @\d+$/);
  await panel.expand('request_new');
  await panel.row('[45]');
  await shot('containment');
});

test('Statistics sum it all up', async () => {
  await panel.show('Statistics');

  const {Total: total} = await panel.statistics();

  assert.match(total, /^\d{3} kB$/);
  await shot('statistics');
});

test('nothing of this made the page or its workers complain', () => {
  assert.deepEqual(panel.problems, []);
});
