#!/usr/bin/env python3
"""run.py - kmem-analyze against damaged, cut, foreign and hostile files.

    run.py KMEM_ANALYZE [SAMPLE.kmem]

Every case runs the program and looks at its exit status, its standard error and the time it took. A signal, a hang, a
silent failure or a status of 0 for a file with something missing fails the case. Where a damaged capture still gives
an account, it has to be the account that tests/naive/replay.py makes of the same damaged file.

Prints `ok NAME` and `not ok NAME: why` and exits 1 if anything failed. Random choices are seeded. Environment:
BAD_CASES=N tries at most N offsets per class (default 6000) and BAD_SECONDS=N gives a run N seconds of processor
time (default 10), for slow builds; WRAP is a command to run the program under (then BAD_CASES is 100).
"""

import concurrent.futures
import os
import random
import re
import resource
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "naive"))
import mkcap  # noqa: E402
import replay  # noqa: E402
import read_capture  # noqa: E402
import runs  # noqa: E402

TIME_LIMIT = int(os.environ.get("BAD_SECONDS", "10"))
MARKS = 10                      # a kind of block
MEMORY_LIMIT = 512 << 10        # kB of any run
NOBODY = 65534
SHOWN = 3                       # failures printed per class


def lines_of(raw):
    return [line for line in raw.decode("utf-8", "replace").split("\n") if line]


class Bench:
    """Runs cases in a directory of its own and keeps the score."""

    def __init__(self, program, directory):
        self.directory = directory
        # A copy, because nobody may not be allowed to enter the build directory.
        self.program = os.path.join(directory, "kmem-analyze")
        shutil.copy(program, self.program)
        os.chmod(self.program, 0o755)
        os.chmod(directory, 0o755)
        with open(program, "rb") as binary:
            self.sanitized = b"__asan_init" in binary.read()
        self.original = program
        self.wrap = os.environ.get("WRAP", "").split()
        self.emulated = "EMULATED" in os.environ
        # what is seen is what the programs themselves take
        self.own_sizes = not (self.sanitized or self.wrap or self.emulated)
        self.of_thread, self.all_runs = threading.local(), []
        self.failed = 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def file(self, name, content):
        with open(self.path(name), "wb") as out:
            out.write(content)
        return self.path(name)

    def served(self):
        """The calling thread's way to run the program often."""
        if not hasattr(self.of_thread, "runs"):
            self.of_thread.runs = runs.Runs(self.original, TIME_LIMIT, self.wrap)
            self.all_runs.append(self.of_thread.runs)
        return self.of_thread.runs

    def run(self, *arguments, user=None):
        """(status, stdout, stderr) of the program itself; the status is below 0 after a signal."""
        counts = self.path("counts-of-%s" % user)
        if user and not os.path.isdir(counts):
            os.mkdir(counts)
            os.chown(counts, user, -1)

        def become():
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            os.environ["GCOV_PREFIX"] = counts  # a build that counts lines cannot write where root does
        return runs.plainly([*self.wrap, self.program, *arguments], TIME_LIMIT, preexec_fn=become if user else None)

    def largest(self):
        """kB of the largest run of all."""
        return max([resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss] + [r.peak for r in self.all_runs])

    def peak(self, *arguments):
        """(status, largest resident size in kB) of one run."""
        status, _, _ = self.served().run(*arguments)
        return status, self.served().last

    def report(self, name, problems):
        """problems: texts; none means ok."""
        if not problems:
            print("ok bad: %s" % name)
            return
        self.failed += 1
        for problem in problems[:SHOWN]:
            print("not ok bad: %s: %s" % (name, problem))
        if len(problems) > SHOWN:
            print("not ok bad: %s: and %d more" % (name, len(problems) - SHOWN))

    def expect(self, name, statuses, *arguments, said=None, user=None):
        """One run; said: a pattern that the output has to match."""
        result = self.run(*arguments, user=user)
        problem = judge(result, statuses)
        if not problem and said and not re.search(said, (result[1] + result[2]).decode("utf-8", "replace")):
            problem = "nothing it printed matches '%s'" % said
        self.report(name, [problem] if problem else [])

    def many(self, name, cases, statuses_of, judge_more=None):
        """cases: (label, content, arguments before the file). Two at a time."""
        def one(case):
            label, content, arguments = case
            path = self.file("case-%s.kmem" % label.replace(" ", "-"), content)
            try:
                result = self.served().run(*arguments, path)
                problem = judge(result, statuses_of(label, content))
                if not problem and judge_more:
                    problem = judge_more(path, result)
                return "%s: %s" % (label, problem) if problem else None
            finally:
                for left in (path, path + ".db"):
                    if os.path.exists(left):
                        os.unlink(left)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            problems = [p for p in pool.map(one, cases) if p]
        stray = [f for f in os.listdir(self.directory) if f.startswith("case-")]
        if stray:
            problems.append("left %s behind" % stray[0])
            for left in stray:
                os.unlink(self.path(left))
        self.report("%s (%d)" % (name, len(cases)), problems)


