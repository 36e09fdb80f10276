#!/usr/bin/env python3
"""compare_by.py - do the reports of kmem-analyze say the same whatever they are grouped by?

    compare_by.py KMEM_ANALYZE cap.kmem

For every key of --by: the account equals, line by line, what the naive replay makes of the capture, as far as that
knows the key; its sums are those of the plain account; the sections of kmemprof and the live list of kmemleak are
those of the plain reports, and their groups add up to them. Prints `ok NAME` and `not ok NAME: why`.
"""

import fnmatch
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gfp  # noqa: E402
import processes  # noqa: E402
import replay  # noqa: E402
import read_capture  # noqa: E402
import runs  # noqa: E402
import samples  # noqa: E402

BRIEF_KEYS = ("caller", "stack", "cache,comm")
STACK_KEYS = {"caller", "function", "module"}   # of those below: estimates where stacks are a sample
HERE = os.path.dirname(os.path.abspath(__file__))
SKIP_LIST = os.path.join(HERE, "..", "..", "analyze", "skip_frames.txt")
KEYS = ("call-site", "caller", "function", "module", "cache", "comm", "pid", "cpu", "node", "gfp", "order", "size-class",
        "context", "stack", "cache,comm", "gfp,pid,cpu,context")
MACHINERY = ("trace_event_raw_event_", "__traceiter_", "perf_trace_", "trace_event_buffer_", "event_triggers_",
             "__ftrace_trace_stack", "__do_trace_", "do_trace_event_raw_event_", "stack_trace_save")
BUCKETS = (8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192)


def context_of(flags):
    flags = flags or 0
    return "nmi" if flags & 0x40 else "irq" if flags & 0x08 else "softirq" if flags & 0x10 else "task"


def skip_patterns():
    with open(SKIP_LIST) as lines:
        words = [line.split("#")[0].strip() for line in lines]
    return re.compile("|".join(fnmatch.translate(word) for word in words if word))


def stem(name):
    name = name[:1] + name[1:].split(".")[0]
    return name[:-len("_noprof")] if name.endswith("_noprof") else name


class Places:
    """Callers, functions and modules, from the stacks of a capture."""

    def __init__(self, capture, names):
        self.stacks = capture.stacks
        self.names = names
        self.skip = skip_patterns()
        self.callers = {}

    def function(self, address):
        text = self.names.caller(address)
        return text.split("+0x")[0]

    def is_plain(self, address):
        return not self.skip.match(stem(self.function(address)))

    def caller_address(self, thing):
        known = thing.stack, thing.call_site
        if known not in self.callers:
            self.callers[known] = self.find_caller(thing)
        return self.callers[known]

    def find_caller(self, thing):
        frames = self.stacks[thing.stack] if thing.stack >= 0 else ()
        if processes.USER_MARK in frames:
            frames = frames[:frames.index(processes.USER_MARK)]
        while len(frames) > 1 and self.function(frames[0]).startswith(MACHINERY):
            frames = frames[1:]
        if thing.call_site in frames:
            frames = frames[frames.index(thing.call_site):]
        for address in frames:
            if self.is_plain(address):
                return address
        return thing.call_site if thing.call_site is not None else frames[-1] if frames else None

    def caller(self, thing):
        return self.names.caller(self.caller_address(thing))

    def caller_function(self, thing):
        address = self.caller_address(thing)
        return "(unknown)" if address is None else self.function(address)

    def module(self, thing):
        text = self.caller(thing)
        if text.endswith("]"):
            return text[text.index("[") + 1:-1]
        return "(unknown)" if text == "(unknown)" or text.startswith("0x") else "(kernel)"


def power_above(n):
    power = 1
    while power < n:
        power *= 2
    return power


