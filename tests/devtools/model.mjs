#!/usr/bin/env node
// SPDX-License-Identifier: MIT
//
// What DevTools' Memory panel computes from a snapshot file, computed by DevTools' own
// worker code (bundle.mjs) without a browser. A library for the tests, and a command:
//
//   model.mjs [--top=N] [--filter=NAME] [--node=ID]... A.heapsnapshot [B.heapsnapshot]
//
// prints counts, classes and statistics of the last file, the Comparison with the first,
// and the edges and retainers of single nodes, as JSON. The folder that prepare.sh filled
// is taken from HEAPSNAP_DEVTOOLS_PACKAGES.
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';

// Debian 12's own Node is 18; DevTools' code is written for a browser of today.
Promise.withResolvers ??= function withResolvers() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, {resolve, reject}));
  return result;
};
if (!Array.prototype.toSorted) {
  Object.defineProperty(Array.prototype, 'toSorted',
    {value(compare) { return [...this].sort(compare); }});
}

const packages = process.env.HEAPSNAP_DEVTOOLS_PACKAGES;
if (!packages) throw new Error('HEAPSNAP_DEVTOOLS_PACKAGES must name the folder prepare.sh filled');
const {HeapSnapshot, HeapSnapshotLoader} =
  await import(pathToFileURL(path.join(path.resolve(packages), 'devtools-worker.mjs')));

const classOfKey = key => key.replace(/^,/, '');
const sum = (rows, column) => rows.reduce((total, row) => total + row[column], 0);

/** One snapshot as DevTools sees it. */
export class Model {
  constructor(snapshot, warnings) {
    this.snapshot = snapshot;
    this.warnings = warnings;   // texts that DevTools would have put on the console
  }

  get nodeCount() { return this.snapshot.nodeCount; }
  get edgeCount() { return this.snapshot.containmentEdges.length / this.snapshot.edgeFieldsCount; }
  get totalSize() { return this.snapshot.totalSize; }
  get statistics() { return this.snapshot.getStatistics(); }

  /** Rows of Summary, largest retained size first. `filter`: see HeapSnapshot's NodeFilter. */
  classes(filter = {}) {
    const rows = Object.entries(this.snapshot.aggregatesWithFilter(filter)).map(([key, row]) => ({
      name: classOfKey(row.name ?? key), count: row.count, distance: row.distance,
      shallow: row.self, retained: row.maxRet,
    }));
    return rows.sort((a, b) => b.retained - a.retained || b.shallow - a.shallow);
  }

  /** The one row of Summary whose class is `name`. */
  class(name) {
    const rows = this.classes().filter(row => row.name === name);
    if (rows.length !== 1) throw new Error(`${rows.length} classes are named "${name}"`);
    return rows[0];
  }

  /** Rows of Comparison against `base`: only classes in which something changed. */
  comparison(base) {
    const baseAggregates = base.snapshot.aggregatesForDiff(this.snapshot.interfaceDefinitions());
    // DevTools caches a diff by the id of the base; a fresh one keeps bases apart.
    const diff = this.snapshot.calculateSnapshotDiff(Model.#nextBase++, baseAggregates);
    const rows = Object.entries(diff).map(([key, row]) => ({
      name: classOfKey(row.name ?? key), added: row.addedCount, removed: row.removedCount,
      addedSize: row.addedSize, removedSize: row.removedSize,
    }));
    return rows.sort((a, b) => (b.addedSize - b.removedSize) - (a.addedSize - a.removedSize));
  }
  static #nextBase = 1;

  /** Every node for which `matches` holds, as plain objects. */
  nodes(matches = () => true) {
    const found = [];
    const fields = this.snapshot.nodeFieldCount;
    for (let ordinal = 0; ordinal < this.nodeCount; ordinal++) {
      const node = this.#describe(this.snapshot.createNode(ordinal * fields));
      if (matches(node)) found.push(node);
    }
    return found;
  }

  node(id) {
    const index = this.snapshot.nodeIndexForId(id);
    if (index === undefined) throw new Error(`no node has the id ${id}`);
    return this.#describe(this.snapshot.createNode(index));
  }

  #describe(node) {
    return {
      id: node.id(), index: node.itemIndex(), name: node.name(), rawName: node.rawName(),
      class: node.className(), type: node.type(), distance: node.distance(),
      size: node.selfSize(), retained: node.retainedSize(), detachedness: node.detachedness(),
    };
  }

  /** A node's edges, weak ones included, as the file has them. */
  edges(id) {
    return this.#rows(this.snapshot.createEdgesProvider(this.node(id).index));
  }

