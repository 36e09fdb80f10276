#!/usr/bin/env python3
"""compare_time.py - do peak, timeline, lifetimes and history say what brute force over the events finds?

    compare_time.py KMEM_ANALYZE cap.kmem           its database is cap.kmem.db

The naive replay gives every object with its times; each number is worked out from these anew, with no regard to cost:
what is live at a moment is counted object by object. Prints `ok NAME` and `not ok NAME: why`.
"""

import bisect
import copy
import json
import os
import sqlite3
import sys
from collections import Counter, defaultdict

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_by  # noqa: E402
import compare_db  # noqa: E402
import replay  # noqa: E402
import samples  # noqa: E402

STEPS = 7
MOST_STEPS = 60                         # where none are asked for
TOP = 2
SHARES = (50, 90, 99)
BELOW = [10 ** n for n in range(3, 12)] + [None]
ADDRESSES = 12                          # whose history is looked at
BRIEF_ADDRESSES = 3


def report(program, *arguments):
    return json.loads(program.said(*arguments, "--format", "json"))


class Levels:
    """What is live after all events of each moment at which something changes."""

    def __init__(self, things):
        changes = [(o.time, o.bytes_alloc, 1) for o in things]
        changes += [(o.end_time, -o.bytes_alloc, -1) for o in things if o.end_time is not None]
        self.times, self.values = [], []
        size = count = 0
        for time, more, one in sorted(changes):
            size += more
            count += one
            if self.times and self.times[-1] == time:
                self.values[-1] = size, count
            else:
                self.times.append(time)
                self.values.append((size, count))

    def at(self, time):
        i = bisect.bisect_right(self.times, time)
        return self.values[i - 1] if i else (0, 0)

    def peak(self):
        """The first of the highest: bytes, objects, time."""
        most = max(range(len(self.values)), key=lambda i: (self.values[i][0], -i))
        return self.values[most] + (self.times[most],)

    def between(self, after, until):
        """Bytes from the moment after `after` to `until`, and what was carried there."""
        return [self.at(after)[0]] + [v[0] for t, v in zip(self.times, self.values) if after < t <= until]


def group_things(things, key):
    groups = defaultdict(list)
    for thing in things:
        groups[key(thing)].append(thing)
    return groups


