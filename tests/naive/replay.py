#!/usr/bin/env python3
"""replay.py - what a capture says about slab memory, worked out in the most obvious way: a dictionary from address
to object. It prints the account as `kmem-analyze account` must print it, and shares nothing with it but the capture
(which it reads with scripts/read_capture.py).

    replay.py cap.kmem                              the corrected account
    replay.py cap.kmem --classic -s waste --malloc  the arithmetic of trace_analyze
    replay.py cap.kmem --json                       every total
    read_capture.py cap.kmem --events | replay.py - --from-events-text

Two ways to count:
  corrected  An allocation on a live address ends the old object: its free was not traced. --malloc and --cache
             select by the API of the allocation, after matching. Allocations of the recorder itself are left out
             (unless --include-self), after matching too.
  classic    An allocation on a live address takes the address over, and the old object is live for ever. --malloc
             and --cache drop events of the other API, allocations and frees, before matching. Nothing is left out.
In both an allocation of NULL (it failed) or of ZERO_SIZE_PTR is no object, and a free of either is none.
"""

import argparse
import bisect
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
import processes  # noqa: E402
import read_capture  # noqa: E402
import samples  # noqa: E402

API = {"kmem:kmalloc": "malloc", "kmem:kmalloc_node": "malloc", "kmem:kfree": "malloc",
       "kmem:kmem_cache_alloc": "cache", "kmem:kmem_cache_alloc_node": "cache", "kmem:kmem_cache_free": "cache"}
FREES = ("kmem:kfree", "kmem:kmem_cache_free")
ZERO_SIZE_PTR = 16
IRQ_FLAGS = 0x08 | 0x10 | 0x40          # common_flags: hard interrupt, softirq, NMI
CLONE_THREAD = 0x10000
NAME_SPAN = 1 << 20                     # an address further than this from its symbol is in none
SORT_KEYS = ("current_dynamic", "total_dynamic", "alloc_count", "free_count", "waste")


class Names:
    """Names of code addresses, from the text of /proc/kallsyms."""

    def __init__(self, kallsyms):
        first = {}                      # address -> name: of several, the first in the file, as the kernel's %pS
        for line in kallsyms.decode("utf-8", "surrogateescape").split("\n"):
            words = line.split()
            if len(words) < 3 or words[1] not in ("t", "T", "w", "W"):
                continue                # no code
            if words[2][:2] in ("$a", "$d", "$t", "$x") and words[2][2:3] in ("", "."):
                continue                # marks of the ARM assembler
            first.setdefault(int(words[0], 16), (words[2], " " + words[3] if len(words) > 3 else ""))
        first.pop(0, None)              # addresses that the kernel hides
        self.names = first
        self.starts = sorted(first)
        self.known = {}

    def caller(self, address):
        if address not in self.known:
            self.known[address] = self.look_up(address)
        return self.known[address]

    def look_up(self, address):
        """A return address as sym+0xoff: looked up one byte before, because the call may end its function."""
        if address is None:
            return "(unknown)"
        at = bisect.bisect_right(self.starts, address - 1) - 1
        if at < 0 or address - 1 - self.starts[at] >= NAME_SPAN:
            return "0x%x" % address
        name, module = self.names[self.starts[at]]
        return "%s+0x%x%s" % (name, address - self.starts[at], module)


class TextEvent:
    """A line of `read_capture.py --events`, with the attributes of read_capture.Event that are used here."""

    def __init__(self, line):
        words = line.split()
        self.time, self.cpu, self.pid = int(words[0]), int(words[1]), int(words[2])
        self.flags = None if words[3] == "-" else int(words[3], 16)
        self.full_name = words[4]
        self.values = dict(word.split("=", 1) for word in words[5:])
        stack = self.values.pop("stack")
        self.stack = {"-": read_capture.STACK_NONE, "lost": read_capture.STACK_LOST}.get(stack)
        if self.stack is None:
            self.stack = int(stack)

    def get(self, name):
        value = self.values.get(name)
        if value in (None, "?"):
            return None
        return int(value, 16 if value.startswith("0x") else 10)


