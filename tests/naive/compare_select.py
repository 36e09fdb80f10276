#!/usr/bin/env python3
"""compare_select.py - are the objects that --at, --from, --to, --where and --only-... choose those that brute force chooses?

    compare_select.py KMEM_ANALYZE cap.kmem

The account of kmem-analyze, as JSON, against the objects of the naive replay, one by one. Then the same rows have to come as
NDJSON and as CSV. Prints `ok NAME` and `not ok NAME: why`.
"""

import csv
import io
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import replay  # noqa: E402
import read_capture  # noqa: E402
import runs  # noqa: E402


def expected(things, names, at=None):
    """Caller -> numbers of the account; at: what was live then."""
    rows = {}
    for o in things:
        if at is not None and not (o.time <= at and (o.end_time is None or o.end_time > at)):
            continue
        live = at is not None or o.end == "live"
        row = rows.setdefault(names.caller(o.call_site), dict.fromkeys(("total", "waste", "net", "alloc", "free"), 0))
        row["total"] += o.bytes_alloc * o.count
        row["alloc"] += o.count
        row["net"] += o.bytes_alloc * live * o.count
        row["waste"] += (o.bytes_alloc - o.bytes_req) * live * o.count
        row["free"] += (at is None and o.end == "freed") * o.count
    return rows


def rows_of(text):
    return {r.pop("caller"): r for r in json.loads(text)["callers"]}


def cases(things, base, length):
    """(name, arguments, which objects, the moment of --at). What was folded counts where a condition of sites alone decides."""
    for percent in (0, 13, 50, 99, 100):
        at = base + int(length * (percent / 100))
        yield "--at %d%%" % percent, ["--at", "%d%%" % percent], lambda o: True, at
    if things:
        middle = things[len(things) // 2].time
        yield "--at of an event", ["--at", "%dns" % (middle - base)], lambda o: True, middle
        until, to = base + int(length * 0.75), "75%"
        if until <= middle:             # a flight recorder has nearly all at its end
            until, to = things[-1].time, "%dns" % (things[-1].time - base)
        if middle < until:
            yield ("--from --to", ["--from", "%dns" % (middle - base), "--to", to], lambda o: middle <= o.time < until, None)
        yield ("--from and --at", ["--from", "%dns" % (middle - base), "--at", "90%"],
               lambda o: middle <= o.time, base + int(length * 0.9))
        cpu, pid = things[0].cpu, things[-1].pid
        yield "--only-cpu", ["--only-cpu", "%d,900-901" % cpu], lambda o: o.cpu == cpu, None
        yield ("--only-tid", ["--only-tid", str(pid)],
               lambda o: o.pid == pid and not (o.flags or 0) & replay.IRQ_FLAGS, None)
        sizes = sorted(o.bytes_alloc for o in things)
        size = sizes[len(sizes) // 2]
        yield "--where of sites", ["--where", "bytes_alloc >= %d" % size], lambda o: o.bytes_alloc >= size, None
        ages = sorted(o.end_time - o.time for o in things if o.end_time is not None)
        age = ages[len(ages) // 2] if ages else 0
        yield ("--where of rows", ["--where", "lifetime > %d AND bytes_alloc >= %d OR state = 'live'" % (age, size)],
               lambda o: o.end == "live" or (o.end_time - o.time > age and o.bytes_alloc >= size), None)
        yield ("--where and --only-cpu", ["--where", "bytes_alloc >= %d" % size, "--only-cpu", str(cpu), "--malloc"],
               lambda o: o.bytes_alloc >= size and o.cpu == cpu and o.api == "malloc", None)


def compare(program, path, capture):
    """Whether they are the same; program: runs.Runs."""
    names = replay.Names(replay.kallsyms_of(capture))
    made, _ = replay.replay_capture(capture)
    things = sorted((o for o in made.objects if not o.self), key=lambda o: o.time)
    folded = [o for o in made.folded if not o.self]
    facts = dict(line.split("=", 1) for line in program.said("info", "--all", path).splitlines() if "=" in line)
    base, length = int(facts["time.base_ns"]), int(facts["time.length_ns"])
    failed = 0

    def check(name, good, why=""):
        nonlocal failed
        failed += not good
        print("ok %s" % name if good else "not ok %s: %s" % (name, why))

    for name, arguments, chosen, at in cases(things, base, length):
        counted = things + folded if name == "--where of sites" else things
        want = expected([o for o in counted if chosen(o)], names, at)
        got = rows_of(program.said("account", "--format", "json", path, *arguments))
        wrong = [k for k in set(want) | set(got) if want.get(k) != got.get(k)]
        check("%s: account %s: %d callers" % (os.path.basename(path), name, len(want)), not wrong,
              wrong and "%s: %s, not %s" % (wrong[0], got.get(wrong[0]), want.get(wrong[0])))

    # the other forms have the same rows, with the same names
    for report, table in ("account", "callers"), ("kmemprof", "stacks"), ("kmemleak", "leaks"):
        rows = json.loads(program.said(report, "--format", "json", path))[table]
        lines = [json.loads(line) for line in program.said(report, "--format", "ndjson", path).splitlines()]
        lines = [{k: v for k, v in line.items() if k != "section"} for line in lines if line["section"] == table]
        check("%s: %s: NDJSON has the rows of JSON" % (os.path.basename(path), report), lines == rows)
        with_names = list(csv.DictReader(io.StringIO(program.said(report, "--format", "csv", path))))
        flat = [{k: "" if v is None else "%.15g" % v if isinstance(v, float) else str(v)
                 for k, v in row.items() if not isinstance(v, list)} for row in rows]
        check("%s: %s: CSV has the rows of JSON" % (os.path.basename(path), report),
              [{k: v for k, v in row.items() if k != "frames"} for row in with_names] == flat)
    return not failed


def main():
    if len(sys.argv) != 3:
        print("usage: compare_select.py KMEM_ANALYZE CAPTURE", file=sys.stderr)
        return 2
    return 0 if compare(runs.Runs(sys.argv[1]), sys.argv[2], read_capture.Capture.open(sys.argv[2])) else 1


if __name__ == "__main__":
    sys.exit(main())
