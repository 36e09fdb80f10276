#!/usr/bin/env python3
"""compare_shape.py - whether a capture of makeload is like the capture that its shape was learned from.

    compare_shape.py SHAPE SHAPE-OF-THE-MADE-ONE

Both as learn_shape.py writes them. Prints for each property how far apart the two are (0 the same, 1 nothing in
common: half the sum of the differences of all shares) and the most that is allowed; exit status 1 if one is over.
"""
import sys
from collections import Counter, defaultdict

# property: the most. What is drawn at random differs by a little, and more where there are more kinds than draws.
LIMITS = {"allocation sites": 0.14, "sizes": 0.12, "caches": 0.08, "free sites": 0.08, "lifetimes": 0.06,
          "lifetimes of sites": 0.18, "freed elsewhere": 0.02, "untraced frees": 0.02, "NULL frees": 0.01,
          "what comes next": 0.16, "gaps": 0.07, "tasks": 0.1, "events of a run": 0.01}


def numbers(text):
    return Counter() if text == "-" else Counter({int(k): int(v) for k, v in (item.split(":") for item in text.split(","))})


def read(path):
    """Property: a Counter of what it is made of. Sites are known by what they are, not by their numbers."""
    frames, stacks, allocs, frees = [], [], [None], [None]
    shape = defaultdict(Counter)
    for line in open(path):
        words = line.split()
        if words[0] == "frame":
            frames.append("%s+%s" % (words[2], words[3]))
        elif words[0] == "stack":
            stacks.append(";".join(frames[int(f) - 1] for f in words[1].split(",")))
        elif words[0] == "alloc":
            event, call, stack, req, size, gfp, node, cache, context, count = words[1:]
            name = (event, frames[int(call) - 1] if call != "0" else "", stacks[int(stack) - 1] if stack != "0" else "",
                    req, size, gfp, node, context)
            allocs.append(name)
            shape["allocation sites"][name] += int(count)
            shape["sizes"][size] += int(count)
            shape["caches"][cache] += int(count)
        elif words[0] == "free":
            frees.append((words[1], frames[int(words[2]) - 1] if words[2] != "0" else "", words[5]))
            shape["NULL frees"]["null"] += int(words[6])
        elif words[0] == "pair":
            site, free, count, moved = (int(w) for w in words[1:5])
            if words[5] == "-":
                continue
            shape["free sites"][frees[free]] += count
            shape["freed elsewhere"]["moved"] += moved
            shape["freed elsewhere"]["not"] += count - moved
            shape["untraced frees"][free == 0] += count
            for bucket, n in numbers(words[5]).items():
                shape["lifetimes"][bucket] += n
                shape["lifetimes of sites"][allocs[site], bucket // 4] += n
        elif words[0] == "next":
            for bucket, n in numbers(words[2]).items():
                shape["gaps"][bucket // 2] += n
            for other, n in numbers(words[3]).items():
                shape["what comes next"][allocs[int(words[1])], allocs[other]] += n
        elif words[0] == "comm":
            shape["tasks"][words[1]] += int(words[3])
            shape["events of a run"]["runs"] += int(words[2])
    shape["NULL frees"]["objects"] = shape["events of a run"]["allocs"] = sum(shape["allocation sites"].values())
    return shape


def distance(a, b):
    x, y = sum(a.values()), sum(b.values())
    return sum(abs(a[k] / x - b[k] / y) for k in set(a) | set(b)) / 2 if x and y else 1.0


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    real, made = read(sys.argv[1]), read(sys.argv[2])
    bad = False
    for name, most in LIMITS.items():
        apart = distance(real[name], made[name])
        print("%-20s %.3f of at most %.2f%s" % (name, apart, most, "" if apart <= most else ": TOO FAR"))
        bad |= apart > most
    sys.exit(bad)


if __name__ == "__main__":
    main()
