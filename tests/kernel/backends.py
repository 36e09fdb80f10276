"""backends.py READ_CAPTURE MODE ...: what the captures of tests/kernel/test_perf.sh must show. Prints a summary, or
what is wrong and exits 1.

same PERF FTRACE            events of the command of PERF, recorded by both at once, are the same ones
freed CAPTURE START END N   the command allocated N objects at call sites from START to END; each was freed
callers CAPTURE LINE        user frames of the command hold the functions of LINE ("name:hex ..."), outermost first,
                            and all maps of its program have a build-id
lost CAPTURE                what is lost is told in front of blocks, and is not nothing
"""
import collections
import json
import subprocess
import sys

USER = 0xfffffffffffffe00


def lines(program, option, path):
    out = subprocess.run([program, option, path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return out.stdout.decode().splitlines()


def events(program, path):
    out = subprocess.run([program, "--json", "--events", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         check=False)
    return [json.loads(line) for line in out.stdout.decode().splitlines()]


def facts(program, path):
    return dict(line.split(": ", 1) for line in lines(program, "--info", path) if ": " in line)


def counts(program, path):
    """event -> (counted, stored), from the many-lined value of perf.counts"""
    found, inside = {}, False
    for line in lines(program, "--info", path):
        if line.startswith("perf.counts: "):
            inside, line = True, line[len("perf.counts: "):]
        words = line.split(" ")
        if not inside or len(words) != 3 or words[0].endswith(":"):
            inside = False
            continue
        found[words[0]] = (int(words[1]), int(words[2]))
    return found


def same(program, perf, ftrace):
    info = facts(program, perf)
    pid, start, end = int(info["command.pid"]), int(info["time.start_ns"]), int(info["time.end_ns"])

    def keys(path):
        return collections.Counter(
            (e["event"], tuple(sorted((k, v) for k, v in e["fields"].items()))) for e in events(program, path)
            if e["pid"] == pid and start + 5000000 < e["time"] < end - 5000000 and e["event"].startswith("kmem:"))

    p, f = keys(perf), keys(ftrace)
    vanished = sum(c - s for c, s in counts(program, perf).values())
    more, fewer = sum((p - f).values()), sum((f - p).values())
    total = sum(p.values())
    print(f"{total} events, {fewer} missing of {vanished} that perf counted and did not store")
    # one at each edge may be on the other side of the window
    return total > 1000 and more <= 2 and fewer <= vanished + 2


def freed(program, path, start, end, number):
    pid = int(facts(program, path)["command.pid"])
    live, allocated, others = set(), 0, 0
    vanished = sum(c - s for c, s in counts(program, path).values())
    for e in events(program, path):
        f = e["fields"]
        if "bytes_alloc" in f:
            others += e["pid"] != pid
            if int(start, 16) <= f["call_site"] < int(end, 16):
                allocated += 1
                live.add(f["ptr"])
        elif "ptr" in f:
            live.discard(f["ptr"])
    print(f"{allocated} allocated, {len(live)} not freed, {others} allocations of others, {vanished} vanished")
    return allocated == int(number) and len(live) <= vanished and others == 0


def callers(program, path, line):
    pid = int(facts(program, path)["command.pid"])
    functions = {name: int(at, 16) for name, at in (word.split(":") for word in line.split())}
    order, begins = list(functions), sorted(functions.values())
    stacks = [[int(w, 16) for w in s.split(" ")[1:]] for s in lines(program, "--stacks", path)]
    found = 0
    for frames in stacks:
        if USER not in frames:
            continue
        names = []
        for frame in reversed(frames[frames.index(USER) + 1:]):
            below = [b for b in begins if b <= frame - 1 < b + 512]
            if below:
                names.append(order[list(functions.values()).index(below[-1])])
        found += names[:len(order)] == order
    maps = [m for m in lines(program, "--processes", path) if f" tgid={pid} " in m and " kind=map " in m and "path=/" in m]
    bare = [m for m in maps if m.endswith("build_id=")]
    print(f"{found} stacks with {' '.join(order)}; {len(maps)} maps, {len(bare)} without build-id")
    return found > 0 and maps and not bare


def lost(program, path):
    told = sum(int(w.split("=")[1]) for b in lines(program, "--blocks", path) for w in b.split()
               if w.startswith("lost_before="))
    end = [b for b in lines(program, "--stats", path) if b.startswith("end events=")]
    want = int(dict(w.split("=") for w in end[0].split()[1:])["lost"]) if end else -1
    print(f"{told} told in front of blocks, {want} lost in all")
    return told == want and told > 0


sys.exit(0 if globals()[sys.argv[2]](sys.argv[1], *sys.argv[3:]) else 1)
