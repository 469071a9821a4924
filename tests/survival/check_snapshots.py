# SPDX-License-Identifier: MIT
#
# Every snapshot in a folder loads with our own reader and is plausible: blocks and bytes,
# stacks that account for all of them (of a sample there may be none), nothing dropped.
# Prints how many there are.
#
#   check_snapshots.py HEAPSNAP FOLDER [exit=none] [options=WORDS]

import json
import os
import re
import subprocess
import sys


def load(tool, path):
    done = subprocess.run([tool, "summary", "--json", "--top", "0", path],
                          capture_output=True, text=True)
    if done.returncode:
        raise ValueError("does not load: " + done.stderr.strip())
    if done.stderr:
        raise ValueError("its reader says: " + done.stderr.strip())
    return json.loads(done.stdout)


# The tree of stacks hangs below "(Allocation sites)"; its nodes are named
# "function (file:line) — N live, BYTES". How many blocks the outermost frames speak for,
# and how many frames there are.
def stacks(path):
    with open(path) as file:
        document = json.load(file)
    meta, nodes, edges = document["snapshot"]["meta"], document["nodes"], document["edges"]
    width, step = len(meta["node_fields"]), len(meta["edge_fields"])
    name = meta["node_fields"].index("name")
    count = meta["node_fields"].index("edge_count")
    target = meta["edge_fields"].index("to_node")
    live = [re.search(r" — (\d+) live, ", text) for text in document["strings"]]
    held = frames = first_edge = 0
    for node in range(0, len(nodes), width):
        frames += live[nodes[node + name]] is not None
        if document["strings"][nodes[node + name]] == "(Allocation sites)":
            for edge in range(first_edge, first_edge + nodes[node + count]):
                found = live[nodes[edges[edge * step + target] + name]]
                held += int(found.group(1)) if found else 0
        first_edge += nodes[node + count]
    return held, frames


def check(path, summary, is_exact):
    about = summary["metadata"]
    blocks, live, usable = (about[key] for key in ("live_blocks", "live_bytes", "usable_bytes"))
    held, frames = stacks(path)
    # 0: the program's own allocator does not tell.
    if is_exact and blocks and usable and not (0 <= live <= usable < 1 << 44):
        raise ValueError("%d blocks of %d bytes in %d usable ones" % (blocks, live, usable))
    if is_exact and held < blocks:
        raise ValueError("stacks for %d of %d blocks" % (held, blocks))
    if is_exact and frames < min(blocks, 10) / 5:
        raise ValueError("%d frames for %d blocks" % (frames, blocks))
    if about.get("records_dropped"):
        raise ValueError("%d records dropped" % about["records_dropped"])
    if about.get("notes"):
        raise ValueError("it says: " + "; ".join(map(str, about["notes"])))
    return about


def main(tool, folder, *words):
    words = dict(word.split("=", 1) for word in words)
    options = words.get("options", "")
    is_exact = "sample=" not in options and "dormant=" not in options
    is_dormant = "dormant=1" in options
    names = sorted(os.listdir(folder))
    triggers, blocks, largest, frames_cut, missed = [], 0, 0, 0, 0
    for name in names:
        try:
            if not name.endswith(".heapsnapshot"):
                raise ValueError("is not a finished snapshot")
            path = os.path.join(folder, name)
            about = check(path, load(tool, path), is_exact)
        except (ValueError, KeyError) as wrong:
            sys.exit("snapshot %s: %s" % (name, wrong))
        triggers.append(about["trigger"])
        blocks += about["live_blocks"]
        largest = max(largest, about["live_bytes"])
        frames_cut += about["stacks_truncated"]
        missed += about.get("threads_missed", 0)
    at_exit = triggers.count("exit")
    if words.get("snapshots") == "none":
        return "left alone" if not triggers else sys.exit("%d snapshots, none expected" % len(triggers))
    if is_dormant:
        return "%d snapshots since it was switched on" % len(triggers)
    if words.get("snapshots") == "any" and not triggers:
        return "none"
    if not blocks and is_exact:
        sys.exit("no block in any of %d snapshots" % len(triggers))
    if not at_exit and words.get("exit") != "none":
        sys.exit("no snapshot at exit among %d" % len(triggers))
    in_the_middle = len(triggers) - at_exit
    text = "%d at exit" % at_exit
    text += ", %d in the middle" % in_the_middle if in_the_middle else ", exit only"
    if frames_cut:
        text += ", %d stacks cut" % frames_cut
    # Threads that take no signals: libc's own for timers, those that are being born.
    if missed:
        text += ", %d threads missed" % missed
    return text + ", %d blocks, largest %.1f kB" % (blocks, largest / 1e3)


print(main(*sys.argv[1:]))
