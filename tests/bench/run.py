#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# What the shim costs: real programs and four made for it, bare, under the shim in its modes
# and under heaptrack, taking turns in one run, so that whatever else the machine does hits
# all of them alike. The ratios are medians over the rounds of each to the bare run of its
# own round.
#
#   tests/bench/run.py                                   everything, on the shim in build/
#   tests/bench/run.py --only churn,sqlite --modes bare,exact --shim OLD.so --shim NEW.so
#   tests/bench/run.py --readme                          and put the tables into README.md
#
# "meson test --benchmark --verbose" does the first.

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import tables
import workloads
from measure import Bare, Count, Failure, Heaptrack, Shim

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHIM = "probes/libheapsnap-preload.so"
PROGRAMS = ["tests/bench/churn", "tests/bench/timed", "tests/bench/count.so"]
OPTIONS = {"exact": "", "sampled": "sample=524288", "dormant": "dormant=1"}
BEGIN, END = "<!-- costs: begin -->\n", "<!-- costs: end -->\n"


def parse(arguments):
    parser = argparse.ArgumentParser(description="Measure what the shim costs.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", metavar="NAME,…", help="these workloads alone")
    parser.add_argument("--modes", metavar="MODE,…",
                        default="bare,exact,sampled,dormant,heaptrack",
                        help="of these (the default); or NAME=OPTIONS, the shim's own")
    parser.add_argument("--shim", action="append", metavar="[LABEL=]PATH",
                        help="another build of the shim; more than one are compared")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), metavar="FOLDER",
                        help="where meson built, and where results go (build)")
    parser.add_argument("--no-build", action="store_true", help="everything is built already")
    parser.add_argument("--markdown", action="store_true", help="print the README's tables")
    parser.add_argument("--readme", action="store_true", help="write them into README.md")
    parser.add_argument("--from", dest="source", metavar="JSON",
                        help="measure nothing, show these results again")
    parser.add_argument("--check-readme", action="store_true",
                        help="only see that README.md has a row for every workload")
    options = parser.parse_args(arguments)
    everything = parser.get_default("modes")
    if options.readme and (options.only or options.modes != everything
                           or len(options.shim or []) > 1):
        parser.error("the README shows all programs in all modes, on one shim")
    return options


def shims_of(options, folder):
    """Label, copy and path of each shim: a build that goes on meanwhile changes nothing."""
    given = options.shim or [os.path.join(options.build, SHIM)]
    shims = []
    for i, word in enumerate(given):
        label, has_label, path = word.partition("=")
        if not has_label or "/" in label:
            label, path = chr(ord("A") + i) if len(given) > 1 else "", word
        copy = os.path.join(folder, "shim%d.so" % i)
        shutil.copyfile(path, copy)
        shims.append((label, copy, path))
    return shims


def columns_of(options, shims):
    columns, builds = [], {}
    for mode in options.modes.split(","):
        name, has_options, words = mode.partition("=")
        if mode == "bare":
            continue
        if mode == "heaptrack":
            columns.append(Heaptrack())
        elif has_options or mode in OPTIONS:
            for label, path, _ in shims:
                title = (name + " " + label).strip()
                columns.append(Shim(title, path, words if has_options else OPTIONS[mode]))
                builds.setdefault(name, []).append(title)
        else:
            sys.exit("run.py: there is no mode %s" % mode)
    return [Bare()] + columns, builds


def chosen(only):
    known = {workload.name: workload for workload in workloads.every()}
    names = only.split(",") if only else list(known)
    for name in names:
        if name not in known:
            sys.exit("run.py: there is no workload %s; there are %s" % (name, ", ".join(known)))
    return [known[name] for name in names]