def judge(result, statuses):
    """What is wrong with a run, or None."""
    status, out, err = result
    said = lines_of(err)
    if status in runs.HANGS:
        return "still running after %d s of processor time, or %d by the clock" % (TIME_LIMIT, TIME_LIMIT * runs.PATIENCE)
    if status < 0:
        return "died of signal %d" % -status
    if any("Sanitizer" in line or "runtime error:" in line for line in said):
        return "sanitizer: " + next(line for line in said if "Sanitizer" in line or "runtime error:" in line)
    if status not in statuses:
        return "exit %d, expected %s; said: %s" % (status, " or ".join(map(str, statuses)), " / ".join(said[:2]))
    if status == 1 and (len(said) != 1 or not said[0].startswith("kmem-analyze: ")):
        return "no single sentence on standard error but: %s" % " / ".join(said[:4])
    # The report of verify is on standard output, what a query has to say on standard error.
    if status == 3 and not re.search(rb"(?i)damage|cut off|lost|missing|gone", out + err):
        return "exit 3 and not a word of why"
    return None


def account_table(raw):
    """The account from `current bytes allocated` on."""
    at = raw.find(b"current bytes allocated:")
    return raw[at:] if at >= 0 else None


def naive_account(path):
    made, names = replay.replay_capture(read_capture.Capture.open(path))
    return replay.account(replay.selected(made, False, None, False), names)


def same_account(path, result):
    status, out, _ = result
    if status == 3 and account_table(out) != naive_account(path):
        return "the account is not the one of a naive replay of the same damaged file"
    return None


# ---------------------------------------------------------------------------------------------------------------
# The files

def small_capture(codec="mixed"):
    """All kinds of blocks in a few thousand bytes."""
    cap = mkcap.Capture(3, codec=codec)
    world = mkcap.World(3)
    cap.info({"recorder.tgid": str(mkcap.RECORDER), "time.start_ns": "5000000000", "long_size": "8"})
    cap.types(mkcap.SLAB_TYPES[:3])
    cap.types(mkcap.SLAB_TYPES[3:])
    cap.file("/proc/kallsyms.used", "end", mkcap.kallsyms()[:200])
    cap.tasks([(77, 77, 1, "sh"), (mkcap.RECORDER, mkcap.RECORDER, 77, "kmem-record")], 4999500000)
    for cpu, batch in world.batches(24, 8):
        cap.events(cpu, batch, writer=1 + cpu)
    return mkcap.epilogue(cap, world)


def with_header(data, **changes):
    """The capture with fields of its file header replaced and the checksum made right."""
    names = ("magic", "version", "length", "incompatible", "compatible", "ident", "created")
    fields = dict(zip(names, struct.unpack_from("<8sHHII16sQ", data)), **changes)
    header = struct.pack("<8sHHII16sQ16x", *(fields[n] for n in names))
    return header + struct.pack("<I", zlib.crc32(header)) + data[64:]


def blocks_of(data):
    """The blocks as byte strings."""
    capture = read_capture.Capture(data)
    assert not capture.damage
    return [data[b.offset:b.end] for b in capture.blocks]


def rebuilt(data, blocks):
    """The file header of data and these blocks, each told its new offset: as an honest writer of them would."""
    out = bytearray(data[:64])
    for block in blocks:
        header = block[:64] + struct.pack("<Q", len(out)) + block[72:76]
        out += header + struct.pack("<I", zlib.crc32(header)) + block[80:]
    return bytes(out)


def patched(block, offset, fmt, value):
    """A block with one field of its header replaced and the header's checksum made right."""
    header = bytearray(block[:80])
    struct.pack_into(fmt, header, offset, value)
    struct.pack_into("<I", header, 76, zlib.crc32(bytes(header[:76])))
    return bytes(header) + block[80:]


