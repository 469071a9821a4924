#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
#   coverage.py SNAPSHOT LEAST
#
# How many of a real program's heap blocks have a type or are text; fails below LEAST
# percent, and lists what has neither.
import collections
import json
import re
import sys

INSTANCE = re.compile(r'^<(.*) 0x[0-9a-f]+>$')


def main():
    snapshot = json.load(open(sys.argv[1], encoding='utf-8'))
    meta = snapshot['snapshot']['meta']
    fields, types = meta['node_fields'], meta['node_types'][0]
    nodes, strings = snapshot['nodes'], snapshot['strings']
    blocks, unknown = 0, collections.Counter()
    for i in range(0, len(nodes), len(fields)):
        name = strings[nodes[i + fields.index('name')]].replace('\u00a0', ' ')
        kind = types[nodes[i + fields.index('type')]]
        instance = INSTANCE.match(name)
        is_block = instance and not instance[1].startswith(('mmap', 'thread'))
        if kind not in ('native', 'string') or not (is_block or kind == 'string'):
            continue
        blocks += 1
        if is_block and instance[1].startswith('malloc ←'):
            unknown[instance[1]] += 1
    typed = 100 * (1 - sum(unknown.values()) / max(1, blocks))
    for name, count in unknown.most_common(20):
        print(f'{count} x {name}')
    print(f'{typed:.1f} % of {blocks} blocks have a type')
    print(json.dumps(snapshot['snapshot']['heapsnap']['types']))
    sys.exit(typed < float(sys.argv[2]))


main()
