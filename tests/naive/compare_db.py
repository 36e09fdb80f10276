#!/usr/bin/env python3
"""compare_db.py - does a database that kmem-analyze loaded hold exactly the events of its capture?

    compare_db.py cap.kmem [segment...] cap.kmem.db

Every slab allocation and unmatched free is worked out from the capture by the naive replay and compared with the
rows of the database, field by field; so are the counters and the summaries. Prints `ok NAME` and `not ok NAME: why`.
"""

import os
import sqlite3
import sys
from collections import Counter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import processes  # noqa: E402
import replay  # noqa: E402
import read_capture  # noqa: E402

SHOWN = 3
TRIMMED = 6                             # most frames of tracing machinery on top of a stack
END = {"live": 0, "freed": 1, "reused": 2}
IN_DOUBT = 4                            # added to it: events were lost while the object was live

ALLOCATIONS = """
SELECT a.time, a.lifetime, a.address, a.end, ev.system || ':' || ev.name, cs.address, s.bytes_req, s.bytes_alloc,
       s.gfp, s.node, s.context, t.pid, a.cpu, t.self AND s.context = 0, s.stack, s.stack_lost,
       fev.system || ':' || fev.name, fcs.address, f.context, ft.pid, a.free_cpu
FROM allocation a JOIN alloc_site s ON s.id = a.alloc_site JOIN event ev ON ev.id = s.event JOIN task t ON t.id = a.task
LEFT JOIN frame cs ON cs.id = s.call_site LEFT JOIN free_site f ON f.id = a.free_site LEFT JOIN event fev ON fev.id = f.event
LEFT JOIN frame fcs ON fcs.id = f.call_site LEFT JOIN task ft ON ft.id = a.free_task
WHERE ev.domain = 'slab'"""

UNMATCHED = """
SELECT u.time, u.address, ev.system || ':' || ev.name, cs.address, f.context, t.pid, u.cpu
FROM unmatched_free u JOIN free_site f ON f.id = u.free_site JOIN event ev ON ev.id = f.event JOIN task t ON t.id = u.task
LEFT JOIN frame cs ON cs.id = f.call_site WHERE ev.domain = 'slab'"""


def signed(n):
    return None if n is None else read_capture.to_signed(n)


def context(flags):
    """0 task, 1 softirq, 2 hard interrupt, 3 NMI; unknown counts as task."""
    flags = flags or 0
    return 3 if flags & 0x40 else 2 if flags & 0x08 else 1 if flags & 0x10 else 0


class Stacks:
    """The capture's stacks as the database has them: without the frames of the tracing machinery on top, and
    those of the program as places in files."""

    def __init__(self, capture, db):
        frames = {}
        for stack, address, exact, *dso in db.execute(
                "SELECT stack, address, exact, d.path, d.build_id, d.tgid FROM stack_frame JOIN frame ON frame.id = frame "
                "LEFT JOIN dso d ON d.id = dso ORDER BY stack, position"):
            frame = address if dso[0] is None else processes.UserFrame(*dso, address, bool(exact))
            frames.setdefault(stack, []).append(frame)
        self.of_db = {stack: tuple(addresses) for stack, addresses in frames.items()}
        known = {tuple(f for f in stack if not isinstance(f, processes.UserFrame)) for stack in self.of_db.values()}
        self.of_capture = []
        for stack in capture.stacks:
            if processes.USER_MARK in stack:
                stack = stack[:stack.index(processes.USER_MARK)]
            whole = tuple(map(signed, stack))
            shapes = [whole[n:] for n in range(min(TRIMMED, len(whole) - 1) + 1)] or [whole]
            self.of_capture.append(next((s for s in shapes if s in known), whole))

    def expected(self, thing):
        if thing.stack < 0:
            return None
        return self.of_capture[thing.stack] + tuple(f._replace(address=signed(f.address)) for f in thing.user)


def in_doubt(thing, losses):
    return any((thing.end == "live" or (loss.after or 0) <= thing.end_time) and loss.before >= thing.time
               for loss in losses)


def expected_allocation(thing, base, stacks, losses):
    freed = thing.free
    flags_known = thing.flags is not None
    return (thing.time - base, None if thing.end == "live" else thing.end_time - thing.time, signed(thing.address),
            END[thing.end] + IN_DOUBT * in_doubt(thing, losses), thing.event, signed(thing.call_site), thing.bytes_req, thing.bytes_alloc, thing.gfp,
            thing.node, context(thing.flags), thing.pid, thing.cpu, int(thing.self and flags_known),
            stacks.expected(thing), int(thing.stack == read_capture.STACK_LOST),
            freed and freed.type.full_name, signed(freed and freed.get("call_site")),
            context(freed.flags) if freed else None, freed and freed.pid, freed and freed.cpu)


def expected_unmatched(event, base):
    return (event.time - base, signed(event.address), event.type.full_name, signed(event.get("call_site")),
            context(event.flags), event.pid, event.cpu)


class Score:
    def __init__(self, name):
        self.name = name
        self.failed = False

    def equal(self, what, found, expected):
        if found == expected:
            print("ok %s: %s" % (self.name, what))
            return
        self.failed = True
        if isinstance(expected, Counter):
            for word, rows in (("missing", expected - found), ("too much", found - expected)):
                for row in list(rows)[:SHOWN]:
                    print("not ok %s: %s: %s: %s" % (self.name, what, word, row))
                print("not ok %s: %s: %d rows %s" % (self.name, what, sum(rows.values()), word))
        else:
            print("not ok %s: %s: %s in the database, %s in the capture" % (self.name, what, found, expected))


