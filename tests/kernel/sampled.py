#!/usr/bin/env python3
"""sampled.py - stacks that were sampled against all stacks, of two recorders that ran at once.

    sampled.py READ_CAPTURE FULL SAMPLED [--selected]

FULL was recorded while SAMPLED was: each of its events is in SAMPLED, too, and the probe of SAMPLED ran first. So its
event is the last one of the same CPU, type, address, task and call site that is not later. --selected: SAMPLED has the
events of some tasks or CPUs only. Prints what was compared;
exit status 1 and a sentence if a stack is another one, or the choice is not of one in N.
"""
import importlib.util
import math
import sys
from bisect import bisect_right
from collections import defaultdict

ALLOCATIONS = {"kmem:kmalloc", "kmem:kmalloc_node", "kmem:kmem_cache_alloc", "kmem:kmem_cache_alloc_node",
               "kmem:mm_page_alloc", "percpu:percpu_alloc_percpu", "vmalloc:alloc_vmap_area"}


def load(path, read_capture):
    capture = read_capture.Capture.open(path)
    events = [e for e in capture.events() if e.type.full_name in ALLOCATIONS or e.type.has_stack]
    if capture.damage:
        sys.exit("%s: %s" % (path, capture.damage[0]))
    return capture, events


def key(event):
    return event.cpu, event.type.full_name, event.address, event.pid, event.get("call_site")


def ways_in():
    """Addresses of functions between a tracepoint and ftrace's stacks: where two recorders have probes, they begin
    there."""
    symbols = []
    with open("/proc/kallsyms") as lines:
        for line in lines:
            words = line.split()
            symbols.append((int(words[0], 16), words[2]))
    symbols.sort()
    starts = [address for address, _ in symbols]

    def is_way_in(frame):
        name = symbols[bisect_right(starts, frame - 1) - 1][1]
        return name.startswith(("trace_event_raw_event_", "__traceiter_"))
    return is_way_in


def without(is_way_in, stack, known={}):
    if stack not in known:
        n = 0
        while n < len(stack) and is_way_in(stack[n]):
            n += 1
        known[stack] = stack[n:]
    return known[stack]


def names(stack):
    return " ".join("%x" % frame for frame in stack)


def main():
    spec = importlib.util.spec_from_file_location("read_capture", sys.argv[1])
    read_capture = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(read_capture)
    full, full_events = load(sys.argv[2], read_capture)
    sampled, sampled_events = load(sys.argv[3], read_capture)
    period = int(sampled.info["events.stack_sample"])
    chance = sampled.info["events.stack_sample_by"] == "random"
    lost = int(sampled.info.get("events.stack_sample_lost", "0"))

    # the choice, of all events of the sampled capture
    sites = defaultdict(lambda: [0, 0])
    for event in sampled_events:
        if event.type.full_name not in ALLOCATIONS:
            sys.exit("%s has stacks" % event.type.full_name)
        if not event.type.has_stack:
            sys.exit("%s is said to have no stacks" % event.type.full_name)
        site = sites[event.type.full_name, event.get("call_site")]
        site[0] += 1
        site[1] += event.stack != read_capture.STACK_NONE
    n = sum(s[0] for s in sites.values())
    chosen = sum(s[1] for s in sites.values())
    spread = math.sqrt(n / period * (1 - 1 / period))
    if abs(chosen - n / period) > 5 * spread + lost:
        sys.exit("%d of %d were chosen: not one in %d" % (chosen, n, period))
    large = [s for s in sites.values() if s[0] / period >= 10]
    chi2 = sum((s[1] - s[0] / period) ** 2 / (s[0] / period * (1 - 1 / period)) for s in large)
    if chance and abs(chi2 - len(large)) > 6 * math.sqrt(2 * len(large)):
        sys.exit("chi-square over %d call sites is %.0f" % (len(large), chi2))

    # each event of the full capture in the sampled one
    times = defaultdict(list)
    for event in sampled_events:
        times[key(event)].append(event)
    for events in times.values():
        events.sort(key=lambda e: e.time)
    starts = {k: [e.time for e in events] for k, events in times.items()}
    found, compared, types, is_way_in = set(), 0, set(), ways_in()
    for event in full_events:
        k = key(event)
        if event.type.full_name not in ALLOCATIONS:
            continue
        i = bisect_right(starts.get(k, []), event.time) - 1
        if len(sys.argv) > 4 and (i < 0 or event.time - starts[k][i] > 1000000 or (k, i) in found):
            continue
        if i < 0 or (k, i) in found:
            sys.exit("%r at %d is not in the sampled capture" % (k, event.time))
        found.add((k, i))
        other = times[k][i]
        if other.stack in (read_capture.STACK_NONE, read_capture.STACK_LOST) or event.stack == read_capture.STACK_LOST:
            continue
        one, all_of_it = sampled.stacks[other.stack], without(is_way_in, full.stacks[event.stack])
        if one != all_of_it:
            sys.exit("%r at %d: sampled %s, but full %s" % (k, event.time, names(one), names(all_of_it)))
        compared += 1
        types.add(event.type.full_name)
    if not compared:
        sys.exit("no stack could be compared")
    print("%d stacks compared, %d of %d chosen (one in %d), chi-square %.0f over %d call sites, %d lost, of %s"
          % (compared, chosen, n, period, chi2, len(large), lost, " ".join(sorted(types))))


if __name__ == "__main__":
    main()
