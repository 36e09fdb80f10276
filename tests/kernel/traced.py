"""traced.py READ_CAPTURE CAPTURE TRACE: the events and stacks of the capture are those of the kernel's own text of the
same ring (file `trace`, with options/hash-ptr off), by CPU, task, microsecond, address and call site. Prints how many,
or a difference."""
import collections
import json
import re
import subprocess
import sys

LINE = re.compile(r"^\s*(?P<comm>.{16})-(?P<pid>\d+)\s+\[(?P<cpu>\d+)\] \S+\s+(?P<s>\d+)\.(?P<us>\d{6}): (?P<event>\w+): (?P<rest>.*)$")


def from_text(path):
    events, stacks, frames = collections.Counter(), 0, 0
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if "<stack trace>" in line:
                stacks += 1
            elif line.startswith(" => "):
                frames += 1
            elif m := LINE.match(line):
                ptr = re.search(r"ptr=(0x)?([0-9a-f]+|\(null\))", m["rest"])
                address = 0 if not ptr or ptr[2] == "(null)" else int(ptr[2], 16)
                name = "print" if m["event"] == "tracing_mark_write" else m["event"]
                events[int(m["cpu"]), int(m["pid"]), int(m["s"] + m["us"]), name, address] += 1
    return events, stacks, frames


def from_capture(program, path):
    events, stacks, frames = collections.Counter(), 0, 0
    out = subprocess.run([program, "--json", "--stacks", path], stdout=subprocess.PIPE, check=True).stdout
    depth = [len(stack) for stack in json.loads(out)]
    out = subprocess.run([program, "--json", "--events", path], stdout=subprocess.PIPE, check=True).stdout
    for line in out.decode().splitlines():
        e = json.loads(line)
        system, name = e["event"].split(":")
        events[e["cpu"], e["pid"], (e["time"] + 500) // 1000, name, int(e["fields"].get("ptr") or 0)] += 1
        if e["stack"].isdigit():
            stacks += 1
            frames += depth[int(e["stack"])]
    return events, stacks, frames


def main():
    program, capture, trace = sys.argv[1:]
    got, want = from_capture(program, capture), from_text(trace)
    if sum(got[0].values()) < 1000:
        sys.exit(f"only {sum(got[0].values())} events")
    if got[0] != want[0]:
        more, less = got[0] - want[0], want[0] - got[0]
        sys.exit(f"only in the capture: {sum(more.values())} {list(more)[:3]}; only in the text: {sum(less.values())} {list(less)[:3]}")
    if got[1:] != want[1:]:
        sys.exit(f"stacks and frames: {got[1:]} in the capture, {want[1:]} in the text")
    print(f"{sum(got[0].values())} events, {got[1]} stacks, {got[2]} frames")


main()
