#!/usr/bin/env python3
"""compare_pairs.py - are the event pairs that a user chooses those that a dictionary makes of the same events?

    compare_pairs.py KMEM_ANALYZE cap.kmem

Each case says the same thing twice: as --alloc and --free (or -e) of kmem-analyze, and as functions of Python over the
events that scripts/read_capture.py reads. Objects and bytes by allocation event, what became of them, who freed them
and call site have to be the same, and so have the totals of kmemleak. Cases whose events the capture does not have are left out.
Prints `ok NAME` and `not ok NAME: why`.
"""

import collections
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import replay  # noqa: E402
import read_capture  # noqa: E402
import runs  # noqa: E402

KMEM_KEY = {"kmem:mm_page_alloc": "pfn", "kmem:mm_page_free": "pfn", "vmalloc:alloc_vmap_area": "addr",
            "vmalloc:free_vmap_area_noflush": "va_start", "percpu:percpu_alloc_percpu": "ptr",
            "percpu:percpu_free_percpu": "ptr"}
FREES = replay.FREES + ("kmem:mm_page_free", "vmalloc:free_vmap_area_noflush", "percpu:percpu_free_percpu")
KMEM_KEY.update(dict.fromkeys(replay.API, "ptr"))


def is_row(event):
    """Frees and allocations of NULL are no events to be paired."""
    name = event.type.full_name
    if name not in KMEM_KEY:
        return True
    address = event.get(KMEM_KEY[name])
    if name.startswith("kmem:mm_page"):
        return address not in (2 ** 64 - 1, 2 ** 32 - 1)
    return address and not event.get("failed") and (name not in replay.API or address != replay.ZERO_SIZE_PTR)


class Side:
    """What one side of a case chooses: event name -> (filter, key, size), in the order of the specs."""

    def __init__(self, *specs):
        self.specs = specs

    def choose(self, event):
        for name, passes, key, size in self.specs:
            if event.type.full_name == name and passes(event):
                return key(event), size(event)
        return None


def spec(name, key, size=lambda e: 0, passes=lambda e: True):
    return name, passes, key, size


def field(name):
    return lambda e: e.get(name)


def pair(events, allocs, frees):    # events: with is_row of each
    """(alloc event, how, free event, call site) -> [objects, bytes], the frees that ended nothing, and those of NULL."""
    counts = collections.defaultdict(lambda: [0, 0])
    live, unmatched, nulls = {}, 0, 0

    def ended(old, how, free_event):
        row = counts[old[0], how, free_event, old[1]]
        row[0] += 1
        row[1] += old[2]

    for event, row in events:
        if not row:
            nulls += event.type.full_name in FREES and frees.choose(event) is not None
            continue
        freed, allocated = frees.choose(event), allocs.choose(event)
        if freed is not None:
            old = live.pop(freed[0], None)
            if old:
                ended(old, "freed", event.type.full_name)
            else:
                unmatched += 1
        if allocated is not None:
            old = live.pop(allocated[0], None)
            if old:
                ended(old, "untraced", None)
            live[allocated[0]] = event.type.full_name, event.get("call_site"), allocated[1]
    for old in live.values():
        ended(old, "live", None)
    return counts, unmatched, nulls


class Analyze:
    def __init__(self, program, path):
        self.program, self.path = program, path

    def report(self, name, *arguments):
        return json.loads(self.program.said(name, "--format", "json", "--include-self", "-n", "0", *arguments, self.path))

    def prof(self, allocs, frees):
        counts = collections.defaultdict(lambda: [0, 0])
        for row in self.report("kmemprof", "-e", allocs, "-e", frees)["stacks"]:
            if row["side"] != "alloc":
                continue
            frame = row["frames"][0]["address"] if row["frames"] else None
            place = counts[row["alloc_event"], row["how"], row["free_event"], frame and int(frame, 16)]
            place[0] += row["objects"]
            place[1] += row["bytes"]
        return counts

    def leak(self, allocs, frees):
        return self.report("kmemleak", "--alloc", allocs, "--free", frees)


