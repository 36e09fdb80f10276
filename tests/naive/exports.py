#!/usr/bin/env python3
"""Strict readers of what `export` writes. Each prints folded stacks, root first, of one measure: what `flame` writes, in another
order. What is not as the format has it is an error.

    exports.py pprof FILE.pb.gz inuse_space|alloc_space|... [LABEL...]      labels become outermost frames
    exports.py speedscope FILE.speedscope.json 'live bytes'|...
    exports.py heap FILE.heap 0|1|2|3               live objects, live bytes, all objects, all bytes
    exports.py massif FILE.massif FILE.db           prints what is wrong: numbers are compared with the rows
"""
import gzip
import json
import re
import sqlite3
import sys
from collections import defaultdict


def fail(text):
    print(text)
    sys.exit(1)


def need(condition, text):
    if not condition:
        fail(text)


def print_folded(stacks):
    for stack, value in sorted(stacks.items(), key=lambda s: s[0].encode()):
        if value:
            print(stack, value)


def fold(names):
    return ";".join(n.replace(";", "_") for n in names)


# ---- pprof: the schema of profile.proto; (name, kind) by field number

I, S, P = "int", "bytes", "packed"
VALUE_TYPE = {1: ("type", I), 2: ("unit", I)}
LABEL = {1: ("key", I), 2: ("str", I), 3: ("num", I), 4: ("num_unit", I)}
SAMPLE = {1: ("location_id", P), 2: ("value", P), 3: ("label", LABEL)}
MAPPING = {1: ("id", I), 2: ("start", I), 3: ("limit", I), 4: ("offset", I), 5: ("filename", I), 6: ("build_id", I),
           7: ("has_functions", I), 8: ("has_filenames", I), 9: ("has_line_numbers", I), 10: ("has_inline_frames", I)}
LINE = {1: ("function_id", I), 2: ("line", I), 3: ("column", I)}
LOCATION = {1: ("id", I), 2: ("mapping_id", I), 3: ("address", I), 4: ("line", LINE), 5: ("is_folded", I)}
FUNCTION = {1: ("id", I), 2: ("name", I), 3: ("system_name", I), 4: ("filename", I), 5: ("start_line", I)}
PROFILE = {1: ("sample_type", VALUE_TYPE), 2: ("sample", SAMPLE), 3: ("mapping", MAPPING), 4: ("location", LOCATION),
           5: ("function", FUNCTION), 6: ("string_table", S), 7: ("drop_frames", I), 8: ("keep_frames", I), 9: ("time_nanos", I),
           10: ("duration_nanos", I), 11: ("period_type", VALUE_TYPE), 12: ("period", I), 13: ("comment", I),
           14: ("default_sample_type", I)}
REPEATED = {"sample_type", "sample", "mapping", "location", "function", "string_table", "label", "line", "comment"}


def varint(data, at):
    value = shift = 0
    while True:
        need(at < len(data) and shift < 70, "a number is cut off or too long")
        byte = data[at]
        value |= (byte & 0x7f) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            need(value < 1 << 64, "a number of more than 64 bits")
            return value, at


def decode(data, schema):
    at, message = 0, {name: [] for name, kind in schema.values() if name in REPEATED or kind == P}
    while at < len(data):
        tag, at = varint(data, at)
        need(tag >> 3 in schema, f"field {tag >> 3} is not in the schema")
        name, kind = schema[tag >> 3]
        value, at = varint(data, at)
        need(tag & 7 == (0 if kind == I else 2), f"{name} has wire type {tag & 7}")
        if kind != I:
            need(at + value <= len(data), f"{name} is cut off")
            body, at = data[at:at + value], at + value
            value = body.decode() if kind == S else body if kind == P else decode(body, kind)
        if kind == P:
            inner = 0
            while inner < len(body):
                number, inner = varint(body, inner)
                message[name].append(number)
        elif name in REPEATED:
            message[name].append(value)
        else:
            need(name not in message, f"{name} is there twice")
            message[name] = value
    return message


def by_id(items, what):
    ids = {i.get("id", 0): i for i in items}
    need(0 not in ids and len(ids) == len(items), f"ids of {what} are 0 or not distinct")
    return ids


