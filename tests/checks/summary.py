# SPDX-License-Identifier: MIT
#
# The end of tools/check: what was skipped and why, what failed and the end of what it
# said, and last the one line that counts.
#
#   summary.py RESULTS [LABEL=TESTLOG…] [--reports FOLDER]
#
# RESULTS has a line "passed|failed<TAB>title" for each step that meson does not run.
# TESTLOG is meson's testlog.json, one JSON object a test. FOLDER holds what sanitizers
# wrote: Criterion runs each test in a process of its own and does not look at how that
# one ends, so a leak shows nowhere else.

import json
import os
import re
import sys

TAIL = 25


def read_steps(path):
    with open(path) as lines:
        for line in lines:
            result, title = line.rstrip("\n").split("\t", 1)
            yield result, title, ""


def skip_reason(output):
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        if re.search(r"\bskip", line, re.IGNORECASE):
            return re.sub(r"^(ok \d+ )?(1\.\.0 )?#?\s*skip(ped)?:?\s*", "", line, flags=re.I)
    return lines[-1] if lines else "no reason given"


def read_testlog(label, path):
    try:
        lines = open(path, errors="replace")
    except FileNotFoundError:
        return
    with lines:
        for line in lines:
            test = json.loads(line)
            output = (test.get("stdout") or "") + (test.get("stderr") or "")
            verdict = test["result"]
            title = label + test["name"].split(":", 1)[-1]
            if verdict in ("OK", "EXPECTEDFAIL"):
                yield "passed", title, ""
            elif verdict == "SKIP":
                yield "skipped", title, skip_reason(output)
            else:
                how = "%s, status %s, %.1f s" % (
                    verdict.lower(), test.get("returncode"), test.get("duration") or 0)
                yield "failed", "%s (%s)" % (title, how), output


# The beginning of a report says what happened, the end where it was allocated.
def shorten(text):
    lines = text.strip().splitlines()
    return "\n".join(lines[:TAIL] + (["[…]"] if len(lines) > TAIL else []))


def read_reports(folder):
    if not os.path.isdir(folder):
        return
    what = "races" if "/tsan/" in folder else "memory"
    text = ""
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), errors="replace") as report:
            # What follows "Shadow bytes" is a picture of memory, not a reason.
            text += report.read().split("Shadow bytes around", 1)[0]
    if text:
        programs = sorted(set(re.findall(r"/(test_\w+)\b", text)))
        title = "%s of the unit tests (%s; all of it in %s)" % (
            what, ", ".join(programs) or "unknown program", folder)
        yield "failed", title, shorten(text)
    else:
        yield "passed", what + " of the unit tests", ""


def main(arguments):
    outcomes = list(read_steps(arguments[0]))
    rest = arguments[1:]
    while rest:
        if rest[0] == "--reports":
            outcomes += read_reports(rest[1])
            rest = rest[2:]
        else:
            label, path = rest[0].split("=", 1)
            outcomes += read_testlog(label, path)
            rest = rest[1:]

    print()
    for result, title, text in outcomes:
        if result == "failed":
            print("FAILED: " + title)
            for line in text.rstrip().splitlines()[-TAIL - 1:]:
                print("    " + line)
    for result, title, text in outcomes:
        if result == "skipped":
            print("skipped: %s: %s" % (title, text))

    count = {result: 0 for result in ("passed", "failed", "skipped")}
    for result, _, _ in outcomes:
        count[result] += 1
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % count)
    return 0 if count["passed"] and not count["failed"] else 1


sys.exit(main(sys.argv[1:]))