def say(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


def row_of(workload, pairs=0, rounds=()):
    return {"name": workload.name, "title": workload.title, "clock": workload.clock,
            "blocks": workload.blocks, "single": workload.single, "pairs": pairs, "rounds": list(rounds)}


def measure(workload, columns, count, n_rounds):
    """All rounds of one workload. Every run must prove the work of the first, bare one."""
    proof = workload.run(columns[0]).proof
    if workload.run(count).proof != proof:
        raise Failure("%s does not do the same twice" % workload.name)
    pairs, rounds = count.pairs(), []
    for i in range(n_rounds):
        runs = {}
        # Every other round the other way, lest it matter who comes after whom.
        for column in columns if i % 2 == 0 else reversed(columns):
            run = workload.run(column)
            if run.proof != proof:
                raise Failure("%s: other results when %s" % (workload.name, column.name))
            runs[column.name] = run.as_plain()
        say(" %d" % (i + 1), end="")
        rounds.append(runs)
    return row_of(workload, pairs, rounds)


def machine():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return "%d CPUs (%s), Linux %s" % (
        os.cpu_count(), names[0] if names else os.uname().machine, os.uname().release)


def measure_all(options, tools, folder):
    """`tools` has our programs and keeps the inputs; `folder` goes away afterwards. What is
    preloaded is in there, for LD_PRELOAD can have no blanks in it."""
    shims = shims_of(options, folder)
    count = Count(shutil.copy(os.path.join(tools, "count.so"), folder), folder)
    columns, builds = columns_of(options, shims)
    notes = ["%s is %s" % (label, path) for label, _, path in shims if label]
    present = []
    for column in columns:
        missing = column.missing()
        if missing:
            notes.append("%s: n/a: %s" % (column.name, missing))
        else:
            present.append(column)
    rows, failures = [], 0
    for workload in chosen(options.only):
        missing = workload.missing()
        if missing:
            notes.append("%s: n/a: %s" % (workload.name, missing))
            rows.append(row_of(workload))
            continue
        say("%-14s" % workload.name, end="")
        try:
            workload.prepare(tools)
            rows.append(measure(workload, present, count, options.rounds))
            say("")
        except Failure as failure:
            say(" failed")
            notes.append("FAILED: %s: %s" % (workload.name, failure))
            failures += 1
        except KeyboardInterrupt:
            say(" interrupted")
            notes.append("FAILED: interrupted in %s" % workload.name)
            failures += 1
            break  # what was measured so far is not lost
    return {"machine": machine(), "heaptrack": Heaptrack.version(),
            "date": time.strftime("%Y-%m-%d", time.gmtime()), "n_rounds": options.rounds,
            "columns": [column.name for column in columns], "builds": builds, "rows": rows,
            "notes": notes, "failures": failures}


def readme_parts():
    with open(os.path.join(ROOT, "README.md")) as file:
        before, _, rest = file.read().partition(BEGIN)
    block, _, after = rest.partition(END)
    return before, block, after


def write_readme(results):
    before, _, after = readme_parts()
    with open(os.path.join(ROOT, "README.md"), "w") as file:
        file.write(before + BEGIN + "\n".join(tables.markdown(results)) + "\n" + END + after)


def check_readme():
    block = readme_parts()[1]
    wanted = {workload.title for workload in workloads.every()}
    lines = block.splitlines()
    heads = [i for i, line in enumerate(lines) if line.startswith("|---")]
    bad = [] if heads else ["README.md has no table of costs between its marks"]
    for start in heads:
        rows = set()
        for line in lines[start + 1:]:
            if not line.startswith("|"):
                break
            rows.add(line.split("|")[1].strip())
        bad += ["the table below line %r lacks a row for %s" % (lines[start - 1], title)
                for title in sorted(wanted - rows)]
    for line in bad:
        print(line)
    return 1 if bad else 0


def main(arguments):
    options = parse(arguments)
    if options.check_readme:
        return check_readme()
    if options.source:
        with open(options.source) as file:
            results = json.load(file)
    else:
        if not options.no_build:
            subprocess.run(["ninja", "-C", options.build] + PROGRAMS
                           + ([] if options.shim else [SHIM]), stdout=sys.stderr, check=True)
        tools = os.path.join(os.path.abspath(options.build), "tests/bench")
        with tempfile.TemporaryDirectory(prefix="bench.") as folder:
            results = measure_all(options, tools, folder)
        path = os.path.join(tools, time.strftime("results.%Y%m%dT%H%M%SZ.json", time.gmtime()))
        with open(path, "w") as file:
            json.dump(results, file, indent=1)
        say("raw numbers: " + path)
    for line in (tables.markdown if options.markdown else tables.text)(results):
        print(line)
    if options.readme and not results["failures"]:
        write_readme(results)
    return 1 if results["failures"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
