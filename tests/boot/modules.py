#!/usr/bin/env python3
"""modules.py DB SEEN - the names of frames in modules against where the guest saw its modules (SEEN: lines of
/proc/modules) and when the kernel loaded and freed them (module:module_load, module:module_free).

A frame is wrong when it names a module that was not at that place at that time, or a kernel function; a frame of a
module that was gone before anybody could look at it has no name. Prints the number of frames of each module; or what
is wrong, and exits with 1."""

import collections
import sqlite3
import sys

FRAMES = """SELECT o.time, f.address, f.text, f.module FROM object o JOIN stack_frame s ON s.stack = o.stack
JOIN frame_text f ON f.frame = s.frame"""
EVER = float("inf")


def main():
    db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
    loads = dict(db.execute("SELECT name, time FROM event_module_module_load"))
    frees = dict(db.execute("SELECT name, time FROM event_module_module_free"))
    places = []
    for line in open(sys.argv[2], encoding="ascii"):
        name, size, *_, base = line.split()
        places.append((name, int(base, 16), int(base, 16) + int(size), loads[name], frees.get(name, EVER)))
    low, high = min(p[1] for p in places), max(p[2] for p in places)
    counts, wrong = collections.Counter(), []
    for time, address, text, module in db.execute(FRAMES):
        inside = (address & ((1 << 64) - 1)) - 1
        if module is not None and not loads.get(module, EVER) <= time < frees.get(module, EVER):
            wrong.append((time, text, "names a module that is not there"))
        if not low <= inside < high:
            continue
        for name, start, end, since, until in places:
            if start <= inside < end and since <= time < until:
                counts[name] += 1
                if module not in (None, name) or (module is None and not text.startswith("0x")):
                    wrong.append((time, text, "is in " + name))
                elif module is None and until == EVER:
                    wrong.append((time, text, "has no name, and is in " + name))
    for time, text, why in wrong[:10]:
        print("at %.6f s: %s %s" % (time / 1e9, text, why))
    if not wrong:
        print(", ".join("%d of %s" % (counts[name], name) for name, *_ in places))
    return 1 if wrong or len(counts) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
