#!/usr/bin/env python3
"""compare_stacks.py - are the stacks of kmemprof and kmemleak those of the objects of a replay?

    compare_stacks.py KMEM_ANALYZE cap.kmem         its database is cap.kmem.db

Every stack with the event that allocated and the one that freed: objects, bytes, lifetimes, who freed; and what is live,
with its age and how much of it is in doubt. Where the stacks of a capture are a sample, estimates have to be those of
samples.py, to whole objects. Prints `ok NAME` and `not ok NAME: why`.
"""

import json
import os
import sqlite3
import sys
from collections import defaultdict
from fractions import Fraction

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_by  # noqa: E402
import compare_db  # noqa: E402
import processes  # noqa: E402
import replay  # noqa: E402
import samples  # noqa: E402

MASK64 = (1 << 64) - 1
HOW = {"live": "live", "freed": "freed", "reused": "untraced"}
DOUBT = Fraction(10, 100)               # of what ended: so much without a trace makes the rest doubtful


def frame_key(frame):
    if isinstance(frame, processes.UserFrame):
        return frame.address & MASK64, frame.path
    return frame & MASK64, None


def row_key(row):
    return tuple((int(f["address"], 16), f.get("dso")) for f in row["frames"])


class Sum:
    """Of some objects. slack: by how many of them, and bytes, what was split in fractions may be off."""

    def __init__(self):
        self.objects = self.bytes = self.lifetimes = 0
        self.longest = None
        self.slack = self.slack_bytes = 0
        self.parts = {}

    def add(self, share, count, size, lifetimes, longest, part=None):
        self.objects += share * count
        self.bytes += share * count * size
        self.lifetimes += share * lifetimes
        if part is None:
            self.longest = longest if self.longest is None else max(self.longest, longest)
        elif part not in self.parts:
            self.parts[part] = True
            # what is guessed is made whole together with other sizes, one behind the other: each lies between two such sums
            slack = 2 if part[2] else 1
            self.slack += slack
            self.slack_bytes += slack * size


class Expected:
    def __init__(self, capture, db, facts):
        self.made, self.names = replay.replay_capture(capture)
        self.stacks = compare_db.Stacks(capture, db)
        self.end = facts["time.base_ns"] + facts["time.length_ns"]
        self.things = [o for o in self.made.objects + self.made.folded if not o.self]
        self.keys = {}                  # of stacks that were met
        self.sampled = samples.is_sampled(capture)
        self.gaps = capture.losses() + capture.pauses() + capture.overwritten()

    def stack_of(self, thing):
        """None: it has none."""
        if thing is None or thing.stack < 0:
            return None
        known = thing.stack, thing.user
        if known not in self.keys:
            self.keys[known] = tuple(map(frame_key, self.stacks.expected(thing)))
        return self.keys[known]

    def site_of(self, thing):
        return () if thing.call_site is None else ((thing.call_site, None),)

    def freed_by(self, thing):
        if isinstance(thing, replay.Folded):
            entry = thing.free_tuple
            stack, site = (entry.stack, dict(zip(entry.type.tuple_place, entry.values)).get("call_site")) if entry else (-1, None)
            frames = self.stacks.of_capture[stack] if stack >= 0 else None
        else:
            stack, site = thing.free.stack, thing.free.get("call_site")
            frames = self.stacks.of_capture[stack] + thing.free_user if stack >= 0 else None
        return tuple(map(frame_key, frames)) if frames else () if site is None else ((site, None),)

    def lifetimes(self, thing):
        """Their sum, and the longest."""
        if isinstance(thing, replay.Folded):
            return thing.lifetimes, thing.longest
        age = thing.lifetime(self.end)
        return age, age

    def shares(self, things):
        """(object, its stack, how much of it, which fraction of a cell)"""
        if not self.sampled:
            return [(o, self.stack_of(o) or self.site_of(o), 1, None) for o in things]
        return [(o, self.stack_of(of) or self.site_of(o), share, part) for o, of, share, part in samples.split(things, self.made.objects)]

    def kmemprof(self):
        rows = defaultdict(Sum)
        for thing, stack, share, part in self.shares(self.things):
            freed = thing.free.type.full_name if thing.end == "freed" else None
            rows["alloc", thing.event, HOW[thing.end], freed, stack].add(
                share, thing.count, thing.bytes_alloc, *self.lifetimes(thing), part)
        for thing in self.things:
            if thing.end == "freed":
                rows["free", thing.event, "freed", thing.free.type.full_name, self.freed_by(thing)].add(
                    1, thing.count, thing.bytes_alloc, *self.lifetimes(thing))
        return rows

    def in_doubt(self, thing):
        return any(gap.before >= thing.time for gap in self.gaps)

    def untraced_share(self, key):
        """key -> (share of what ended that ended without a trace, how many ended): of all objects, whoever allocated them"""
        ended, untraced = defaultdict(int), defaultdict(int)
        for thing in self.made.objects + self.made.folded:
            if thing.end != "live" and key(thing) is not None:
                ended[key(thing)] += thing.count
                untraced[key(thing)] += thing.count * (thing.end == "reused")
        return {k: (Fraction(untraced[k], n), n) for k, n in ended.items()}

    def kmemleak(self):
        live = [o for o in self.things if o.end == "live"]
        return self.shares(live) if not self.sampled else [s for s in self.shares(self.things) if s[0].end == "live"]


