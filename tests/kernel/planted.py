#!/usr/bin/env python3
"""planted.py KMEMLEAK_TEXT CAPTURE PID PIPES SOCKETPAIRS EPOLLS: does the report list exactly what plant holds?

Two witnesses. By name: the functions that make a pipe, a socket and an epoll instance hold exactly so many objects,
all of them certain, of plant alone. By number: for every call site, objects and bytes in the report equal a naive
replay (a dictionary of pointers) of the events as read_capture.py prints them.
"""
import collections
import os
import re
import subprocess
import sys


class Group:
    def __init__(self, size, objects):
        self.bytes, self.objects = size, objects
        self.certain = self.doubt = 0
        self.plant = [0, 0]  # objects and bytes allocated by tasks of that name
        self.addresses, self.functions = [], []


def read_groups(path):
    groups = []
    for line in open(path):
        m = re.match(r"Leak of (\d+) bytes in (\d+) objects", line)
        if m:
            groups.append(Group(int(m[1]), int(m[2])))
            continue
        if not groups:
            continue
        g = groups[-1]
        m = re.match(r"\s+certain (\d+), in doubt (\d+)", line)
        if m:
            g.certain, g.doubt = int(m[1]), int(m[2])
        m = re.match(r"\s+comms: (.*)", line)
        if m:
            for comm, size, objects in re.findall(r"(\S+)\((\d+)/(\d+)\)", m[1]):
                if comm == "plant":
                    g.plant = [int(objects), int(size)]
        m = re.match(r"\s+([0-9a-f]{8,16}) (\S+?)(\+0x[0-9a-f]+)? ", line)
        if m:
            g.addresses.append(int(m[1], 16))
            g.functions.append(m[2])
    return groups


def live_by_call_site(capture, pid):
    """{call site: [objects, bytes]} of what the thread allocated and nobody freed."""
    reader = os.path.join(os.path.dirname(__file__), "../../scripts/read_capture.py")
    text = subprocess.run([reader, "--events", capture], capture_output=True, text=True, check=True).stdout
    rows = []
    started = None  # before it was plant, the process was a shell
    for line in text.splitlines():
        time, _cpu, thread, flags, event, *fields = line.split()
        if event == "task:task_rename" and "newcomm=plant" in fields and f"pid={pid}" in fields:
            started = int(time)
        elif event in ("kmem:kmalloc", "kmem:kmem_cache_alloc", "kmem:kfree", "kmem:kmem_cache_free"):
            values = dict(f.split("=", 1) for f in fields if "=" in f)
            rows.append((int(time), int(thread), int(flags, 16), event, values))
    rows.sort(key=lambda row: row[0])
    live = {}
    for time, thread, flags, event, values in rows:
        if event.endswith("free"):
            live.pop(values["ptr"], None)
        else:
            # interrupts borrow the task: what they allocate is not its own
            mine = thread == pid and time > started and not flags & 0x58
            live[values["ptr"]] = (int(values["call_site"], 16), int(values["bytes_alloc"])) if mine else None
    sums = collections.defaultdict(lambda: [0, 0])
    for item in live.values():
        if item:
            sums[item[0]][0] += 1
            sums[item[0]][1] += item[1]
    return sums


def main():
    groups = read_groups(sys.argv[1])
    pid, pipes, pairs, epolls = map(int, sys.argv[3:7])
    failures = []
    want = {  # a function, and how many objects the groups have that it allocates
        "alloc_pipe_info": 2 * pipes,  # the description and its ring of buffers
        "sk_prot_alloc": 2 * pairs,
        # the file of the instance; struct eventpoll itself is freed by kfree_rcu, which since 6.16 waits seconds for
        # company and is then not traced
        "epoll_create": epolls,
    }
    for name, objects in want.items():
        mine = [g for g in groups if g.plant[0] and len(g.functions) > 1 and
                (name == g.functions[1] or name == "epoll_create" and g.functions[1] == "alloc_empty_file" and
                 any(name in f for f in g.functions))]
        have = sum(g.plant[0] for g in mine)
        print(f"# {name}: {have} objects, {sum(g.plant[1] for g in mine)} bytes, "
              f"{sum(g.certain for g in mine)} of {sum(g.objects for g in mine)} certain")
        if have != objects:
            failures.append(f"{name}: {have} objects instead of {objects}")
        if any(g.doubt or g.certain != g.objects for g in mine):
            failures.append(f"{name}: not all certain")
    # nodes of the maple tree, which this kernel frees without a trace
    maple = [g for g in groups if len(g.functions) > 1 and g.functions[1].startswith("mas_")]
    print(f"# maple nodes: {sum(g.doubt for g in maple)} of {sum(g.objects for g in maple)} in doubt")
    release = tuple(int(n) for n in re.findall(r"\d+", os.uname().release)[:2])
    if release >= (6, 18) and not maple:
        failures.append("no maple node is live: the test tests nothing")
    if any(g.certain for g in maple):
        failures.append("maple nodes: some are called certain")
    truth = live_by_call_site(sys.argv[2], pid)
    report = collections.defaultdict(lambda: [0, 0])
    for g in groups:
        site = next((a for a in g.addresses if a in truth), None)
        if site is not None:
            report[site][0] += g.plant[0]
            report[site][1] += g.plant[1]
    for site, (objects, size) in truth.items():
        if objects >= 10 and report[site] != [objects, size]:
            failures.append(f"call site {site:x}: {report[site]} instead of {[objects, size]}")
    print(f"# {len(truth)} call sites of plant, {sum(v[0] for v in truth.values())} live objects by naive replay")
    if failures:
        sys.exit("; ".join(failures))


main()