def size_class(thing):
    n = thing.bytes_alloc
    if thing.api == "malloc" and n in BUCKETS:
        return "kmalloc-%d" % n if n < 1024 else "kmalloc-%dk" % (n // 1024)
    power = power_above(n)
    return "%d..%d" % (power // 2 + 1, power) if power > 2 else str(power)


def order(thing, page):
    if thing.api != "malloc" or thing.bytes_alloc <= 2 * page:
        return "(in slab pages)"
    pages = thing.bytes_alloc // page
    exact = pages * page == thing.bytes_alloc and pages & (pages - 1) == 0
    return str(pages.bit_length() - 1) if exact else "(unknown)"


def cache(thing):
    if thing.cache is not None:
        return read_capture.loose(thing.cache)
    return "(kmalloc)" if thing.api == "malloc" else "(unknown)"


def in_task(thing, value):
    context = context_of(thing.flags)
    return value if context == "task" else "(%s)" % context


def labels(capture, names):
    """Key -> what the naive replay calls the group of an object."""
    places = Places(capture, names)
    page = int(capture.info.get("page_size", 4096))
    gfp_names = gfp.namer(capture)
    return {
        "call-site": lambda o: names.caller(o.call_site),
        "caller": places.caller,
        "function": places.caller_function,
        "module": places.module,
        "cache": cache,
        "pid": lambda o: in_task(o, "(folded)" if o.pid is None else str(o.pid)),
        "cpu": lambda o: "(folded)" if o.cpu is None else str(o.cpu),
        "node": lambda o: "(unknown)" if o.node is None else "any" if o.node == -1 else str(o.node),
        "gfp": lambda o: "(unknown)" if o.gfp is None else gfp_names(o.gfp),
        "order": lambda o: order(o, page),
        "size-class": size_class,
        "context": lambda o: context_of(o.flags),
    }


def things_of(made):
    return [o for o in made.objects + made.folded if not o.self]


def estimated(things, everything, label):
    """Label -> (total, waste, net, allocs, frees), and by how many bytes and objects these may be off: nothing but where a
    cell was split in fractions. label: of an object, or of another one that has its stack."""
    rows, parts = {}, {}
    for thing, other, share, part in samples.split(things, everything):
        name = label(other or thing)
        row = rows.setdefault(name, [0] * 5)
        live, freed = thing.end == "live", thing.end == "freed"
        for i, n in enumerate((thing.bytes_alloc, (thing.bytes_alloc - thing.bytes_req) * live, thing.bytes_alloc * live,
                               1, freed)):
            row[i] += n * share
        if part:
            parts.setdefault(name, {})[part] = thing.bytes_alloc
    return {name: (tuple(row), len(parts.get(name, ())), sum(parts.get(name, {}).values())) for name, row in rows.items()}


def near(found, expected):
    """Those of expected that are not in found, as found has them."""
    wrong = {}
    for name in set(found) | set(expected):
        want, objects, size = expected.get(name, ((0,) * 5, 0, 0))
        have = found.get(name, (0,) * 5)
        if any(abs(a - b) > slack for a, b, slack in zip(have, want, (size, size, size, objects, objects))):
            wrong[name] = have, tuple(map(float, want))
    return wrong


def run(program, *arguments):
    return program.said(*arguments).split("\n")


ROW = re.compile(r"^ *(-?\d+) +(-?\d+) +(-?\d+) +(\d+)/(\d+) +(.*)$")


def account(program, path, *options):
    """Label -> (total, waste, net, allocs, frees); and the lines of sums above the table."""
    lines = run(program, "account", path, *options)
    start = next(i for i, line in enumerate(lines) if line.startswith("current bytes allocated"))
    rows = {}
    for line in lines[start:]:
        row = ROW.match(line)
        if row:
            label = row.group(6)
            old = rows.get(label, (0,) * 5)    # different stacks may read the same
            rows[label] = tuple(a + int(b) for a, b in zip(old, row.groups()))
    return rows, lines[start:start + 5]


def sections(lines):
    """The sections of kmemprof without their groups: header lines, and what the groups below add up to."""
    out, sums = [], None
    for line in lines:
        group = re.match(r"^(Allocate|Free) (\d+) \(.*\) bytes on (\d+) \(", line)
        if re.search(r" total (alloc|free) \d+ bytes on \d+ objects", line):
            sums = [0, 0]
            out.append((line, sums))
        elif group:
            sums[0] += int(group.group(2))
            sums[1] += int(group.group(3))
    return [(line, tuple(sums)) for line, sums in out]


def add_up(parts):
    return all(sums == tuple(map(int, re.search(r"total \w+ (\d+) bytes on (\d+) objects", line).groups()))
               for line, sums in parts)


def leaks(lines):
    """What ALLOC LIST says, and the sums over the groups: objects, bytes, certain and in doubt, of all comms."""
    said, sums = None, [0, 0, 0, 0]
    for line in lines:
        for pattern, places in ((r"^ALLOC LIST num (\d+) mem (\d+)", None), (r"^Leak of (\d+) bytes in (\d+) objects", (1, 0)),
                                (r"^    certain (\d+), in doubt (\d+);", (2, 2))):
            found = re.match(pattern, line)
            if found and places is None:
                said = tuple(map(int, found.groups()))
            elif found:
                for place, number in zip(places, found.groups()):
                    sums[place] += int(number)
        if line.startswith("    comms:"):
            sums[3] += sum(int(n) for n in re.findall(r"\(\d+/(\d+)\)", line))
    return said, tuple(sums)


class Score:
    def __init__(self, name):
        self.name, self.failed = name, False

    def equal(self, what, found, expected):
        if found == expected:
            print("ok %s: %s" % (self.name, what))
            return
        self.failed = True
        if isinstance(found, dict) and isinstance(expected, dict):
            keys = [k for k in set(found) | set(expected) if found.get(k) != expected.get(k)]
            found, expected = ({k: x.get(k) for k in sorted(keys)[:3]} for x in (found, expected))
        print("not ok %s: %s: %s, not %s" % (self.name, what, found, expected))


def compare(program, path, capture):
    """Whether they are the same; program: runs.Runs."""
    score = Score(os.path.basename(path))
    made, names = replay.replay_capture(capture)
    things, known, sampled = things_of(made), labels(capture, names), samples.is_sampled(capture)
    plain, totals = account(program, path)
    prof = [line for line, _ in sections(run(program, "kmemprof", path))]
    said, _ = leaks(run(program, "kmemleak", path))
    for key in KEYS:
        rows, sums = account(program, path, "--by", key)
        score.equal("account --by %s has the sums of the account" % key, sums, totals)
        score.equal("account --by %s adds up" % key, [sum(c) for c in zip(*rows.values())],
                    [sum(c) for c in zip(*plain.values())])
        if sampled and STACK_KEYS & set(key.split(",")):
            score.equal("account --by %s is what the samples say" % key, near(rows, estimated(things, made.objects, known[key])), {})
        elif all(part in known for part in key.split(",")):
            parts = [known[part] for part in key.split(",")]
            one = parts[0] if len(parts) == 1 else lambda o, p=parts: ", ".join(part(o) for part in p)
            groups = replay.grouped(things, one)
            score.equal("account --by %s is that of the replay" % key, rows,
                        {label: (r.total, r.waste, r.net, r.allocs, r.frees) for label, r in groups.items()})
        if program.brief and key not in BRIEF_KEYS:
            continue
        by = sections(run(program, "kmemprof", "-n", "0", "--by", key, path))
        score.equal("kmemprof --by %s has the sections of kmemprof" % key, [line for line, _ in by], prof)
        score.equal("kmemprof --by %s adds up" % key, add_up(by), True)
        number, sums = leaks(run(program, "kmemleak", "--comm", "--by", key, path))
        score.equal("kmemleak --by %s has what kmemleak has" % key, number, said)
        score.equal("kmemleak --by %s adds up" % key, sums, said + (said[0], said[0]))
    return not score.failed


def of_one_capture(compare):
    """The program around compare(program, path, capture): its exit status."""
    if len(sys.argv) != 3:
        print("usage: %s KMEM_ANALYZE CAPTURE" % os.path.basename(sys.argv[0]), file=sys.stderr)
        return 2
    try:
        return 0 if compare(runs.Runs(sys.argv[1]), sys.argv[2], read_capture.Capture.open(sys.argv[2])) else 1
    except runs.Failed as problem:
        print("not ok %s: %s" % (os.path.basename(sys.argv[2]), problem))
        return 1


if __name__ == "__main__":
    sys.exit(of_one_capture(compare))
