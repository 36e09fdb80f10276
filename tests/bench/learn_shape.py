#!/usr/bin/env python3
"""learn_shape.py - what makeload needs to know to make captures like a real one, as text.

    kmem-record -o mix.kmem -- sh tests/bench/mixed_load.sh && kmem-analyze load mix.kmem
    tests/bench/learn_shape.py mix.kmem.db > tests/bench/mixed.shape

Of the database of any capture of slab events this takes: the stacks and their symbols, the kinds of allocations and
frees (sizes, gfp flags, caches, contexts), which of them belong together, how long objects live, what a task
allocates next and how soon, and how tasks take turns. No event, no address of an object. What threads of the recorder
allocated is left out.

Lines, in this order; numbers of frames, stacks, allocs and frees count from 1 in order of their lines, 0 is none. A
histogram is BUCKET:COUNT,... of ns; bucket b holds the values from 2^(b/2) (b even), or 1.5 x 2^((b-1)/2) (b odd):
    cpus N
    frame ADDRESS SYMBOL OFFSET MODULE          hexadecimal; - for no module
    stack FRAME,FRAME,...                       innermost first
    alloc EVENT CALL-SITE STACK REQ ALLOC GFP NODE CACHE CONTEXT COUNT
    free EVENT CALL-SITE STACK CACHE CONTEXT NULLS UNMATCHED
    pair ALLOC FREE COUNT MOVED HISTOGRAM       lifetimes; MOVED were freed on another CPU. FREE 0: their free was not
                                                traced. HISTOGRAM -: live at the end
    next ALLOC HISTOGRAM ALLOC:COUNT,...        what the same task allocates next on this CPU, and after how long
    comm NAME RUNS ALLOCS TASKS ALLOC:COUNT,... RUNS: times that such a task got a CPU; what it allocates first then
    turn HISTOGRAM                              between two runs on one CPU
"""
import collections
import sqlite3
import sys
import urllib.parse

EVENTS = ("kmalloc", "kmem_cache_alloc", "kmalloc_node", "kmem_cache_alloc_node", "kfree", "kmem_cache_free")


def bucket(ns):
    if ns < 1:
        return 0
    octave = int(ns).bit_length() - 1
    return 2 * octave + (ns * 2 >= 3 << octave)


def listed(counter, most=None):
    return ",".join("%d:%d" % pair for pair in sorted(counter.most_common(most))) or "-"


def write_sites(db, out):
    for address, symbol, offset, module in db.execute(
            "SELECT f.address, s.name, f.offset, s.module FROM frame f LEFT JOIN symbol s ON s.id = f.symbol ORDER BY f.id"):
        out.write("frame %x %s %x %s\n" % (address & 2 ** 64 - 1, symbol or "unknown", offset or 0, module or "-"))
    for (frames,) in db.execute("SELECT (SELECT group_concat(frame) FROM (SELECT frame FROM stack_frame"
                                " WHERE stack = k.id ORDER BY position)) FROM stack k ORDER BY k.id"):
        out.write("stack %s\n" % frames)
    for row in db.execute(
            "SELECT e.name, coalesce(s.call_site, 0), coalesce(s.stack, 0), s.bytes_req, s.bytes_alloc, coalesce(s.gfp, 0),"
            " coalesce(s.node, -1), coalesce(c.name, '-'), s.context, coalesce(n.objects, 0)"
            " FROM alloc_site s JOIN event e ON e.id = s.event LEFT JOIN cache c ON c.id = s.cache LEFT JOIN"
            " (SELECT alloc_site, sum(objects) AS objects FROM pair_total WHERE NOT self GROUP BY 1) n ON n.alloc_site = s.id"
            " ORDER BY s.id"):
        if row[0] not in EVENTS:
            sys.exit("learn_shape.py: only slab events have a shape, not %s" % row[0])
        out.write("alloc %s\n" % " ".join(str(v) for v in row))
    for row in db.execute(
            "SELECT e.name, coalesce(s.call_site, 0), coalesce(s.stack, 0), coalesce(c.name, '-'), s.context,"
            " coalesce(n.nulls, 0), coalesce(n.unmatched, 0) FROM free_site s JOIN event e ON e.id = s.event"
            " LEFT JOIN cache c ON c.id = s.cache LEFT JOIN (SELECT free_site, sum(null_frees) AS nulls, sum(unmatched)"
            " AS unmatched FROM free_total WHERE NOT self GROUP BY 1) n ON n.free_site = s.id ORDER BY s.id"):
        out.write("free %s\n" % " ".join(str(v) for v in row))


def write_pairs(db, out):
    lives = collections.defaultdict(collections.Counter)
    moved = collections.Counter()
    for site, free, ns, other, end in db.execute(
            "SELECT alloc_site, coalesce(free_site, 0), lifetime, free_cpu IS NOT NULL AND free_cpu <> cpu, a.end & 3"
            " FROM allocation a JOIN task t ON t.id = a.task WHERE NOT t.self"):
        key = (site, free, end == 0)
        lives[key][bucket(ns) if end else 0] += 1
        moved[key] += other
    for (site, free, live), histogram in sorted(lives.items()):
        out.write("pair %d %d %d %d %s\n" % (site, free, sum(histogram.values()), moved[site, free, live],
                                             "-" if live else listed(histogram, 16)))


def write_order(db, out):
    tasks = {}
    for task, comm in db.execute("SELECT id, comm FROM task WHERE NOT self"):
        tasks[task] = comm or "unknown"
    following = collections.defaultdict(collections.Counter)
    gaps = collections.defaultdict(collections.Counter)
    turn, runs, allocs = collections.Counter(), collections.Counter(), collections.Counter()
    begins = collections.defaultdict(collections.Counter)
    seen = collections.defaultdict(set)
    last = {}
    for time, cpu, task, site in db.execute("SELECT time, cpu, task, alloc_site FROM allocation ORDER BY time"):
        if task not in tasks:
            continue
        comm = tasks[task]
        before = last.get(cpu)
        if before and before[1] == task:
            following[before[2]][site] += 1
            gaps[before[2]][bucket(time - before[0])] += 1
        else:
            if before:
                turn[bucket(time - before[0])] += 1
            runs[comm] += 1
            begins[comm][site] += 1
        allocs[comm] += 1
        seen[comm].add(task)
        last[cpu] = (time, task, site)
    for site in sorted(following):
        out.write("next %d %s %s\n" % (site, listed(gaps[site], 12), listed(following[site], 12)))
    for comm, count in sorted(allocs.items()):
        out.write("comm %s %d %d %d %s\n" % (urllib.parse.quote(comm, safe="/:.+@()"), runs[comm], count, len(seen[comm]),
                                             listed(begins[comm], 12)))
    out.write("turn %s\n" % listed(turn))
    return len(last)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    db = sqlite3.connect("file:%s?mode=ro" % urllib.parse.quote(sys.argv[1]), uri=True)
    facts = dict(db.execute("SELECT key, value FROM capture"))
    sys.stdout.write("# of a capture of %s, Linux %s %s: %d events, %d allocations\n" % (
        facts.get("command", "-")[:60], facts.get("kernel.release", "?"), facts.get("machine", "?"), facts["events"],
        facts["events.alloc"]))
    sys.stdout.write("cpus %d\n" % db.execute("SELECT count(DISTINCT cpu) FROM allocation").fetchone())
    write_sites(db, sys.stdout)
    write_pairs(db, sys.stdout)
    write_order(db, sys.stdout)


if __name__ == "__main__":
    main()