def crafted(make, kind=mkcap.DICT, **header):
    """A capture with a block whose checksums are right and whose content make(cap) is not: a list of sections."""
    cap = mkcap.Capture(5)
    cap.info({"time.start_ns": "1000"})
    cap.types(mkcap.SLAB_TYPES)
    cap.events(0, [mkcap.Ev(2000, 7, mkcap.KFREE, (mkcap.TEXT,), 0xffff888000000040)])
    offset = cap.block(kind, make(cap), **header)
    if kind == mkcap.EVENTS:
        cap.index.append((offset, header["cpu"], header["events"], header["first"], header["last"]))
    # Later events have the dictionary read past the lie.
    cap.events(0, [mkcap.Ev(4000, 7, mkcap.KFREE, (mkcap.TEXT,), 0xffff888000000040)])
    return cap.finish()


def raw_section(kind, content, a=0, b=0, raw=None, stored=None, codec=0):
    """A section that may lie about its lengths; the block's raw length follows the lie."""
    raw = len(content) if raw is None else raw
    stored = len(content) if stored is None else stored
    return raw & 0xffffffff, (bytes([kind, codec]) + mkcap.varint(a) + mkcap.varint(b) + mkcap.varint(raw) +
                              mkcap.varint(stored) + content)


def bomb(megabytes):
    """A zstd frame of that many zeros."""
    command = "head -c %dM /dev/zero | zstd -q -c -1" % megabytes
    return subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, check=True).stdout


def events_block(count=1, **sections):
    """Sections of an EVENTS block of one good event, some of them replaced (s32=bytes, ...) or gone (None)."""
    good = {"s32": b"\x01\x00\x01", "s33": b"\x00" * count, "s35": b"\x00" * count, "s36": b"\x00" * count,
            "s37": b"\x0e" + mkcap.varint(count), "s38": b"\x01" + b"\x00" * (count - 1), "s39": b"\x10"}
    good.update(sections)
    return lambda _cap: [raw_section(int(name[1:]), content) for name, content in good.items() if content is not None]


