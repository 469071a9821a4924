# SPDX-License-Identifier: MIT
"""Are two snapshots the same graph: equal blocks, equal pointers?

A core file does not have the names of threads, and nobody knows which vector register a
word was in; both are left out. So is the time.
"""

import json
import re
import sys


def plain(name):
    name = re.sub(r"^(<thread \d+) \"[^\"]*\"", r"\1", name)
    return re.sub(r"^vector registers\+.*|^register xmm.*", "vector registers", name)


def graph(path):
    file = json.load(open(path))
    meta, strings = file["snapshot"]["meta"], file["strings"]
    fields, kinds = meta["node_fields"], meta["edge_types"][0]
    width = len(fields)
    rows = [file["nodes"][i:i + width] for i in range(0, len(file["nodes"]), width)]
    rows = [dict(zip(fields, row)) for row in rows]
    nodes = {row["id"]: (row["type"], plain(strings[row["name"]]), row["self_size"])
             for row in rows}
    edges, at = set(), 0
    for row in rows:
        for _ in range(row["edge_count"]):
            kind, name, to = file["edges"][at:at + 3]
            at += 3
            if kinds[kind] not in ("element", "hidden"):
                name = plain(strings[name])
            edges.add((row["id"], kinds[kind], name, rows[to // width]["id"]))
    return nodes, edges


nodes, edges = zip(graph(sys.argv[1]), graph(sys.argv[2]))
only = [set(nodes[0].items()) ^ set(nodes[1].items()), edges[0] ^ edges[1]]
print(f"{len(nodes[0])} and {len(nodes[1])} nodes, {len(only[0])} differ: {list(only[0])[:5]}; "
      f"{len(edges[0])} and {len(edges[1])} edges, {len(only[1])} differ: {list(only[1])[:5]}")
sys.exit(bool(only[0] or only[1]))
