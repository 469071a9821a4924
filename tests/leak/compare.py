#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# What three tools say of the same programs.
#
#   compare.py check FOLDER HEAPSNAP PROGRAM...   heapsnap against the golden files
#   compare.py record lsan|valgrind PROGRAM...    print what that tool says
#
# One line a leak: program, case, kind, bytes, objects, and who allocated, innermost first,
# as far as it is the program's own code. Where tools differ for a reason, deviations.tsv
# has it: program, case, tool, what heapsnap says instead, why. The check fails for a
# difference that is not there, and for a line that is no longer true.

import collections
import json
import os
import re
import subprocess
import sys
import tempfile

KINDS = {"definite": "direct", "indirect": "indirect"}
SOURCES = ("blocks.c", "endings.c", "threads.c", "calls.c", "objects.cc", "cases.h")


def name_of(program):
    return os.path.basename(program).removeprefix("leak_").removesuffix("_lsan")


def cases_of(program):
    return subprocess.run([program], stdout=subprocess.PIPE, text=True).stdout.split()


def fixed_addresses():
    """Large blocks hold what looks like their address by chance: let chance stand still."""
    command = ["setarch", "-R"]
    try:
        works = subprocess.run([*command, "true"], capture_output=True).returncode == 0
    except OSError:
        works = False
    return command if works else []


PREFIX = fixed_addresses()


