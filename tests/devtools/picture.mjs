#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// The README's picture: the demo's server in Comparison, one leaked session selected and
// its Retainers below. Needs the environment of the tests, so it is started by
//
//   meson devenv -C build tests/devtools/picture.mjs samples/pictures/devtools.png
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {MemoryPanel} from './panel.mjs';
import {snapshotServer} from './server.mjs';

const [target] = process.argv.slice(2);
if (!target) {
  console.error('usage: picture.mjs FILE.png');
  process.exit(2);
}
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'heapsnap-picture-'));
const panel = await MemoryPanel.start({width: 1400, height: 560});
try {
  const files = await snapshotServer(directory,
    {logins: 8, visits: 30, misses: 5}); // few enough to see all three leaks at once
  await panel.open(files.before, files.after);
  await panel.show('Comparison');
  await panel.selectLargest('struct session');
  await panel.retainer(/^g_sessions/);
  fs.mkdirSync(path.dirname(target), {recursive: true});
  await panel.screenshot(target);
} finally {
  await panel.stop();
  fs.rmSync(directory, {recursive: true});
}