class Compare:
    def __init__(self, program, path, capture):
        self.program, self.path = program, path
        db = sqlite3.connect("file:%s.db?mode=ro" % path.replace("?", "%3f"), uri=True)
        self.expected = Expected(capture, db, dict(db.execute("SELECT key, value FROM capture")))
        self.score = compare_by.Score(os.path.basename(path))

    def said(self, report):
        return json.loads(self.program.said(report, "--domain", "slab", "-n", "0", "--format", "json", self.path))

    def rows_equal(self, what, found, expected):
        """found: key -> (objects, bytes, lifetimes, longest); an estimate may be off by its slack, and has no sum of lifetimes."""
        wrong = {}
        for key in set(found) | set(expected):
            want, have = expected.get(key), found.get(key, (0, 0, 0, None))
            if want is None or not want.slack:
                exact = want and (want.objects, want.bytes, want.lifetimes, want.longest)
                if have != exact:
                    wrong[key] = have, exact
            elif abs(have[0] - want.objects) > want.slack or abs(have[1] - want.bytes) > want.slack_bytes or \
                    (have[3] or 0) != (want.longest or 0):
                wrong[key] = have, (float(want.objects), float(want.bytes), want.longest, want.slack)
        self.score.equal(what, dict(sorted(wrong.items(), key=str)[:2]), {})

    def kmemprof(self):
        found = {}
        for row in self.said("kmemprof")["stacks"]:
            key = row["side"], row["alloc_event"], row["how"], row["free_event"], row_key(row)
            old = found.get(key, (0, 0, 0, None))
            longest = [n for n in (old[3], row["lifetime_max"]) if n is not None]
            found[key] = (old[0] + row["objects"], old[1] + row["bytes"], old[2] + row["lifetime_sum"], max(longest, default=None))
        expected = self.expected.kmemprof()
        self.rows_equal("kmemprof: every stack", found, expected)

        def sums(rows, numbers):
            out = defaultdict(lambda: [0, 0, 0])
            for key, row in rows.items():
                for i, n in enumerate(numbers(row)):
                    out[key[:4]][i] += n
            return out

        self.score.equal("kmemprof: sums", sums(found, lambda r: r[:3]),
                         sums(expected, lambda r: (r.objects, r.bytes, r.lifetimes)))

    def kmemleak(self):
        said, expected = self.said("kmemleak"), self.expected
        made, things = expected.made, expected.things
        self.score.equal("kmemleak: live", said["live"], {
            "objects": sum(o.count for o in things if o.end == "live"),
            "bytes": sum(o.count * o.bytes_alloc for o in things if o.end == "live")})
        self.score.equal("kmemleak: total", said["total"], {
            "alloc": sum(o.count for o in things), "matched": sum(o.count for o in things if o.end == "freed"),
            "unmatched": made.others_unmatched, "null_frees": made.others_null})
        rows, doubt = defaultdict(Sum), defaultdict(lambda: [0, 0, set()])
        sites = expected.untraced_share(lambda o: o.call_site)
        caches = expected.untraced_share(lambda o: o.cache)
        for thing, stack, share, part in expected.kmemleak():
            rows[stack].add(share, thing.count, thing.bytes_alloc, *expected.lifetimes(thing), part)
            lost = expected.in_doubt(thing)
            site = sites.get(thing.call_site, (0, 0))
            untraced = max(site[0], caches.get(thing.cache, (0, 0))[0]) >= DOUBT
            doubt[stack][0] += share * lost
            doubt[stack][1] += share * (untraced and not lost)
            doubt[stack][2].add((site[1], round(float(100 * site[0]), 9) if site[0] >= DOUBT else None))
        found, found_doubt = {}, defaultdict(lambda: [0, 0, set()])
        for row in said["leaks"]:
            old = found.get(row_key(row), (0, 0, 0, None))
            longest = [n for n in (old[3], row["age"]) if n is not None]
            found[row_key(row)] = (old[0] + row["objects"], old[1] + row["bytes"], 0, max(longest, default=None))
            of = found_doubt[row_key(row)]
            of[0] += row["doubt_loss"]
            of[1] += row["doubt_untraced"]
            of[2].add((row["ended"] or 0, row["site_share"] and round(row["site_share"], 9)))
        for row in rows.values():
            row.lifetimes = 0
        self.rows_equal("kmemleak: every stack", found, rows)
        if not expected.sampled:
            self.score.equal("kmemleak: what is in doubt", dict(found_doubt), dict(doubt))


def compare(program, path, capture):
    """Whether they are the same; program: runs.Runs."""
    these = Compare(program, path, capture)
    these.kmemprof()
    these.kmemleak()
    return not these.score.failed


if __name__ == "__main__":
    sys.exit(compare_by.of_one_capture(compare))