def hostile():
    """(name, capture): blocks whose checksums are right and whose content is a lie."""
    huge = mkcap.varint((1 << 64) - 1)
    many = mkcap.varint(1 << 60)
    zeros = bomb(1024)
    one_event = {"kind": mkcap.EVENTS, "writer": 1, "cpu": 0, "first": 3000, "last": 3000, "events": 1}

    def with_types(raw):
        cap = mkcap.Capture(5)
        cap.types(mkcap.SLAB_TYPES)
        cap.block(mkcap.TYPES, [cap.section(1, raw)])
        return cap.finish()

    type_head = mkcap.varint(9) + mkcap.blob("s") + mkcap.blob("n") + b"\x00"
    field = mkcap.blob("f") + mkcap.blob("int") + b"\x00"

    def dictionary(section):
        return crafted(lambda cap: [section], writer=1)

    def events(**sections):
        return crafted(events_block(**sections), **one_event)

    yield "a bomb that says 1000 bytes", dictionary(raw_section(16, zeros, 9, 1, raw=1000, codec=1))
    yield "a bomb that says 3 MiB", dictionary(raw_section(16, zeros, 9, 1, raw=3 << 20, codec=1))
    yield "a bomb that says what it is", dictionary(raw_section(16, zeros, 9, 1, raw=1 << 30, codec=1))
    yield "a section of 2^64-1 bytes", dictionary(raw_section(16, b"x", 9, 1, raw=(1 << 64) - 1, stored=(1 << 64) - 1))
    yield "a section longer than the body", dictionary(raw_section(16, b"x", 9, 1, raw=900, stored=900))
    yield "a frame that is no zstd", dictionary(raw_section(16, b"no zstd at all", 9, 1, raw=14, codec=1))
    yield "an unknown codec", dictionary(raw_section(16, b"\x01\x00\x02", 9, 1, codec=9))
    yield "2^60 stacks", dictionary(raw_section(16, b"\x01\x00\x02", 9, 1 << 60))
    yield "stack numbers up to 2^64", dictionary(raw_section(16, b"\x01\x00\x02", (1 << 64) - 1, 2))
    yield "2^60 tuples", dictionary(raw_section(17, b"", 9, 1 << 60))
    yield "a stack of 0 frames", dictionary(raw_section(16, b"\x00\x00", 9, 1))
    yield "a stack of 1025 frames", dictionary(raw_section(16, b"\x81\x08\x00" + b"\x00" * 1025, 9, 1))
    yield "a stack that shares 2^60 frames", dictionary(raw_section(16, b"\x02" + many, 9, 1))
    yield "a tuple of an unknown type", dictionary(raw_section(17, b"\x63\x00\x00\x00", 9, 1))
    yield "a number of eleven bytes", dictionary(raw_section(16, b"\x01\x00" + b"\xff" * 11, 9, 1))
    yield "a number of 65 bits", dictionary(raw_section(16, b"\x01\x00" + b"\xff" * 9 + b"\x02", 9, 1))
    yield "2^60 fields", with_types(type_head + many)
    yield "a field name of 2^64-1 bytes", with_types(type_head + b"\x01" + huge)
    yield "a field of kind 9", with_types(type_head + b"\x01" + field + b"\x04\x09\x01")
    yield "a number of 3 bytes", with_types(type_head + b"\x01" + field + b"\x03\x01\x01")
    yield "two address fields", with_types(type_head + b"\x02" + (field + b"\x08\x01\x03") * 2)
    yield "an INFO key of 2^64-1 bytes", crafted(lambda c: [raw_section(1, huge)], kind=mkcap.INFO)
    yield "a TASKS block that ends inside a task", crafted(lambda c: [raw_section(1, b"\x01\x01")], kind=mkcap.TASKS)
    yield "a STATS block that ends inside a CPU", crafted(lambda c: [raw_section(1, b"\x01\x01")], kind=mkcap.STATS)
    for what, record in (("that ends inside a record", b"\x01\x00\x09\x00\x02"),
                         ("with a record of 2^64-1 bytes", b"\x01\x00" + huge),
                         ("with a pid of 33 bits", b"\x04\x00" + mkcap.blob(b"\x00\x80\x80\x80\x80\x40\x00")),
                         ("with a map of a file that it does not name", b"\x01\x00" + mkcap.blob(
                             b"\x00\x02\x02\x01\x01\x00\x00\x00\x01")),
                         ("with a map around the end of the address space", b"\x01\x00" + mkcap.blob(
                             b"\x00\x02\x02" + many + huge + b"\x00\x00\x00\x00")),
                         ("with a build-id of 65 bytes", b"\x05\x00" + mkcap.blob(
                             mkcap.blob("/x") + mkcap.blob(b"i" * 65)))):
        yield "a PROCESS block " + what, crafted(lambda c, record=record: [raw_section(1, record)], kind=mkcap.PROCESS)
    yield "a file part at 2^63", crafted(lambda c: [raw_section(1, mkcap.blob("/proc/meminfo") + mkcap.blob("end")
                                         + mkcap.varint(1 << 63) + b"\x01" + mkcap.blob("x"))], kind=mkcap.FILE)
    yield "an id map of 2^60", events(s32=many)
    yield "an id map with an unknown type", events(s32=b"\x01\x00\x63")
    yield "an id map with another type than the tuple's", events(s32=b"\x01\x00\x00")
    yield "a local id that is not in the map", events(s33=b"\x07")
    yield "no section 33", events(s33=None)
    yield "fewer times than events", events(s35=b"")
    yield "a time that is not the header's", events(s35=b"\x05")
    yield "a pid run of 2^60", events(s37=b"\x0e" + many)
    yield "a pid run of 0", events(s37=b"\x02\x00\x0c\x01")
    yield "a local id that is not used", events(s32=b"\x02\x00\x01\x00\x01")
    yield "no pids", events(s37=b"")
    yield "a repeated address where none was", events(s38=b"\x00")
    yield "an address 2^60 places back", events(s38=many)
    yield "no new address where one is announced", events(s39=b"")
    yield "an address with a remainder of 9", events(s39=b"\x11\x09")
    yield "4 billion events in a few bytes", crafted(events_block(), **dict(one_event, events=0xffffffff))


def packed(content, a=0, b=0, kind=1):
    stored = subprocess.run(["zstd", "-q", "-c", "-1"], input=content, stdout=subprocess.PIPE, check=True).stdout
    return raw_section(kind, content, a, b, raw=len(content), stored=len(stored), codec=1)[0], \
        raw_section(kind, stored, a, b, raw=len(content), codec=1)[1]


def full_blocks(count, first, padding=0):
    """A capture of `count` CPUs with one block each, of as many events as a block can hold, all at the time first(i). Then bytes
    that are stored as they are."""
    cap = mkcap.Capture(5)
    cap.types(mkcap.SLAB_TYPES)
    cap.events(0, [mkcap.Ev(2000, 7, mkcap.KFREE, (mkcap.TEXT,), 0xffff888000000040)])
    sections = [packed(content[-raw:], 0, 0, content[0])
                for raw, content in events_block(65536, s38=b"\1" + b"\0" * 65535)(None)]
    for i in range(count):
        cap.block(mkcap.EVENTS, sections, writer=1, cpu=i, first=first(i), last=first(i), events=65536)
    if padding:
        cap.file("padding", "end", random.Random(3).randbytes(padding))
    return cap.finish()


