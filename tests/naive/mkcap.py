#!/usr/bin/env python3
"""mkcap.py - an independent encoder of captures, written from format/FORMAT.md alone.

It makes captures for tests: ordinary ones and deliberately odd but legal ones, which kmem-analyze must read all
the same. With each it can write what read_capture.py must print for it, so that the reader is tested against the
events themselves and not against another reader.

    mkcap.py --list
    mkcap.py SCENARIO OUT.kmem [--events N] [--seed N] [--expect OUT.txt]

As a module:

    cap = Capture()
    cap.info({"recorder.tgid": "100"})
    cap.types(SLAB_TYPES)
    cap.events(cpu=0, events=[Ev(1000, 7, KMALLOC, (0xffffffff81000010, 64, 64, 0xcc0, 0), 0xffff888000001000)])
    open("x.kmem", "wb").write(cap.finish())
"""

import argparse
import ctypes
import random
import struct
import sys
import zlib
from collections import namedtuple

MASK64 = (1 << 64) - 1
INFO, FILE, TYPES, DICT, EVENTS, TASKS, STATS, END, PROCESS = range(1, 10)
UNSIGNED, SIGNED, STRING, BYTES, ROOM = 1, 2, 3, 4, 5
TUPLE, COLUMN, ADDRESS, COMMON = 1, 2, 3, 4

# tuple: values of the type's tuple fields; columns: of its columns; stack: None, "lost" or addresses.
Ev = namedtuple("Ev", "time pid type tuple address columns flags preempt stack")
Ev.__new__.__defaults__ = (None, (), 0, 0, None)
Type = namedtuple("Type", "number system name has_stack fields")
Field = namedtuple("Field", "name ctype offset size kind place")

COMMON_FIELDS = [Field("common_type", "unsigned short", 0, 2, UNSIGNED, COMMON),
                 Field("common_flags", "unsigned char", 2, 1, UNSIGNED, COMMON),
                 Field("common_preempt_count", "unsigned char", 3, 1, UNSIGNED, COMMON),
                 Field("common_pid", "int", 4, 4, SIGNED, COMMON)]


def slab_type(number, name, has_stack, *more):
    fields = COMMON_FIELDS + [Field("call_site", "unsigned long", 8, 8, UNSIGNED, TUPLE),
                              Field("ptr", "const void *", 16, 8, UNSIGNED, ADDRESS)]
    return Type(number, "kmem", name, has_stack, fields + list(more))


def alloc_fields(*more):
    return [Field("bytes_req", "size_t", 24, 8, UNSIGNED, TUPLE),
            Field("bytes_alloc", "size_t", 32, 8, UNSIGNED, TUPLE),
            Field("gfp_flags", "unsigned long", 40, 8, UNSIGNED, TUPLE),
            Field("node", "int", 48, 4, SIGNED, TUPLE)] + list(more)


CACHE_NAME = Field("name", "__data_loc char[]", 52, 4, STRING, TUPLE)
KMALLOC, KFREE, CACHE_ALLOC, CACHE_FREE, NEWTASK, RENAME, ODD = range(7)
SLAB_TYPES = [
    slab_type(501, "kmalloc", 1, *alloc_fields()),
    slab_type(502, "kfree", 0),
    slab_type(503, "kmem_cache_alloc", 1,
              *alloc_fields(Field("accounted", "bool", 56, 1, UNSIGNED, TUPLE), CACHE_NAME)),
    slab_type(504, "kmem_cache_free", 0, CACHE_NAME),
    Type(140, "task", "task_newtask", 0, COMMON_FIELDS + [
        Field("pid", "pid_t", 8, 4, SIGNED, COLUMN), Field("comm", "char[16]", 12, 16, ROOM, COLUMN),
        Field("clone_flags", "unsigned long", 32, 8, UNSIGNED, COLUMN),
        Field("oom_score_adj", "short", 40, 2, SIGNED, COLUMN)]),
    Type(141, "task", "task_rename", 0, COMMON_FIELDS + [
        Field("pid", "pid_t", 8, 4, SIGNED, COLUMN), Field("oldcomm", "char[16]", 12, 16, ROOM, COLUMN),
        Field("newcomm", "char[16]", 28, 16, ROOM, COLUMN), Field("oom_score_adj", "short", 44, 2, SIGNED, COLUMN)]),
]
ODD_TYPE = Type(900, "odd", "every_kind", 1, COMMON_FIELDS + [
    Field("u8", "u8", 8, 1, UNSIGNED, TUPLE), Field("s8", "s8", 9, 1, SIGNED, COLUMN),
    Field("u16", "u16", 10, 2, UNSIGNED, COLUMN), Field("s16", "s16", 12, 2, SIGNED, TUPLE),
    Field("u64", "u64", 16, 8, UNSIGNED, COLUMN), Field("s64", "s64", 24, 8, SIGNED, TUPLE),
    Field("raw", "u32[2]", 32, 8, BYTES, COLUMN), Field("name", "__data_loc char[]", 40, 4, STRING, COLUMN)])

