#!/usr/bin/env python3
"""mktext.py - the same events as ftrace text logs of several forms and as a capture.

    mktext.py DIR [--events N] [--seed N]

It writes into DIR: classic.log (plain addresses, as kernels of 3.x print them) with System.map, modern.log (%pS),
hashed.log (the same with hashed pointers), stacks.log (modern with stack traces behind allocations, frames with
offsets, and interrupts between an event and its trace), variants of modern.log that must mean the same
(crlf, console, noirq, tgid, pipe, prefix, fields), and capture.kmem, by mkcap.py. Times are whole microseconds and never
equal, so that the order by time is the order of the log.
"""

import argparse
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mkcap  # noqa: E402

TEXT, MODULE = 0xffffffff81000000, 0xffffffffc0200000
FUNCTIONS = [("alloc_inode", ""), ("__d_alloc", ""), ("seq_open", ""), ("face", ""), ("alloc_pipe_info.part.0", ""),
             ("sock_alloc_inode", ""), ("vm_area_alloc", ""), ("demo_open", "demo"), ("add", "")]
SIZE = 0x400
KMALLOC, KFREE, CACHE_ALLOC, CACHE_FREE, KMALLOC_NODE, CACHE_ALLOC_NODE = range(6)
NAMES = ["kmalloc", "kfree", "kmem_cache_alloc", "kmem_cache_free", "kmalloc_node", "kmem_cache_alloc_node"]
ALLOCS = (KMALLOC, CACHE_ALLOC, KMALLOC_NODE, CACHE_ALLOC_NODE)
CACHES = (CACHE_ALLOC, CACHE_FREE, CACHE_ALLOC_NODE)
GFP = [("GFP_KERNEL", 0xcc0), ("GFP_ATOMIC", 0x820), ("GFP_KERNEL|__GFP_ZERO", 0xdc0), ("GFP_NOFS", 0xc40)]
TYPES = [mkcap.slab_type(601, "kmalloc", 1, *mkcap.alloc_fields()), mkcap.slab_type(602, "kfree", 0),
         mkcap.slab_type(603, "kmem_cache_alloc", 1, *mkcap.alloc_fields(mkcap.CACHE_NAME)),
         mkcap.slab_type(604, "kmem_cache_free", 0, mkcap.CACHE_NAME),
         mkcap.slab_type(605, "kmalloc_node", 1, *mkcap.alloc_fields()),
         mkcap.slab_type(606, "kmem_cache_alloc_node", 1, *mkcap.alloc_fields(mkcap.CACHE_NAME))]
FLAGS = [(".....", 0), ("d..1.", 1), ("..s1.", 0x10), ("d.h2.", 0x09), ("d.H2.", 0x19)]


class Event:
    """type, us, cpu, pid, comm, flags, site: (function number, offset), ptr, req, alloc, gfp, node, cache, stack."""

    def __init__(self, **values):
        self.__dict__.update(values)


def address(site):
    number, offset = site
    base = MODULE if FUNCTIONS[number][1] else TEXT
    return base + 0x1000 * (number + 1) + offset


def symbol(site, size=True):
    name, module = FUNCTIONS[site[0]]
    return "%s+0x%x%s%s" % (name, site[1], "/0x%x" % SIZE if size else "", " [%s]" % module if module else "")


