#!/usr/bin/env python3
"""slabinfo.py DATABASE: the change of live objects per slab cache, by the capture and by /proc/slabinfo.

The ten busiest caches must agree within max(64 objects, 1 % of their allocations), those aside of which more than 1 % of
the allocations reuse an address whose free was not traced: there the kernel does not tell. A free without an allocation
in the capture is of an object from before it, or of one whose allocation the kernel did not trace (virtual machines have
such tasks): the capture bounds the change from both sides, and slabinfo must lie between the bounds. kmalloc caches of one size but
several kinds (cg, rcl, ...) are taken together: the events do not name the kind.
"""
import collections
import re
import sqlite3
import sys

UNITS = {"": 1, "k": 1024, "M": 1 << 20}


def cache_name(name):
    m = re.fullmatch(r"(?:dma-)?kmalloc-(?:[a-z]+-)*(?:\d+-)?(\d+)([kM]?)", name)
    return f"kmalloc-{int(m[1]) * UNITS[m[2]]}" if m else name


def slabinfo(db, moment):
    text = db.execute("SELECT content FROM file WHERE name = '/proc/slabinfo' AND moment = ?", (moment,)).fetchone()[0]
    if isinstance(text, bytes):
        text = text.decode()
    active = collections.Counter()
    for line in text.splitlines()[2:]:
        name, objects = line.split()[:2]
        active[cache_name(name)] += int(objects)
    return active


def main():
    db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    allocations, change, untraced, unseen = (collections.Counter() for _ in range(4))
    for api, size, cache, state, n in db.execute(
            "SELECT api, bytes_alloc, cache, state, count(*) FROM object WHERE domain = 'slab' GROUP BY 1, 2, 3, 4"):
        # more than 8 kB of kmalloc are pages, not a slab cache
        name = cache_name(cache) if cache else f"kmalloc-{size}" if api == "malloc" and size <= 8192 else None
        if not name:
            continue
        allocations[name] += n
        change[name] += n if state == "live" else 0
        untraced[name] += n if state == "reused" else 0
    for cache, n in db.execute("SELECT cache, count(*) FROM frees_unmatched WHERE cache IS NOT NULL GROUP BY 1"):
        change[cache_name(cache)] -= n
        unseen[cache_name(cache)] += n
    before, after = slabinfo(db, "start"), slabinfo(db, "end")
    failures = []
    print("# cache                     allocations  by capture  by slabinfo  difference  untraced frees  unmatched frees")
    compared = 0
    for name, n in allocations.most_common(30):
        truth = after[name] - before[name]
        difference = change[name] - truth
        print(f"# {name:24} {n:12} {change[name]:11} {truth:12} {difference:11} {untraced[name]:15} {unseen[name]:16}")
        if untraced[name] > n // 100 or compared == 10:
            continue
        compared += 1
        slack = max(64, n // 100)
        if not -slack - unseen[name] <= difference <= slack:
            failures.append(f"{name}: {change[name]} by the capture, {truth} by slabinfo")
    if compared < 10:
        failures.append(f"only {compared} caches could be compared")
    if failures:
        sys.exit("; ".join(failures))


main()
