// SPDX-License-Identifier: MIT
//
// Snapshots of no particular program: every node and edge type, names that DevTools treats
// specially, sizes of nothing. The same seed gives the same graph. Two phases of one seed
// share ids, and some nodes exist in only one of them.
import {Builder} from './builder.mjs';

const TYPES = ['native', 'native', 'native', 'object', 'string', 'array', 'hidden', 'code',
  'closure', 'regexp', 'number', 'synthetic', 'concatenated string', 'symbol'];
const NAMES = ['A', 'B', 'malloc ← f (f.c:1)', '<div id="a">', '<div id="b">',
  '<struct\u00a0session 0x10>', '<struct\u00a0session 0x20>', '<>', 'Array', 'größe', '']
  .concat(Array.from({length: 20}, (_, i) => `class ${i}`));
const EDGES = ['property', 'property', 'element', 'internal', 'hidden', 'context', 'weak',
  'shortcut'];

/** A 32-bit generator (xorshift), good enough to mix a graph. */
export class Random {
  constructor(seed) { this.state = (seed * 2654435761 + 1) >>> 0 || 1; }
  below(limit) {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
  oneOf(list) { return list[this.below(list.length)]; }
}

function addNodes(builder, random, {count, phase, detached}) {
  const nodes = [];
  for (let i = 0; i < count; i++) {
    const [type, name] = [random.oneOf(TYPES), random.oneOf(NAMES)];
    const size = random.below(8) ? random.below(5000) : 0;
    const detachedness = detached && random.below(20) === 0 ? 1 + random.below(2) : 0;
    const lives = random.below(10);
    // One in ten exists only in phase 1, one in ten only in phase 2.
    if (lives === 0 && phase === 2 || lives === 1 && phase === 1) continue;
    nodes.push(builder.node(type, name, 101 + 2 * i, size, detachedness));
  }
  return nodes;
}

/** Everything hangs from something before it, or from a group; then any edge may follow. */
function addEdges(builder, random, groups, nodes, {orphans, weakOnly}) {
  const index = node => nodes.indexOf(node);
  nodes.forEach((node, i) => {
    if (orphans && random.below(15) === 0) return;
    const parent = i > 3 && random.below(5) ? nodes[random.below(i)] : random.oneOf(groups);
    builder.edge(parent, weakOnly && random.below(15) === 0 ? 'weak' : 'property',
      `tree ${i % 7}`, node);
  });
  for (let i = 0; i < 2 * nodes.length; i++) {
    const [from, to, type] = [random.oneOf(nodes), random.oneOf(nodes), random.oneOf(EDGES)];
    if (index(from) === index(to) && random.below(2)) continue;
    const numbered = type === 'element' || type === 'hidden';
    builder.edge(from, type, numbered ? random.below(100) : `field ${random.below(9)}`, to);
  }
}

/**
 * `userRoots`: the root also holds nodes that are not synthetic. `orphans`, `weakOnly`:
 * some nodes have no edge to them, or only a weak one. `detached`: some are marked.
 */
export function build(seed, phase = 1, options = {}) {
  const settings = {count: 300, phase, ...options};
  const builder = new Builder(), random = new Random(seed);
  const root = builder.node('synthetic', '', 1);
  const groups = [1, 2, 3].map(i =>
    builder.edge(root, 'element', i, builder.node('synthetic', `(Group ${i})`, 1 + 2 * i)));
  if (settings.userRoots) {
    for (const [i, type] of ['property', 'shortcut', 'element'].entries()) {
      const user = builder.node('object', `user root ${i}`, 51 + 2 * i, 40);
      groups.push(builder.edge(root, type, type === 'element' ? 9 : `global ${i}`, user));
    }
  }
  addEdges(builder, random, groups, addNodes(builder, random, settings), settings);
  return builder;
}