class Compare:
    def __init__(self, program, path, capture):
        self.program, self.path = program, path
        made, self.names = replay.replay_capture(capture)
        self.db = sqlite3.connect("file:%s.db?mode=ro" % path, uri=True)
        self.facts = dict(self.db.execute("SELECT key, value FROM capture"))
        # peaks are by call site where stacks are a sample, because each allocation has that
        self.stacks = None if samples.is_sampled(capture) else compare_db.Stacks(capture, self.db)
        self.everything = list(map(copy.copy, made.objects))
        base = self.facts["time.base_ns"]
        for thing in self.everything:
            thing.time -= base
            thing.end_time = None if thing.end_time is None else thing.end_time - base
        self.unmatched = made.unmatched
        self.base = base
        self.end = self.facts["time.length_ns"]
        self.folded = self.facts["folded.pairs"]    # and then the summaries have more than the rows
        self.things = [o for o in self.everything if not o.self]
        self.gaps = capture.losses() + capture.pauses() + capture.overwritten()
        self.score = compare_by.Score(os.path.basename(path))

    def stack_key(self, thing):
        stack = self.stacks.expected(thing) if self.stacks else None
        return ("stack", stack) if stack else ("site", thing.call_site)

    def site_key(self, thing):
        return self.names.caller(thing.call_site)

    # ---- peak

    def expected_peaks(self, things, key):
        top = Levels(things).peak()
        rows = {}
        for name, group in group_things(things, key).items():
            levels = Levels(group)
            held, own = levels.at(top[2]), levels.peak()
            if own[0]:
                rows[name] = held + own
        return top, rows

    def peak(self):
        for options, things in (([], self.things), (["--include-self"], self.everything),
                                (["--malloc"], [o for o in self.things if o.api == "malloc"]),
                                (["--from", "25%"], [o for o in self.things if o.time >= int(self.end * 0.25)])):
            if not sum(o.bytes_alloc for o in things):
                continue
            said = report(self.program, "peak", "-n", "0", "--domain", "slab", *options, self.path)
            top, rows = self.expected_peaks(things, self.stack_key)
            name = " ".join(["peak"] + options)
            one = said["peaks"][0]
            self.score.equal("%s: the moment" % name, (one["bytes"], one["objects"], one["time"]), top)
            self.score.equal("%s: the end" % name, (one["end_bytes"], one["end_objects"]),
                             (sum(o.bytes_alloc for o in things if o.end == "live"),
                              sum(1 for o in things if o.end == "live")))
            self.score.equal("%s: every stack" % name, Counter(
                (r["bytes"], r["objects"], r["own_bytes"], r["own_objects"], r["own_time"]) for r in said["stacks"]),
                Counter(rows.values()))
        self.peak_by()

    def peak_by(self):
        if not sum(o.bytes_alloc for o in self.things):
            return
        said = report(self.program, "peak", "-n", "0", "--by", "call-site,cpu", "--domain", "slab", self.path)
        _, rows = self.expected_peaks(self.things, lambda o: (self.site_key(o), str(o.cpu)))
        self.score.equal("peak --by: every group", {
            (r["call-site"], str(r["cpu"])): (r["bytes"], r["objects"], r["own_bytes"], r["own_objects"], r["own_time"])
            for r in said["groups"]}, rows)

    # ---- timeline

    def expected_steps(self, series, times):
        rows = {}
        for name, things in series.items():
            levels = Levels(things)
            for i, time in enumerate(times):
                spread = levels.between(times[i - 1], time) if i else [levels.at(time)[0]]
                rows[time, name] = levels.at(time) + (min(spread), max(spread))
        return rows

    def timeline(self):
        self.round_timeline()
        times = [self.end * i // STEPS for i in range(STEPS)] + [self.end]
        said = report(self.program, "timeline", "--steps", str(STEPS), "--domain", "slab", self.path)
        self.score.equal("timeline", self.steps(said, "domain"),
                         self.expected_steps({("group", "slab"): self.things} if self.things else {}, times))
        groups = group_things(self.things, self.site_key)
        ranks = sorted(groups, key=lambda g: (-Levels(groups[g]).peak()[0], os.fsencode(g)))
        series = {("group", g): groups[g] for g in ranks[:TOP]}
        if len(ranks) > TOP:
            series["others", None] = [o for g in ranks[TOP:] for o in groups[g]]
        series["all", None] = self.things
        said = report(self.program, "timeline", "--steps", str(STEPS), "--by", "call-site", "-n", str(TOP), self.path)
        self.score.equal("timeline --by", self.steps(said, "call-site"), self.expected_steps(series, times))
        for time in times[1:-1:3 if self.program.brief else 1]:
            live = report(self.program, "kmemleak", "--at", "%dns" % time, "-n", "1", self.path)["live"]
            self.score.equal("timeline is --at", (live["bytes"], live["objects"]), Levels(self.things).at(time))

    def round_timeline(self):
        """Steps of a round length; from the loader's steps and from the rows."""
        said = report(self.program, "timeline", "--domain", "slab", self.path)
        times = sorted({r["time"] for r in said["steps"]})
        if len(times) > 1:
            every = times[1] - times[0]
            last = -(-self.end // every) if len(times) > 2 else 1
            self.score.equal("timeline: its moments", times, [every * i for i in range(last)] + [self.end])
            self.score.equal("timeline: a round length, not too many", (len(times) == 2 or str(every).rstrip("0") in ("1", "2", "5"),
                                                                        len(times) <= MOST_STEPS + 1), (True, True))
        self.score.equal("timeline of round steps", self.steps(said, "domain"),
                         self.expected_steps({("group", "slab"): self.things} if self.things else {}, times))
        self.score.equal("timeline from the rows is the same", report(self.program, "timeline", self.path)["steps"],
                         report(self.program, "timeline", "--where", "1", self.path)["steps"])

    @staticmethod
    def steps(said, key):
        return {(r["time"], (r["series"], r[key])): (r["bytes"], r["objects"], r["bytes_min"], r["bytes_max"])
                for r in said["steps"]}

    # ---- lifetimes

    def in_doubt(self, thing):
        return any((g.after or 0) <= thing.end_time + self.base and g.before >= thing.time + self.base for g in self.gaps)

    @staticmethod
    def rounded(ns, longest):
        """The end of its class: of two digits."""
        zeros = 10 ** max(len(str(ns)) - 2, 0)
        return min((ns // zeros + 1) * zeros if zeros > 1 else ns, longest)

    def expected_lifetimes(self, things, exact):
        freed = sorted(o.end_time - o.time for o in things if o.end == "freed")
        reused = [o.end_time - o.time for o in things if o.end == "reused"]
        live = [max(self.end - o.time, 0) for o in things if o.end == "live"]
        buckets = [0] * len(BELOW)
        for ns in freed:
            buckets[next(i for i, below in enumerate(BELOW) if below is None or ns < below)] += 1
        return (len(freed), sum(o.bytes_alloc for o in things if o.end == "freed")) + tuple(
            (lambda ns: ns if exact else self.rounded(ns, freed[-1]))(freed[-(-len(freed) * share // 100) - 1])
            if freed else None for share in SHARES) + (
                max(freed, default=None), len(reused), max(reused, default=None), len(live), max(live, default=None),
                sum(1 for o in things if o.end == "freed" and self.in_doubt(o)), tuple(buckets))

    @staticmethod
    def lifetime_row(r):
        return (r["freed"], r["bytes"], r["p50"], r["p90"], r["p99"], r["longest"], r["untraced"], r["untraced_longest"],
                r["live"], r["live_oldest"], r["in_doubt"], tuple(b["objects"] for b in r["histogram"]))

    def lifetimes(self):
        ends = sorted(o.end_time - o.time for o in self.things if o.end == "freed")
        limit = ends[len(ends) // 2] if ends else 1000
        for options, keep, maybe in (
                ([], lambda kind, ns: True, lambda kind, ns: False),
                (["--exact"], lambda kind, ns: True, lambda kind, ns: False),
                (["--than", "%dns" % limit], lambda kind, ns: kind != "reused" and ns > limit,
                 lambda kind, ns: ns > limit if kind == "reused" else kind == "live"),
                (["--less", "%dns" % limit], lambda kind, ns: kind != "live" and ns < limit,
                 lambda kind, ns: ns < limit if kind == "live" else kind == "reused")):
            def span(thing):
                return thing.end, max((self.end if thing.end == "live" else thing.end_time) - thing.time, 0)

            things = [o for o in self.things if keep(*span(o))]
            said = report(self.program, "lifetimes", "-n", "0", "--by", "call-site", *options, self.path)
            name = " ".join(["lifetimes"] + options)
            exact = bool(options) or self.folded > 0
            self.score.equal("%s: rounded" % name, said["total"]["rounded"], int(not exact))
            self.score.equal("%s: all" % name, self.lifetime_row(said["total"]), self.expected_lifetimes(things, exact))
            self.score.equal("%s: left out" % name, said["total"]["undecided"],
                             sum(1 for o in self.things if not keep(*span(o)) and maybe(*span(o))))
            self.score.equal("%s: groups" % name, {r["call-site"]: self.lifetime_row(r) for r in said["groups"]},
                             {site: self.expected_lifetimes(group, exact)
                              for site, group in group_things(things, self.site_key).items()})

    # ---- history

    def history(self):
        starts = sorted({o.address for o in self.everything})
        chosen = starts[::max(len(starts) // (BRIEF_ADDRESSES if self.program.brief else ADDRESSES), 1)]
        unknown = sorted({e.address for e in self.unmatched})[:2]
        for address in chosen + [a + 5 for a in chosen[:3]] + unknown:
            owners = [o for o in self.everything if o.address <= address < o.address + max(o.bytes_alloc, 1)]
            about = {o.address for o in owners} | {address}
            expected = [("owner", o.time, o.address, o.bytes_alloc, o.end,
                         None if o.end_time is None else o.end_time - o.time, o.pid, o.free and o.free.pid)
                        for o in owners]
            expected += [("free", e.time - self.base, e.address, None, None, None, e.pid, None)
                         for e in self.unmatched if e.address in about]
            said = report(self.program, "history", "--ptr", "%x" % address, "--domain", "slab", self.path)["history"]
            self.score.equal("history of 0x%x" % address, Counter(
                (r["kind"], r["time"], int(r["address"], 16), r["bytes_alloc"], r["state"], r["lifetime"], r["pid"],
                 r["free_pid"]) for r in said), Counter(expected))
            self.score.equal("history of 0x%x is in order" % address, [r["time"] for r in said],
                             sorted(r["time"] for r in said))


def compare(program, path, capture):
    """Whether they are the same; program: runs.Runs."""
    these = Compare(program, path, capture)
    these.peak()
    these.timeline()
    these.lifetimes()
    these.history()
    return not these.score.failed


if __name__ == "__main__":
    sys.exit(compare_by.of_one_capture(compare))