def bounded(bench):
    """What bounds the memory of a load."""
    blocks = 262144 // 65536 + 1
    bench.expect("more events than so small a file may hold", (1,), "load", "-q",
                 bench.file("more.kmem", full_blocks(blocks, lambda i: 3000)), said="%d events.*--trust" % (blocks * 65536 + 1))
    bench.expect("more than it may unpack to", (1,), "verify",
                 bench.file("raw.kmem", crafted(lambda c: [packed(b"\0" * (3 << 21))], kind=mkcap.FILE)), said="unpack to.*--trust")
    bench.expect("load --trust takes it", (0,), "load", "-q", "--trust", bench.path("more.kmem"))
    bench.expect("a file long enough may hold as many", (0,), "load", "-q",
                 bench.file("enough.kmem", full_blocks(blocks, lambda i: 3000, 20000)))
    if not bench.own_sizes:
        return
    for name, first, limit in (("one after the other", lambda i: 3000 + i, 80), ("all at once", lambda i: 3000, 200)):
        status, peak = bench.peak("load", "-q", "-f", "--trust", bench.file("cpus.kmem", full_blocks(48, first)))
        bench.report("blocks of 48 CPUs, %s, take at most %d MB" % (name, limit),
                     ([] if status == 0 else ["exit %d" % status]) +
                     ([] if peak >> 10 <= limit else ["it took %d MB" % (peak >> 10)]))


def packed_logs(bench):
    """Text logs that unpack to much: what stands before the bound is read, and the rest is said to be missing."""
    line = ("            sh-7       [000] .....     0.%06d: kmalloc: call_site=f+0x1/0x10 ptr=ffff88800000%04x bytes_req=64 "
            "bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1 accounted=false\n")
    events = "".join(["# tracer: nop\n#\n"] + [line % (i, i * 64) for i in range(1000)]).encode()

    over = "unpacks to more than a thousand times its size"

    def run_of(packer, content):
        return subprocess.run(packer, input=content, stdout=subprocess.PIPE, check=True).stdout

    for name, packer in (("zst", ["zstd", "-q", "-c", "-1"]), ("xz", ["xz", "-c", "-0"])):
        # 64 MB of zeros are one line; the bound is 1 GiB and 1000 times the file
        head, zeros = run_of(packer, events), run_of(packer, bytes(64 << 20))
        for times, bound in ((2, False), (26, True)):
            path = bench.file("much-%d.log.%s" % (times, name), head + zeros * times)
            for command in ("verify", "account") if name == "zst" else ("account",):
                bench.expect("%s of %d MB of text in %d kB of %s" % (command, times * 64, os.path.getsize(path) >> 10, name),
                             (3,), command, path, said=over if bound else r"(?s)\A(?!.*%s)" % over)
            loaded = os.path.exists(path + ".db")
            events_there = loaded and sqlite3.connect(path + ".db").execute("SELECT count(*) FROM allocation").fetchone()[0]
            bench.report("%s: the events before it are there" % os.path.basename(path),
                         [] if events_there == 1000 else ["%d of 1000" % events_there])
            if bound and bench.own_sizes:
                _, peak = bench.peak("load", "-q", "-f", path)
                bench.report("%s takes at most 64 MB" % os.path.basename(path), [] if peak < 64 << 10 else ["%d kB" % peak])
            os.unlink(path)
            if loaded:
                os.unlink(path + ".db")