class Object:
    """An allocation."""

    count = 1
    user = ()                           # frames of the program behind those of the kernel: processes.UserFrame

    def __init__(self, event, name, self_):
        self.time = event.time
        self.cpu = event.cpu
        self.pid = event.pid
        self.event = name
        self.api = API[name]
        self.address = event.get("ptr")
        self.call_site = event.get("call_site")
        self.bytes_req = event.get("bytes_req") or 0
        self.bytes_alloc = event.get("bytes_alloc") or 0
        self.gfp = event.get("gfp_flags")
        self.node = event.get("node")
        self.flags = event.flags
        self.stack = event.stack
        self.cache = event.get("name")
        self.self = self_               # by the recorder
        self.end = "live"               # or "freed", "reused"
        self.free = None                # the event that freed it
        self.free_user = ()             # as user, of the stack that freed it
        self.end_time = None

    @property
    def free_cache(self):
        """The slab cache that the free names."""
        return self.free.get("name")

    def lifetime(self, end):
        """end: of the capture, for what is live then."""
        return max((end if self.end_time is None else self.end_time) - self.time, 0)


class Folded:
    """Objects of one kind that the recorder counted instead of writing their events."""

    user = ()

    def __init__(self, entry, classic=False):
        self.event = entry.alloc_type.full_name
        self.api = API[self.event]
        values = dict(zip(entry.alloc_type.tuple_place, entry.alloc.values)) if entry.alloc else {}
        self.call_site = values.get("call_site")
        self.bytes_req = values.get("bytes_req") or 0
        self.bytes_alloc = values.get("bytes_alloc") or 0
        self.gfp, self.node, self.cache = values.get("gfp_flags"), values.get("node"), values.get("name")
        self.flags = entry.alloc.flags if entry.alloc else None
        self.pid = self.cpu = None
        self.stack = entry.alloc.stack if entry.alloc else read_capture.STACK_LOST
        self.self = entry.alloc_self
        self.end = "freed" if entry.free_type else "live" if classic else "reused"
        self.free = self if entry.free_type else None
        self.type = entry.free_type     # as of an event
        self.free_tuple = entry.free
        self.free_cache = dict(zip(entry.free_type.tuple_place, entry.free.values)).get("name") if entry.free else None
        self.count = entry.count
        self.lifetimes, self.longest = entry.total, entry.longest


class Threads:
    """Which process a thread belongs to, as time goes by."""

    def __init__(self, tasks, recorder):
        self.tasks = sorted(tasks, key=lambda t: t.time)
        self.recorder = recorder
        self.next = 0
        self.process = {} if recorder is None else {recorder: recorder}

    def advance(self, time):
        while self.next < len(self.tasks) and self.tasks[self.next].time <= time:
            task = self.tasks[self.next]
            self.process[task.pid] = task.tgid or task.pid
            self.next += 1

    def started(self, event):
        child = event.get("pid")
        thread = event.get("clone_flags") & CLONE_THREAD
        self.process[child] = self.process.get(event.pid, event.pid) if thread else child

    def is_recorder(self, event):
        """Whether the recorder is at work here, and not an interrupt that came while it ran."""
        in_task = event.flags is not None and not event.flags & IRQ_FLAGS
        return in_task and self.recorder is not None and self.process.get(event.pid) == self.recorder


