"""runs.py - runs a program again and again.

    from runs import Runs
    status, out, err = Runs("build/release/kmem-analyze").run("account", "cap.kmem")

By its server (tests/serve/serve.c) where that was built beside the program: it neither starts nor links it anew.
"""

import atexit
import os
import signal
import subprocess
import tempfile

# The statuses of what takes more than its time. That is the processor's: a busy machine is nobody's mistake. By the clock it is
# PATIENCE times as long.
HANGS = (-signal.SIGXCPU, -signal.SIGALRM)
PATIENCE = 10


def plainly(command, seconds, **how):
    """What a command that is started for this run does: (status, standard output, standard error)."""
    try:
        done = subprocess.run(["prlimit", "--core=0", "--cpu=%d:%d" % (seconds, seconds + 1), *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=seconds * PATIENCE, check=False, **how)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        return -signal.SIGALRM, b"", b""


class Failed(Exception):
    """A run that gave no answer."""


class Runs:
    """brief: only what another capture may change is worth a run; orders of rows and most keys of --by are not."""

    def __init__(self, program, seconds=120, wrap=(), brief=False):
        self.program, self.seconds, self.wrap, self.brief = program, seconds, list(wrap), brief
        self.last = self.peak = 0       # kB of the last and of the largest run; of a server only
        self.server = None
        server = os.path.join(os.path.dirname(program), "tests", os.path.basename(program) + "-serve")
        if os.path.exists(server):
            self.room = tempfile.TemporaryDirectory(prefix="kmem-runs.")
            self.files = [os.path.join(self.room.name, name) for name in ("out", "err")]
            self.server = subprocess.Popen([*self.wrap, server, str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            atexit.register(self.close)

    def run(self, *arguments):
        """(status, standard output, standard error): bytes; a status below 0 is a signal."""
        if not self.server or any("\n" in a or "\t" in a for a in arguments):
            return plainly([*self.wrap, self.program, *arguments], self.seconds)
        self.server.stdin.write(os.fsencode("\t".join([*self.files, *arguments]) + "\n"))
        self.server.stdin.flush()
        status, self.last = map(int, self.server.stdout.readline().split())
        self.peak = max(self.peak, self.last)
        out = []
        for path in self.files:
            with open(path, "rb") as said:
                out.append(said.read())
        return status, out[0], out[1]

    def said(self, *arguments):
        """The standard output of a run that gives an answer: all of it (exit status 0), or what there is (3)."""
        status, out, err = self.run(*arguments)
        if status not in (0, 3):
            raise Failed("exit %d: %s" % (status, err.decode("utf-8", "replace").strip()))
        return out.decode("utf-8", "replace")

    def close(self):
        if self.server:
            self.server.stdin.close()
            self.server.stdout.close()
            self.server.wait()
            self.room.cleanup()
            self.server = None
