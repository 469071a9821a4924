// SPDX-License-Identifier: MIT
//
// Snapshots made by hand, one node and one edge at a time, in the layout that Node 20 and
// our writer use. Independent of our C code on purpose: what this writes and what DevTools
// reads decides what is right.
export const NODE_TYPES = ['hidden', 'array', 'string', 'object', 'code', 'closure', 'regexp',
  'number', 'native', 'synthetic', 'concatenated string', 'sliced string', 'symbol', 'bigint',
  'object shape'];
export const EDGE_TYPES = ['context', 'element', 'property', 'internal', 'hidden', 'shortcut',
  'weak'];
export const DETACHED = 2;

const META = {
  node_fields: ['type', 'name', 'id', 'self_size', 'edge_count', 'trace_node_id', 'detachedness'],
  node_types: [NODE_TYPES, 'string', 'number', 'number', 'number', 'number', 'number'],
  edge_fields: ['type', 'name_or_index', 'to_node'],
  edge_types: [EDGE_TYPES, 'string_or_number', 'node'],
  trace_function_info_fields: ['function_id', 'name', 'script_name', 'script_id', 'line', 'column'],
  trace_node_fields: ['id', 'function_info_index', 'count', 'size', 'children'],
  sample_fields: ['timestamp_us', 'last_assigned_id'],
  location_fields: ['object_index', 'script_id', 'line', 'column'],
};

export class Builder {
  nodes = [];
  #strings = new Map();

  #string(text) {
    if (!this.#strings.has(text)) this.#strings.set(text, this.#strings.size);
    return this.#strings.get(text);
  }

  /** The first node added is the root. */
  node(type, name, id, size = 0, detachedness = 0) {
    const node = {ordinal: this.nodes.length, type, name, id, size, detachedness, edges: []};
    this.nodes.push(node);
    return node;
  }

  /** `name` is a number for element and hidden edges. Returns `to`. */
  edge(from, type, name, to) {
    from.edges.push({type, name, to});
    return to;
  }

  /** The file's content, sections in the order that DevTools needs; free to be spoiled. */
  document() {
    this.#strings.clear();
    this.#string('<dummy>');
    const nodes = [], edges = [];
    for (const node of this.nodes) {
      nodes.push(NODE_TYPES.indexOf(node.type), this.#string(node.name), node.id, node.size,
        node.edges.length, 0, node.detachedness);
      for (const {type, name, to} of node.edges) {
        edges.push(EDGE_TYPES.indexOf(type),
          typeof name === 'number' ? name : this.#string(name),
          to.ordinal * META.node_fields.length);
      }
    }
    return {
      snapshot: {meta: structuredClone(META), node_count: this.nodes.length,
        edge_count: edges.length / META.edge_fields.length, trace_function_count: 0},
      nodes, edges, trace_function_infos: [], trace_tree: [], samples: [], locations: [],
      strings: [...this.#strings.keys()],
    };
  }

  text() { return JSON.stringify(this.document()); }
}
