#!/usr/bin/env python3
"""growth.py - what a load and every stock report take of an input of N things, and of one of 2N.

    growth.py KMEM_ANALYZE [CASE...]

Each case is much of one thing, or the worst that a file can ask for. Twice as much may take at most LIMIT times the processor
time (of two runs, the better) and memory. Time also grows where more no longer fits into the processor's caches, and differs from
run to run; an algorithm that takes too long executes more instructions. So where the time was too much, valgrind counts them for N
and 2N: at most INSTRUCTIONS times as many, and the time of the kernel below LIMIT, is good, and said. A case whose 2N is all that a
file may hold has to end within BOUNDED seconds instead, however it grows up to there.
Prints a line per case, `ok` or `not ok`, with what it took at 2N, and the slowest report.
Environment: SCALE=0.25 makes all of them smaller, but those with a bound.
"""

import os
import random
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "naive"))
import mkcap  # noqa: E402

LIMIT = 2.6
INSTRUCTIONS = 2.2
BOUNDED = 4                     # seconds
SHORT = 0.25                    # seconds: below this nothing is said about growth
MEMORY_SHORT = 64 << 10         # kB, likewise
PATIENCE = 240                  # seconds for one run
COUNTING = 1800                 # seconds for one run under valgrind
# what a report says that finds nothing of its kind
NOTHING = ("nothing to draw", "no event 'kmem:", "no function of these stacks")

REPORTS = ["account", "account --by caller,stack", "account --by cache,comm", "account --by module,gfp,node", "account --classic",
           "account --callers", "kmemleak", "kmemleak --comm", "kmemleak -v -n 10", "kmemprof -n 10", "top -n 10", "top --tree -n 10",
           "top --peek f", "graph -f -o OUT.dot", "flame -f -o OUT.svg", "flame -f -o OUT.folded", "diff -a DB", "peak -n 5",
           "timeline -f -o OUT.svg", "timeline --by comm", "timeline --format trace -f -o OUT.trace", "lifetimes -n 10",
           "stat --caller", "stat --alloc", "domains", "info --all", "export -f -o OUT.pb.gz", "export -f -o OUT.massif",
           "export -f -o OUT.speedscope.json", "report -f -o OUT.html", "rings -f -o OUT.svg",
           "kmemprof -e kmem:kmalloc//size=bytes_alloc/stack/ -e kmem:kfree -k ptr",
           "kmemleak --alloc kmem:kmalloc//ptr=ptr/stack/ --free kmem:kfree//ptr=ptr/"]

CASES = {}


def case(count, reports=True, suffix="log", bounded=False):
    """make(n) gives the file's bytes. count: N. bounded: a file can hold no more than 2N."""
    def add(make):
        CASES[make.__name__.replace("_", "-")] = (make, count, reports, suffix, bounded)
        return make
    return add


# ---------------------------------------------------------------------------------------------------------------
# Text logs

HEAD = "# tracer: nop\n#\n"