class Replay:
    """All objects of some events, and counters of what is no object.

    programs: a processes.Programs, for user frames; None: there are none."""

    def __init__(self, events, threads, classic=False, api=None, programs=None):
        self.objects = []
        self.folded = []                # Folded
        self.unmatched = []             # events
        self.null_frees = []
        self.others_unmatched = self.others_null = 0    # of these, not by the recorder
        self.failed = self.zero_size = self.alloc_events = self.free_events = 0
        live = {}
        for event in events:
            threads.advance(event.time)
            name = event.full_name if isinstance(event, TextEvent) else event.type.full_name
            if name == "task:task_newtask":
                threads.started(event)
            if name not in API or (classic and api and API[name] != api):
                continue
            user = programs.frames_of(event, threads.process.get(event.pid, event.pid)) if programs else ()
            if name in FREES:
                self.free_event(live, event, threads.is_recorder(event), user)
                continue
            new = Object(event, name, threads.is_recorder(event))
            new.user = user
            self.alloc_event(live, new, classic)

    def free_event(self, live, event, by_recorder, user):
        self.free_events += 1
        address = event.get("ptr")
        if address in (0, ZERO_SIZE_PTR):
            self.null_frees.append(event)
            self.others_null += not by_recorder
            return
        freed = live.pop(address, None)
        if freed is None:
            self.unmatched.append(event)
            self.others_unmatched += not by_recorder
            return
        freed.end, freed.free, freed.free_user, freed.end_time = "freed", event, user, event.time

    def alloc_event(self, live, new, classic):
        self.alloc_events += 1
        if new.address == 0:
            self.failed += 1
        elif new.address == ZERO_SIZE_PTR:
            self.zero_size += 1
        else:
            old = live.get(new.address)
            if old and not classic:
                old.end, old.end_time = "reused", new.time
            live[new.address] = new
            self.objects.append(new)


class Row:
    """A caller's line of the account, or the sums of any other group."""

    def __init__(self):
        self.total = self.allocs = self.frees = self.reused = self.live = self.net = self.requested = 0

    def add(self, thing):
        self.total += thing.bytes_alloc * thing.count
        self.allocs += thing.count
        if thing.end == "freed":
            self.frees += thing.count
        elif thing.end == "reused":
            self.reused += thing.count
        else:
            self.live += thing.count
            self.net += thing.bytes_alloc * thing.count
            self.requested += thing.bytes_req * thing.count

    @property
    def waste(self):
        return self.net - self.requested

    def key(self, name):
        return {"current_dynamic": self.net, "total_dynamic": self.total, "alloc_count": self.allocs,
                "free_count": self.frees, "waste": self.waste}[name]


def grouped(things, key):
    rows = {}
    for thing in things:
        name = key(thing)
        if name not in rows:
            rows[name] = Row()
        rows[name].add(thing)
    return rows


def account(things, names, sort=SORT_KEYS[0], top=None):
    """The account as trace_analyze prints it. top: rows, None or 0 for all."""
    callers = list(grouped(things, lambda o: names.caller(o.call_site)).items())
    callers.sort(key=lambda c: (-c[1].key(sort), os.fsencode(c[0])))

    def add(attribute):
        return sum(getattr(row, attribute) for _, row in callers)

    out = ["current bytes allocated: {:>10}".format(add("net")),
           "current bytes requested: {:>10}".format(add("requested")),
           "current wasted bytes:    {:>10}".format(add("waste")),
           "number of allocs:        {:>10}".format(add("allocs")),
           "number of frees:         {:>10}".format(add("frees")),
           "number of callers:       {:>10}".format(len(callers)),
           " ", "   total    waste      net alloc/free  caller", "-" * 45]
    for name, row in callers[:top or None]:
        out.append("%8d %8d %8d %5d/%-5d %s" % (row.total, row.waste, row.net, row.allocs, row.frees, name))
    if top and top < len(callers):
        out.append("Skipping callers numbered %d..%d (-n 0 shows all)" % (top + 1, len(callers)))
    return os.fsencode("\n".join(out) + "\n")


def print_json(replay, things, names):
    def table(key):
        return {str(name): {"total": r.total, "allocs": r.allocs, "frees": r.frees, "reused": r.reused,
                            "live": r.live, "net": r.net, "requested": r.requested}
                for name, r in sorted(grouped(things, key).items(), key=lambda item: str(item[0]))}

    def count(end):
        return sum(o.count for o in things if o.end == end)

    print(json.dumps({
        "alloc_events": replay.alloc_events, "free_events": replay.free_events,
        "allocs": sum(o.count for o in things), "frees": replay.free_events - len(replay.null_frees),
        "matched": count("freed"), "reused": count("reused"), "live": count("live"),
        "live_bytes": sum(o.bytes_alloc for o in things if o.end == "live"),
        "unmatched": len(replay.unmatched), "null": len(replay.null_frees), "failed": replay.failed,
        "zero_size": replay.zero_size, "self": sum(1 for o in replay.objects if o.self),
        "callers": table(lambda o: names.caller(o.call_site)),
        "stacks": table(lambda o: read_capture.stack_text(o.stack)),
        "pairs": table(lambda o: "%s => %s" % (o.event, "" if o.free is None else o.free.full_name
                                               if isinstance(o.free, TextEvent) else o.free.type.full_name)),
    }, indent=1))


