#!/usr/bin/env python3
"""Flame graphs and folded stacks, measured.

    flame.py svg FILE.svg FILE.folded TOTAL   the picture is XML that loads nothing, its frames are those of the folded
                                              stacks, each as wide as its value, and lies on its caller
    flame.py db FILE.db MEASURE FILE.folded   the folded stacks (--all-frames) are the rows of the database, one by one
"""
import re
import sqlite3
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict

SVG = "{http://www.w3.org/2000/svg}"


def fail(text):
    print(text)
    sys.exit(1)


def read_folded(path):
    stacks = defaultdict(int)
    for line in open(path):
        stack, value = line.rstrip("\n").rsplit(" ", 1)
        if stack in stacks:
            fail(f"{stack} is there twice")
        stacks[stack] = int(value)
    return stacks


def tree_of(stacks):
    """Path of names -> value of it and all above."""
    tree = defaultdict(int)
    for stack, value in stacks.items():
        names = stack.split(";")
        for depth in range(len(names) + 1):
            tree[tuple(names[:depth])] += value
    return tree


def check_svg(picture, folded, total):
    root = ElementTree.parse(picture).getroot()
    for element in root.iter():
        for name in element.attrib:
            if name.endswith("href") or name == "src":
                fail(f"loads {element.attrib[name]}")
    if re.search(r"url\(|@import|fetch\(|XMLHttpRequest", open(picture).read()):
        fail("loads something")
    tree = tree_of(read_folded(folded))
    wide = float(root.get("viewBox").split()[2])
    levels, seen, thin = defaultdict(list), {}, 0
    for g in root.iter(SVG + "g"):
        if g.get("class") != "f":
            continue
        depth, start, value = (int(g.get("data-" + k)) for k in "dsv")
        title, about = g.find(SVG + "title").text.replace(";", "_").split("\n")
        levels[depth].append((start, start + value, title))
        rect = g.find(SVG + "rect")
        left, width = float(rect.get("x")), float(rect.get("width"))
        if abs(left - 10 - start * (wide - 20) / total) > 0.02 or abs(width - value * (wide - 20) / total) > 0.02:
            fail(f"{title} is drawn from {left}, {width} wide")
        if int(re.sub(r"\D", "", about.split()[0])) != value:
            fail(f"{title}: {about} is not {value}")
        text = (g.find(SVG + "text").text or "").replace(";", "_")
        if len(text) * 7.25 > width or not title.startswith(text.rstrip(".")):
            fail(f"{title} is written '{text}' in {width}")
        path = ()
        for below in range(1, depth):
            path += tuple(n for s, e, n in levels[below] if s <= start and start + value <= e)
        path += (title,) if depth else ()
        if depth and len(path) != depth:
            fail(f"{title} does not lie on one caller")
        more = re.fullmatch(r"\((\d+) more\)", title)
        if more:
            rest = [v for p, v in tree.items() if len(p) == depth and p[:-1] == path[:-1] and v and p not in seen]
            # what is thinner comes last of its level: its like have all been drawn
            thin += len(rest)
            if len(rest) != int(more[1]) or sum(rest) != value:
                fail(f"{';'.join(path)}: {len(rest)} of {sum(rest)}")
        elif tree[path] != value:
            fail(f"{';'.join(path)} is {value}, not {tree[path]}")
        seen[path] = value
    if seen.get(()) != total or tree[()] != total:
        fail(f"all is {seen.get(())} and {tree[()]}, not {total}")
    for spans in levels.values():
        spans.sort()
        if any(a[1] > b[0] for a, b in zip(spans, spans[1:])):
            fail("frames overlap")
    least = 0.1 * total / (wide - 20)
    missing = [p for p, v in tree.items() if v > least * 2 and p not in seen]
    if missing and len(seen) < 1000:
        fail(f"{missing[0]} is not drawn")
    print(f"{len(seen)} frames, {thin} together")


def peak_time(rows):
    """When most bytes were live."""
    changes = sorted([(b, 1, size) for b, life, _, _, _, size, _ in rows] +
                     [(b + life, 0, -size) for b, life, _, _, _, size, _ in rows if life is not None])
    live = most = at = 0
    for time, _, size in changes:
        live += size
        if live > most:
            most, at = live, time
    return at


def check_db(path, measure, folded):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    names = {f: (m and f"{n} [{m}]") or n or f"0x{a & (1 << 64) - 1:x}" for f, a, n, m in db.execute(
        "SELECT f.id, f.address, y.name, y.module FROM frame f LEFT JOIN symbol y ON y.id = f.symbol")}
    paths = defaultdict(list)
    for stack, frame in db.execute("SELECT stack, frame FROM stack_frame ORDER BY stack, position DESC"):
        paths[stack].append(names[frame])
    stacks = defaultdict(int)
    rows = db.execute(
        "SELECT a.time, a.lifetime, s.stack, s.call_site, s.bytes_req, s.bytes_alloc, t.self AND s.context = 0"
        " FROM allocation a JOIN alloc_site s ON s.id = a.alloc_site JOIN event e ON e.id = s.event"
        " JOIN task t ON t.id = a.task WHERE e.domain = 'slab'").fetchall()
    at = peak_time(rows) if measure == "peak" else None
    for begin, lifetime, stack, site, req, alloc, own in rows:
        live = lifetime is None
        value = {"live": live * alloc, "allocated": alloc, "waste": live * (alloc - req), "objects": int(live),
                 "allocs": 1}[measure] if at is None else alloc * (begin <= at and (live or begin + lifetime > at))
        if value and not own:
            stacks[";".join(paths[stack] if stack else [names.get(site, "(unknown)")])] += value
    got = read_folded(folded)
    if got != stacks:
        wrong = [s for s in set(got) | set(stacks) if got.get(s) != stacks.get(s)]
        fail(f"{wrong[0]}: {got.get(wrong[0])}, not {stacks.get(wrong[0])}")
    print(f"{len(got)} stacks, {sum(got.values())}")


if __name__ == "__main__":
    if sys.argv[1] == "svg":
        check_svg(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        check_db(*sys.argv[2:5])
