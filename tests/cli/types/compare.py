#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Compare the classes in a snapshot with what the program itself said.
#
#   compare.py SNAPSHOT KNOWN [LEAST]
#
# Prints what is wrong, and fails when anything is, or when less than LEAST percent
# (default 95) of the live blocks have a type or are text. A type marked as uncertain is
# never counted as wrong, but as not typed when it is.
import bisect
import collections
import json
import re
import sys

INSTANCE = re.compile(r'^<(.*) 0x([0-9a-f]+)>$')
TEXT = re.compile(r'^text 0x([0-9a-f]+) ← ')


def blocks(snapshot):
    """(address, size, class) of every heap block, by address."""
    meta = snapshot['snapshot']['meta']
    fields = meta['node_fields']
    types = meta['node_types'][0]
    nodes, strings = snapshot['nodes'], snapshot['strings']
    at = {name: fields.index(name) for name in ('type', 'name', 'self_size')}
    found = []
    for i in range(0, len(nodes), len(fields)):
        name = strings[nodes[i + at['name']]].replace('\u00a0', ' ')
        kind = types[nodes[i + at['type']]]
        size = nodes[i + at['self_size']]
        text = TEXT.match(name)
        instance = INSTANCE.match(name)
        if kind == 'string' and text:
            found.append((int(text[1], 16), size, 'text'))
        elif kind == 'native' and instance and not instance[1].startswith(('mmap', 'thread')):
            found.append((int(instance[2], 16), size, instance[1]))
    return sorted(found)


def main():
    snapshot = json.load(open(sys.argv[1], encoding='utf-8'))
    least = float(sys.argv[3]) if len(sys.argv) > 3 else 95
    live = blocks(snapshot)
    starts = [block[0] for block in live]
    wrong, unsure, missed, right = (collections.Counter() for _ in range(4))
    for line in open(sys.argv[2], encoding='utf-8'):
        address, _, truth = line.rstrip('\n').partition(' ')
        address = int(address, 16)
        place = bisect.bisect(starts, address) - 1
        if place < 0 or address >= live[place][0] + live[place][1]:
            missed[f'{truth}: no such block'] += 1
            continue
        name = live[place][2]
        if name == truth:
            right[truth] += 1
        elif name.startswith('malloc ←'):
            missed[f'{truth}: {name}'] += 1
        elif name.endswith('?'):
            (unsure if name[:-1] == truth else missed)[f'{truth}: {name}'] += 1
        else:
            wrong[f'{truth}: {name}'] += 1
    untyped = collections.Counter(name for _, _, name in live if name.startswith('malloc ←'))
    typed = 100 * (1 - sum(untyped.values()) / max(1, len(live)))
    for title, counter in (('WRONG', wrong), ('not known', missed), ('unsure', unsure),
                           ('untyped', untyped)):
        for text, count in counter.most_common(25):
            print(f'{title}: {count} x {text}')
    print(f'{sum(right.values())} right, {sum(unsure.values())} unsure, '
          f'{sum(wrong.values())} wrong, {sum(missed.values())} not known; '
          f'{typed:.1f} % of {len(live)} live blocks have a type')
    print(json.dumps(snapshot['snapshot']['heapsnap'].get('types')))
    sys.exit(bool(wrong) or not right or typed < least)


main()