def check_pprof(path, wanted, *labels):
    data = open(path, "rb").read()
    need(data[:2] == b"\x1f\x8b", "not packed by gzip")
    p = decode(gzip.decompress(data), PROFILE)
    strings = p["string_table"]
    need(strings[0] == "" and len(set(strings)) == len(strings), "string 0 is not empty, or one is there twice")
    types = [(strings[t["type"]], strings[t["unit"]]) for t in p["sample_type"]]
    need(types[:4] == [("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes")],
         f"sample types are {types}")
    names = [t[0] for t in types]
    need(strings[p["default_sample_type"]] in names, "the default sample type is none of them")
    need((strings[p["period_type"]["type"]], strings[p["period_type"]["unit"]], p["period"]) == ("space", "bytes", 1), "period")
    need(any("events, " in strings[c] for c in p["comment"]), "no comment says what the data bear")
    mappings, functions = by_id(p["mapping"], "mappings"), by_id(p["function"], "functions")
    locations = by_id(p["location"], "locations")
    need(strings[p["mapping"][0]["filename"]] == "[kernel.kallsyms]_text", "the first mapping is not the kernel")
    pairs = [(f["name"], f.get("filename")) for f in p["function"]]
    need(len(set(pairs)) == len(pairs), "a function is there twice")
    for location in locations.values():
        mapping = location.get("mapping_id", 0)
        if mapping:
            need(mappings[mapping].get("start", 0) <= location["address"] < mappings[mapping]["limit"], "outside of its mapping")
        need(location["line"] and all(line["function_id"] in functions for line in location["line"]), "no function")
    used, stacks = set(), defaultdict(int)
    for sample in p["sample"]:
        need(len(sample["value"]) == len(types), "as many values as types")
        need(sample["location_id"], "a sample without a place")
        used.update(sample["location_id"])
        label = {strings[x["key"]]: strings[x["str"]] if "str" in x else x["num"] for x in sample["label"]}
        need(len(label) == len(sample["label"]), "a label is there twice")
        counts = dict(zip(names, sample["value"]))
        for kind in "alloc", "inuse":
            need(counts[kind + "_space"] == counts[kind + "_objects"] * label.get("bytes", 0), "bytes are not objects of that size")
        path = [strings[functions[line["function_id"]]["name"]] for i in sample["location_id"] for line in locations[i]["line"]]
        stacks[fold([label[x] for x in labels] + path[::-1])] += counts[wanted]
    need(used == set(locations), "locations that no sample has")
    print_folded(stacks)


# ---- the others

def check_speedscope(path, wanted):
    p = json.load(open(path))
    need(p["$schema"] == "https://www.speedscope.app/file-format-schema.json", "schema")
    need(0 <= p["activeProfileIndex"] < len(p["profiles"]), "the active profile")
    frames = p["shared"]["frames"]
    need(all(set(f) <= {"name", "file", "line", "col"} and f["name"] for f in frames), "a frame")
    stacks = defaultdict(int)
    for profile in p["profiles"]:
        need(set(profile) == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}, "members")
        need(profile["type"] == "sampled" and profile["startValue"] == 0, "type")
        need(profile["unit"] == ("bytes" if "bytes" in profile["name"] else "none"), "unit")
        need(len(profile["samples"]) == len(profile["weights"]), "as many weights as samples")
        need(sum(profile["weights"]) == profile["endValue"], "the weights are not the whole")
        if profile["name"] == wanted:
            for sample, weight in zip(profile["samples"], profile["weights"]):
                stacks[fold(frames[i]["name"] for i in sample)] += weight
    print_folded(stacks)


def check_heap(path, index):
    lines = open(path).read().split("\n")
    names = {}
    if lines[0] == "--- symbol":
        need(lines[1] == "binary=[kernel]", "binary")
        end = lines.index("---")
        for line in lines[2:end]:
            address, name = re.fullmatch(r"0x([0-9a-f]{16}) (.+)", line).groups()
            need(int(address, 16) not in names, f"{address} has two names")
            names[int(address, 16)] = name.split("--")
        need(lines[end + 1] == "--- heap", "heap")
        lines = lines[end + 2:]
    need(lines[0] == "heap_v2/0" and lines[-4:][1:] == ["", "MAPPED_LIBRARIES:", ""], "frame of the file")
    counts = r"  t\*: (\d+): (\d+) \[(\d+): (\d+)\]"
    total = [int(n) for n in re.fullmatch(counts, lines[1]).groups()]
    stacks, sums = defaultdict(int), [0] * 4
    body = lines[2:-3]
    for at, values in zip(body[::2], body[1::2]):
        need(re.fullmatch(r"@( 0x[0-9a-f]+)+", at), at)
        addresses = [int(a, 16) for a in at.split()[1:]]
        values = [int(n) for n in re.fullmatch(counts, values).groups()]
        sums = [a + b for a, b in zip(sums, values)]
        # callers are looked up one byte before
        found = [names.get(a - (i > 0), [f"0x{a:x}"]) for i, a in enumerate(addresses)]
        stacks[fold(n for group in reversed(found) for n in group)] += values[int(index)]
    need(sums == total, f"the stacks are {sums}, the first line {total}")
    print_folded(stacks)