def without_sites(counts):
    """The same where call sites are no events' fields: the innermost frame stands for them."""
    out = collections.defaultdict(lambda: [0, 0])
    for (alloc, how, free, _), (objects, size) in counts.items():
        row = out[alloc, how, free]
        row[0] += objects
        row[1] += size
    return out


def cases(ties, pid):
    """(name, --alloc, --free, the same of Python)"""
    ptr, size = field("ptr"), field("bytes_alloc")
    kfree = Side(spec("kmem:kfree", ptr))
    yield "kmalloc and kfree", "kmem:kmalloc", "kmem:kfree", Side(spec("kmem:kmalloc", ptr, size)), kfree
    odd = lambda e: ptr(e) ^ 0x5555  # noqa: E731
    yield ("keys and sizes are expressions",
           "kmem:kmalloc//ptr=ptr^0x5555/size=bytes_req,kmem:kmem_cache_alloc//ptr=ptr^21845/size=2*(bytes_req+1)-1/",
           "kmem:kfree//ptr=(ptr|0x5555)-(ptr&0x5555),kmem:kmem_cache_free//key=ptr^052525/",
           Side(spec("kmem:kmalloc", odd, field("bytes_req")),
                spec("kmem:kmem_cache_alloc", odd, lambda e: 2 * e.get("bytes_req") + 1)),
           Side(spec("kmem:kfree", odd), spec("kmem:kmem_cache_free", odd)))
    yield ("a filter", "kmem:kmalloc/bytes_alloc>=128 && bytes_alloc<=1024 || gfp_flags & 0x20/", "kmem:kfree",
           Side(spec("kmem:kmalloc", ptr, size,
                     lambda e: 128 <= size(e) <= 1024 or (e.get("gfp_flags") or 0) & 0x20)), kfree)
    yield ("two specs of one event, and the first that lets it pass",
           "kmem:kmalloc/bytes_alloc<64/size=1/,kmem:kmalloc/bytes_alloc<256/size=1000/", "kmem:kfree",
           Side(spec("kmem:kmalloc", ptr, lambda e: 1, lambda e: size(e) < 64),
                spec("kmem:kmalloc", ptr, lambda e: 1000, lambda e: size(e) < 256)), kfree)
    yield ("the task and the CPU", "kmem:kmalloc/common_pid==%d/" % pid, "kmem:kfree/CPU!=0 || cpu==0/",
           Side(spec("kmem:kmalloc", ptr, size, lambda e: e.pid == pid)), kfree)
    yield ("frees that are called allocations", "kmem:kfree//size=8/", "kmem:kmalloc",
           Side(spec("kmem:kfree", ptr, lambda e: 8)), Side(spec("kmem:kmalloc", ptr)))
    yield ("pages", "kmem:mm_page_alloc//ptr=page/size=4096<<order/", "kmem:mm_page_free//ptr=pfn/",
           Side(spec("kmem:mm_page_alloc", field("pfn"), lambda e: 4096 << e.get("order"))),
           Side(spec("kmem:mm_page_free", field("pfn"))))
    yield ("areas of vmalloc", "vmalloc:alloc_vmap_area//ptr=addr/size=size/",
           "vmalloc:free_vmap_area_noflush//ptr=va_start/",
           Side(spec("vmalloc:alloc_vmap_area", field("addr"), field("size"))),
           Side(spec("vmalloc:free_vmap_area_noflush", field("va_start"))))
    yield ("fields of pages", "kmem:mm_page_alloc/order<3 && migratetype!=1/ptr=pfn/size=order+migratetype/",
           "kmem:mm_page_free/order<2/ptr=pfn/",
           Side(spec("kmem:mm_page_alloc", field("pfn"), lambda e: e.get("order") + e.get("migratetype"),
                     lambda e: e.get("order") < 3 and e.get("migratetype") != 1)),
           Side(spec("kmem:mm_page_free", field("pfn"), passes=lambda e: e.get("order") < 2)))
    if ties:                            # which of two events with one key came first cannot be told
        return
    yield ("a key that many objects share", "kmem:kmalloc//key=bytes_alloc/", "kmem:kfree//key=(ptr>>4&7)*32",
           Side(spec("kmem:kmalloc", size, size)), Side(spec("kmem:kfree", lambda e: (ptr(e) >> 4 & 7) * 32)))
    yield ("other tracepoints, on both sides", "sched:sched_switch//key=next_pid/size=next_prio/",
           "sched:sched_switch//key=prev_pid/",
           Side(spec("sched:sched_switch", field("next_pid"), field("next_prio"))),
           Side(spec("sched:sched_switch", field("prev_pid"))))
    yield ("a tracepoint and an allocation", "task:task_newtask//key=pid/size=1/", "kmem:kmalloc//key=_pid/",
           Side(spec("task:task_newtask", field("pid"), lambda e: 1)), Side(spec("kmem:kmalloc", lambda e: e.pid)))