def kallsyms_of(capture):
    for name, moment in ((b"/proc/kallsyms", b"start"), (b"/proc/kallsyms.used", b"end"), (b"/proc/kallsyms", b"end")):
        if (name, moment) in capture.files:
            return capture.files[name, moment]
    return b""


def learn_caches(things):
    """Where the event names no slab cache, it is the one that frees of objects of the same site name."""
    def site(thing):
        return (thing.event, thing.call_site, thing.stack, thing.user, thing.bytes_req, thing.bytes_alloc, thing.gfp, thing.node,
                samples.context(thing.flags))

    learned = {}
    for thing in things:
        if thing.cache is None and thing.end == "freed" and thing.free_cache:
            learned.setdefault(site(thing), thing.free_cache)
    for thing in things:
        thing.cache = learned.get(site(thing)) if thing.cache is None else thing.cache


def replay_capture(capture, classic=False, api=None):
    """A Replay of an open read_capture.Capture, and the Names of its call sites. A capture is replayed once: change nothing."""
    known = capture.__dict__.setdefault("replays", {})
    if (classic, api) not in known:
        recorder = capture.info.get("recorder.tgid")
        threads = Threads(capture.tasks, int(recorder) if recorder else None)
        replay = Replay(capture.events(), threads, classic, api, processes.Programs.of(capture))
        replay.folded = [Folded(entry, classic) for entry in capture.folded
                         if entry.alloc_type and entry.alloc_type.full_name in API]
        replay.others_null += sum(entry.count for entry in capture.folded if not entry.alloc_type and not entry.free_self
                                  and entry.free_type and entry.free_type.full_name in API)
        learn_caches(replay.objects + replay.folded)
        known[classic, api] = replay, Names(kallsyms_of(capture))
    return known[classic, api]


def selected(replay, classic, api, include_self):
    if classic:
        return replay.objects + replay.folded
    return [o for o in replay.objects + replay.folded if (not api or o.api == api) and (include_self or not o.self)]


def parse(arguments):
    parser = argparse.ArgumentParser(description="The account of slab memory of a capture, naively.")
    parser.add_argument("file")
    parser.add_argument("--from-events-text", action="store_true", help="FILE (or -) is of read_capture.py --events")
    parser.add_argument("-s", "--sort", choices=SORT_KEYS, default=SORT_KEYS[0])
    parser.add_argument("-n", "--top", type=int)
    parser.add_argument("--malloc", action="store_true")
    parser.add_argument("--cache", action="store_true")
    parser.add_argument("--classic", action="store_true")
    parser.add_argument("--include-self", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def api_of(options):
    """The API that is selected, or None: both options together select everything, as neither does."""
    return None if options.malloc == options.cache else "malloc" if options.malloc else "cache"


def main():
    options = parse(sys.argv[1:])
    api = api_of(options)
    if options.from_events_text:
        with sys.stdin if options.file == "-" else open(options.file) as lines:
            replay = Replay((TextEvent(line) for line in lines), Threads([], None), options.classic, api)
        names = Names(b"")
    else:
        try:
            capture = read_capture.Capture.open(options.file)
        except read_capture.NotACapture as problem:
            print("replay.py: '%s' %s" % (options.file, problem), file=sys.stderr)
            return 1
        replay, names = replay_capture(capture, options.classic, api)
    things = selected(replay, options.classic, api, options.include_self)
    if options.json:
        print_json(replay, things, names)
    else:
        sys.stdout.buffer.write(account(things, names, options.sort, options.top))
    return 0


if __name__ == "__main__":
    sys.exit(main())
