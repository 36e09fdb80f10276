#!/usr/bin/env python3
"""recording_cost.py - what recording costs a machine whose CPUs do nothing but allocate.

    recording_cost.py KMEM_RECORD CHURN [RUNS [ROUNDS]]

Every CPU runs CHURN (tests/kernel/churn.c) pinned, ROUNDS rounds, in turn: alone, under kmem-record and under
`perf record -a -z` with the same events and the same stacks. The figure is the time that is added to the slowest
churn; medians over RUNS, and the ratio to perf's, run by run. Needs root, tracefs mounted where perf looks for it.
"""
import os
import re
import resource
import subprocess
import sys
import tempfile
from statistics import median

ALLOCS = ("kmem:kmalloc", "kmem:kmem_cache_alloc")
FREES = ("kmem:kfree", "kmem:kmem_cache_free")
TASKS = ("task:task_newtask", "task:task_rename")


def workload(churn, rounds):
    return " ".join("%s %d %d &" % (churn, rounds, cpu) for cpu in range(os.cpu_count())) + " wait"


def seconds_of(output):
    times = [float(t) for t in re.findall(r"churn: .* in ([0-9.]+) s", output)]
    if len(times) != os.cpu_count():
        sys.exit("the workload did not run: %s" % output)
    return max(times)


def run(command):
    """Seconds of the workload, CPU seconds of everything in the command (the workload's too), its output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 3):
        sys.exit("%s failed:\n%s" % (" ".join(command), done.stdout))
    return seconds_of(done.stdout), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def perf_command(output, stacks, shell):
    command = ["perf", "record", "-q", "-a", "-z", "-m", "4096", "-o", output]
    for event in ALLOCS:
        command += ["-e", event + ("/call-graph=fp/" if stacks else "")]
    for event in FREES + TASKS:
        command += ["-e", event]
    return command + ["--", "sh", "-c", shell]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    record, churn = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    shell = workload(churn, int(sys.argv[4]) if len(sys.argv) > 4 else 50000)
    added = {}
    notes = {}
    with tempfile.TemporaryDirectory() as work:
        for number in range(runs):
            for stacks in (True, False):
                bare = run(["sh", "-c", shell])[0]
                for tool in ("kmem-record", "perf"):
                    output = os.path.join(work, "out")
                    if tool == "perf":
                        command = perf_command(output, stacks, shell)
                    else:
                        command = [record, "-f", "-o", output, "--stacks", "alloc" if stacks else "none",
                                   "--", "sh", "-c", shell]
                    seconds, _, text = run(command)
                    added.setdefault((tool, stacks), []).append(seconds - bare)
                    notes[tool, stacks] = (os.path.getsize(output), text)
                    os.unlink(output)
                added.setdefault(("bare", stacks), []).append(bare)
    for stacks in (True, False):
        ours, perfs = added["kmem-record", stacks], added["perf", stacks]
        size, text = notes["kmem-record", stacks]
        account = re.search(r"kmem-record: (.*)", text).group(1)
        print("%s: the load alone %.2f s; kmem-record adds %.2f s, perf record %.2f s; ratio %.2f (%s)"
              % ("stacks of allocations" if stacks else "no stacks", median(added["bare", stacks]), median(ours),
                 median(perfs), median(o / p for o, p in zip(ours, perfs)),
                 ", ".join("%.2f" % (o / p) for o, p in zip(ours, perfs))))
        print("  kmem-record: %s" % account)
        print("  perf record: %.1f MB%s" % (notes["perf", stacks][0] / 1e6,
              "; LOST: " + " ".join(re.findall(r"[Ll]ost.*", notes["perf", stacks][1]))
              if re.search("[Ll]ost", notes["perf", stacks][1]) else ""))


if __name__ == "__main__":
    main()
