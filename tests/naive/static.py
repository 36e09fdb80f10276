#!/usr/bin/env python3
"""A witness for `kmem-analyze static`: what nm says about a linked kernel and the objects it is made of.

	static.py LINKED REPORT OBJECT=SOURCE...

REPORT is the output of `static --by symbol`. Every symbol that has a size must be in it with that size, and with
the source of the object that defines it; a symbol of several names for the same bytes counts once.
Prints what differs; exit status 1 then.
"""
import collections
import os
import subprocess
import sys


def symbols(path):
    """(address, size, name, local) of a file."""
    out = subprocess.run(["nm", "-S", "--defined-only", path], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        words = line.split()
        if len(words) == 4 and int(words[1], 16):
            yield int(words[0], 16), int(words[1], 16), words[3], words[2].islower()


def main():
    linked, report, *objects = sys.argv[1:]
    owners = collections.defaultdict(set)
    for pair in objects:
        obj, source = pair.split("=")
        for _, size, name, _ in symbols(obj):
            owners[name, size].add(source)
    rows = collections.Counter()
    gaps = 0
    with open(report, encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if line.startswith("#") or len(words) != 6 or not words[0].isdigit():
                continue
            *_, total, name, source = words
            if name.startswith("("):
                gaps += int(total)
            else:
                rows[name, int(total), source] += 1
    bad = 0
    seen = {}
    for address, size, name, _ in symbols(linked):
        seen.setdefault((address, size), set()).add((name, size))
    expected = collections.Counter()
    for (_, size), names in seen.items():
        found = [(name, size, source) for name, size in names for source in owners.get((name, size), {"-"})]
        match = [row for row in found if rows[row] > expected[row]]
        if match:
            expected[match[0]] += 1
        else:
            print("missing:", found)
            bad = 1
    for row in rows:
        if rows[row] != expected[row]:
            print("not in the file, or too often:", row, rows[row])
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
