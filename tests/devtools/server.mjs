// SPDX-License-Identifier: MIT
//
// The demo's server (samples/leaky_server.c) under the shim and under load: two snapshots,
// before and after it leaked.
import http from 'node:http';
import path from 'node:path';
import {Tracked} from './tracked.mjs';

export const GROWTH = {logins: 100, visits: 60, misses: 40};

function get(port, url) {
  return new Promise((resolve, reject) => {
    http.get({port, path: url, agent: false}, response => {
      response.resume().on('end', resolve);
    }).on('error', reject);
  });
}

/** New users from `first` on log in, some come back, some pages do not exist. */
async function load(port, first, {logins, visits, misses}) {
  for (let i = 0; i < logins; i++) await get(port, `/login?user=user${first + i}`);
  for (let i = 0; i < visits; i++) await get(port, `/session?user=user${first + i % logins}`);
  for (let i = 0; i < misses; i++) await get(port, `/favicon${i}.ico`);
}

/** Returns the files `before` and `after`. */
export async function snapshotServer(directory, growth = GROWTH) {
  const server = new Tracked(process.env.HEAPSNAP_LEAKY_SERVER);
  try {
    const port = Number(/:(\d+)$/.exec(await server.line())[1]);
    await load(port, 0, {logins: 20, visits: 10, misses: 5});
    const before = await server.snap(path.join(directory, 'before.heapsnapshot'));
    await load(port, 1000, growth);
    const after = await server.snap(path.join(directory, 'after.heapsnapshot'));
    return {before, after};
  } finally {
    server.child.kill('SIGTERM');
    await server.ended;
  }
}