def difference(left, right):
    for key in sorted(set(left) | set(right), key=str):
        if left.get(key) != right.get(key):
            return "%s: %s and %s" % (key, left.get(key), right.get(key))
    return None


def one(analyze, events, name, allocs, frees, alloc_side, free_side):
    counts, unmatched, nulls = pair(events, alloc_side, free_side)
    theirs = analyze.prof(allocs, frees)
    if not all(e[0].startswith("kmem:k") for e in counts):
        counts, theirs = without_sites(counts), without_sites(theirs)
    why = difference(counts, theirs)
    if not why:
        leak = analyze.leak(allocs, frees)
        live = [row for key, row in counts.items() if key[1] == "live"]
        freed = [row[0] for key, row in counts.items() if key[1] == "freed"]
        want = {"objects": sum(r[0] for r in live), "bytes": sum(r[1] for r in live),
                "alloc": sum(r[0] for r in counts.values()), "matched": sum(freed), "unmatched": unmatched,
                "null_frees": 0 if "CPU" in frees else nulls}     # which task and CPU a free of NULL had is not kept
        have = {k: v for k, v in {**leak["live"], **leak["total"]}.items() if k in want}
        why = difference(want, have)
    print("ok pairs: %s" % name if not why else "not ok pairs: %s: %s" % (name, why))
    return not why


def compare(program, path, capture):
    """Whether they are the same; program: runs.Runs."""
    if capture.folded:                  # single events are not there, and nothing is said of those that are
        allocs = [f.alloc_type.full_name for f in capture.folded if f.alloc_type and f.alloc_type.full_name in KMEM_KEY][:1]
        refused = [program.run("kmemleak", "--alloc", name, "--free", "kmem:kfree", path)[0] for name in allocs]
        print("%s pairs: those of folded events are refused" % ("ok" if set(refused) <= {1, 2} else "not ok"))
        return set(refused) <= {1, 2}
    events = list(capture.events())
    names = {e.type.full_name for e in events}
    rows = [(e, is_row(e)) for e in events]
    times = [e.time for e in events]
    ties = len(set(times)) != len(times)
    kmallocs = collections.Counter(e.pid for e in events if e.type.full_name == "kmem:kmalloc")
    pid = kmallocs.most_common(1)[0][0] if kmallocs else 0
    analyze = Analyze(program, path)
    good = True
    for name, allocs, frees, alloc_side, free_side in cases(ties, pid):
        wanted = {s[0] for s in alloc_side.specs} | {s[0] for s in free_side.specs}
        if wanted <= names:
            good &= one(analyze, [e for e in rows if e[0].type.full_name in wanted], name, allocs, frees, alloc_side, free_side)
    return good


def main():
    return 0 if compare(runs.Runs(sys.argv[1]), sys.argv[2], read_capture.Capture.open(sys.argv[2])) else 1


if __name__ == "__main__":
    sys.exit(main())