  /** What Containment shows below a node: the same, most retained first. */
  contents(id) {
    return this.#rows(this.snapshot.createEdgesProvider(this.node(id).index),
      {fieldName1: 'retainedSize', ascending1: false, fieldName2: '!edgeName', ascending2: true});
  }

  /** What the Retainers pane shows for a node: nearest to the root first. */
  retainers(id) {
    return this.#rows(this.snapshot.createRetainingEdgesProvider(this.node(id).index),
      {fieldName1: '!edgeDistance', ascending1: true, fieldName2: 'name', ascending2: true});
  }

  /** `order`: how the panel's grids ask for it (HeapSnapshotGridNodes.ts). */
  #rows(provider, order) {
    if (provider.isEmpty()) return [];
    if (order) provider.sortAndRewind(order);
    return provider.serializeItemsRange(0, 1_000_000).items.map(({name, type, node}) => ({
      edge: name, type, id: node.id, name: node.name, nodeType: node.type,
      distance: node.distance, retained: node.retainedSize,
    }));
  }

  /** The chain that the Retainers pane opens by itself: "edge in node", up to the root. */
  retainerChain(id) {
    const chain = [];
    for (let [row] = this.retainers(id); row && chain.length < 100; [row] = this.retainers(row.id)) {
      chain.push(`${row.edge} in ${row.name}`);
    }
    return chain;
  }
}

/** Take what DevTools prints meanwhile instead of letting it reach the console. */
async function collectWarnings(warnings, work) {
  const saved = {warn: console.warn, error: console.error};
  console.warn = console.error = (...texts) => warnings.push(texts.join(' '));
  try {
    return await work();
  } finally {
    Object.assign(console, saved);
  }
}

async function parse(pieces) {
  const warnings = [];
  const snapshot = await collectWarnings(warnings, async () => {
    const loader = new HeapSnapshotLoader.HeapSnapshotLoader({sendEvent() {}});
    for await (const piece of pieces) {
      loader.write(piece);
      await new Promise(resolve => { setImmediate(resolve); }); // the tokenizer's turn
    }
    loader.close();
    await loader.parsingComplete;
    const {port1, port2} = new MessageChannel();
    new HeapSnapshot.SecondaryInitManager(port2); // dominators; a second worker in DevTools
    try {
      return await loader.buildSnapshot(port1);
    } finally {
      port1.close();
    }
  });
  return new Model(snapshot, warnings);
}

/** Load a file as the Memory panel does: in slices of 10 MB, decoded one by one. */
export function load(file) {
  return parse(async function* slices() {
    const decoder = new TextDecoder();
    for await (const slice of fs.createReadStream(file, {highWaterMark: 10_000_000})) {
      yield decoder.decode(slice, {stream: true});
    }
    yield decoder.decode();
  }());
}

/** Load a text, in pieces of `length` characters. */
export function loadText(text, length = 1 << 20) {
  return parse(function* pieces() {
    for (let from = 0; from < text.length; from += length) yield text.slice(from, from + length);
  }());
}

async function main(args) {
  const options = {top: 40, node: []}, files = [];
  for (const arg of args) {
    const [, name, value] = /^--(top|filter|node)=(.+)$/.exec(arg) ?? [];
    if (name === 'node') options.node.push(Number(value));
    else if (name) options[name] = value;
    else files.push(arg);
  }
  if (files.length === 0 || files.some(file => file.startsWith('-'))) {
    console.error('usage: model.mjs [--top=N] [--filter=NAME] [--node=ID]... FILE [FILE]');
    process.exit(2);
  }
  const models = [];
  for (const file of files) models.push(await load(file));
  const last = models.at(-1);
  const classes = last.classes(options.filter ? {filterName: options.filter} : {});
  console.log(JSON.stringify({
    files: models.map((model, i) => ({file: files[i], nodes: model.nodeCount,
      edges: model.edgeCount, total: model.totalSize, warnings: model.warnings})),
    statistics: last.statistics,
    total: {classes: classes.length, count: sum(classes, 'count'), shallow: sum(classes, 'shallow')},
    classes: classes.slice(0, Number(options.top)),
    comparison: models.length > 1
      ? last.comparison(models[0]).slice(0, Number(options.top)) : undefined,
    nodes: options.node.map(id => ({...last.node(id), edges: last.edges(id),
      retainers: last.retainers(id), chain: last.retainerChain(id)})),
  }, null, 1));
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main(process.argv.slice(2));
}