def run(command, **more):
    environment = dict(os.environ, **more.pop("environment", {}))
    return subprocess.run(PREFIX + command, env=environment, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


def plain(function):
    """Without parameters, template arguments, namespaces and clone suffixes."""
    return re.sub(r"\(.*|<.*|\.[a-z].*", "", function.replace("(anonymous namespace)::", ""))


def own_frames(frames):
    return "<".join(plain(f) for f, file in frames if os.path.basename(file or "") in SOURCES)


def is_left_out(function):
    """The loader's table of a thread's variables, which everybody reports in another way;
    and what is allocated and freed while the tool looks."""
    return plain(function) in ("_dl_allocate_tls", "allocate_dtv", "churn")


def total(records):
    """Records of one kind and one place are one: tools cut stacks at different places."""
    sums = collections.Counter()
    counts = collections.Counter()
    for kind, size, count, frames in records:
        place = own_frames(frames)
        if place and not any(is_left_out(function) for function, _ in frames):
            sums[kind, place] += size
            counts[kind, place] += count
    return sorted(f"{kind}\t{sums[kind, place]}\t{counts[kind, place]}\t{place}"
                  for kind, place in sums)


# ---- the tools ----

def by_heapsnap(heapsnap, program, case, options):
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        done = run([heapsnap, "run", "--check", "--json", "--report", report.name, *options,
                    "--", program, case])
        text = report.read().decode()
    records = []
    decoder = json.JSONDecoder()
    while text.strip():
        document, end = decoder.raw_decode(text.lstrip())
        text = text.lstrip()[end:]
        records += [(leak["kind"], leak["bytes"], leak["count"],
                     [(f["function"] or "", f["file"]) for f in leak["stack"]])
                    for leak in document["leaks"]]
    return total(records), done


def by_lsan(program, case):
    with tempfile.TemporaryDirectory() as folder:
        run([program, case], environment={
            "LSAN_OPTIONS": f"fast_unwind_on_malloc=0:allocator_may_return_null=1:"
                            f"log_path={folder}/log"})
        text = "".join(open(os.path.join(folder, name)).read()
                       for name in sorted(os.listdir(folder)))
    records = []
    for line in text.splitlines():
        if head := re.match(r"(Direct|Indirect) leak of (\d+) byte\(s\) in (\d+) obj", line):
            records.append((head[1].lower(), int(head[2]), int(head[3]), []))
        elif frame := re.match(r"    #\d+ 0x[0-9a-f]+ in (.+) (/\S+?):(\d+)", line):
            records and records[-1][3].append((frame[1], frame[2]))
    return total(records)


def by_valgrind(program, case):
    words = {"definitely": "definite", "indirectly": "indirect", "possibly": "possible",
             "still": "reachable"}
    with tempfile.NamedTemporaryFile() as log:
        run(["valgrind", "--leak-check=full", "--show-leak-kinds=all", "--num-callers=30",
             "--fullpath-after=", "--leak-resolution=high", "--undef-value-errors=no",
             f"--log-file={log.name}", program, case])
        text = log.read().decode()
    records = []
    for line in text.splitlines():
        line = re.sub(r"^==\d+== ", "", line)
        head = re.match(r"([\d,]+) (?:\(([\d,]+) direct, [\d,]+ indirect\) )?bytes in ([\d,]+) "
                        r"blocks are (\w+)", line)
        if head:
            size = head[2] or head[1]
            records.append((words[head[4]], int(size.replace(",", "")),
                            int(head[3].replace(",", "")), []))
        elif frame := re.match(r"   (?:at|by) 0x[0-9A-F]+: (.+) \((.+?):\d+\)", line):
            records and records[-1][3].append((frame[1], frame[2]))
    return total(records)


# ---- what to do ----

def record(tool, programs):
    ask = {"lsan": by_lsan, "valgrind": by_valgrind}[tool]
    for program in programs:
        for case in cases_of(program):
            leaks = ask(program, case)
            for leak in leaks or ["none"]:
                print(name_of(program), case, leak, sep="\t")


def golden(folder, tool):
    said = {}
    with open(os.path.join(folder, "golden", tool + ".tsv")) as file:
        for line in file:
            program, case, leak = line.rstrip("\n").split("\t", 2)
            said.setdefault((program, case), [])
            if leak != "none":
                said[program, case].append(leak)
    return said


def deviations(folder):
    listed = {}
    with open(os.path.join(folder, "deviations.tsv")) as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            program, case, tool, ours, why = line.rstrip("\n").split("\t")
            assert why, line
            listed[program, case, tool] = ours
    return listed


def show(leaks):
    return "; ".join(" ".join(leak.split("\t")) for leak in leaks) or "none"


def check(folder, heapsnap, programs):
    listed = deviations(folder)
    said = {tool: golden(folder, tool) for tool in ("lsan", "valgrind")}
    names = [name_of(program) for program in programs]
    bad = compared = 0
    for program in programs:
        for case in cases_of(program):
            key = name_of(program), case
            strict, done = by_heapsnap(heapsnap, program, case, ["--strict"])
            strict = sorted(KINDS[leak.split("\t")[0]] + leak[leak.index("\t"):]
                            for leak in strict)
            full, _ = by_heapsnap(heapsnap, program, case, ["--leak-kinds", "all"])
            for tool, ours in (("lsan", strict), ("valgrind", full)):
                theirs = said[tool].get(key)
                compared += 1
                if theirs is None:
                    print(f"{key}: {tool} was not asked; see record.sh")
                    bad += 1
                    continue
                expected = listed.pop((*key, tool), None)
                wanted = show(sorted(theirs)) if expected is None else expected
                if show(ours) != wanted or (expected is not None and expected == show(sorted(theirs))):
                    bad += 1
                    print(f"{key[0]}\t{key[1]}\t{tool}\t{show(ours)}\n"
                          f"  {tool} says {show(sorted(theirs))}\n"
                          f"  listed: {expected}")
            expected_status = {23} if strict else {0}
            if done.returncode not in expected_status:
                bad += 1
                print(f"{key}: status {done.returncode}, expected {expected_status}\n"
                      f"{done.stderr}")
    for key in listed:
        if key[0] in names:
            bad += 1
            print(f"deviations.tsv: no such case: {key}")
    print(f"{compared} comparisons, {bad} bad")
    return bad > 0


if __name__ == "__main__":
    if sys.argv[1] == "check":
        sys.exit(check(sys.argv[2], os.path.abspath(sys.argv[3]),
                       list(map(os.path.abspath, sys.argv[4:]))))
    record(sys.argv[2], list(map(os.path.abspath, sys.argv[3:])))
