#!/usr/bin/env python3
"""diff.py KMEM_ANALYZE BEFORE AFTER [KEY]: is what `kmem-analyze diff` says the difference of the two accounts by that key?

The accounts are those of --format json, whose rows the naive replay has checked; names are matched without their offsets
here as well. Prints what is wrong."""
import json
import re
import subprocess
import sys


def run(program, *arguments):
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr.decode())
    return json.loads(done.stdout)


def account(program, path, key):
    rows = {}
    for row in run(program, "account", "--format", "json", "--by", key, path)["groups"]:
        name = row.get(key)
        if name is None:                # a stack
            name = " <- ".join(f["function"] or f["address"] for f in row["frames"]) or "(unknown)"
        name = re.sub(r"\+0x[0-9a-f]+", "", str(name))
        old = rows.setdefault(name, dict.fromkeys(("net", "total", "waste", "alloc"), 0))
        for measure in old:
            old[measure] += row[measure]
    return rows


def main():
    program, before, after = sys.argv[1:4]
    key = sys.argv[4] if len(sys.argv) > 4 else "function"
    old, new = account(program, before, key), account(program, after, key)
    report = run(program, "diff", "--all", "-n", "0", "--format", "json", "--by", key, before, after)
    groups = {str(g.get(key, g.get("stack"))): g for g in report["groups"]} if key != "stack" else None
    wrong = []
    for measure in ("net", "total", "waste", "alloc"):
        want = {n: new.get(n, {}).get(measure, 0) - old.get(n, {}).get(measure, 0) for n in set(old) | set(new)}
        if report["sums"][measure] != sum(want.values()):
            wrong.append("%s in all: %s, not %s" % (measure, report["sums"][measure], sum(want.values())))
        if groups is None:
            got = sorted(g[measure] for g in report["groups"])
            if got != sorted(want.values()):
                wrong.append("%s of the stacks differ" % measure)
            continue
        if set(groups) != set(want):
            wrong.append("groups: %s" % sorted(set(groups) ^ set(want))[:5])
        wrong += ["%s of %s: %s, not %s" % (measure, n, groups[n][measure], want[n])
                  for n in want if n in groups and groups[n][measure] != want[n]]
    order = [abs(g["net"]) for g in report["groups"]]
    if order != sorted(order, reverse=True):
        wrong.append("not sorted")
    print("\n".join(wrong[:5]))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
