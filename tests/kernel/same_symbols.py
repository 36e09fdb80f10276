#!/usr/bin/env python3
"""same_symbols.py PART FRAMES: every address of FRAMES is in the same symbol by PART as by /proc/kallsyms."""
import bisect
import sys


def load(path):
    rows = {}
    for line in open(path):
        address, _, name = line.split(None, 2)
        rows.setdefault(int(address, 16), set()).add(name.strip())
    return sorted(rows), rows


def lookup(table, address):
    keys, rows = table
    i = bisect.bisect_right(keys, address)
    return (keys[i - 1], rows[keys[i - 1]]) if i else None


def main():
    part, whole = load(sys.argv[1]), load("/proc/kallsyms")
    frames = [int(line, 16) for line in open(sys.argv[2])]
    if not frames:
        sys.exit("no frames")
    for frame in frames:
        for address in (frame, frame - 1):
            if lookup(part, address) != lookup(whole, address):
                sys.exit(f"{address:#x}: {lookup(part, address)} instead of {lookup(whole, address)}")


main()
