# SPDX-License-Identifier: MIT
#
# One run of one program in one way: with nothing preloaded, with a shim, with heaptrack's
# recorder. What it cost is counted by the program "timed" beside us, not in here.

import hashlib
import os
import shutil
import signal
import struct
import subprocess
import tempfile

HEAPTRACK = "/usr/lib/heaptrack/libheaptrack_preload.so"
LIMIT = 600  # seconds; whoever takes longer hangs

# What would change the programs or the shim without being asked for.
UNWANTED = ("LD_PRELOAD", "LD_LIBRARY_PATH", "HEAPSNAP_OPTIONS", "HEAPSNAP_PID", "PYTHONMALLOC",
            "NODE_OPTIONS", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES", "MALLOC_CONF")


class Failure(Exception):
    pass


class Run:
    """What one run cost: seconds, KiB, and the proof that it did its work."""

    def __init__(self, line, proof):
        wall, user, system, peak, status = line.split()
        self.wall = float(wall)
        self.cpu = float(user) + float(system)
        self.peak = int(peak)
        self.status = int(status)
        self.proof = proof

    def as_plain(self):
        return {"wall": self.wall, "cpu": self.cpu, "peak": self.peak}


def environment():
    return {name: value for name, value in os.environ.items() if name not in UNWANTED}


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Program:
    """A command under "timed", with `words` (NAME=VALUE) in its environment alone."""

    def __init__(self, tools, command, words, stdin=None):
        self.folder = tempfile.mkdtemp(prefix="bench.")
        self.command = command
        self.outputs = [os.path.join(self.folder, name) for name in ("out", "err", "result")]
        with open(stdin or os.devnull, "rb") as source, open(self.outputs[0], "wb") as out, \
                open(self.outputs[1], "wb") as err:
            self.process = subprocess.Popen(
                [os.path.join(tools, "timed"), self.outputs[2]] + words + ["--"] + command,
                stdin=source, stdout=out, stderr=err, env=environment(),
                start_new_session=True)

    def stop(self):
        """End it and its children, if it has not ended by itself."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self, proof=None):
        """Wait for the end. The proof is what it printed, unless there is a better one."""
        try:
            self.process.wait(LIMIT)
            with open(self.outputs[1], errors="replace") as err:
                errors = err.read()
            complaints = [line for line in errors.splitlines() if line.startswith("heapsnap:")]
            with open(self.outputs[2]) as result:
                run = Run(result.read(), proof or digest(self.outputs[0]))
            if run.status != 0 or complaints:
                raise Failure("%s: status %d: %s" % (
                    " ".join(self.command)[:60], run.status,
                    complaints[0] if complaints else errors.strip()[-300:]))
            return run
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise Failure("%s: %s" % (self.command[0], error))
        finally:
            self.stop()


class Bare:
    """A column of the table: how a program is run. This one leaves it alone."""

    name = "bare"
    words = []

    def missing(self):
        return None

    def start(self):
        return []

    def finish(self):
        pass


class Shim(Bare):
    def __init__(self, name, shim, options):
        self.name = name
        self.shim = shim
        self.options = options
        self.words = ["LD_PRELOAD=" + shim] + (["HEAPSNAP_OPTIONS=" + options] if options else [])

    def missing(self):
        """A shim says on stderr what it does not know."""
        said = subprocess.run(["env"] + self.words + ["true"], stderr=subprocess.PIPE,
                              env=environment(), check=False).stderr.decode()
        return said.strip() or None

    def start(self):
        return self.words


class Heaptrack(Bare):
    """What `heaptrack --raw` does: a compressor reads what the program writes."""

    name = "heaptrack"

    def missing(self):
        if os.path.exists(HEAPTRACK) and shutil.which("zstd"):
            return None
        return "apt-get install heaptrack zstd"

    @staticmethod
    def version():
        if not shutil.which("heaptrack"):
            return "no heaptrack"
        said = subprocess.run(["heaptrack", "--version"], stdout=subprocess.PIPE, check=False)
        return said.stdout.decode().strip()

    def start(self):
        self.folder = tempfile.mkdtemp(prefix="bench.")
        pipe = os.path.join(self.folder, "pipe")
        os.mkfifo(pipe)
        # Held open for writing, so that nobody waits for a program that never starts.
        self.holder = os.open(pipe, os.O_RDWR)
        with open(pipe, "rb") as source, \
                open(os.path.join(self.folder, "data"), "wb") as data:
            self.reader = subprocess.Popen(["zstd", "-q", "-c"], stdin=source, stdout=data)
        return ["LD_PRELOAD=" + HEAPTRACK, "DUMP_HEAPTRACK_OUTPUT=" + pipe]

    def finish(self):
        os.close(self.holder)
        self.reader.wait(LIMIT)
        shutil.rmtree(self.folder, ignore_errors=True)


class Count(Bare):
    """Not a column: counts what is allocated, once, without looking at the time."""

    name = "count"

    def __init__(self, library, folder):
        self.path = os.path.join(folder, "pairs")
        self.words = ["LD_PRELOAD=" + library, "BENCH_COUNT=" + self.path]

    def start(self):
        with open(self.path, "wb") as file:
            file.write(bytes(8))
        return self.words

    def pairs(self):
        with open(self.path, "rb") as file:
            return struct.unpack("Q", file.read(8))[0]
