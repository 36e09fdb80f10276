#!/usr/bin/env python3
"""compare_account.py - is the account of kmem-analyze, to the byte, the one of the naive replay?

    compare_account.py KMEM_ANALYZE cap.kmem

Every sort key, both ways to count, and every selection. The capture is replayed once per selection of events. Prints
`ok NAME` and `not ok NAME: the first lines that differ`.
"""

import difflib
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import replay  # noqa: E402
import read_capture  # noqa: E402
import runs  # noqa: E402

SELECTIONS = ([], ["--malloc"], ["--cache"], ["--malloc", "--cache"], ["--include-self"])
CASES = [["-s", key] for key in replay.SORT_KEYS] + [["-n", "3"]] + [list(s) for s in SELECTIONS]
CASES += [["--classic"] + case for case in CASES]


def naive(made, capture, case):
    """The account as replay.py prints it; made: replays by (classic, api)."""
    options = replay.parse(["-"] + case)
    api = replay.api_of(options)
    key = (options.classic, api if options.classic else None)
    if key not in made:
        made[key] = replay.replay_capture(capture, *key)
    events, names = made[key]
    return replay.account(replay.selected(events, options.classic, api, options.include_self), names, options.sort, options.top)


def compare(program, path, capture):
    """Whether they are the same; program: runs.Runs."""
    good, made = True, {}
    # the older tool's selection pairs every event anew: not possible, and refused, where events were folded
    cases = [case for case in CASES if not capture.folded or "--classic" not in case or
             ("--malloc" in case) == ("--cache" in case)]
    if program.brief:
        cases = [case for case in cases if "-s" not in case and "-n" not in case]
    for case in cases:
        name = "%s: account %s" % (os.path.basename(path), " ".join(case))
        status, out, err = program.run("account", path, *case)
        at = out.find(b"current bytes allocated:")
        table, expected = out[max(at, 0):], naive(made, capture, case)
        if status in (0, 3) and table == expected:
            print("ok " + name)
            continue
        good = False
        difference = difflib.unified_diff(expected.decode("utf-8", "replace").split("\n"),
                                          table.decode("utf-8", "replace").split("\n"), lineterm="", n=0)
        said = err.decode("utf-8", "replace").strip().split("\n")[0]
        print("not ok %s: exit %d %s: %s" % (name, status, said, " | ".join(list(difference)[3:7])))
    return good


def main():
    if len(sys.argv) != 3:
        print("usage: compare_account.py KMEM_ANALYZE CAPTURE", file=sys.stderr)
        return 2
    return 0 if compare(runs.Runs(sys.argv[1]), sys.argv[2], read_capture.Capture.open(sys.argv[2])) else 1


if __name__ == "__main__":
    sys.exit(main())
