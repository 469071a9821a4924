#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# What a snapshot of a large program costs: the pause, the time from the frozen image to the
# finished capture and to the file, the writer's memory for each block, and what the program
# and its image take together while the program rests (pages they share count once).
#
#   tests/bench/frozen.py --build build --blocks 5000000 --mean 850
#
# "meson test --benchmark --verbose frozen" does the first.

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def parse(arguments):
    parser = argparse.ArgumentParser(description="Measure what a large snapshot costs.")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), metavar="FOLDER")
    parser.add_argument("--blocks", type=int, default=5000000)
    parser.add_argument("--mean", type=int, default=850, help="bytes a block, on average")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--options", default="", help="of the shim")
    parser.add_argument("--no-memory", action="store_true",
                        help="do not watch the memory, which takes a core")
    return parser.parse_args(arguments)


def anonymous(pid):
    """Anonymous bytes of a process, each page divided by those who share it; 0: gone."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            for line in file:
                if line.startswith("Pss_Anon:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def images_of(program):
    """Processes that are an image of it; there is one at most."""
    executable = os.readlink("/proc/%d/exe" % program)
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.readlink("/proc/%s/exe" % entry) == executable \
                    and int(entry) != program:
                yield int(entry)
        except OSError:
            pass


def processor_time(pid):
    """Seconds that all threads of a process have computed; 0: gone."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch(threading.Thread):
    """What the image computes, and the peak of program and image together."""

    def __init__(self, pid, with_memory):
        super().__init__(daemon=True)
        self.pid, self.with_memory = pid, with_memory
        self.peak, self.seconds, self.is_over = 0, 0, False

    def look(self, image):
        self.seconds = max(self.seconds, processor_time(image))
        if not self.with_memory:
            return
        both = anonymous(image) + anonymous(self.pid)
        if anonymous(image):  # else it ended between, and its share is the program's
            self.peak = max(self.peak, both)

    def run(self):
        while not self.is_over:
            for image in images_of(self.pid):
                self.look(image)
            time.sleep(0.02)

    def end(self):
        self.is_over = True
        self.join()


def measure(tool, pid, options, folder):
    """One snapshot: what the tool says of it, its own cost, the memory meanwhile."""
    path = os.path.join(folder, "frozen.heapsnapshot")
    watch = Watch(pid, not options.no_memory)
    idle = anonymous(pid)
    watch.start()
    begin = time.monotonic()
    snap = subprocess.Popen([tool, "snap", "--timeout", "120", "--json", "-o", path, str(pid)],
                            stdout=subprocess.PIPE)
    output = snap.stdout.read()
    _, status, used = os.wait4(snap.pid, 0)
    wall = time.monotonic() - begin
    watch.end()
    if status != 0:
        sys.exit("frozen: 'heapsnap snap' has failed")
    told = json.loads(output)
    blocks = told["blocks"]
    return {
        "blocks": blocks,
        "idle": idle / 1e9,
        "pause": told["pause_ns"] / 1e6,
        "edges": told["scan_ns"] / 1e9,
        "file": wall,
        "size": os.path.getsize(path) / 1e6,
        "helper": used.ru_maxrss * 1024 / blocks,
        "memory": watch.peak / idle,
        "image_cpu": watch.seconds,
        "helper_cpu": used.ru_utime + used.ru_stime,
    }


def report(rounds):
    columns = (("pause", "pause, ms"), ("edges", "frozen to capture, s"),
               ("image_cpu", "computed meanwhile, s"), ("file", "request to file, s"),
               ("helper_cpu", "computed by the helper, s"), ("helper", "helper, bytes a block"),
               ("memory", "program and image, to idle"), ("size", "file, MB"))
    first = rounds[0]
    print("%d blocks, %.2f GB of anonymous memory, %d rounds: least, median, most"
          % (first["blocks"], first["idle"], len(rounds)))
    for key, name in columns:
        values = sorted(one[key] for one in rounds)
        print("  %-28s %10.2f %10.2f %10.2f"
              % (name, values[0], values[len(values) // 2], values[-1]))
    pause = sorted(one["pause"] / one["idle"] for one in rounds)
    print("  %-28s %10.2f %10.2f %10.2f"
          % ("pause, ms a GB", pause[0], pause[len(pause) // 2], pause[-1]))


def main():
    options = parse(sys.argv[1:])
    tool = os.path.join(options.build, "tools/heapsnap")
    environment = dict(os.environ, HEAPSNAP_OPTIONS=options.options,
                       LD_PRELOAD=os.path.join(options.build, "probes/libheapsnap-preload.so"))
    program = subprocess.Popen(
        [os.path.join(options.build, "tests/bench/blocks"), str(options.blocks),
         str(options.mean)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    if program.stdout.readline() != b"ready\n":
        sys.exit("frozen: the program did not start")
    try:
        with tempfile.TemporaryDirectory(prefix="frozen.") as folder:
            report([measure(tool, program.pid, options, folder)
                    for _ in range(options.rounds)])
    finally:
        program.stdin.close()
        program.wait()


if __name__ == "__main__":
    main()