def entry(i, event, comm="sh", pid=7, cpu=0, step=10):
    t = i * step
    return "%16s-%-7d [%03d] ..... %5d.%06d: %s\n" % (comm, pid, cpu, t // 1000000, t % 1000000, event)


def kmalloc(site="f+0x1/0x10", ptr=0, size=64, gfp="GFP_KERNEL"):
    return "kmalloc: call_site=%s ptr=%016x bytes_req=%d bytes_alloc=%d gfp_flags=%s node=-1 accounted=false" % (
        site, 0xffff888000000000 + ptr * 64, size, size, gfp)


def kfree(site="g+0x1/0x10", ptr=0):
    return "kfree: call_site=%s ptr=%016x" % (site, 0xffff888000000000 + ptr * 64)


def log(lines):
    return (HEAD + "".join(lines)).encode()


@case(100000)
def call_sites(n):
    return log(entry(i, kmalloc("f%d+0x1/0x10" % i, i)) for i in range(n))


@case(100000)
def modules_of_a_log(n):
    return log(entry(i, kmalloc("f+0x1/0x10 [m%d]" % i, i)) for i in range(n))


@case(100000)
def caches(n):
    return log(entry(i, "kmem_cache_alloc: call_site=f+0x1/0x10 ptr=%016x name=c%d bytes_req=8 bytes_alloc=8 gfp_flags=GFP_KERNEL "
                     "node=0 accounted=false" % (0xffff888000000000 + i * 8, i)) for i in range(n))


@case(100000)
def tasks(n):
    return log(entry(i, kmalloc(ptr=i), "t%d" % i, 100 + i) for i in range(n))


@case(50000)
def tasks_and_call_sites(n):
    return log(entry(i, kmalloc("f%d+0x1/0x10" % (i % 300), i), "t%d" % (i % 300), 100 + i) for i in range(n))


@case(100000)
def one_task_of_many_names(n):
    return log(entry(i, kmalloc(ptr=i), "t%d" % i) for i in range(n))


@case(100000)
def one_address(n):
    return log(entry(i, kmalloc(ptr=1) if i % 2 else kfree(ptr=1)) for i in range(n))


@case(100000)
def never_freed(n):
    return log(entry(i, kmalloc(ptr=1)) for i in range(n))


@case(100000)
def freed_twice(n):
    return log(entry(i, kfree("g%d+0x1/0x10" % (i % 1000), i)) for i in range(n))


@case(50000)
def pairs_of_sites(n):
    def lines():
        for i in range(n):
            yield entry(2 * i, kmalloc("f%d+0x1/0x10" % (i % 250), i))
            yield entry(2 * i + 1, kfree("g%d+0x1/0x10" % (i // 250), i))
    return log(lines())


@case(60000)
def sizes(n):
    return log(entry(i, kmalloc(ptr=i, size=i + 1)) for i in range(n))


@case(60000)
def gfp_flags(n):
    return log(entry(i, kmalloc(ptr=i, gfp="0x%x" % i)) for i in range(n))


def stack(frames):
    return "".join(" => %s\n" % f for f in frames)


@case(4000)
def stacks_that_share_nothing(n):
    return log(entry(2 * i, kmalloc("f%d_0+0x1/0x10" % i, i)) + entry(2 * i + 1, "<stack trace>") +
               stack("f%d_%d+0x1/0x10" % (i, k) for k in range(40)) for i in range(n))


@case(4000)
def stacks_of_few_functions(n):
    rng = random.Random(1)
    return log(entry(2 * i, kmalloc("f0+0x1/0x10", i)) + entry(2 * i + 1, "<stack trace>") +
               stack(["f0+0x1/0x10"] + ["f%d+0x1/0x10" % rng.randrange(30) for _ in range(40)]) for i in range(n))


@case(1000)
def stacks_of_300_frames(n):
    return log(entry(2 * i, kmalloc("f0+0x1/0x10", i)) + entry(2 * i + 1, "<stack trace>") +
               stack(["f0+0x1/0x10"] + ["f%d+0x1/0x10" % ((i * 7919 + k) % 5000) for k in range(299)]) for i in range(n))


@case(3000)
def one_function_all_the_way(n):
    return log(entry(2 * i, kmalloc("f+0x1/0x10", i)) + entry(2 * i + 1, "<stack trace>") +
               stack(["f+0x1/0x10"] * (1 + i % 300)) for i in range(n))


@case(100000)
def stacks_of_nobody(n):
    return log([entry(0, kmalloc())] + [entry(i, "<stack trace>") + stack(["h+0x1/0x10"]) for i in range(n)])


@case(100000)
def processors(n):
    return log(entry(i, kmalloc(ptr=i), cpu=i % 60000) for i in range(n))


@case(100000)
def losses_of_a_log(n):
    return log(entry(2 * i, kmalloc(ptr=i)) + "CPU:0 [LOST 3 EVENTS]\n" for i in range(n))


@case(50000)
def losses_of_many_processors(n):
    return log(entry(i, kmalloc(ptr=i), cpu=i % 5000) + "CPU:%d [LOST 3 EVENTS]\n" % (i * 7919 % 5000) for i in range(n))


@case(100000)
def times_that_step_back(n):
    return log(entry(n - i, kmalloc(ptr=i)) for i in range(n))


@case(100000)
def one_time(n):
    return log(entry(1, kmalloc(ptr=i)) for i in range(n))


@case(200000)
def events_of_no_interest(n):
    return log([entry(0, kmalloc())] + [entry(i, "event%d: a=b" % i) for i in range(n)])


@case(200000)
def console(n):
    return log([entry(0, kmalloc())] + ["what is this line %d\n" % i for i in range(n)])


@case(20 << 20)
def one_line(n):
    return log([entry(0, kmalloc()), "x" * n + "\n", entry(1, kfree())])


@case(20 << 20)
def one_line_of_spaces(n):
    return log([entry(0, kmalloc()), " " * n + "\n", entry(1, kfree())])


@case(10 << 20)
def lines_without_anything(n):
    return log([entry(0, kmalloc()), "\n" * n, entry(1, kfree())])


@case(3000)
def long_lines(n):
    return log([entry(0, kmalloc())] + [entry(i, "kmalloc: " + "=".join(["a b"] * 2500)) for i in range(n)])


@case(3000)
def many_flags(n):
    return log(entry(i, kmalloc(ptr=i, gfp="|".join(["__GFP_ZERO"] * 600) + "|0x%x" % i)) for i in range(n))


@case(60000)
def pages(n):
    return log(entry(i, "mm_page_alloc: page=0x%x pfn=0x%x order=%d migratetype=0 gfp_flags=GFP_KERNEL" % (i, i << 10, i % 11))
               for i in range(n))


@case(20000)
def pages_freed_one_by_one(n):
    def lines():
        for i in range(n // 64):
            yield entry(99 * i, "mm_page_alloc: page=0x%x pfn=0x%x order=10 migratetype=0 gfp_flags=GFP_KERNEL" % (i, i << 10))
            for k in range(64):
                yield entry(99 * i + k + 1, "mm_page_free: page=0x%x pfn=0x%x order=0" % (i, (i << 10) + k * 16))
    return log(lines())


@case(2000)
def nothing_freed_in_blocks(n):
    return log([entry(0, "mm_page_alloc: page=0x1 pfn=0x1 order=0 migratetype=0 gfp_flags=GFP_KERNEL")] +
               [entry(i, "mm_page_free: page=0x%x pfn=0x%x order=14" % (i, (i + 1) << 14)) for i in range(n)])


# ---------------------------------------------------------------------------------------------------------------
# Captures

KFREE, KMALLOC = mkcap.KFREE, mkcap.KMALLOC


def capture(codec="raw"):
    cap = mkcap.Capture(5, codec=codec)
    cap.info({"time.start_ns": "1000", "recorder.tgid": "1"})
    cap.types(mkcap.SLAB_TYPES)
    cap.expected = type("Nothing", (), {"append": lambda self, item: None})()
    return cap


def alloc(i, site=mkcap.TEXT, time=None, pid=7, stack=None):
    return mkcap.Ev(2000 + i if time is None else time, pid, KMALLOC, (site, 64, 64, 0xcc0, -1), 0xffff888000000000 + i * 64,
                    stack=stack)


@case(8000, suffix="kmem")
def tiny_blocks(n):
    cap = capture()
    for i in range(n):
        cap.events(0, [alloc(i)])
    return cap.finish()


@case(8000, suffix="kmem")
def processors_at_one_time(n):
    cap = capture()
    for i in range(n):
        cap.events(i, [alloc(i, time=5000), alloc(n + i, time=5000)])
    return cap.finish()


@case(8000, suffix="kmem")
def rings_at_one_time(n):
    cap = capture()
    for i in range(n):
        cap.events(i // 16, [alloc(i, time=5000)], ring=i % 16)
    return cap.finish()


@case(6000, suffix="kmem")
def generations(n):
    """All dictionaries first, then a block of each."""
    cap = capture()
    blocks = []
    cap.generation_events = 1
    for i in range(n):
        numbers, generation = cap._dictionary(1, [alloc(i)])
        blocks.append((numbers, generation))
    cap.generation_events = 0
    for i, (numbers, generation) in enumerate(blocks):
        cap._dictionary = lambda writer, events, numbers=numbers, generation=generation: (numbers, generation)
        cap.events(0, [alloc(i)])
    return cap.finish()


@case(3000, suffix="kmem")
def frames(n):
    cap = capture()
    for i in range(n // 50):
        cap.events(0, [alloc(50 * i + k, stack=tuple(mkcap.TEXT + 16 * (40 * (50 * i + k) + d) for d in range(40))) for k in range(50)])
    return cap.finish()


@case(400, reports=False, suffix="kmem")
def statistics_of_rings(n):
    """A block of all processors of each ring, then small ones."""
    cap = capture()
    for moment in (0, 1):
        for ring in range(16):
            cap.stats(moment, [[cpu, ring + moment] + [0] * 10 for cpu in range(4 * n)], ring=ring)
    for i in range(4 * n):
        cap.stats(1, [[i] + [0] * 10])
    cap.events(0, [alloc(1)])
    return cap.finish()


@case(2000, reports=False, suffix="kmem")
def statistics_of_a_flight(n):
    cap = capture()
    cap.info({"recorder.mode": "flight"})
    for i in range(n):
        cap.events(0, [alloc(i)])
    cap.stats(0, [[cpu, 0, 5] + [0] * 9 for cpu in range(10 * n)])
    return cap.finish()


@case(2040, reports=False, suffix="kmem", bounded=True)
def types_of_one_name(n):
    """Each is a table, and for each new table SQLite reads the names of all."""
    cap = capture()
    cap.types([mkcap.Type(1000 + i, "s", "n", 0, mkcap.COMMON_FIELDS) for i in range(n)])
    cap.events(0, [alloc(1)])
    return cap.finish()


@case(60, reports=False, suffix="kmem")
def fields_of_one_name(n):
    cap = capture()
    field = [mkcap.Field("f", "int", 8, 4, mkcap.UNSIGNED, mkcap.COLUMN)]
    cap.types([mkcap.Type(1000 + i, "s", "n%d" % i, 0, mkcap.COMMON_FIELDS + field * 120) for i in range(n)])
    cap.events(0, [alloc(1)])
    return cap.finish()


@case(2000, reports=False, suffix="kmem")
def facts(n):
    cap = capture()
    cap.info({"k%d" % i: str(i) for i in range(n)})
    cap.events(0, [alloc(1)])
    return cap.finish()


@case(10000, reports=False, suffix="kmem")
def files(n):
    cap = capture()
    for i in range(n):
        cap.file("/f%d" % (i * 7919 % n), "end", b"x")
    cap.events(0, [alloc(1)])
    return cap.finish()


@case(60000, suffix="kmem")
def symbols(n):
    cap = capture()
    cap.file("/proc/kallsyms", "start", "".join("%016x t f%d\n" % (mkcap.TEXT + 16 * i, i) for i in range(n)).encode())
    for i in range(n // 400):
        cap.events(0, [alloc(400 * i + k, mkcap.TEXT + 16 * (400 * i + k) + 4) for k in range(0, 400, 7)])
    return cap.finish()


@case(60000, suffix="kmem")
def symbols_of_one_address(n):
    cap = capture()
    cap.file("/proc/kallsyms", "start", "".join("%016x t f%d\n" % (mkcap.TEXT, i) for i in range(n)).encode())
    for i in range(n // 400):
        cap.events(0, [alloc(400 * i + k, mkcap.TEXT + 400 * i + k + 4) for k in range(0, 400, 7)])
    return cap.finish()


SECTION = "/sys/module/%s/sections/%s"


@case(6000, reports=False, suffix="kmem")
def modules(n):
    cap = capture()
    lines = "".join("m%d 4096 0 - Live 0x%016x\n" % (i, 0xffffffffc0000000 + i * 8192) for i in range(n)).encode()
    for moment in ("start", "end"):
        cap.file("/proc/modules", moment, lines)
    for i in range(n):
        cap.file(SECTION % ("m%d" % i, ".text"), "start", b"0x%016x\n" % (0xffffffffc0000000 + i * 8192))
    for i in range(n // 100):
        cap.events(0, [alloc(100 * i + k, 0xffffffffc0000000 + (100 * i + k) * 8192 + 64) for k in range(0, 100, 7)])
    return cap.finish()


@case(200000, reports=False, suffix="kmem")
def lines_of_modules(n):
    cap = capture()
    lines = b"a\n" * n
    for moment in ("start", "end"):
        cap.file("/proc/modules", moment, lines)
    for i in range(n // 80):
        cap.file(SECTION % ("m%d" % i, ".text"), "start", b"0x%016x\n" % (0xffffffffc0000000 + i * 8192))
    cap.events(0, [alloc(1, 0xffffffffc0000040)])
    return cap.finish()


@case(3000, reports=False, suffix="kmem")
def sections_near(n):
    """Initialisation code that reaches nothing, below addresses that ask for it."""
    cap = capture()
    for i in range(n):
        cap.file(SECTION % ("m%d" % i, ".init.text"), "start", b"0x%016x\n" % (0xffffffffc0000000 + i * 16))
    for i in range(n // 50):
        cap.events(0, [alloc(50 * i + k, 0xffffffffc0000000 + (2 << 20) + (50 * i + k) * 16) for k in range(50)])
    return cap.finish()


MODULE_LOAD = mkcap.Type(700, "module", "module_load", 0, mkcap.COMMON_FIELDS + [
    mkcap.Field("taints", "unsigned int", 8, 4, mkcap.UNSIGNED, mkcap.COLUMN),
    mkcap.Field("name", "__data_loc char[]", 12, 4, mkcap.STRING, mkcap.COLUMN)])


@case(3000, reports=False, suffix="kmem")
def modules_that_load(n):
    cap = capture()
    cap.types([MODULE_LOAD])
    load = len(mkcap.SLAB_TYPES)
    for i in range(n):
        cap.file(SECTION % ("m%d" % i, ".text"), "end", b"0x%016x\n" % (0xffffffffc0000000 + i * 8192))
    for i in range(n // 50):
        cap.events(0, [alloc(50 * i + k, 0xffffffffc0000000 + (50 * i + k) * 8192 + 64) for k in range(50)])
    for i in range(n // 50):
        cap.events(0, [mkcap.Ev(1000000 + 50 * i + k, 7, load, (), None, (0, b"m%d" % (50 * i + k))) for k in range(50)])
    return cap.finish()


@case(15000, reports=False, suffix="kmem")
def modules_read_again(n):
    """One module, read at many moments and loaded as often."""
    cap = capture()
    cap.types([MODULE_LOAD])
    load = len(mkcap.SLAB_TYPES)
    for i in range(n):
        cap.file(SECTION % ("m", ".text"), str(1000 + i), b"0x%016x\n" % (0xffffffffc0000000 + i * 8192))
    for i in range(n // 500):
        cap.events(0, [mkcap.Ev(500 * i + k, 7, load, (), None, (0, b"m")) for k in range(500)])
    return cap.finish()


def process(records):
    """records: (kind, what it says); all at one time."""
    return b"".join(bytes([kind, 0]) + mkcap.blob(raw) for kind, raw in records)


def process_map(tgid, start, length, snapshot=False):
    return 1, bytes([snapshot]) + mkcap.svarint(tgid) * 2 + mkcap.varint(start) + mkcap.varint(length) + b"\0\5\2\1"


FILE_RECORD = (5, mkcap.blob("/x") + b"\0")


def process_capture(records):
    cap = capture("zstd")
    for at in range(0, len(records), 50000):
        cap.block(mkcap.PROCESS, [cap.section(1, process([FILE_RECORD] + records[at:at + 50000]))], first=1500, last=1500)
    cap.events(0, [alloc(i) for i in range(10)])
    return cap.finish()


@case(30000, reports=False, suffix="kmem")
def maps_from_the_top(n):
    return process_capture([process_map(5, (n - i) << 12, 4096) for i in range(n)])


@case(30000, reports=False, suffix="kmem")
def snapshots_of_everything(n):
    """As many maps as a process may have, with holes; then each record walks over all."""
    return process_capture([process_map(5, i << 13, 4096, True) for i in range(16384)] +
                           [process_map(5, 4096, 1 << 40, True) for _ in range(n)])


@case(30000, reports=False, suffix="kmem")
def forks_that_map(n):
    records = [process_map(5, i << 13, 4096) for i in range(16000)]
    for i in range(n):
        records.append((3, b"\0" + mkcap.svarint(6) * 2 + mkcap.svarint(5) * 2))
        records.append(process_map(6, 4096, 4096))
    return process_capture(records)


@case(20000, reports=False, suffix="kmem")
def damaged_blocks(n):
    """Events that cannot be read, of many processors, before losses that are known from the headers."""
    cap = capture()
    for i in range(n // 2):
        offset = cap.block(mkcap.EVENTS, [cap.section(33, b"\0")], writer=1, cpu=i % 500, first=2000 + n - i, last=2000 + n, events=1)
        cap.index.append((offset, i % 500, 1, 2000 + n - i, 2000 + n))
    for i in range(n // 2):
        cap.events(i % 500, [alloc(i, time=9000000 + i)], lost=2)
    return cap.finish()


@case(40000, suffix="kmem")
def losses(n):
    cap = capture()
    for i in range(n // 4):
        cap.events(0, [alloc(4 * i + k) for k in range(4)], lost=1)
    return cap.finish()


@case(30000, suffix="kmem")
def names_that_hash_alike(n):
    """Of the multiply-fold hash with the secrets in the source: the product of each is 0."""
    cap = capture()
    head = struct.pack("<Q", 0x9e3779b97f4a7c15 ^ 16)
    for i in range(n // 100):
        cap.events(0, [mkcap.Ev(2000 + 100 * i + k, 7, mkcap.CACHE_ALLOC,
                                (mkcap.TEXT, 64, 64, 0xcc0, -1, 0, head + struct.pack("<Q", 100 * i + k)),
                                0xffff888000000000 + (100 * i + k) * 64) for k in range(100)])
    return cap.finish()


@case(20000, reports=False, suffix="kmem")
def marks(n):
    cap = capture()
    cap.block(10, [cap.section(1, b"".join(b"\1\2" + mkcap.blob(mkcap.blob("m%d" % i)) for i in range(n)))], first=1500, last=1500)
    cap.events(0, [alloc(i) for i in range(100)])
    return cap.finish()


@case(40000, suffix="kmem")
def tasks_of_a_capture(n):
    cap = capture()
    cap.tasks([(i + 10, i + 10, 1, "t%d" % i) for i in range(n)], 1500)
    for i in range(n // 100):
        cap.events(0, [alloc(100 * i + k, pid=10 + 100 * i + k) for k in range(100)])
    return cap.finish()


# ---------------------------------------------------------------------------------------------------------------

class Bench:
    def __init__(self, program, directory):
        self.program = program
        self.directory = directory
        self.notes = []

    def run(self, *arguments):
        """(seconds of the processor, kB, exit status, what it said, seconds of the kernel among them)."""
        done = subprocess.Popen(["timeout", "-k", "1", str(PATIENCE), self.program, *arguments], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = done.stderr.read()
        _, status, usage = os.wait4(done.pid, 0)
        done.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss, done.returncode, \
            said.decode("utf-8", "replace").strip(), usage.ru_stime

    def instructions(self, *arguments):
        """How many are executed outside of the kernel; None: it cannot be counted."""
        done = subprocess.run(["timeout", "-k", "1", str(COUNTING), "valgrind", "--tool=cachegrind", "--cache-sim=no",
                               "--cachegrind-out-file=/dev/null", self.program, *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        found = re.search(rb"I +refs: +([0-9,]+)", done.stderr)
        return int(found[1].replace(b",", b"")) if found and done.returncode in (0, 3) else None

    def path(self, name):
        return os.path.join(self.directory, name)

    def compare(self, small, large, always=False):
        """What is wrong, or None, and seconds and kB of the large one. small, large: arguments. The small one is run only where
        the large one took long enough to tell, or always."""
        best = {}
        for attempt in range(2):
            for size, arguments in (("large", large), ("small", small)):
                took = self.run(*arguments)
                if took[2] not in (0, 3) and not any(said in took[3] for said in NOTHING):
                    return "exit %d: %s" % (took[2], took[3][:150]), took[0], took[1]
                if size not in best or took[0] < best[size][0]:
                    best[size] = took
                t2, m2 = best["large"][:2]
                if t2 < SHORT and m2 < MEMORY_SHORT and (not always or len(best) == 2):
                    return None, t2, m2
            t1, m1 = best["small"][:2]
            if t2 <= LIMIT * t1:
                break
        if t2 > SHORT and t2 > LIMIT * t1:
            problem = self.of_algorithm(best["small"], best["large"], small, large)
            if problem:
                return problem, t2, m2
        if m2 > MEMORY_SHORT and m2 > LIMIT * m1:
            return "%d MB, and %d MB of twice as much" % (m1 >> 10, m2 >> 10), t2, m2
        return None, t2, m2

    def of_algorithm(self, took1, took2, small, large):
        """What is wrong with the time that was taken; None: it has another reason than what is done."""
        said = "%.2f s, and %.2f s of twice as much" % (took1[0], took2[0])
        if took2[4] > SHORT and took2[4] > LIMIT * took1[4]:
            return said + "; %.2f and %.2f s in the kernel" % (took1[4], took2[4])
        i1, i2 = self.instructions(*small), self.instructions(*large)
        if not i1 or not i2:
            return said + "; instructions not counted"
        said += "; %.2f x the instructions" % (i2 / i1)
        if i2 > INSTRUCTIONS * i1:
            return said
        self.notes.append("%s: %s" % (" ".join(a for a in large if "/" not in a), said))
        return None

    def bounded(self, arguments):
        """The same as compare() of what a file cannot hold more of."""
        seconds, kb, status, said, _ = self.run(*arguments)
        if status not in (0, 3):
            return "exit %d: %s" % (status, said[:150]), seconds, kb
        return "%.2f s" % seconds if seconds > BOUNDED else None, seconds, kb


def try_case(bench, name, scale):
    make, count, reports, suffix, bounded = CASES[name]
    scale = 1 if bounded else scale
    bench.notes = []
    compare = (lambda small, large, always=False: bench.bounded(large)) if bounded else bench.compare
    files, wrong = [], []
    for i, n in enumerate((count, 2 * count)):
        files.append(bench.path("%s-%d.%s" % (name, i, suffix)))
        with open(files[i], "wb") as out:
            out.write(make(max(int(n * scale), 4)))
    problem, load, memory = compare(*(("load", "-q", "-f", "-o", f + ".db", f) for f in files), always=True)
    if problem:
        wrong.append("load: " + problem)
    slowest, what, peak = 0, "", memory
    if suffix == "kmem":
        problem, seconds, kb = compare(*(("verify", f) for f in files))
        if problem:
            wrong.append("verify: " + problem)
    for report in REPORTS if reports and not any("exit" in w for w in wrong) else ["account", "kmemleak"]:
        arguments = [report.replace("OUT", bench.path("out")).replace("DB", f + ".db").split() + [f + ".db"] for f in files]
        problem, seconds, kb = compare(*arguments)
        if problem:
            wrong.append("%s: %s" % (report, problem))
        peak = max(peak, kb)
        if seconds > slowest:
            slowest, what = seconds, report
    print("%s %s: %d; load %.2f s, %d MB; slowest: %s %.2f s; most memory %d MB%s" % (
        "not ok" if wrong else "ok", name, int(2 * count * scale), load, memory >> 10, what, slowest, peak >> 10,
        "".join("\n  " + w for w in wrong + bench.notes)), flush=True)
    for f in files:
        for left in (f, f + ".db"):
            if os.path.exists(left):
                os.unlink(left)
    return not wrong


def main():
    if len(sys.argv) < 2:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    names = sys.argv[2:] or list(CASES)
    scale = float(os.environ.get("SCALE", "1"))
    with tempfile.TemporaryDirectory(prefix="kmem-growth.") as directory:
        bench = Bench(os.path.abspath(sys.argv[1]), directory)
        good = [try_case(bench, name, scale) for name in names]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