def live_at(rows, time):
    live = [(r, a - r) for begin, life, r, a in rows if begin <= time and (life is None or begin + life > time)]
    return sum(r for r, _ in live), sum(x for _, x in live)


def check_tree(lines, at, depth, least):
    """The tree that begins at a line: its bytes and the line behind it."""
    n = re.fullmatch(r"( *)n(\d+): (\d+) (.*)", lines[at])
    need(n and len(n[1]) == depth, f"no node of depth {depth}: {lines[at]}")
    children, value, what = int(n[2]), int(n[3]), n[4]
    places = re.fullmatch(r"in (\d+) places?, (all )?below massif's threshold \(1\.00%\)", what)
    need(depth == 0 or places or re.match(r"0x[0-9A-F]+: .", what), what)
    need(places or depth == 0 or value >= least, f"{what} is below the threshold")
    at, below = at + 1, 0
    for _ in range(children):
        child, at = check_tree(lines, at, depth + 1, least)
        below += child
    need(below <= value, f"{what}: {below} of {value}")
    return value, at


def check_massif(path, database):
    db = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    rows = db.execute("SELECT a.time, a.lifetime, s.bytes_req, s.bytes_alloc FROM allocation a JOIN alloc_site s ON s.id ="
                      " a.alloc_site JOIN event e ON e.id = s.event JOIN task t ON t.id = a.task WHERE e.domain = 'slab'"
                      " AND NOT (t.self AND s.context = 0)").fetchall()
    length = db.execute("SELECT value FROM capture WHERE key = 'time.length_ns'").fetchone()[0]
    peak = db.execute("SELECT time, bytes FROM domain_peak WHERE domain = 'slab'").fetchone()
    times = sorted({length // 60 * i + length % 60 * i // 60 for i in range(61)} | {peak[0]})
    lines = open(path).read().split("\n")
    need(lines[0].startswith("desc: kmem export") and lines[1].startswith("cmd: ") and lines[2] == "time_unit: ms", "head")
    at, peaks, trees = 3, 0, 0
    for i, time in enumerate(times):
        need(lines[at:at + 3] == ["#-----------", f"snapshot={i}", "#-----------"], f"snapshot {i}: {lines[at:at + 3]}")
        names = [line.split("=")[0] for line in lines[at + 3:at + 8]]
        need(names == ["time", "mem_heap_B", "mem_heap_extra_B", "mem_stacks_B", "heap_tree"], names)
        when, heap, extra, stacks, tree = [line.split("=")[1] for line in lines[at + 3:at + 8]]
        need(int(when) == time // 10**6 and stacks == "0", f"snapshot {i} is at {when}, not {time // 10**6}")
        need((int(heap), int(extra)) == live_at(rows, time), f"snapshot {i}: {heap}, {extra}, not {live_at(rows, time)}")
        at += 8
        if tree == "peak":
            peaks += 1
            need((time, int(heap) + int(extra)) == peak, f"the peak is {heap} + {extra} at {time}, not {peak}")
        if tree != "empty":
            value, at = check_tree(lines, at, 0, (int(heap) + int(extra)) // 100)
            need(value == int(heap), f"the tree of {i} has {value}")
            trees += 1
    need(lines[at:] == [""] and peaks == 1 and trees >= 6, f"{peaks} peaks, {trees} trees, and {lines[at:at + 2]}")
    print(f"{len(times)} snapshots, {trees} trees")


if __name__ == "__main__":
    {"pprof": check_pprof, "speedscope": check_speedscope, "heap": check_heap, "massif": check_massif}[sys.argv[1]](*sys.argv[2:])