ALLOC_TYPES = (KMALLOC, CACHE_ALLOC)
FREE_TYPES = (KFREE, CACHE_FREE)


# ---------------------------------------------------------------------------------------------------------------
# Numbers

def varint(n):
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def svarint(n):
    """n modulo 2^64: the difference of two 64-bit numbers may be given as it comes."""
    n &= MASK64
    n -= (n >> 63) << 64
    return varint((n << 1 ^ n >> 63) & MASK64)


def blob(raw):
    raw = raw.encode() if isinstance(raw, str) else raw
    return varint(len(raw)) + raw


LIBZSTD = ctypes.CDLL("libzstd.so.1")
LIBZSTD.ZSTD_createCCtx.restype = ctypes.c_void_p
LIBZSTD.ZSTD_CCtx_setParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
LIBZSTD.ZSTD_compress2.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
LIBZSTD.ZSTD_compress2.restype = ctypes.c_size_t
LIBZSTD.ZSTD_isError.argtypes = [ctypes.c_size_t]
ZSTD_CONTEXT = LIBZSTD.ZSTD_createCCtx()
ZSTD_CONTENT_SIZE, ZSTD_CHECKSUM = 200, 201


def zstd(raw, name_size):
    """One frame; with or without its content size in the frame's header."""
    for parameter, value in ((ZSTD_CONTENT_SIZE, name_size), (ZSTD_CHECKSUM, 1)):
        LIBZSTD.ZSTD_CCtx_setParameter(ZSTD_CONTEXT, parameter, int(value))
    room = ctypes.create_string_buffer(len(raw) + len(raw) // 128 + 512)
    length = LIBZSTD.ZSTD_compress2(ZSTD_CONTEXT, room, len(room), raw, len(raw))
    assert not LIBZSTD.ZSTD_isError(length)
    return room.raw[:length]


# ---------------------------------------------------------------------------------------------------------------
# The encoder

class Capture:
    """Writes blocks one after the other. Options make it odd: see __init__."""

    def __init__(self, seed=1, version=1, header_extra=b"", block_extra=0, incompatible=0, compatible=0,
                 codec="raw", oddities=False, generation_events=0, clock_step=0):
        """codec: raw, zstd, or mixed; block_extra: most bytes to add to block headers; oddities: unknown
        sections, bytes left over, and every legal way to write an address; generation_events: events after
        which a writer starts a new generation (0: never); clock_step: in 2^-20 ns, to count times in (0: ns)."""
        self.random = random.Random(seed)
        self.block_extra = block_extra
        self.codec = codec
        self.clock_step = clock_step
        self.oddities = oddities
        self.generation_events = generation_events
        self.sequence = {}
        self.generation = {}            # writer -> [generation, events in it, {stack: n}, {tuple: n}]
        self.index = []
        self.written = {}               # (cpu, ring) -> events
        self.type_list = []
        self.lost = 0
        self.expected = []              # (time, rank, cpu, order, line) for --expect
        self.stack_numbers = {}
        ident = bytes(self.random.randrange(256) for _ in range(16))
        header = struct.pack("<8sHHII16sQ16x", b"\x89KMEM\r\n\x1a", version, 64 + len(header_extra),
                             incompatible | (1 if clock_step else 0),
                             compatible, ident, 1700000000 * 10 ** 9)
        self.out = bytearray(header + struct.pack("<I", zlib.crc32(header)) + header_extra)

    def section(self, kind, raw, a=0, b=0):
        """(raw length, bytes) of a section."""
        if self.oddities and kind < 250 and self.random.random() < 0.3 and kind not in (1, 16):
            raw += b"tail"              # a later version's addition: to be ignored
        codec = {"raw": 0, "zstd": 1}.get(self.codec, self.random.randrange(2))
        stored = zstd(raw, self.random.random() < 0.7) if codec else raw
        return len(raw), bytes([kind, codec]) + varint(a) + varint(b) + varint(len(raw)) + varint(len(stored)) + stored

    def block(self, kind, sections, writer=0, cpu=-1, first=0, last=0, lost=0, events=0, generation=0,
              ring=0):
        sections = list(sections)
        if self.oddities and self.random.random() < 0.3:
            sections.insert(self.random.randrange(len(sections) + 1), self.section(250, b"unknown section"))
        body = b"".join(s for _, s in sections)
        raw = sum(n for n, _ in sections)
        extra = bytes(self.random.randrange(256) for _ in range(self.random.randrange(self.block_extra + 1)))
        sequence = self.sequence.get(writer, 0)
        self.sequence[writer] = sequence + 1
        offset = len(self.out)
        header = struct.pack("<4sBxHHHiQQQQIIIIQI", b"KBLK", kind, 80 + len(extra), writer, ring, cpu, sequence,
                             first, last, lost, events, generation, raw, len(body), offset, zlib.crc32(extra + body))
        self.out += header + struct.pack("<I", zlib.crc32(header)) + extra + body
        return offset

    def info(self, pairs):
        self.block(INFO, [self.section(1, b"".join(blob(k) + blob(v) for k, v in pairs.items()))])

    def file(self, name, moment, content, part=1 << 20):
        for at in range(0, max(len(content), 1), part):
            piece = content[at:at + part]
            last = at + part >= len(content)
            self.block(FILE, [self.section(1, blob(name) + blob(moment) + varint(at) + bytes([last]) + blob(piece))])

    def types(self, types):
        out = b""
        for t in types:
            out += varint(t.number) + blob(t.system) + blob(t.name) + bytes([t.has_stack]) + varint(len(t.fields))
            for f in t.fields:
                out += blob(f.name) + blob(f.ctype) + varint(f.offset) + varint(f.size) + bytes([f.kind, f.place])
        first = len(self.type_list)
        self.type_list += types
        self.block(TYPES, [self.section(1, out, first)])

    def tasks(self, rows, time):
        """rows: (pid, tgid, ppid, comm)."""
        out = b"".join(varint(p) + varint(t) + varint(pp) + blob(c) for p, t, pp, c in rows)
        self.block(TASKS, [self.section(1, out)], first=time, last=time)

    def stats(self, moment, rows, ring=0):
        """rows: lists of the 12 numbers of a CPU."""
        out = bytes([moment]) + b"".join(b"".join(map(varint, row)) for row in rows)
        self.block(STATS, [self.section(1, out)], ring=ring)

    def finish(self, end=True):
        if end:
            out = varint(sum(e[2] for e in self.index)) + varint(self.lost) + varint(len(self.out))
            out += varint(len(self.index))
            before = 0
            for offset, cpu, count, first, last in self.index:
                out += varint(offset - before) + varint(cpu) + varint(count) + varint(first) + varint(last - first & MASK64)
                before = offset
            self.block(END, [self.section(1, out)])
        return bytes(self.out)

    # ---- dictionary

    def _fields(self, kind, place):
        return [f for f in self.type_list[kind].fields if f.place == place]

    def _dictionary(self, writer, events):
        """Write what the events need and a dictionary does not have yet; tuple numbers of the events."""
        state = self.generation.setdefault(writer, [0, 0, {}, {}])
        if self.generation_events and state[1] >= self.generation_events:
            state[:] = [state[0] + 1, 0, {}, {}]
        generation, _, stacks, tuples = state
        state[1] += len(events)
        first_stack, first_tuple = len(stacks), len(tuples)
        new_stacks, new_tuples, numbers = [], [], []
        for e in events:
            if isinstance(e.stack, tuple) and e.stack not in stacks:
                stacks[e.stack] = len(stacks)
                new_stacks.append(e.stack)
                self.stack_numbers.setdefault(e.stack, len(self.stack_numbers))
            stack = 0 if e.stack is None else 1 if e.stack == "lost" else stacks[e.stack] + 2
            key = (e.type, e.flags, e.preempt, stack, e.tuple)
            if key not in tuples:
                tuples[key] = len(tuples)
                new_tuples.append(key)
            numbers.append(tuples[key])
        if new_stacks:
            self.block(DICT, [self.section(16, self._stacks(new_stacks), first_stack, len(new_stacks))],
                       writer=writer, generation=generation)
        # Two sections in one block are as legal as one.
        half = len(new_tuples) // 2 if self.oddities else 0
        sections = [self.section(17, self._tuples(part), at, len(part))
                    for at, part in ((first_tuple, new_tuples[:half]), (first_tuple + half, new_tuples[half:]))
                    if part]
        if sections:
            self.block(DICT, sections, writer=writer, generation=generation)
        return numbers, generation

    @staticmethod
    def _stacks(stacks):
        out, before, written = b"", (), 0
        for stack in stacks:
            shared = 0
            while shared < min(len(stack), len(before)) and stack[-1 - shared] == before[-1 - shared]:
                shared += 1
            out += varint(len(stack)) + varint(shared)
            for frame in stack[:len(stack) - shared]:
                out += svarint(frame - written)
                written = frame
            before = stack
        return out

    def _tuples(self, tuples):
        out, before = b"", {}
        for kind, flags, preempt, stack, values in tuples:
            out += varint(kind) + bytes([flags, preempt]) + varint(stack)
            fields = self._fields(kind, TUPLE)
            assert len(fields) == len(values), (kind, values)
            last = before.get(kind, [0] * len(values))
            for field, value, old in zip(fields, values, last):
                out += svarint(value - old) if field.kind in (UNSIGNED, SIGNED) else blob(value)
            before[kind] = values
        return out

    # ---- events

    def events(self, cpu, events, writer=1, lost=0, first=0, ring=0):
        """One block of events (at most 65536 different tuples). first: time of a block without events."""
        numbers, generation = self._dictionary(writer, events)
        self.lost += lost
        self._expect(cpu, ring, events)
        self.written[cpu, ring] = self.written.get((cpu, ring), 0) + len(events)
        if not events:
            self.block(EVENTS, [], writer=writer, cpu=cpu, first=first, last=first, lost=lost,
                       generation=generation, ring=ring)
            self.index.append((len(self.out) - 80, cpu, 0, first, first))
            return
        local, ids = {}, []
        for number, e in zip(numbers, events):
            ids.append(local.setdefault((number, e.type), len(local)))
        sections = [self._id_map(local), self.section(33, bytes(i & 255 for i in ids))]
        if len(local) > 256 or self.oddities:
            sections.append(self.section(34, bytes(i >> 8 for i in ids)))
        sections += self._times([e.time for e in events])
        sections.append(self.section(37, self._pids([e.pid for e in events])))
        sections += self._addresses(events, ids)
        sections += self._columns(events)
        if self.oddities:
            self.random.shuffle(sections)
        offset = self.block(EVENTS, sections, writer=writer, cpu=cpu, first=events[0].time, last=events[-1].time,
                            lost=lost, events=len(events), generation=generation, ring=ring)
        self.index.append((offset, cpu, len(events), events[0].time, events[-1].time))

    def _times(self, times):
        if not self.clock_step:
            deltas = [(b - a) & MASK64 for a, b in zip(times[:1] + times, times)]
            return [self.section(35, bytes(d & 255 for d in deltas)), self.section(36, b"".join(varint(d >> 8) for d in deltas))]
        place, steps, away, between = 0, [], [], 0
        for time in times:
            ahead = (time - times[0] << 20) - place
            steps.append(max(0, ahead // self.clock_step + self.random.randrange(2)))
            place += steps[-1] * self.clock_step
            later = time - times[0] - (place + (1 << 19) >> 20)
            if later or self.random.random() < 0.01:
                away.append(varint(between) + svarint(later))
                place += later * (1 << (17 if later in (-2, -1, 1, 2) else 20))
                between = -1
            between += 1
        return [self.section(41, bytes(s & 255 for s in steps), a=self.clock_step),
                self.section(42, b"".join(varint(s >> 8) for s in steps)),
                self.section(43, varint(len(away)) + b"".join(away))]

    def _id_map(self, local):
        out, before = varint(len(local)), 0
        for number, kind in local:
            out += svarint(number - before) + varint(kind)
            before = number
        return self.section(32, out)

    @staticmethod
    def _pids(pids):
        out, before, at = b"", 0, 0
        while at < len(pids):
            run = 1
            while at + run < len(pids) and pids[at + run] == pids[at]:
                run += 1
            out += svarint(pids[at] - before) + varint(run)
            before = pids[at]
            at += run
        return out

    def _addresses(self, events, ids):
        codes, fresh = b"", b""
        last_of_id, last_fresh, seen = {}, 0, []
        for e, local in zip(events, ids):
            if not self._fields(e.type, ADDRESS):
                continue
            ways = []
            if last_of_id.get(local) == e.address:
                ways.append(0)
            back = next((n for n, a in enumerate(reversed(seen)) if a == e.address), None)
            if back is not None:
                ways.append(back + 2)
            if not ways or self.oddities:
                ways.append(1)
            code = self.random.choice(ways) if self.oddities else ways[0]
            codes += varint(code)
            if code == 1:
                base = last_of_id.get(local, last_fresh)
                difference = e.address - base & MASK64
                difference -= (difference >> 63) << 64
                rest = difference & 7
                zigzag = (difference >> 3 << 1) ^ (difference >> 63)
                fresh += varint(zigzag << 1 | 1) + bytes([rest]) if rest or self.oddities else varint(zigzag << 1)
                last_fresh = e.address
            last_of_id[local] = e.address
            seen.append(e.address)
        return [self.section(k, raw) for k, raw in ((38, codes), (39, fresh)) if raw]

    def _columns(self, events):
        sections = []
        for kind in sorted({e.type for e in events}):
            fields = self._fields(kind, COLUMN)
            for i, field in enumerate(fields):
                out, before = b"", 0
                for e in events:
                    if e.type != kind:
                        continue
                    if field.kind in (UNSIGNED, SIGNED):
                        out += svarint(e.columns[i] - before)
                        before = e.columns[i]
                    else:
                        out += blob(e.columns[i])
                sections.append(self.section(40, out, kind, self.type_list[kind].fields.index(field)))
        return sections

    # ---- what a reader must print

    def _expect(self, cpu, ring, events):
        for e in events:
            t = self.type_list[e.type]
            values = {TUPLE: iter(e.tuple), COLUMN: iter(e.columns), ADDRESS: iter([e.address])}
            words = ["%d %d %d 0x%02x %s:%s" % (e.time, cpu, e.pid, e.flags, t.system, t.name)]
            for f in t.fields:
                if f.place == COMMON:
                    continue
                value = next(values[f.place])
                if f.kind == BYTES:
                    value = value.hex()
                elif f.kind in (STRING, ROOM):
                    value = "".join(chr(c) if 0x21 <= c <= 0x7e and c != 0x5c else "\\x%02x" % c for c in value)
                elif f.place == ADDRESS or "*" in f.ctype or f.name == "call_site":
                    value = "0x%x" % value
                words.append("%s=%s" % (f.name, value))
            stack = "-" if e.stack is None else "lost" if e.stack == "lost" else str(self.stack_numbers[e.stack])
            words.append("stack=" + stack)
            self.expected.append(((cpu, ring), e.time, e.type, e.address, " ".join(words)))

    def expected_lines(self):
        """The events in the order of time. Of the rings whose next event is the earliest, that of the lowest CPU
        and ring comes first, unless it allocates an address that the next event of another one frees: then that
        comes first."""
        queues = {}
        for place, *event in self.expected:
            queues.setdefault(place, []).append(event)
        for queue in queues.values():
            queue.reverse()
        while queues:
            now = min(queue[-1][0] for queue in queues.values())
            tied = [cpu for cpu in sorted(queues) if queues[cpu][-1][0] == now]
            _, kind, address, _ = queues[tied[0]][-1]
            frees = [cpu for cpu in tied if kind in ALLOC_TYPES and queues[cpu][-1][1] in FREE_TYPES
                     and queues[cpu][-1][2] == address]
            cpu = (frees or tied)[0]
            yield queues[cpu].pop()[3]
            if not queues[cpu]:
                del queues[cpu]


# ---------------------------------------------------------------------------------------------------------------
# A small world that allocates

TEXT = 0xffffffff81000000
FUNCTIONS = ["alloc_inode", "__d_alloc", "getname_flags", "kernfs_fop_open", "seq_open", "alloc_pipe_info",
             "sock_alloc_inode", "ep_alloc", "vm_area_alloc", "anon_vma_clone"]
MODULE_BASE = 0xffffffffc0200000
RECORDER = 4000


def kallsyms():
    """The functions, two names for one address, names that are no code, and a module."""
    lines = ["%016x T _stext" % TEXT, "%016x T _text" % TEXT]
    for i, name in enumerate(FUNCTIONS):
        lines.append("%016x t %s" % (TEXT + 0x1000 * (i + 1), name))
        if i == 2:
            lines.append("%016x T %s_alias" % (TEXT + 0x1000 * (i + 1), name))
        if i == 4:
            lines.append("%016x d %s_data" % (TEXT + 0x1000 * (i + 1) + 0x20, name))
    lines.append("%016x T _etext" % (TEXT + 0x100000))
    lines.append("%016x D some_data" % (TEXT + 0x200000))
    lines.append("%016x t demo_alloc\t[demo]" % MODULE_BASE)
    lines.append("%016x t demo_other\t[demo]" % (MODULE_BASE + 0x400))
    return ("\n".join(lines) + "\n").encode()


class World:
    """Makes per-CPU events of allocations and frees with all the cases that a replay must get right."""

    def __init__(self, seed, cpus=2, ties=False, lost_stacks=0.0, sample=0):
        self.random = random.Random(seed)
        self.sample = sample            # one stack in so many is recorded; 0: all
        self.cpus = cpus
        self.ties = ties
        self.lost_stacks = lost_stacks
        self.time = 5000000000
        self.live = []                  # (address, cache name or None)
        self.addresses = set()          # of self.live
        self.next_address = 0xffff888100000000
        self.retired = []
        self.threads = [RECORDER, RECORDER + 1]
        self.children = RECORDER + 2

    def site(self):
        r = self.random
        if r.random() < 0.1:
            return MODULE_BASE + r.choice([0x35, 0x400, 0x41c])    # 0x400: the address after a call at a function's end
        return TEXT + 0x1000 * r.randrange(1, len(FUNCTIONS) + 1) + r.choice([0x1c, 0x4f, 0x1000])

    def stack(self, site):
        r = self.random
        if r.random() < self.lost_stacks:
            return "lost"
        if self.sample and r.randrange(self.sample):
            return None
        outer = [TEXT + 0x1000 * r.randrange(1, 9) + 0x11 for _ in range(r.randrange(1, 4))]
        return tuple([site] + outer + [TEXT + 0x9999, TEXT + 0xa001])

    def address(self):
        r = self.random
        if self.retired and r.random() < 0.6:
            return self.retired.pop()
        if self.live and r.random() < 0.03:
            return r.choice(self.live)[0]                          # its free was not traced
        self.next_address += r.choice([64, 96, 192, 4096, 8, 9])
        return self.next_address

    def alloc(self, time, pid, flags):
        r = self.random
        site = self.site()
        req = r.choice([8, 24, 40, 100, 192, 600, 4000])
        size = next(s for s in (8, 32, 64, 128, 192, 1024, 4096) if s >= req)
        address = self.address() if r.random() > 0.01 else 0       # 0: the allocation failed
        node = r.choice([-1, -1, 0])
        if r.random() < 0.6:
            if r.random() < 0.01:
                address, req, size = 16, 0, 0                      # kmalloc(0)
            event = Ev(time, pid, KMALLOC, (site, req, size, 0xcc0, node), address, (), flags, 1, self.stack(site))
            name = None
        else:
            name = b"cache-%d" % size
            event = Ev(time, pid, CACHE_ALLOC, (site, req, size, 0xdc0, node, 1, name), address, (), flags, 0,
                       self.stack(site))
        if address > 16:
            if address in self.addresses:
                self.live = [o for o in self.live if o[0] != address]
            self.live.append((address, name))
            self.addresses.add(address)
        return event

    def free(self, time, pid, flags):
        r = self.random
        site = self.site()
        what = r.random()
        if what < 0.1:
            return Ev(time, pid, KFREE, (site,), r.choice([0, 0, 0, 16]), (), flags)
        if what < 0.15 or not self.live:
            return Ev(time, pid, KFREE, (site,), 0xffff888000000000 + 64 * r.randrange(1000), (), flags)
        address, name = self.live.pop(r.randrange(len(self.live)))
        self.addresses.discard(address)
        self.retired.append(address)
        if r.random() < 0.05:
            name = None if name else b"crossed"                    # freed through the other API
        if name is None:
            return Ev(time, pid, KFREE, (site,), address, (), flags)
        return Ev(time, pid, CACHE_FREE, (site, name), address, (), flags)

    def event(self):
        r = self.random
        self.time += r.choice([0, 0, 1, 37]) if self.ties else r.choice([3, 250, 300, 70000])
        flags = r.choice([0, 0, 0, 0x20, 0x01, 0x08, 0x10, 0x18, 0x40])
        pid = r.choice([0, 1, 77, 77, 78] + self.threads)
        if r.random() < 0.01:
            # The recorder starts a thread (its allocations are its own) or a child (whose are not).
            self.children += 1
            thread = r.random() < 0.5
            if thread:
                self.threads.append(self.children)
            return Ev(self.time, RECORDER, NEWTASK, (), None,
                      (self.children, b"kmem-record", 0x10f00 if thread else 0x1200011, -5 if thread else 0))
        if r.random() < 0.005:
            return Ev(self.time, 77, RENAME, (), None, (77, b"sh", b"a \\ \xff\x01name", 0))
        if len(self.live) < 50 or r.random() < 0.52:
            return self.alloc(self.time, pid, flags)
        return self.free(self.time, pid, flags)

    def batches(self, count, size):
        """Lists of (cpu, events) of at most `size` events each, count events in all."""
        per_cpu = {c: [] for c in range(self.cpus)}
        for _ in range(count):
            cpu = self.random.randrange(self.cpus)
            per_cpu[cpu].append(self.event())
            if len(per_cpu[cpu]) >= size:
                yield cpu, per_cpu[cpu]
                per_cpu[cpu] = []
        for cpu, events in per_cpu.items():
            if events:
                yield cpu, events


def odd_event(random_, time):
    r = random_
    edge = [0, 1, -1, (1 << 63) - 1, -(1 << 63)]
    return Ev(time, r.choice([-1, 0, 1 << 22]), ODD, (r.randrange(256), r.choice([-32768, 32767, 0]), r.choice(edge)),
              None, (r.randrange(-128, 128), r.choice([0, 65535]), r.choice(edge) & MASK64,
                     b"\x00\x00\x00\x01\xff\x00\x80\x02", r.choice([b"", b"a b", b"\x1b[31m", b"<script>"])),
              0, 3, (TEXT + 5,) * r.choice([1, 2, 60, 1024]))


def prologue(cap):
    cap.info({"recorder.version": "0", "recorder.tgid": str(RECORDER), "recorder.backend": "ftrace",
              "recorder.command": "kmem-record -o x.kmem", "recorder.stacks": "alloc", "machine": "x86_64",
              "kernel.release": "6.18.0-test", "page_size": "4096", "long_size": "8", "endian": "little",
              "cpus.possible": "0-3", "cpus.online": "0-3", "clock": "mono", "clock.start.trace_ns": "4999000000",
              "clock.start.wall_ns": "1700000000000000000", "time.start_ns": "5000000000"})
    cap.types(SLAB_TYPES)
    cap.file("/proc/kallsyms.used", "end", kallsyms(), part=300)
    cap.tasks([(0, 0, 0, "swapper"), (1, 1, 0, "init"), (77, 77, 1, "sh"), (78, 77, 1, "sh"),
               (RECORDER, RECORDER, 77, "kmem-record"), (RECORDER + 1, RECORDER, 77, "reader")], 4999500000)


def epilogue(cap, world, end=True, rings=1):
    for ring in range(rings):
        rows = []
        for cpu in range(world.cpus):
            events = cap.written.get((cpu, ring), 0)
            lost = cap.lost if cpu == 0 and ring == 0 else 0
            rows.append([cpu, 0, 0, 0, lost, events, events, events, 0, 0, 0, events * 50])
        cap.stats(0, [[cpu] + [0] * 11 for cpu in range(world.cpus)], ring)
        cap.stats(1, rows, ring)
    cap.info({"time.end_ns": str(world.time + 1), "end.reason": "duration"})
    return cap.finish(end)


def build(cap, world, events, size=500, writers=1, losses=False, end=True):
    prologue(cap)
    for number, (cpu, batch) in enumerate(world.batches(events, size)):
        lost = 5 if losses and cpu == 0 and number % 3 == 1 else 0
        cap.events(cpu, batch, writer=1 + cpu % writers, lost=lost)
    if losses:
        cap.events(0, [], lost=2, first=world.time)
    return epilogue(cap, world, end)


def scenario_plain(seed, n):
    cap = Capture(seed, codec="zstd")
    return cap, build(cap, World(seed), n)


def scenario_raw(seed, n):
    cap = Capture(seed)
    return cap, build(cap, World(seed), n)


def scenario_ties(seed, n):
    cap = Capture(seed, codec="zstd")
    return cap, build(cap, World(seed, cpus=4, ties=True), n, writers=2)


def scenario_rings(seed, n):
    """Two rings of each CPU, as a recorder with a selection has them: one of allocations, one of all else."""
    cap = Capture(seed, codec="mixed")
    world = World(seed, cpus=3, ties=True)
    prologue(cap)
    for cpu, batch in world.batches(n, 200):
        for ring in 0, 1:
            cap.events(cpu, [e for e in batch if (e.type not in ALLOC_TYPES) == ring], writer=1 + cpu, ring=ring)
    return cap, epilogue(cap, world, rings=2)


def scenario_generations(seed, n):
    cap = Capture(seed, codec="mixed", generation_events=150)
    return cap, build(cap, World(seed, cpus=3), n, size=70, writers=3)


def scenario_lost(seed, n):
    cap = Capture(seed, codec="zstd")
    return cap, build(cap, World(seed, lost_stacks=0.3), n, size=100, losses=True)


def scenario_sampled(seed, n):
    """Stacks of one allocation in 3: with so few events most are split by guesses."""
    cap = Capture(seed, codec="zstd")
    world = World(seed, sample=3)
    cap.info({"events.stack_sample": "3", "events.stack_sample_by": "random"})
    return cap, build(cap, world, n // 3)


def scenario_cut(seed, n):
    cap = Capture(seed, codec="zstd")
    return cap, build(cap, World(seed), n, end=False)


def scenario_odd(seed, n):
    """Everything that the document allows and that kmem-record does not do."""
    cap = Capture(seed, header_extra=b"later version", block_extra=944, compatible=0x80000000, codec="mixed",
                  oddities=True, generation_events=200)
    world = World(seed, cpus=3, ties=True, lost_stacks=0.1)
    cap.block(99, [cap.section(7, b"unknown block")], writer=500)
    prologue(cap)
    cap.info({"unknown.key": "value \u00e9", "recorder.version": "replaced"})
    cap.types([ODD_TYPE])
    for number, (cpu, batch) in enumerate(world.batches(n, 90)):
        if number % 4 == 0:
            batch = batch + [odd_event(world.random, batch[-1].time) for _ in range(3)]
        if number % 5 == 0:
            cap.block(99, [cap.section(7, b"unknown block")], writer=world.random.choice([0, 1, 500]))
        cap.events(cpu, batch, writer=1 + cpu)
    return cap, epilogue(cap, world)


def scenario_steps(seed, n):
    """Times in steps of the clock, not always the nearest."""
    cap = Capture(seed, codec="mixed", oddities=True, clock_step=random.Random(seed).choice([10501415, 1 << 24, 1, 1 << 31]))
    return cap, build(cap, World(seed, cpus=3, ties=True), n, size=300)


def scenario_wide(seed, n):
    """More than 256 local ids in a block."""
    cap = Capture(seed, codec="zstd")
    return cap, build(cap, World(seed), n, size=1 << 20)


def scenario_empty(seed, _n):
    cap = Capture(seed)
    return cap, build(cap, World(seed), 0)


SCENARIOS = {name[9:]: value for name, value in sorted(globals().items()) if name.startswith("scenario_")}


def make(scenario, path, seed=1, events=3000):
    """Writes the capture of a scenario; the lines that read_capture.py --events has to print of it."""
    cap, data = SCENARIOS[scenario](seed, events)
    with open(path, "wb") as out:
        out.write(data)
    return cap.expected_lines()


def main():
    parser = argparse.ArgumentParser(description="Make a capture for tests.")
    parser.add_argument("scenario", nargs="?", choices=sorted(SCENARIOS))
    parser.add_argument("out", nargs="?")
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--expect", metavar="FILE", help="write what read_capture.py --events must print")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join(SCENARIOS))
        return 0
    if not options.out:
        parser.error("a scenario and an output are needed")
    expected = make(options.scenario, options.out, options.seed, options.events)
    if options.expect:
        with open(options.expect, "w") as out:
            out.writelines(line + "\n" for line in expected)
    return 0


if __name__ == "__main__":
    sys.exit(main())
