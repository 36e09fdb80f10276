#!/usr/bin/env python3
"""Sampled stacks against the truth.

    estimate.py make SEED N FULL.txt SAMPLED.txt FACTS.json	the same events as two scripts of mkcapture: with all
                                        stacks, and with those of 1 allocation in N, chosen at random
    estimate.py check FACTS.json KMEM-ANALYZE FULL.db SAMPLED.db	compares what the reports say of both, and of the
                                        sampled one with a second calculation of all estimates, from the events alone

A miss is a line whose truth is not within its interval.
"""
import collections
import json
import random
import subprocess
import sys

ENOUGH = 8  # analyze/estimate.h

ROOTS = ["sys_read", "sys_write", "sys_openat", "worker_thread", "do_exit", "ret_from_fork"]


def make(seed, n, full, sampled, facts):
    rng = random.Random(seed)
    names = ["_stext", "plant_leak", "busy_alloc", "table_free", "cache_free", "kmemdup"] + ROOTS
    names += ["mid_%d" % i for i in range(40)] + ["site_%d" % i for i in range(60)]
    head = ["info machine x86_64", "info kernel.release 6.18.0-test", "info time.start_ns 1000000000",
            "info time.end_ns 9000000000", "info clock.start.trace_ns 1000000000",
            "info clock.start.wall_ns 1700000000000000000"]
    head += ["task %d %d 1 %s" % (p, p, c) for p, c in ((100, "reader"), (200, "writer"), (300, "kworker/0:1"))]
    head += ["symbol 0x%x %s" % (0xffffffff81000000 + 0x1000 * i, s) for i, s in enumerate(names)]
    sites = []
    for i in range(60):
        count = max(1, int(3000 / (i + 1) ** 1.1))
        stacks = []
        for k in range(rng.randint(1, 25)):
            frames = rng.sample(range(40), rng.randint(1, 4))
            stacks.append((",".join("mid_%d+0x%x" % (f, 16 + k) for f in frames) + "," + rng.choice(ROOTS) + "+0x20",
                           1 / (k + 1) ** 1.3, rng.choice([0.02, 0.02, 0.02, 0.3, 0.9]), rng.choice([100, 200, 300])))
        sites.append(("site_%d+0x4f" % i, count, stacks, rng.choice([[64], [192], [32, 64, 128], [512, 1024]])))
    # a leak from a rare stack at a busy call site: 2 % of it, and all of what stays
    sites.append(("busy_alloc+0x4f", 6000, [("mid_1+0x1,sys_read+0x20", 0.98, 0.0, 100),
                                            ("plant_leak+0x30,sys_write+0x20", 0.02, 1.0, 200)], [256]))
    events = []
    for site, count, stacks, sizes in sites:
        for _ in range(count):
            which = rng.choices(range(len(stacks)), [s[1] for s in stacks])[0]
            frames, _, live, pid = stacks[which]
            size = sizes[which % len(sizes)] if rng.random() < 0.8 else rng.choice(sizes)
            events.append((rng.random(), site, size, frames, rng.random() < live, pid))
    events.sort()
    time = 1000000000
    lines = []
    out = []
    pending = []
    for i, (_, site, size, frames, live, pid) in enumerate(events):
        time += 20000
        ptr = 0xffff888000000000 + 0x1000 * i
        chosen = rng.random() < 1 / n
        line = "%d %d %d kmalloc ptr=0x%x call_site=%s bytes_req=%d bytes_alloc=%d" % (
            time, i % 2, pid, ptr, site, size - size // 8, size)
        stack = " stack=%s,%s" % (site, frames)
        lines.append((line + stack, line + (stack if chosen else "")))
        event = "kfree" if i % 5 else "kmem_cache_free"
        out.append({"site": site, "size": size, "stack": site + "," + frames, "live": live, "chosen": chosen,
                    "pid": pid, "free": None if live else event})
        if not live:
            pending.append((i, ptr, event))
        while pending and (len(pending) > 50 or i == len(events) - 1):
            _, p, e = pending.pop(0)
            time += 1000
            line = "%d 0 100 %s ptr=0x%x call_site=%s+0x30" % (
                time, e, p, "table_free" if e == "kfree" else "cache_free")
            lines.append((line, line))
    with open(full, "w") as f:
        f.write("\n".join(head + [a for a, _ in lines]) + "\n")
    with open(sampled, "w") as f:
        f.write("\n".join(head + ["info events.stack_sample %d" % n, "info events.stack_sample_by random"] +
                          [b for _, b in lines]) + "\n")
    with open(facts, "w") as f:
        json.dump(out, f)


class Check:
    def __init__(self, tool):
        self.tool = tool
        self.failed = False
        self.lines = self.misses = 0
        self.by = collections.Counter()  # how many intervals of which report
        self.label = ""
        self.wrong = []  # exact lines that are not

    def report(self, db, *args):
        self.label = " ".join(args)
        text = subprocess.run([self.tool, args[0], "--format", "json", *args[1:], db], check=True,
                              stdout=subprocess.PIPE).stdout
        return json.loads(text)

    def say(self, good, what, why=""):
        print("ok %s" % what if good else "not ok %s: %s" % (what, why))
        self.failed |= not good

    def interval(self, row, name, truth, what):
        """Of a line that is an estimate: whether the truth is within."""
        low, high, value = row[name + "_low"], row[name + "_high"], row[name]
        if not low <= value <= high:
            self.say(False, "an interval holds its estimate", "%s %s: %d not in %d..%d" % (what, name, value, low, high))
        if low == high:
            if value != truth:
                self.wrong.append("%s %s: %d, truth %d" % (what, name, value, truth))
            return
        self.lines += 1
        self.misses += not low <= truth <= high
        self.by[self.label, "truth is more" if truth > high else "truth is less" if truth < low else "good"] += 1


def frames_of(row):
    return ",".join("%s+0x%x" % (f["function"], f["offset"]) for f in row["frames"])


def estimates(events):
    """By (stack, state): objects and bytes, as analyze/estimate.h says, but in fractions."""
    def kind(e):
        return (e["site"], e["size"], e["free"])

    def size(e):
        return (e["site"], e["size"], e["free"])

    cells = collections.defaultdict(list)
    for e in events:
        cells["kind", *kind(e)].append(e)
    final = {}
    for key, members in list(cells.items()):
        if sum(m["chosen"] for m in members) >= ENOUGH or all(m["chosen"] for m in members):
            final[key] = members
        else:
            for m in members:
                final.setdefault(("size", *size(m)), []).append(m)
    by_state = collections.defaultdict(collections.Counter)
    by_site = collections.defaultdict(collections.Counter)
    for e in events:
        if e["chosen"]:
            by_state[e["site"], e["live"]][e["stack"]] += 1
            by_site[e["site"]][e["stack"]] += 1
    objects, sizes = collections.Counter(), collections.Counter()
    for members in final.values():
        seen = collections.Counter(m["stack"] for m in members if m["chosen"])
        first = members[0]
        donors = seen or by_state[first["site"], first["live"]] or by_site[first["site"]]
        total = sum(donors.values())
        for m in members:
            shares = {m["stack"]: 1} if m["chosen"] else \
                {s: k / total for s, k in donors.items()} if total else {m["site"]: 1}
            for s, share in shares.items():
                objects[s, m["free"]] += share
                sizes[s, m["free"]] += share * m["size"]
    return objects, sizes


def check_kmemprof(c, full, sampled, events):
    a, b = (c.report(db, "kmemprof", "-n", "0") for db in (full, sampled))
    truth = {(frames_of(r), r["how"], r["free_event"], r["side"]): r for r in a["stacks"]}
    rows = {(frames_of(r), r["how"], r["free_event"], r["side"]): r for r in b["stacks"]}
    for name in "objects", "bytes", "lifetime_sum":
        sums = []
        for side in truth, rows:
            s = collections.Counter()
            for (_, how, event, where), r in side.items():
                s[how, event, where] += r[name]
            sums.append(s)
        c.say(sums[0] == sums[1], "kmemprof: sums of %s are exact" % name, sums)
        # and those of each call site
        sums = []
        for side in truth, rows:
            s = collections.Counter()
            for (frames, how, event, where), r in side.items():
                s[frames.split(",")[0], how, event, where] += r[name]
            sums.append(s)
        c.say(sums[0] == sums[1], "kmemprof: %s of each call site are exact" % name, sums)
    c.say(all(truth[k][n] == rows[k][n] == rows[k][n + "_low"] == rows[k][n + "_high"]
              for k in truth if k[3] == "free" for n in ("objects", "bytes")), "kmemprof: who freed is exact", "")
    c.say(all(truth[k][n] == rows[k][n] for k in truth if k[3] == "free" for n in ("lifetime_sum", "lifetime_max")),
          "kmemprof: how long lived what they freed is exact", "")
    objects, sizes = estimates(events)
    worst, alone = 0, True
    for key, r in rows.items():
        if key[3] == "free":
            continue
        event = key[2].split(":")[1] if key[2] else None
        t = truth.get(key, {"objects": 0, "bytes": 0})
        worst = max(worst, abs(r["objects"] - objects[key[0], event]))
        if len(r["frames"]) == 1:
            alone &= r["objects_low"] == r["objects_high"] == r["objects"]
            continue
        c.interval(r, "objects", t["objects"], key)
        c.interval(r, "bytes", t["bytes"], key)
    c.say(worst <= 4, "kmemprof: objects are those of a second calculation, to whole objects", worst)
    c.say(alone, "kmemprof: what has no sample at its call site is exact", "")
    seen = set(k for k, v in objects.items() if v > 4)
    c.say(all((s, "freed" if f else "live", "kmem:" + f if f else None, "alloc") in rows for s, f in seen),
          "kmemprof: no stack is missing", "")


def check_kmemleak(c, full, sampled):
    a, b = (c.report(db, "kmemleak") for db in (full, sampled))
    c.say(a["live"] == b["live"] and a["total"] == b["total"], "kmemleak: totals are exact", "")
    truth = {frames_of(r): r for r in a["leaks"]}
    for r in b["leaks"]:
        if len(r["frames"]) == 1:
            continue
        t = truth.get(frames_of(r), {"objects": 0, "bytes": 0})
        c.interval(r, "objects", t["objects"], frames_of(r))
        c.interval(r, "bytes", t["bytes"], frames_of(r))
    planted = [r for r in b["leaks"] if "plant_leak" in frames_of(r)]
    real = [r for r in a["leaks"] if "plant_leak" in frames_of(r)]
    # all that is live of its call site is of its stack, although 98 % of what it allocates is not
    c.say(len(planted) == 1 and planted[0]["objects"] == real[0]["objects"] and
          planted[0]["bytes"] == real[0]["bytes"], "the planted leak has its size", planted)


def check_top(c, full, sampled):
    for measure in "live", "allocated", "waste", "objects", "allocs", "peak":
        a, b = (c.report(db, "top", "--tree", "--measure", measure) for db in (full, sampled))
        c.say(a["total"]["total"] == b["total"]["total"], "top: the total of %s is exact" % measure, "")
        truth = {r["function"]: r for r in a["functions"]}
        sites = True
        for r in b["functions"]:
            t = truth.get(r["function"], {"flat": 0, "cum": 0, "callers": [], "callees": []})
            c.interval(r, "flat", t["flat"], (measure, r["function"]))
            c.interval(r, "cum", t["cum"], (measure, r["function"]))
            if r["function"].startswith("site_"):
                sites &= r["cum_low"] == r["cum_high"] == t["cum"]
            calls = {x["function"]: x["value"] for x in t["callers"]}
            for x in r["callers"]:
                c.interval({"value": x["value"], "value_low": x["low"], "value_high": x["high"]}, "value",
                           calls.get(x["function"], 0), (measure, x["function"], r["function"]))
        c.say(sites, "top: %s of call sites are exact" % measure, "")


def check_account(c, full, sampled):
    same = [json.dumps({k: v for k, v in c.report(db, "account", *args).items() if k != "header"})
            for args in ((), ("--by", "caller"), ("--by", "cache,comm,context"), ("--from", "30%", "--by", "function"))
            for db in (full, sampled)]
    c.say(same[0::2] == same[1::2], "account by what is no stack is that of the full capture", "")
    for args in (("--by", "stack"), ("--by", "comm,stack"), ("--by", "stack", "--from", "20%", "--to", "90%"),
                 ("--by", "stack", "--at", "60%"), ("--by", "stack", "--where", "bytes_alloc > 100")):
        a, b = (c.report(db, "account", "-n", "0", *args)["groups"] for db in (full, sampled))

        def name(r):
            return frames_of({"frames": r.get("frames") or r["stack"]}), r.get("comm")
        truth = {name(r): r for r in a}
        c.say(all(sum(r[n] for r in a) == sum(r[n] for r in b) for n in ("total", "net", "waste", "alloc", "free")),
              "account %s: sums are exact" % " ".join(args), "")
        for r in b:
            if "," not in name(r)[0]:
                continue
            t = truth.get(name(r), {"net": 0, "total": 0})
            c.interval(r, "net", t["net"], name(r))
            c.interval(r, "total", t["total"], name(r))


def check(facts, tool, full, sampled):
    c = Check(tool)
    with open(facts) as f:
        events = json.load(f)
    check_kmemprof(c, full, sampled, events)
    check_kmemleak(c, full, sampled)
    check_top(c, full, sampled)
    check_account(c, full, sampled)
    for k, v in sorted(c.by.items()):
        print("#", *k, v)
    c.say(not c.wrong, "what has no interval is exact", "%d lines, as %s" % (len(c.wrong), c.wrong[:1]))
    share = 100 * (c.lines - c.misses) / c.lines
    print("# %d intervals, %d without the truth: %.1f %% have it" % (c.lines, c.misses, share))
    c.say(share >= 93, "the truth is within about 95 % of the intervals", "%.1f %%" % share)
    return c.failed


def main():
    if sys.argv[1] == "make":
        make(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:7])
    elif check(*sys.argv[2:6]):
        sys.exit(1)


main()
