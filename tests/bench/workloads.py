# SPDX-License-Identifier: MIT
#
# The programs that are measured, one class or one line each. A workload prepares its input
# once, runs in a given column, and proves that it did the same work as everywhere else.

import os
import shutil
import socket
import subprocess
import tempfile
import time

import inputs
from measure import Failure, Program, digest, environment

HERE = os.path.dirname(os.path.abspath(__file__))
PAIRS = 5000000
LEAKY_BLOCKS = 2000000
REDIS_REQUESTS = 400000


class Workload:
    """One command; its proof is what it prints.

    `clock` is what the ratios are of: "wall" (start-up included, as the user sees it) or
    "cpu" (seconds in user and kernel mode, where others share the time).
    """

    blocks = 0  # still live at the end, if that is what it is about
    single = True  # one thread that never waits: it should have a CPU all of the time

    def __init__(self, name, command, clock="wall", needs=(), words=(), title=None):
        self.name = name
        self.command = command
        self.clock = clock
        self.needs = needs
        self.words = list(words)
        self.title = title or name
        self.input = None

    def missing(self):
        """What to install, or None."""
        packages = [package for program, package in self.needs
                    if not (shutil.which(program) or os.path.exists(program))]
        return "apt-get install " + " ".join(packages) if packages else None

    def prepare(self, tools):
        self.tools = tools

    def path(self, name):
        return os.path.join(self.tools, name)

    def once(self, name, make):
        """The input called `name`, made if it is not there yet."""
        path = self.path(name)
        if not os.path.exists(path):
            make(path + ".new")
            os.rename(path + ".new", path)
        return path

    def run(self, column):
        words = column.start()
        try:
            return self.execute(words + self.words)
        finally:
            column.finish()

    def execute(self, words):
        return Program(self.tools, self.command, words, self.input).finish()


class Churn(Workload):
    def __init__(self, name, title, arguments, blocks=0):
        super().__init__(name, None, title=title)
        self.arguments = arguments
        self.blocks = blocks
        self.single = len(arguments) == 1 or blocks > 0

    def prepare(self, tools):
        super().prepare(tools)
        self.command = [self.path("churn")] + self.arguments


class Node(Workload):
    single = False  # V8 collects garbage in threads of its own


class Sqlite(Workload):
    def prepare(self, tools):
        super().prepare(tools)
        self.input = self.once("statements.sql", inputs.sqlite_script)


class Compiler(Workload):
    """The compiler proper; its proof is the assembly."""

    def prepare(self, tools):
        super().prepare(tools)
        compiler = subprocess.run(["gcc", "-print-prog-name=cc1"], stdout=subprocess.PIPE,
                                  check=True).stdout.decode().strip()
        unit = self.once("unit.i", self.preprocess)
        self.output = self.path("unit.s")
        self.command = [compiler, "-quiet", "-fpreprocessed", "-O2", unit, "-o", self.output]

    @staticmethod
    def preprocess(path):
        subprocess.run(["gcc", "-E", os.path.join(HERE, "programs/unit.c"), "-o", path],
                       check=True)

    def execute(self, words):
        program = Program(self.tools, self.command, words)
        run = program.finish()
        run.proof = digest(self.output)
        return run


class Git(Workload):
    def prepare(self, tools):
        super().prepare(tools)
        repository = self.once("history.git", self.make)
        self.command = ["git", "-C", repository, "rev-list", "--objects", "main"]

    def make(self, path):
        shutil.rmtree(path, ignore_errors=True)
        stream = self.path("history.stream")
        inputs.git_history(stream)
        subprocess.run(["git", "init", "-q", "--bare", path], check=True)
        with open(stream, "rb") as source:
            subprocess.run(["git", "-C", path, "fast-import", "--quiet"], stdin=source,
                           check=True)
        os.remove(stream)


class Xz(Workload):
    def prepare(self, tools):
        super().prepare(tools)
        self.command = ["xz", "-4", "-c", "-T1", self.once("words.txt", inputs.plain_text)]


class Redis(Workload):
    """The server is measured, from its start to its end; the client is nobody's business."""

    single = False

    def execute(self, words):
        folder = tempfile.mkdtemp(prefix="bench.")
        path = os.path.join(folder, "socket")
        program = Program(self.tools, [
            "redis-server", "--port", "0", "--unixsocket", path, "--save", "",
            "--appendonly", "no", "--logfile", os.devnull, "--dir", folder], words)
        try:
            self.ask(path, "ping", program.process)
            subprocess.run(
                ["redis-benchmark", "-s", path, "-q", "-n", str(REDIS_REQUESTS), "-P", "16",
                 "-t", "set,get,lpush"], stdout=subprocess.DEVNULL, env=environment(), check=True)
            proof = self.ask(path, "llen mylist") + self.ask(path, "dbsize")
            self.ask(path, "shutdown nosave")
            return program.finish(proof)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Failure("redis-server: %s" % error) from error
        finally:
            program.stop()
            shutil.rmtree(folder, ignore_errors=True)

    @staticmethod
    def ask(path, command, server=None):
        """The answer; `server` may still be starting."""
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as client:
                    client.connect(path)
                    client.sendall(command.encode() + b"\r\n")
                    return client.recv(4096).decode()
            except (FileNotFoundError, ConnectionRefusedError):
                if not server or server.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


def every():
    python = ["/usr/bin/python3", os.path.join(HERE, "programs/script.py")]
    needs_python = [("/usr/bin/python3", "python3")]
    return [
        Churn("churn", "churn, 1 thread", [str(PAIRS)]),
        Churn("mt2", "churn, 2 threads", [str(PAIRS), "2"]),
        Churn("mt8", "churn, 8 threads", [str(PAIRS), "8"]),
        Churn("leaky", "leaky, 2 M live blocks", ["leaky", str(LEAKY_BLOCKS)], LEAKY_BLOCKS),
        Redis("redis", None, "cpu", [("redis-server", "redis-server"),
                                     ("redis-benchmark", "redis-tools")],
              title="redis-server"),
        Sqlite("sqlite", ["sqlite3", "-batch"], needs=[("sqlite3", "sqlite3")],
               title="sqlite3"),
        Compiler("cc1", None, needs=[("gcc", "gcc"),
                                     ("/usr/include/stb/stb_image.h", "libstb-dev")],
                 title="cc1 -O2"),
        Node("node", ["node", os.path.join(HERE, "programs/script.js")],
             needs=[("node", "nodejs")]),
        Workload("python", python, needs=needs_python, title="python3"),
        Workload("python-malloc", python, needs=needs_python, words=["PYTHONMALLOC=malloc"],
                 title="python3, PYTHONMALLOC=malloc"),
        Git("git", None, needs=[("git", "git")], title="git rev-list --objects"),
        Xz("xz", None, needs=[("xz", "xz-utils")]),
    ]
