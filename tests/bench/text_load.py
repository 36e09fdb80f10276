#!/usr/bin/env python3
"""text_load.py - how fast kmem-analyze loads an ftrace text log.

    text_load.py KMEM_ANALYZE [EVENTS [RUNS]]

The events are made up: 3,000 call sites, 48 % frees, 40 tasks, hashed pointers. Prints events a second of the fastest
run (wall clock, database on disk included), and its memory.
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time


def write_log(path, count):
    r = random.Random(1)
    sites = [("function_%d+0x%x/0x400" % (i, r.randrange(4, 1000)), 8 << r.randrange(9)) for i in range(3000)]
    tasks = ["%16s-%-7d" % (r.choice(["bash", "kworker/0:1", "cc1", "<...>"]), r.randrange(1, 30000)) for _ in range(40)]
    live, us, task = [], 10 ** 8, tasks[0]
    with open(path, "w") as out:
        for _ in range(count):
            us += r.randrange(4)
            if r.random() < 0.02:
                task = r.choice(tasks)
            head = "%s [%03d] %s %5d.%06d: " % (task, us >> 6 & 1, r.choice([".....", "d..1.", "..s1."]),
                                                us // 10 ** 6, us % 10 ** 6)
            if live and r.random() < 0.48:
                at = r.randrange(len(live))
                live[at], live[-1] = live[-1], live[at]
                pointer, site = live.pop()
                out.write(head + "kfree: call_site=%s ptr=%016x\n" % (sites[site * 7 % 3000][0], pointer))
            else:
                site, pointer = min(int(r.expovariate(1 / 200)), 2999), r.getrandbits(32)
                live.append((pointer, site))
                out.write(head + "kmalloc: call_site=%s ptr=%016x bytes_req=%d bytes_alloc=%d gfp_flags=GFP_KERNEL "
                          "node=-1 accounted=false\n" % (sites[site][0], pointer, sites[site][1], sites[site][1]))


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000000
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as directory:
        log, best = os.path.join(directory, "kmem.log"), None
        write_log(log, count)
        for _ in range(runs):
            start = time.monotonic()
            subprocess.run([program, "load", "-q", "-f", log], check=True)
            took = time.monotonic() - start
            best = took if best is None else min(best, took)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print("text log: %d events, %.0f MB: %.2f M events/s (best of %d), %.2f us of CPU each, %d MB of memory" %
              (count, os.path.getsize(log) / 1e6, count / best / 1e6, runs,
               (used.ru_utime + used.ru_stime) / runs / count * 1e6, used.ru_maxrss >> 10))


if __name__ == "__main__":
    main()
