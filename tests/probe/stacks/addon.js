// SPDX-License-Identifier: MIT
//
// addon.js ADDON       Calls the addon 300 times, from code that is interpreted first and
//                      compiled later.
// addon.js -c FILE     The 300 blocks are in snapshot FILE, and so is the whole way to each.

const calls = 300;
const [first, second] = process.argv.slice(2);

function hot(leak, i) {
  let sum = 0;
  for (let j = 0; j < 20000; j++)
    sum += (i * j) % 7;
  leak();
  return sum;
}

// For each node of the tree of allocation sites: the node above it. Weak edges lead back.
function readSites(file) {
  const {snapshot, nodes, edges, strings} = JSON.parse(require('fs').readFileSync(file));
  const {node_fields: nodeFields, edge_fields: edgeFields} = snapshot.meta;
  const width = nodeFields.length, edgeWidth = edgeFields.length;
  const names = [];
  for (let at = nodeFields.indexOf('name'); at < nodes.length; at += width)
    names.push(strings[nodes[at]]);
  const isSite = names.map(name => / live, /.test(name) || name === '(Allocation sites)');
  const above = new Map();
  const toNode = edgeFields.indexOf('to_node');
  let edge = toNode;
  for (let i = 0; i < names.length; i++) {
    let count = nodes[i * width + nodeFields.indexOf('edge_count')];
    for (; count > 0; count--, edge += edgeWidth) {
      const to = edges[edge] / width, type = edges[edge - toNode];
      if (isSite[i] && isSite[to] && snapshot.meta.edge_types[0][type] !== 'weak')
        above.set(to, i);
    }
  }
  return {names, above};
}

function check(file) {
  const {names, above} = readSites(file);
  let blocks = 0, compiled = 0;
  names.forEach((name, i) => {
    const live = /^addon_inner \([^)]*\) — (\d+) live/.exec(name);
    if (!live)
      return;
    const path = [];
    for (let at = i; at !== undefined; at = above.get(at))
      path.push(names[at].replace(/ — .*/, ''));
    const text = path.join('\n    ');
    console.log(`${live[1]} blocks by\n    ${text}`);
    if (!/^addon_leak /.test(path[1]) || !/__libc_start_/.test(text)
        || path[path.length - 1] !== '(Allocation sites)')
      throw new Error('this stack does not reach from the addon to the start');
    blocks += Number(live[1]);
    compiled += path.some(frame => /^JIT /.test(frame)) ? Number(live[1]) : 0;
  });
  if (blocks !== calls)
    throw new Error(`${blocks} blocks of the addon were found instead of ${calls}`);
  if (compiled === 0)
    throw new Error('none of them was called through JIT code');
}

if (first === '-c') {
  check(second);
} else {
  const leak = require(first);
  for (let i = 0; i < calls; i++)
    hot(leak, i);
}