def make_events(count, seed):
    r = random.Random(seed)
    tasks = [(r.randrange(2, 30000), comm) for comm in
             ("bash", "kworker/0:1-ev", "a b [001] c", "x-12", "cc1", "sixteen-letters")]
    live, retired, events = [], [], []
    us, fresh = 17 * 10 ** 6, 0xffff888100000000
    for _ in range(count):
        us += r.choice([1, 1, 2, 3, 40])
        pid, comm = r.choice(tasks)
        flags = r.choice(FLAGS)
        e = Event(us=us, cpu=r.randrange(3), pid=pid, comm=comm, flags=flags, req=0, alloc=0, gfp=GFP[0], node=-1,
                  cache=None, stack=None, site=(r.randrange(len(FUNCTIONS)), r.choice([0x1c, 0x4f, 0x3ff])))
        kind = r.random()
        if live and kind < 0.44:
            at = r.randrange(len(live))
            e.ptr, e.cache = live.pop(at)
            retired.append(e.ptr)
            if r.random() < 0.05:                   # by the other interface
                e.cache = None if e.cache else "odd-cache"
            e.type = CACHE_FREE if e.cache else KFREE
        elif kind < 0.48:
            e.type, e.ptr = KFREE, 0
        elif kind < 0.50:
            e.type, e.ptr = KFREE, 0xffff888200000000 + 64 * r.randrange(1000)
        else:
            e.cache = r.choice([None, None, "dentry", "kmalloc-64", "task group"])
            e.type = r.choice([CACHE_ALLOC, CACHE_ALLOC_NODE] if e.cache else [KMALLOC, KMALLOC_NODE])
            e.req = r.choice([1, 24, 64, 100, 512, 4000])
            e.alloc = (e.req + 63) // 64 * 64
            e.gfp = r.choice(GFP)
            e.node = r.choice([-1, 0]) if e.type in (KMALLOC_NODE, CACHE_ALLOC_NODE) else -1
            if r.random() < 0.01:
                e.ptr = 0                           # it failed
            elif live and r.random() < 0.05:
                e.ptr = r.choice(live)[0]           # its free was not traced
                live = [o for o in live if o[0] != e.ptr]
            else:
                fresh += 64
                e.ptr = retired.pop() if retired and r.random() < 0.5 else fresh
            if e.ptr:
                live.append((e.ptr, e.cache))
            e.stack = [e.site] + [(r.randrange(len(FUNCTIONS)), 0x11) for _ in range(r.randrange(1, 5))]
        events.append(e)
    return events


# ---- text

