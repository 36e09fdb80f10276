#!/usr/bin/env python3
"""text_account.py - the account of an ftrace text log by the arithmetic of trace_analyze, worked out as that tool does:
line by line with regular expressions, one dictionary from pointer to object.

    text_account.py kmem.log [System.map] [-s KEY] [--malloc] [--cache]

Of two things it knows better: a pointer of NULL is none, and a call site may be a name with its offset.
"""

import argparse
import bisect
import re
import sys

ALLOC = re.compile(r".*: (k\w*alloc\w*): call_site=(.+?) ptr= *(\(null\)|(?:0x)?[a-f0-9]+).* bytes_req=([0-9]+)\s*bytes_alloc=([0-9]+)")
FREE = re.compile(r".*: (kfree|kmem_cache_free): call_site=.+? ptr= *(\(null\)|[a-f0-9]+)")
NULL = re.compile(r"\(null\)|0+$")
KEYS = {"current_dynamic": 2, "total_dynamic": 0, "alloc_count": 3, "free_count": 4, "waste": 1}


def api(event):
    return "cache" if event.startswith("kmem_cache") else "malloc"


class Map:
    def __init__(self, path):
        rows = [line.split() for line in open(path)] if path else []
        self.list = sorted((int(r[0], 16), r[2], " " + r[3] if len(r) > 3 else "") for r in rows)
        self.starts = [row[0] for row in self.list]

    def caller(self, site):
        if "+" in site:
            return re.sub(r"/0x[0-9a-f]+", "", site)
        start, name, module = self.list[bisect.bisect_right(self.starts, int(site, 16)) - 1]
        return "%s+0x%x%s" % (name, int(site, 16) - start, module)


def read(path, wanted):
    """Objects in the order of their allocation: [site, requested, allocated, freed]."""
    live, owners = {}, []
    for line in open(path, errors="replace"):
        m = ALLOC.match(line)
        if m:
            event, site, pointer, request, size = m.groups()
            if api(event) not in wanted or NULL.match(pointer):
                continue
            o = [site, int(request), int(size), False]
            owners.append(o)
            live[pointer] = o           # whoever had the pointer is live for ever
            continue
        m = FREE.match(line)
        if m and api(m.group(1)) in wanted and m.group(2) in live:
            live.pop(m.group(2))[3] = True
    return owners


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("log")
    parser.add_argument("map", nargs="?")
    parser.add_argument("-s", default="current_dynamic", choices=KEYS)
    parser.add_argument("--malloc", action="store_true")
    parser.add_argument("--cache", action="store_true")
    o = parser.parse_args()
    wanted = ("malloc", "cache") if o.malloc == o.cache else ("malloc",) if o.malloc else ("cache",)
    names, rows, requested = Map(o.map), {}, 0
    for site, request, size, freed in read(o.log, wanted):
        row = rows.setdefault(names.caller(site), [0, 0, 0, 0, 0])
        row[0] += size
        row[3] += 1
        row[4] += freed
        if not freed:
            row[1] += size - request
            row[2] += size
            requested += request
    callers = sorted(rows.items(), key=lambda c: (-c[1][KEYS[o.s]], c[0].encode()))
    total = [sum(row[i] for row in rows.values()) for i in range(5)]
    for text, n in (("current bytes allocated:", total[2]), ("current bytes requested:", requested),
                    ("current wasted bytes:   ", total[1]), ("number of allocs:       ", total[3]),
                    ("number of frees:        ", total[4]), ("number of callers:      ", len(rows))):
        print("%s %10d" % (text, n))
    print(" \n   total    waste      net alloc/free  caller\n" + "-" * 45)
    for name, row in callers:
        print("%8d %8d %8d %5d/%-5d %s" % (*row, name))


if __name__ == "__main__":
    sys.exit(main())
