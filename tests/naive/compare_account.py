#!/usr/bin/env python3
"""compare_account.py - is the account of kmem-analyze, to the byte, the one of the naive replay?

    compare_account.py KMEM_ANALYZE cap.kmem

Every sort key, both ways to count, and every selection. The capture is replayed once per selection of events. Prints
`ok NAME` and `not ok NAME: the first lines that differ`.
"""

import contextlib
import difflib
import io
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import replay  # noqa: E402
import read_capture  # noqa: E402

SELECTIONS = ([], ["--malloc"], ["--cache"], ["--malloc", "--cache"], ["--include-self"])
CASES = [["-s", key] for key in replay.SORT_KEYS] + [["-n", "3"]] + [list(s) for s in SELECTIONS]
CASES += [["--classic"] + case for case in CASES]


class Output(io.StringIO):
    """Standard output for print_account, which writes bytes."""

    def __init__(self):
        super().__init__()
        self.buffer = io.BytesIO()


def naive(made, capture, case):
    """The account as replay.py prints it; made: replays by (classic, api)."""
    options = replay.parse(["-"] + case)
    api = replay.api_of(options)
    key = (options.classic, api if options.classic else None)
    if key not in made:
        made[key] = replay.replay_capture(capture, *key)
    events, names = made[key]
    out = Output()
    with contextlib.redirect_stdout(out):
        replay.print_account(replay.selected(events, options.classic, api, options.include_self), names,
                             options.sort, options.top)
    return out.buffer.getvalue()


def main():
    if len(sys.argv) != 3:
        print("usage: compare_account.py KMEM_ANALYZE CAPTURE", file=sys.stderr)
        return 2
    program, path = sys.argv[1:]
    capture = read_capture.Capture.open(path)
    failed, made = 0, {}
    # the older tool's selection pairs every event anew: not possible, and refused, where events were folded
    cases = [case for case in CASES if not capture.folded or "--classic" not in case or
             ("--malloc" in case) == ("--cache" in case)]
    for case in cases:
        name = "%s: account %s" % (os.path.basename(path), " ".join(case))
        run = subprocess.run([program, "account", path] + case, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             check=False)
        at = run.stdout.find(b"current bytes allocated:")
        table, expected = run.stdout[max(at, 0):], naive(made, capture, case)
        if run.returncode in (0, 3) and table == expected:
            print("ok " + name)
            continue
        failed = 1
        difference = difflib.unified_diff(expected.decode("utf-8", "replace").split("\n"),
                                          table.decode("utf-8", "replace").split("\n"), lineterm="", n=0)
        said = run.stderr.decode("utf-8", "replace").strip().split("\n")[0]
        print("not ok %s: exit %d %s: %s" % (name, run.returncode, said, " | ".join(list(difference)[3:7])))
    return failed


if __name__ == "__main__":
    sys.exit(main())