def head(e, irq=True, tgid=False):
    return "%16s-%-7d %s[%03d] %s%5d.%06d: " % (
        e.comm, e.pid, "(%7d) " % e.pid if tgid else "", e.cpu, e.flags[0] + " " if irq else " ",
        e.us // 10 ** 6, e.us % 10 ** 6)


def classic(e):
    """As in kernels before 4.15; 3.x has no node but in the _node events."""
    pointer = "%016x" % e.ptr if e.ptr else "%16s" % "(null)"
    text = "%s: call_site=%x ptr=%s" % (NAMES[e.type], address(e.site), pointer)
    if e.type in ALLOCS:
        text += " bytes_req=%d bytes_alloc=%d gfp_flags=%s" % (e.req, e.alloc, e.gfp[0].replace("__", ""))
        if e.type in (KMALLOC_NODE, CACHE_ALLOC_NODE):
            text += " node=%d" % e.node
    return text


def modern(e, pointer=None):
    text = "%s: call_site=%s ptr=%s" % (NAMES[e.type], symbol(e.site), pointer or "%016x" % e.ptr)
    if e.cache and e.type in CACHES:
        text += " name=%s" % e.cache
    if e.type in ALLOCS:
        text += " bytes_req=%d bytes_alloc=%d gfp_flags=%s node=%d accounted=%s" % (
            e.req, e.alloc, e.gfp[0], e.node, "true" if e.cache else "false")
    return text


def fields(e):
    """As the option `fields` prints: every number twice."""
    def twice(n, bits):
        signed = n - (1 << bits) if n >> (bits - 1) else n
        return "0x%x (%d)" % (n, signed)
    text = "%s: call_site=%s (%d) ptr=%s" % (NAMES[e.type], symbol(e.site), -5, twice(e.ptr, 64))
    if e.cache and e.type in CACHES:
        text += " name=%s" % e.cache
    if e.type in ALLOCS:
        text += " bytes_req=%s bytes_alloc=%s gfp_flags=%s node=%s" % (
            twice(e.req, 64), twice(e.alloc, 64), twice(e.gfp[1], 64), twice(e.node & 0xffffffff, 32))
    return text


HEADER = "# tracer: nop\n#\n# entries-in-buffer/entries-written: %d/%d   #P:3\n#\n#  TASK-PID     CPU#  TIMESTAMP\n"


def write(path, lines, entries=None, end="\n"):
    with open(path, "w", newline="") as out:
        out.write((HEADER % (entries, entries)).replace("\n", end) if entries else "")
        for line in lines:
            out.write(line + end)


def stack_lines(events, r):
    """Allocations with their traces, now and then behind an event of an interrupt with a trace of its own."""
    waiting = None
    for e in events:
        yield head(e) + modern(e)
        if e.stack and waiting is None and r.random() < 0.05:
            waiting = e
            continue
        if e.stack:
            yield from trace(e, e.us)
        if waiting:
            yield from trace(waiting, e.us)
            waiting = None
    if waiting:
        yield from trace(waiting, events[-1].us)


def trace(e, us):
    late = Event(**dict(e.__dict__, us=us))
    yield head(late) + "<stack trace>"
    yield " => __traceiter_kmalloc+0x41/0x90"
    yield from (" => " + symbol(site) for site in e.stack)


def console(events, r):
    noise = ["[   12.345678] usb 1-1: new device", "", "login: \x1b[2J\x07", "Starting [003] things: ok", "a\xa0b"]
    for e in events:
        if r.random() < 0.05:
            yield r.choice(noise)
        yield r.choice(["", "", "#: "]) + head(e) + modern(e) if r.random() < 0.1 else head(e) + modern(e)


def pipe(events):
    seen = set()
    for e in events:
        if e.cpu not in seen:
            yield "##### CPU %d buffer started ####" % e.cpu
        seen.add(e.cpu)
        yield head(e) + modern(e)


def write_texts(path, events, seed):
    r = random.Random(seed)
    n, hashes = len(events), {0: 0}
    for e in events:
        while e.ptr not in hashes:
            value = r.getrandbits(32) | 1 << 31
            if value not in hashes.values():
                hashes[e.ptr] = value

    def name(form):
        return os.path.join(path, form + ".log")

    write(name("classic"), [head(e) + classic(e) for e in events], n)
    write(name("modern"), [head(e) + modern(e) for e in events], n)
    write(name("hashed"), [head(e) + modern(e, "%016x" % hashes[e.ptr]) for e in events], n)
    write(name("stacks"), stack_lines(events, r), None)
    write(name("crlf"), [head(e) + modern(e) for e in events], n, "\r\n")
    write(name("console"), console(events, r))
    write(name("noirq"), [head(e, irq=False) + modern(e) for e in events], n)
    write(name("tgid"), [head(e, tgid=True) + modern(e) for e in events], n)
    write(name("pipe"), pipe(events))
    write(name("prefix"), ["<6>[%5d.%06d][  T%d] " % (e.us // 10 ** 6, 1, e.pid) + head(e) + modern(e) for e in events])
    write(name("fields"), [head(e) + fields(e) for e in events], n)
    with open(os.path.join(path, "System.map"), "w") as out:
        out.write(kallsyms())


# ---- the capture

def kallsyms():
    lines = ["%016x T _stext" % TEXT]
    for i, (function, module) in enumerate(FUNCTIONS):
        start = address((i, 0))
        lines.append("%016x t %s%s" % (start, function, "\t[%s]" % module if module else ""))
        lines.append("%016x t behind_%d%s" % (start + SIZE, i, "\t[%s]" % module if module else ""))
    return "\n".join(sorted(lines)) + "\n"


def write_capture(path, events):
    cap = mkcap.Capture()
    cap.info({"long_size": "8", "page_size": "4096", "time.start_ns": str(events[0].us * 1000)})
    cap.file("/proc/kallsyms", "start", kallsyms().encode())
    cap.types(TYPES)
    cap.tasks(sorted({(e.pid, 0, 0, e.comm) for e in events}), events[0].us * 1000)
    for cpu in sorted({e.cpu for e in events}):
        rows = []
        for e in events:
            if e.cpu != cpu:
                continue
            values = (address(e.site),)
            if e.type in ALLOCS:
                values += (e.req, e.alloc, e.gfp[1], e.node)
            if e.type in CACHES:
                values += ((e.cache or "").encode(),)
            rows.append(mkcap.Ev(e.us * 1000, e.pid, e.type, values, e.ptr, (), e.flags[1], 0,
                                 tuple(address(s) for s in e.stack) if e.stack else None))
        cap.events(cpu, rows, writer=1 + cpu)
    with open(path, "wb") as out:
        out.write(cap.finish())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    o = parser.parse_args()
    events = make_events(o.events, o.seed)
    write_texts(o.directory, events, o.seed)
    write_capture(os.path.join(o.directory, "capture.kmem"), events)


if __name__ == "__main__":
    main()