def heavy():
    """(name, capture): small files that ask for much: as much as a block can hold of one thing, and more than a file may."""
    full = 7 << 18                  # two blocks of it are almost what a small file may unpack to

    def of(kind, *contents, **header):
        cap = mkcap.Capture(5)
        cap.info({"time.start_ns": "1000"})
        cap.types(mkcap.SLAB_TYPES)
        for content in contents:
            cap.block(kind, [packed(content)], **header)
        cap.events(0, [mkcap.Ev(4000, 7, mkcap.KFREE, (mkcap.TEXT,), 0xffff888000000040)])
        return cap.finish()

    def whole(piece):
        return piece * (full // len(piece))

    facts = b"".join(mkcap.blob("k%d" % i) + b"\0" for i in range(4000))
    yield "millions of facts, 4000 of them different", of(mkcap.INFO, facts + (mkcap.blob("k3999") + b"\0") * 1000000)
    yield "facts of 4 MB each", of(mkcap.INFO, *[mkcap.blob("k%d" % i) + mkcap.blob(b"x" * (full - 99)) for i in range(2)])
    cpus = b"".join(mkcap.varint(i * 7919 % 65536) + b"\0" * 10 for i in range(65536))
    yield "statistics of 65536 CPUs, often", of(mkcap.STATS, b"\0" + cpus * 2, b"\1" + cpus * 2)
    yield "a million tasks a block", of(mkcap.TASKS, *[whole(b"\1\1\1\0")] * 2)
    yield "tasks of 4 MB", of(mkcap.TASKS, *[b"\1\1\1" + mkcap.blob(b"x" * (full - 99))] * 2)
    yield "marks without end", of(MARKS, *[whole(b"\1\0" + mkcap.blob(mkcap.blob("m")))] * 2)
    yield "millions of processes that end", of(mkcap.PROCESS, *[whole(b"\4\0" + mkcap.blob(b"\0\2\2"))] * 2)
    yield "millions of processes that fork", of(mkcap.PROCESS, whole(b"\3\0" + mkcap.blob(b"\0\2\4\2\2")))
    maps = b"\5\0" + mkcap.blob(mkcap.blob("/x") + b"\0") + b"".join(
        b"\1\0" + mkcap.blob(b"\0\2\2" + mkcap.varint(i << 12) + b"\x80\x20\0\5\2\1") for i in range(300000))
    yield "300,000 maps of one process", of(mkcap.PROCESS, maps)
    yield "millions of stacks", crafted(lambda c: [packed(whole(b"\1\0\2"), 0, full // 3, 16)], writer=1)
    yield "millions of frames", crafted(lambda c: [packed(b"\x80\x08\0" + b"\2" * 1024 + b"\x80\x08\x80\x08" * 900000, 0, 900001, 16)],
                                        writer=1)
    yield "millions of tuples", crafted(lambda c: [packed(whole(b"\1\0\0\0\2"), 1, full // 5, 17)], writer=1)
    cap = mkcap.Capture(5)
    cap.types(mkcap.SLAB_TYPES)
    for i in range(30000):
        cap.block(mkcap.FILE, [raw_section(1, mkcap.blob("/f%d" % (i * 7919 % 30000)) + mkcap.blob("end") + b"\0\1\1x")])
    yield "30,000 files", cap.finish()
    yield "files of 4 MB each", of(mkcap.FILE, *[mkcap.blob("/proc/kallsyms") + mkcap.blob("start") + mkcap.varint(i * (full - 99))
                                                 + b"\0" + mkcap.blob(b"\n" * (full - 99)) for i in range(2)])
    yield "a thousand times its size", of(mkcap.FILE, *[whole(b"\0")] * 40)
    yield "four blocks of as many events as there can be, in a few kB", full_blocks(4, lambda i: 3000)
    # what one look-up among many made a square or worse
    cap = mkcap.Capture(5)
    cap.types(mkcap.SLAB_TYPES)
    cpus = b"".join(mkcap.varint(i) + b"\0" * 11 for i in range(16384))
    for moment in (b"\0", b"\1"):
        for ring in range(16):
            cap.block(mkcap.STATS, [packed(moment + cpus)], ring=ring)
    for i in range(4000):
        cap.block(mkcap.STATS, [raw_section(1, b"\1" + mkcap.varint(i) + b"\0" * 11)])
    yield "statistics of 16384 CPUs with 16 rings each", cap.finish()
    cap = mkcap.Capture(5)
    cap.types([mkcap.Type(1000 + i, "s", "n", 0, mkcap.COMMON_FIELDS) for i in range(2048)])
    yield "2048 types of one name", cap.finish()
    cap = mkcap.Capture(5)
    cap.types(mkcap.SLAB_TYPES)
    for moment in ("start", "end"):
        cap.file("/proc/modules", moment, b"a\n" * 1000000)
    for i in range(4000):
        cap.file("/sys/module/m%d/sections/.text" % i, "start", b"0x%016x" % (0xffffffffc0000000 + i))
    yield "a million lines of 4000 modules", cap.finish()
    space = [b"\1\2\2" + mkcap.varint(i << 13) + b"\x80\x40\0\5\2\1" for i in range(16383)]
    every = b"\1\2\2\0" + mkcap.varint(16383 << 13) + b"\0\5\2\1"
    yield "100,000 snapshots of all that a process can map", of(mkcap.PROCESS, b"\5\0" + mkcap.blob(mkcap.blob("/x") + b"\0") + b"".join(
        b"\1\0" + mkcap.blob(m) for m in space + [every] * 100000))
    head = struct.pack("<Q", 0x9e3779b97f4a7c15 ^ 16)
    tuples = b"".join(b"\2\0\0\0" + bytes([2 if i == 0 else 0] * 6) + mkcap.blob(head + struct.pack("<Q", i)) for i in range(150000))
    yield "150,000 names that would hash alike", crafted(lambda c: [packed(tuples, 1, 150000, 17)], writer=1)


def offsets(rng, length):
    """All offsets, or a seeded choice where there are too many."""
    limit = int(os.environ.get("BAD_CASES", "100" if os.environ.get("WRAP") else "6000"))
    return range(length) if length <= limit else sorted(rng.sample(range(length), limit))


def flipped(data, offset, bit):
    return data[:offset] + bytes([data[offset] ^ 1 << bit]) + data[offset + 1:]


# ---------------------------------------------------------------------------------------------------------------
# The classes of cases

def damaged(bench, small, sample):
    rng = random.Random(11)
    bench.expect("the small capture itself is good", (0,), "verify", bench.file("small.kmem", small))

    def if_cut(_label, content):
        return (1,) if len(content) < 64 else (3,)

    def if_flipped(label, _content):
        return (1,) if int(label.split()[1]) < 64 else (3,)

    cuts = [("cut %d" % n, small[:n], ("verify",)) for n in offsets(rng, len(small))]
    bench.many("verify, cut at every byte", cuts, if_cut)
    flips = [("byte %d" % n, flipped(small, n, rng.randrange(8)), ("verify",)) for n in offsets(rng, len(small))]
    bench.many("verify, a bit flipped in every byte", flips, if_flipped)

    # Where a header in front of the event types is damaged, nothing tells whether types are gone with it: the replay
    # then trusts none, and kmem-analyze need not agree.
    types_end = max(b.end for b in read_capture.Capture(small).blocks if b.type == mkcap.TYPES)
    few = sorted(rng.sample(range(types_end, len(small)), 60))
    cases = [("cut %d" % n, small[:n], ("account",)) for n in few]
    bench.many("account of a cut capture, against a naive replay", cases, if_cut, same_account)
    cases = [("byte %d" % n, flipped(small, n, rng.randrange(8)), ("account",)) for n in few]
    bench.many("account of a flipped capture, against a naive replay", cases, if_flipped, same_account)

    if sample:
        few = sorted(rng.sample(range(len(sample)), min(40, len(sample))))
        bench.many("verify, the sample cut", [("cut %d" % n, sample[:n], ("verify",)) for n in few], if_cut)
        cases = [("byte %d" % n, flipped(sample, n, rng.randrange(8)), ("verify",)) for n in few]
        bench.many("verify, the sample flipped", cases, if_flipped)


def rearranged(bench, small):
    blocks = blocks_of(small)
    middle = len(blocks) // 2
    swapped = blocks[:middle] + [blocks[middle + 1], blocks[middle]] + blocks[middle + 2:]
    doubled = blocks[:middle] + [blocks[middle]] + blocks[middle:]
    deleted = blocks[:middle] + blocks[middle + 1:]
    cases = []
    for name, these in (("swapped", swapped), ("doubled", doubled), ("deleted", deleted)):
        cases.append(("%s as they are" % name, small[:64] + b"".join(these), ("verify",)))
        cases.append(("%s with right offsets" % name, rebuilt(small, these), ("verify",)))
    for n in range(len(blocks)):
        cases.append(("deleted %d" % n, rebuilt(small, blocks[:n] + blocks[n + 1:]), ("verify",)))
    cases.append(("bytes after the end", small + b"more", ("verify",)))
    cases.append(("garbage between blocks", small[:64] + b"KBLK" * 99 + b"".join(blocks), ("verify",)))
    for offset, fmt, values in ((56, "<I", (0, 1, 0xffffffff, 17 << 20)), (60, "<I", (0, 0xffffffff, 18 << 20)),
                                (6, "<H", (0, 79, 81, 1024, 0xffff)), (16, "<Q", (0, (1 << 64) - 1)),
                                (48, "<I", (0, 1, 0xffffffff)), (52, "<I", (7, 0xffffffff)), (4, "<B", (0, 4, 5))):
        for value in values:
            one = [b for b in blocks if b[4] == mkcap.EVENTS][1]
            these = [patched(b, offset, fmt, value) if b is one else b for b in blocks]
            content = small[:64] + b"".join(these)
            if content != small:
                cases.append(("header byte %d is %d" % (offset, value), content, ("verify",)))
    bench.many("verify, blocks rearranged and block headers that lie", cases, lambda *_: (3,))


def foreign(bench, small):
    for command in ("verify", "account", "info"):
        bench.expect("%s of an empty file" % command, (1,), command, bench.file("empty", b""))
        bench.expect("%s of a directory" % command, (1,), command, bench.directory)
        bench.expect("%s of a missing file" % command, (1,), command, bench.path("missing"), said="missing")
        bench.expect("%s of a text file" % command, (1,), command, bench.file("text", b"no trace of a trace\n" * 99))
    bench.expect("verify of a newer version", (1,), "verify", bench.file("newer", with_header(small, version=2)),
                 said="version")
    bench.expect("account of a newer version", (1,), "account", bench.path("newer"), said="version")
    bench.expect("an unknown incompatible feature is refused", (1,), "verify",
                 bench.file("incompatible", with_header(small, incompatible=1 << 31)))
    noted = "(?i)unknown|not know|ignor|skip|stepped over"
    bench.expect("an unknown compatible feature is accepted", (0,), "verify",
                 bench.file("compatible", with_header(small, compatible=1 << 31)), said=noted)
    for name, kind, sections in (("block type", 77, [1]), ("section kind", mkcap.INFO, [1, 200])):
        cap = mkcap.Capture(5)
        cap.types(mkcap.SLAB_TYPES)
        cap.block(kind, [cap.section(n, mkcap.blob("key") + mkcap.blob("from the future")) for n in sections])
        bench.expect("an unknown %s is accepted" % name, (0,), "verify", bench.file("future", cap.finish()), said=noted)

    os.mkfifo(bench.path("fifo"))
    for command in ("verify", "account"):
        bench.expect("%s of a FIFO" % command, (1,), command, bench.path("fifo"))
    if os.getuid() == 0:
        path = bench.file("secret", small)
        os.chmod(path, 0)
        for command in ("verify", "account"):
            bench.expect("%s without permission" % command, (1,), command, path, user=NOBODY, said="ermission")
    else:
        print("skip bad: without permission (needs root)")


def databases(bench, small):
    for name, setup in (("of another program", "PRAGMA application_id=1; CREATE TABLE t(a)"),
                        ("with no mark", "CREATE TABLE allocation(id)"),
                        ("of a newer version", "PRAGMA application_id=0x4b4d454d; PRAGMA user_version=9999; "
                                               "CREATE TABLE capture(key, value)"),
                        ("with our mark and nothing in it", "PRAGMA application_id=0x4b4d454d; "
                                                            "PRAGMA user_version=1; CREATE TABLE t(a)")):
        path = bench.path("foreign.db")
        db = sqlite3.connect(path)
        db.executescript(setup)
        db.close()
        with open(path, "rb") as before:
            content = before.read()
        bench.expect("a database %s" % name, (1,), "account", path)
        bench.expect("a database %s is not overwritten" % name, (1,), "load", bench.file("x.kmem", small), "-o", path)
        with open(path, "rb") as after:
            bench.report("a database %s stays as it is" % name, [] if after.read() == content else ["it changed"])
        os.unlink(path)
    path = bench.file("torn.db", b"SQLite format 3\x00" + b"\xff" * 5000)
    bench.expect("a database that is garbage", (1,), "account", path)


def lies(bench):
    honest = crafted(events_block(), kind=mkcap.EVENTS, writer=1, cpu=0, first=3000, last=3000, events=1)
    bench.expect("what the lies are made from is good", (0,), "verify", bench.file("honest.kmem", honest))
    bench.many("verify, hostile content with right checksums", [(n, c, ("verify",)) for n, c in hostile()],
               lambda *_: (3,))
    if not bench.sanitized and not bench.wrap:
        bench.many("verify, much in little", [(n, c, ("verify",)) for n, c in heavy()], lambda *_: (0, 1, 3))
        bench.many("account, much in little", [(n, c, ("account",)) for n, c in heavy()], lambda *_: (0, 1, 3))
    bench.many("account, hostile content with right checksums", [(n, c, ("account",)) for n, c in hostile()],
               lambda *_: (1, 3))


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    sample = None
    if len(sys.argv) == 3:
        with open(sys.argv[2], "rb") as source:
            sample = source.read()
    small = small_capture()
    with tempfile.TemporaryDirectory(prefix="kmem-bad.") as directory:
        bench = Bench(sys.argv[1], directory)
        damaged(bench, small, sample)
        rearranged(bench, small)
        foreign(bench, small)
        databases(bench, small)
        lies(bench)
        bounded(bench)
        packed_logs(bench)
        peak = bench.largest()
        if bench.emulated:
            print("skip bad: how much memory the runs take: it would be the emulator's")
        if bench.own_sizes:
            bench.report("no run took more than %d MB" % (MEMORY_LIMIT >> 10),
                         [] if peak <= MEMORY_LIMIT else ["one took %d MB" % (peak >> 10)])
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
