#!/usr/bin/env python3
"""witness.py - kmem-analyze against witnesses that share no code with it: the reader scripts/read_capture.py and the
dictionary replay of replay.py. They have to agree on every event and, to the byte, on every account.

    witness.py [--brief] KMEM_ANALYZE SCENARIO|CAPTURE|DIRECTORY...

A SCENARIO is one of mkcap.py. A CAPTURE is copied first, and a DIRECTORY holds the segments of one recording. --brief leaves out what depends on
the options and hardly on the capture. Prints `ok NAME` and `not ok NAME: why`.
"""

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_account  # noqa: E402
import compare_by  # noqa: E402
import compare_db  # noqa: E402
import compare_pairs  # noqa: E402
import compare_select  # noqa: E402
import compare_stacks  # noqa: E402
import compare_time  # noqa: E402
import mkcap  # noqa: E402
import read_capture  # noqa: E402
import runs  # noqa: E402


class OnceRead:
    """Of a capture whose events are decoded once, however often they are asked for."""

    _all = None

    def events(self):
        if self._all is None:
            self._all = list(super().events())
        return iter(self._all)


class Capture(OnceRead, read_capture.Capture):
    pass


class Series(OnceRead, read_capture.Series):
    pass


class Witness:
    def __init__(self, program, room, brief):
        self.program, self.room, self.good = runs.Runs(program, brief=brief), room, True

    def check(self, good, what, why):
        self.good &= good
        print("ok witness: %s" % what if good else "not ok witness: %s: %s" % (what, why))

    def made(self, scenario):
        """The reader prints what the encoder was given, event by event."""
        path = os.path.join(self.room, scenario + ".kmem")
        expected = list(mkcap.make(scenario, path))
        capture = Capture.open(path)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            read_capture.print_events(capture, False)
        found = printed.getvalue().split("\n")[:-1]
        differ = [pair for pair in zip(expected, found) if pair[0] != pair[1]][:1]
        self.check(found == expected, "%s: read_capture.py prints every event" % scenario,
                   "%d lines, not %d %s" % (len(found), len(expected), differ))
        self.agree(scenario, [path], path, capture)

    def given(self, source):
        name = os.path.basename(source)
        path = os.path.join(self.room, name)
        shutil.copyfile(source, path)
        self.agree(name, [path], path, Capture.open(path))

    def segments(self, source):
        """NAME.000001.kmem and so on are asked for as NAME.kmem."""
        name = os.path.basename(source)
        files = [shutil.copy(os.path.join(source, f), self.room) for f in sorted(os.listdir(source))]
        self.agree(name, files, re.sub(r"\.[0-9]+\.kmem$", ".kmem", files[0]), Series(files))

    def agree(self, name, files, path, capture):
        database = path + ".db"
        status, _, err = self.program.run("load", *files, "-o", database, "-f")
        if status not in (0, 3):
            self.check(False, "%s: load" % name, "exit %d: %s" % (status, err.decode("utf-8", "replace")))
            return
        # A capture from which something is missing has to be one for both.
        list(capture.events())
        with contextlib.redirect_stderr(io.StringIO()):
            theirs = read_capture.complain(capture)
        ours, err = 0, b""
        for one in files:
            status, _, said = self.program.run("verify", one)
            ours, err = max(ours, status), err + said
        self.check(ours == theirs, "%s: verify exits %d" % (name, ours),
                   "and the reader's is %d: %s" % (theirs, err.decode("utf-8", "replace")))
        self.good &= compare_db.compare(os.path.basename(path), capture, database)
        for module in (compare_account, compare_by, compare_stacks, compare_select, compare_time, compare_pairs):
            try:
                self.good &= module.compare(self.program, path, capture)
            except runs.Failed as problem:
                self.check(False, "%s: %s" % (name, module.__name__), problem)


def main():
    brief = sys.argv[1:2] == ["--brief"]
    arguments = sys.argv[1 + brief:]
    if len(arguments) < 2:
        print("usage: witness.py [--brief] KMEM_ANALYZE SCENARIO|CAPTURE|DIRECTORY...", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="kmem-witness.") as room:
        witness = Witness(arguments[0], room, brief)
        for what in arguments[1:]:
            one = witness.made if what in mkcap.SCENARIOS else witness.segments if os.path.isdir(what) else witness.given
            one(what)
    return 0 if witness.good else 1


if __name__ == "__main__":
    sys.exit(main())
