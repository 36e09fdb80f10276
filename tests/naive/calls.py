#!/usr/bin/env python3
"""Functions and their calls, counted anew from folded stacks.

    calls.py top FOLDED TOP.json                        what `top --tree --format json` says of the same stacks
    calls.py dot FOLDED GRAPH.dot NODES NODE% EDGE%     what `graph` draws of them
    calls.py svg GRAPH.dot GRAPH.svg                    the picture has the boxes and arrows of the text
"""
import json
import math
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict


def fail(text):
    print(text)
    sys.exit(1)


def same(what, got, wanted):
    if got != wanted:
        fail(f"{what}: {got}, not {wanted}")


def read_folded(path):
    for line in open(path):
        stack, value = line.rstrip("\n").rsplit(" ", 1)
        yield stack.split(";"), int(value)


def count(stacks):
    flat, cum, calls = defaultdict(int), defaultdict(int), defaultdict(int)
    for stack, value in stacks:
        flat[stack[-1]] += value
        for name in set(stack):
            cum[name] += value
        for call in set(zip(stack, stack[1:])):
            calls[call] += value
    return flat, cum, calls


def folded_name(name):
    return name.replace(";", "_")


def near(what, got, wanted):
    if abs(got - wanted) > 1e-9 * max(1, abs(wanted)):
        fail(f"{what}: {got}, not {wanted}")


def check_top(folded, report):
    stacks = list(read_folded(folded))
    flat, cum, calls = count(stacks)
    report = json.load(open(report))
    total = sum(v for _, v in stacks)
    same("total", report["total"]["total"], total)
    same("functions", report["total"]["functions"], len(cum))
    rows = report["functions"]
    same("rows", len(rows), len(cum))
    run, last = 0, None
    for row in rows:
        name = folded_name(row["function"])
        same(name, (row["flat"], row["cum"]), (flat[name], cum[name]))
        run += row["flat"]
        for member, value in ("flat", row["flat"]), ("sum", run), ("cum", row["cum"]):
            near(f"{member}% of {name}", row[member + "_percent"], 100 * value / total)
        order = (-row["flat"], -row["cum"], row["function"].encode())
        if last and last > order:
            fail(f"{name} is out of order")
        last = order
        for side, here, there in ("callers", 1, 0), ("callees", 0, 1):
            same(f"{side} of {name}", {folded_name(c["function"]): c["value"] for c in row[side]},
                 {call[there]: v for call, v in calls.items() if call[here] == name})
            for c in row[side]:
                near(f"{side} of {name}", c["percent"], 100 * c["value"] / row["cum"])
    same("the flat values", sum(r["flat"] for r in rows), total)
    print(f"{len(rows)} functions, {len(calls)} calls")


def read_dot(path):
    names, values, edges = {}, {}, {}
    for line in open(path):
        node = re.match(r'(n\d+) \[label="((?:[^"\\]|\\.)*)", tooltip="(\d+) flat, (\d+) cum"', line)
        edge = re.match(r'(n\d+) -> (n\d+) \[label=".*?", tooltip="(\d+)".*?(, style=dashed)?\];', line)
        if node:
            name = re.sub(r"\\n.*", "", node[2]) if not node[2].startswith("\\") else node[2]
            names[node[1]] = folded_name(re.sub(r"\\(.)", r"\1", name).replace("&amp;", "&"))
            values[names[node[1]]] = (int(node[3]), int(node[4]))
        elif edge:
            edges[names[edge[1]], names[edge[2]]] = (int(edge[3]), bool(edge[4]))
    return values, edges


def check_dot(folded, dot, nodes, node_share, edge_share):
    stacks = list(read_folded(folded))
    total = sum(v for _, v in stacks)
    flat, cum, _ = count(stacks)
    ranked = sorted(cum, key=lambda n: (-cum[n], -flat[n], n.encode()))
    kept = {n for n in ranked[:int(nodes) or None] if cum[n] >= math.ceil(total * float(node_share) / 100)}
    edges, indirect = defaultdict(int), set()
    for stack, value in stacks:
        places = [i for i, n in enumerate(stack) if n in kept]
        pairs = {(stack[a], stack[b]) for a, b in zip(places, places[1:])}
        indirect |= {(stack[a], stack[b]) for a, b in zip(places, places[1:]) if b > a + 1}
        for pair in pairs:
            edges[pair] += value
    least = math.ceil(total * float(edge_share) / 100)
    got_nodes, got_edges = read_dot(dot)
    same("functions", got_nodes, {n: (flat[n], cum[n]) for n in kept})
    same("calls", got_edges, {e: (v, e in indirect) for e, v in edges.items() if v >= least})
    text = open(dot).read()
    if f"Total MB: {total / 2**20:.1f}\\l" not in text and f"Total objects: {total}\\l" not in text:
        fail("the total is not in the corner")
    if f"{len(kept)} of {len(cum)} functions" not in text:
        fail("what is left out is not said")
    print(f"{len(kept)} functions, {len(got_edges)} calls")


def check_svg(dot, picture):
    nodes, edges = read_dot(dot)
    groups = [g.get("class") for g in ElementTree.parse(picture).getroot().iter("{http://www.w3.org/2000/svg}g")]
    same("boxes", groups.count("node"), len(nodes) + 1)  # and the corner
    same("arrows", groups.count("edge"), len(edges))


if __name__ == "__main__":
    {"top": check_top, "dot": check_dot, "svg": check_svg}[sys.argv[1]](*sys.argv[2:])
