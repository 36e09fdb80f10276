"""roundtrip.py READ_CAPTURE CAPTURE TRACE: every event of the capture stands in the kernel's own text of the same events.

TRACE is the file trace of an instance with options/fields, the clock mono and the same events, which was switched on
before the capture and off after it. Of each event type, CPU and context (task, softirq, hard interrupt: one may come between the two recordings
of an event of another) the events of the capture have to be a piece of those in the text, in order, with the same pid
and the same value in every field. Prints what was compared, or a difference."""
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict

KIND_STRINGS = (3, 5)
LINE = re.compile(r"^\s*(.*)-(\d+)\s+\[(\d+)\] ..(.)\S*\s+(\d+)\.(\d+): (\w+): (.*)$")
COMMON = 4
# sched_switch reads the exit state of the task for each of the two recordings, and meanwhile its parent may reap it on
# another CPU: EXIT_ZOMBIE (32) becomes EXIT_DEAD (16), include/trace/events/sched.h
ZOMBIE, DEAD = 32, 16
# and these read the time in jiffies, which may count on between the two
READ_TWICE = {("timer_start", "now"), ("timer_expire_entry", "now")}
STARTS = 300                            # nearest first: a loop that closes 100,000 files makes as many that are alike
NEAR_NS = 50_000_000                    # one event is recorded twice, and an interrupt may lie between


def run(program, what, path):
    out = subprocess.run([program, "--json", what, path], stdout=subprocess.PIPE, check=True).stdout
    return out.decode(errors="surrogateescape")


def same_in_both(name, field, value):
    """The value, or what stands for all those that two recordings of one event may have; None: any."""
    if (name, field["name"]) in READ_TWICE:
        return None
    return DEAD if field["name"] == "prev_state" and value == ZOMBIE else value


def text_value(field, text):
    """A value as the kernel prints it: None where it prints the place of a string instead of a value."""
    if field["kind"] in KIND_STRINGS:
        return text
    mask = (1 << 8 * field["size"]) - 1
    number = re.fullmatch(r"0x([0-9a-f]+) \(-?\d+\)", text)
    if number:
        return int(number.group(1), 16) & mask
    number = re.fullmatch(r"(?:\S+ )?\((-?\d+)\)", text)    # "(17)", or an address as a function
    if number:
        return int(number.group(1)) & mask
    if re.fullmatch(r"\(0x[0-9a-f]+.*\)", text):
        return None
    raise SystemExit("cannot read '%s' of field %s" % (text, field["name"]))


def read_text(path, types):
    """(event, CPU, context) -> [(time, pid, values)]"""
    patterns = {}
    for name, fields in types.items():
        words = [re.escape(f["name"]) + "=(.*?)" for f in fields]
        patterns[name] = re.compile(" ".join(words) + "$")
    found = defaultdict(list)
    with open(path, errors="surrogateescape") as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            m = LINE.match(line.rstrip("\n"))
            if not m:
                raise SystemExit("cannot read the line: " + line)
            name = m.group(7)
            values = patterns[name].match(m.group(8).strip())
            if not values:
                raise SystemExit("cannot read the fields: " + line)
            time = int(m.group(5)) * 10 ** 9 + int(m.group(6)) * 1000
            found[name, int(m.group(3)), m.group(4)].append(
                (time, int(m.group(2)), [same_in_both(name, f, text_value(f, v)) for f, v in zip(types[name], values.groups())]))
    return found


def same(a, b):
    return a[1] == b[1] and all(x == y or y is None for x, y in zip(a[2], b[2])) and abs(a[0] - b[0]) < NEAR_NS


def context(flags):
    """The kernel's letter for it."""
    hard, soft, nmi = flags & 0x08, flags & 0x10, flags & 0x40
    return "Z" if nmi and hard else "z" if nmi else "H" if hard and soft else "h" if hard else "s" if soft else "."


def agreeing(ours, theirs, at):
    """How many events agree from `at` on."""
    i = 0
    while i < len(ours) and at + i < len(theirs) and same(ours[i], theirs[at + i]):
        i += 1
    return i


def main():
    program, capture, trace = sys.argv[1:]
    types = {t["event"].split(":")[1]: [f for f in t["fields"] if f["place"] != COMMON]
             for t in json.loads(run(program, "--types", capture))}
    ours = defaultdict(list)
    for line in run(program, "--events", capture).splitlines():
        e = json.loads(line)
        name = e["event"].split(":")[1]
        values = [same_in_both(name, f, e["fields"][f["name"]]) for f in types[name]]
        values = [v if v is None or f["kind"] in KIND_STRINGS else v & (1 << 8 * f["size"]) - 1 for f, v in zip(types[name], values)]
        ours[name, e["cpu"], context(e["flags"])].append((e["time"], e["pid"], values))
    theirs = read_text(trace, types)
    fields = 0
    for key, events in sorted(ours.items()):
        text = theirs[key]
        starts = sorted((i for i, e in enumerate(text) if abs(e[0] - events[0][0]) < NEAR_NS),
                        key=lambda i: abs(text[i][0] - events[0][0]))[:STARTS] or [0]
        agree, best = -1, starts[0]
        for start in starts:
            agree, best = max((agree, best), (agreeing(events, text, start), start))
            if agree == len(events):
                break
        if agree < len(events):
            print("%s on CPU %d (%s): %d of %d agree, then %s, in the text %s" %
                  (*key, agree, len(events), events[agree], text[best + agree:best + agree + 1]))
            sys.exit(1)
        fields += sum(v is not None for e in text[best:best + agree] for v in e[2])
    seen = Counter()
    for (name, _, _), events in ours.items():
        seen[name] += len(events)
    print("%d types %d events %d fields" % (len(seen), sum(seen.values()), fields))
    for name in sorted(seen):
        print("seen", name)


main()
