#!/usr/bin/env python3
"""compare.py ADDR2LINE DB VMLINUX MODULE-DIR - every address of a database that lies in the kernel or in a module, against
addr2line: functions, inlined ones included, with their lines.

Prints `same N` and, for what is left, `assembly N` (no compiler has described it: names are the symbol table's), `first-file N`
(below), `entry N` (the first byte of a function, which is its name, where addr2line finds another line or none: arm64 has
instructions for tracers there, that debug information leaves out), `start N` (an interrupted instruction, the first of a function, that looks like a return address: the byte before
it is in none), `differs N`, `missing N` (addr2line knows a line, the database does not), with the first of them as comments.

Where a line belongs to the first entry of a unit's table of files, binutils (2.40, DWARF 5) prints the name of the unit:
set_pte() of paravirt.h is said to be in p2m.c. Functions and line numbers have to be equal there, too.
"""
import glob
import os
import posixpath
import re
import sqlite3
import subprocess
import sys


def addr2line(program, file, addresses, section=None):
    """{address: [(function, path, line)]}, innermost first."""
    command = [program, "-afie", file] + (["-j", section] if section else [])
    text = "".join("%x\n" % a for a in addresses)
    lines = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.split("\n")
    found, at = {}, None
    lines = iter(lines)
    for line in lines:
        if re.fullmatch("0x[0-9a-f]+", line):
            at = int(line, 16)
            found[at] = []
        elif line:
            path, _, number = re.sub(r" \(discriminator \d+\)", "", next(lines)).rpartition(":")
            found[at].append((line, path, int(number) if number.isdigit() else 0))
    return found


def ends_with(path, tail):
    path = posixpath.normpath(path)
    return path == tail or path.endswith("/" + tail)


def compare(ours, theirs, unit):
    if unit is None:
        return "missing" if theirs and theirs[0][2] else "unknown"
    if unit.endswith(".S") or (len(ours) == 1 and not ours[0][1] and not theirs[0][2]):
        return "assembly"
    if [(f, n) for f, _, n in ours] != [(f, n) for f, _, n in theirs]:
        return "differs"
    wrong = [t for o, t in zip(ours, theirs) if not (o[1] and ends_with(t[1], o[1]))]
    if not wrong:
        return "same"
    return "first-file" if all(ends_with(t[1], unit) for t in wrong) else "differs"


def main():
    program, database, vmlinux, modules = sys.argv[1:]
    db = sqlite3.connect("file:%s?mode=ro" % database, uri=True)
    runtime, = db.execute("SELECT value FROM capture WHERE key = 'kernel._stext'").fetchone()
    nm = subprocess.run(["nm", vmlinux], capture_output=True, text=True, check=True).stdout
    names, starts = {}, {}
    for words in map(str.split, nm.splitlines()):
        if len(words) == 3:
            names[words[2]] = int(words[0], 16)
            starts.setdefault(int(words[0], 16), set()).add(words[2])
    offset = runtime - names["_stext"]
    chains = {}
    for frame, function, path, line in db.execute(
            "SELECT frame, function, file, line FROM inline_line ORDER BY frame, position"):
        chains.setdefault(frame, []).append((function, path, line or 0))

    groups = {}
    for frame, address, unit, module, section, start in db.execute(
            "SELECT f.id, f.address, s.path, c.module, c.name, c.address FROM frame f"
            " LEFT JOIN source s ON s.id = f.unit LEFT JOIN code_section c ON c.id = f.section WHERE f.dso IS NULL"):
        if module:
            place = address - 1 - start
        else:
            place = (address - 1 - offset) & (1 << 64) - 1
            if not names["_stext"] <= place < names["_end"]:
                continue
        groups.setdefault((module, section), []).append((place, frame, unit))

    counts, shown = {}, {}
    for (module, section), frames in sorted(groups.items(), key=str):
        file = vmlinux
        if module:
            files = [f for f in glob.glob(modules + "/**/*.ko", recursive=True)
                     if os.path.basename(f)[:-3].replace("-", "_") == module]
            if not files:
                continue
            file = files[0]
        theirs = addr2line(program, file, sorted({f[0] for f in frames}), section)
        for place, frame, unit in frames:
            ours = chains.get(frame, [])
            kind = compare(ours, theirs[place], unit)
            if kind != "same" and not module and place in starts and ours and ours[-1][0] in starts[place]:
                kind = "entry"
            if kind == "missing" and not module and place + 1 in starts:
                kind = "start"
            counts[kind] = counts.get(kind, 0) + 1
            if module:
                counts["of modules"] = counts.get("of modules", 0) + 1
            if kind in ("differs", "missing") and shown.setdefault(kind, 0) < 5:
                shown[kind] += 1
                print("# %s: %x in %s %s: %s; addr2line: %s" %
                      (kind, place, file, section or "", ours, theirs[place]))
    print("kaslr 0x%x" % (offset & (1 << 64) - 1))
    for kind in ("same", "of modules", "assembly", "first-file", "entry", "start", "differs", "missing", "unknown"):
        print(kind.replace(" ", "-"), counts.get(kind, 0))


main()
