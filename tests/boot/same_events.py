#!/usr/bin/env python3
"""same_events.py READ_CAPTURE CAPTURE WITNESS - compares a capture with what witness (libtraceevent) made of the
same pages: every event of every CPU, in the order of the ring, with time, pid, flags, fields and stack. Prints the
number of events and of stacks; or, where they differ, both lines and exits with 1."""

import importlib.util
import itertools
import sys


def load_reader(path):
    spec = importlib.util.spec_from_file_location("read_capture", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def field_text(reader, field, value):
    if value is None:
        return "lost"
    if isinstance(value, bytes):
        return value.split(b"\0")[0].hex() if field.kind == reader.KIND_STRING else value.hex()
    return "%x" % (value & ((1 << 8 * field.size) - 1))


def lines_of(reader, path):
    capture = reader.Capture.open(path)
    cpus = {}
    for event in capture.events():
        if event.stack == reader.STACK_NONE:
            stack = "-"
        elif event.stack == reader.STACK_LOST:
            stack = "lost"
        else:
            stack = ",".join("%x" % frame for frame in capture.stacks[event.stack])
        words = ["%d %d %d %x %x %s" % (event.cpu, event.time, event.pid, event.flags, event.preempt,
                                        event.type.full_name)]
        words += ["%s=%s" % (f.name, field_text(reader, f, v)) for f, v in event.fields()]
        cpus.setdefault(event.cpu, []).append(" ".join(words) + " stack=" + stack)
    if capture.damage:
        sys.exit("the capture is damaged: %s" % (capture.damage[0],))
    return cpus


def main():
    reader = load_reader(sys.argv[1])
    ours = lines_of(reader, sys.argv[2])
    theirs = {}
    with open(sys.argv[3], encoding="ascii") as witness:
        for line in witness:
            theirs.setdefault(int(line.split(" ", 1)[0]), []).append(line.rstrip("\n"))
    for cpu in sorted(set(ours) | set(theirs)):
        for n, (a, b) in enumerate(itertools.zip_longest(ours.get(cpu, []), theirs.get(cpu, []))):
            if a != b:
                print("CPU %d, event %d differs\ncapture: %s\nwitness: %s" % (cpu, n, a, b))
                return 1
    events = sum(map(len, ours.values()))
    stacks = sum(not line.endswith("stack=-") for lines in ours.values() for line in lines)
    print("%d events, %d stacks" % (events, stacks))
    return 0 if events else 1


if __name__ == "__main__":
    sys.exit(main())