def compare(name, capture, database):
    """Whether they are the same."""
    db = sqlite3.connect("file:%s?mode=ro" % database.replace("?", "%3f"), uri=True)
    score = Score(name)
    facts = dict(db.execute("SELECT key, value FROM capture"))
    base = facts["time.base_ns"]

    by_type = Counter(event.type.index for event in capture.events())
    naive, _ = replay.replay_capture(capture)
    stacks = Stacks(capture, db)
    losses = capture.losses()
    gaps = losses + capture.pauses() + capture.overwritten()

    def from_db(row):
        row = list(row)
        row[14] = stacks.of_db.get(row[14])
        return tuple(row)

    score.equal("allocations", Counter(map(from_db, db.execute(ALLOCATIONS))),
                Counter(expected_allocation(o, base, stacks, gaps) for o in naive.objects))
    score.equal("unmatched frees", Counter(db.execute(UNMATCHED)),
                Counter(expected_unmatched(e, base) for e in naive.unmatched))
    for f in capture.folded:
        for kind in (f.alloc_type, f.free_type):
            if kind:
                by_type[kind.index] += f.count
    score.equal("events of each type", Counter(dict(db.execute("SELECT id, events FROM event WHERE events"))), by_type)
    counted = [f for f in capture.folded if f.alloc_type]
    objects_folded = sum(f.count for f in counted)
    pairs_folded = sum(f.count for f in counted if f.free_type)
    nulls_folded = sum(f.count for f in capture.folded if not f.alloc_type)
    # The counters are of all domains; the slab is all there is unless other events were recorded.
    others = db.execute("SELECT count(*) FROM event WHERE domain <> 'slab' AND events").fetchone()[0]
    live = [o for o in naive.objects if o.end == "live"]
    for key, value in (("events", sum(by_type.values())), ("events.alloc", len(naive.objects) + objects_folded),
                       ("events.free", naive.free_events + pairs_folded + nulls_folded), ("events.failed_alloc", naive.failed),
                       ("events.zero_size", naive.zero_size), ("events.null_free", len(naive.null_frees) + nulls_folded),
                       ("events.unmatched_free", len(naive.unmatched)),
                       ("objects.reused", sum(1 for o in naive.objects if o.end == "reused")
                        + objects_folded - pairs_folded),
                       ("folded.pairs", objects_folded), ("folded.null_frees", nulls_folded),
                       ("objects.live", len(live)), ("objects.live_bytes", sum(o.bytes_alloc for o in live)),
                       ("clean_end", int(capture.cut_off is None))):
        if key in ("events", "clean_end") or not others:
            score.equal(key, facts.get(key), value)
    if not capture.damage:          # a block that is missing is a loss, too, and of unknown size
        score.equal("events.lost", facts.get("events.lost"), sum(loss.records for loss in losses))
        score.equal("losses", Counter(db.execute("SELECT cpu, from_time, records FROM loss WHERE kind = 'lost'")),
                    Counter((x.cpu, (x.after or base) - base, x.records) for x in losses))
    score.equal("no damage unless there is some", bool(facts.get("damage.count")),
                bool(capture.damage) or capture.cut_off is not None)

    pairs = Counter()
    for alloc_site, free_site, end, n in db.execute("SELECT alloc_site, coalesce(free_site, 0), end, count(*) "
                                                    "FROM allocation GROUP BY 1, 2, 3"):
        pairs[alloc_site, free_site, end] += n
    summary = Counter()
    for alloc_site, free_site, end, n in db.execute("SELECT alloc_site, free_site, end, objects FROM pair_total"):
        summary[alloc_site, free_site, end] += n
    rows = sum(pairs.values())
    score.equal("pair_total is allocation and what was folded", sum(summary.values()), rows + objects_folded)
    score.equal("no pair of allocation is missing in pair_total", +(pairs - summary), Counter())
    sites = "SELECT ev.system || ':' || ev.name, cs.address, s.bytes_alloc, p.self, p.end, sum(p.objects) FROM pair_total p " \
            "JOIN alloc_site s ON s.id = p.alloc_site JOIN event ev ON ev.id = s.event " \
            "LEFT JOIN frame cs ON cs.id = s.call_site GROUP BY 1, 2, 3, 4, 5"
    of_rows = "SELECT ev.system || ':' || ev.name, cs.address, s.bytes_alloc, t.self AND s.context = 0, a.end, count(*) " \
              "FROM allocation a JOIN alloc_site s ON s.id = a.alloc_site JOIN event ev ON ev.id = s.event " \
              "JOIN task t ON t.id = a.task LEFT JOIN frame cs ON cs.id = s.call_site GROUP BY 1, 2, 3, 4, 5"
    expected = Counter()
    for *key, n in db.execute(of_rows):
        expected[tuple(key)] += n
    for f in counted:
        if f.alloc and f.alloc_type.full_name in replay.API:
            thing = replay.Folded(f)
            expected[f.alloc_type.full_name, signed(thing.call_site), thing.bytes_alloc, int(thing.self),
                     END[thing.end]] += f.count
        else:
            others += 1
    if not others:
        score.equal("pair_total, site by site", Counter({tuple(key): n for *key, n in db.execute(sites)}), expected)
    return not score.failed


def main():
    if len(sys.argv) < 3:
        print("usage: compare_db.py CAPTURE... DB", file=sys.stderr)
        return 2
    paths = sys.argv[1:-1]
    capture = read_capture.Series(paths) if len(paths) > 1 else read_capture.Capture.open(paths[0])
    return 0 if compare(os.path.basename(paths[0]), capture, sys.argv[-1]) else 1


if __name__ == "__main__":
    sys.exit(main())
