#!/usr/bin/env python3
"""read_capture.py - a strict and readable reader of captures, written from format/FORMAT.md alone.

It exists to prove that the document is enough, and to be a second opinion on every capture: it shares no code
with kmem-record and kmem-analyze. It is not fast (about a quarter of a million events a second) and it draws no
conclusions: tests/naive/replay.py does that.

    read_capture.py FILE --events          one line per event, in the order of time
    read_capture.py FILE --verify          check everything, say what is damaged
    read_capture.py FILE FILE... --events  segments of one series as one capture (--events, --info, --stats, --verify)

As a module:

    capture = Capture.open("cap.kmem")
    for event in capture.events():
        print(event.time, event.cpu, event.type.name, event.get("bytes_alloc"))
    for damage in capture.damage:          # complete once the events were read to the end
        print(damage)

Exit status: 0 good, 3 damaged, cut off or with losses, but readable, 1 not a capture (or one that must be refused),
2 usage. Frames of zstd are decompressed by a Python module or libzstd where there is one, else by the zstd program.
"""

import argparse
import heapq
import json
import os
import stat
import struct
import subprocess
import sys
import tempfile
import uuid
import zlib
from collections import OrderedDict, namedtuple

FILE_MAGIC = b"\x89KMEM\r\n\x1a"
BLOCK_MAGIC = b"KBLK"
VERSION = 1
FILE_HEADER = 64
BLOCK_HEADER = 80
BLOCK_HEADER_MAX = 1024
RING_MAX = 16
RAW_MAX = 16 << 20
STORED_MAX = 17 << 20
DEPTH_MAX = 1024
BUILD_ID_MAX = 64
CLOCK_STEPS = 1      # incompatible feature: times of events may be in steps of the clock
MASK64 = (1 << 64) - 1

INFO, FILE, TYPES, DICT, EVENTS, TASKS, STATS, END, PROCESS, MARKS = range(1, 11)
FOLDED = 11
BLOCK_NAMES = {INFO: "INFO", FILE: "FILE", TYPES: "TYPES", DICT: "DICT", EVENTS: "EVENTS",
               TASKS: "TASKS", STATS: "STATS", END: "END", PROCESS: "PROCESS", MARKS: "MARKS", FOLDED: "FOLDED"}
KNOWN_SECTIONS = {INFO: {1}, FILE: {1, 2, 3}, TYPES: {1}, DICT: {16, 17}, EVENTS: set(range(32, 44)),
                  TASKS: {1}, STATS: {1}, END: {1}, PROCESS: {1}, MARKS: {1}, FOLDED: {48, 49, 50}}

KIND_UNSIGNED, KIND_SIGNED, KIND_STRING, KIND_BYTES, KIND_ROOM = 1, 2, 3, 4, 5
PLACE_TUPLE, PLACE_COLUMN, PLACE_ADDRESS, PLACE_COMMON = 1, 2, 3, 4

STACK_NONE, STACK_LOST = -1, -2         # values of Event.stack besides a number of Capture.stacks

# Who gives out and takes back addresses of the same kind: decides the order of two CPUs at one time.
ALLOCATES = {"kmem:kmalloc": "slab", "kmem:kmalloc_node": "slab", "kmem:kmem_cache_alloc": "slab",
             "kmem:kmem_cache_alloc_node": "slab", "kmem:mm_page_alloc": "page",
             "percpu:percpu_alloc_percpu": "percpu", "vmalloc:alloc_vmap_area": "vmalloc"}
FREES = {"kmem:kfree": "slab", "kmem:kmem_cache_free": "slab", "kmem:mm_page_free": "page",
         "percpu:percpu_free_percpu": "percpu", "vmalloc:free_vmap_area_noflush": "vmalloc"}

PROCESS_KINDS = {1: "map", 2: "comm", 3: "fork", 4: "exit"}
PROCESS_FILE = 5

MARK_KINDS = {1: "mark", 2: "pause", 3: "resume"}

STATS_FIELDS = ("cpu", "entries", "overrun", "commit_overrun", "dropped", "read", "decoded", "events",
                "stacks", "orphan_stacks", "missing_stacks", "bytes")


class NotACapture(Exception):
    """The file cannot be read at all; the text is one sentence."""


class Malformed(Exception):
    """A block says something that the document does not allow."""


Damage = namedtuple("Damage", "offset length text")
Section = namedtuple("Section", "kind codec a b raw_length data")
Field = namedtuple("Field", "name ctype offset size kind place")
Task = namedtuple("Task", "time pid tgid ppid comm")
Process = namedtuple("Process", "time kind flags pid tgid details")     # details: what the kind adds, by name
Tuple = namedtuple("Tuple", "type flags preempt stack values")
# What stands for events that were counted: tuples are None where they were lost; `alloc_type` is None for
# frees of NULL, `free_type` where the address was allocated again without a traced free.
Folded = namedtuple("Folded", "block alloc_type alloc free_type free alloc_self free_self count shortest longest total")
IndexEntry = namedtuple("IndexEntry", "offset cpu events first last")
Loss = namedtuple("Loss", "cpu after before records")


# ---------------------------------------------------------------------------------------------------------------
# Bytes and numbers

def unzigzag(n):
    """The signed number of a svarint."""
    return (n >> 1) ^ -(n & 1)


def to_signed(n):
    """The low 64 bits of n as a two's-complement number."""
    n &= MASK64
    return n - (1 << 64) if n >> 63 else n


class Cursor:
    """Reads numbers from bytes and never past their end."""

    def __init__(self, data):
        self.data = data
        self.pos = 0

    def __bool__(self):
        return self.pos < len(self.data)

    def bytes(self, length):
        if length > len(self.data) - self.pos:
            raise Malformed("ends inside a record")
        self.pos += length
        return self.data[self.pos - length:self.pos]

    def u8(self):
        return self.bytes(1)[0]

    def varint(self):
        value = 0
        for i in range(10):
            byte = self.u8()
            value |= (byte & 0x7f) << (7 * i)
            if byte < 0x80:
                if value > MASK64:
                    raise Malformed("has a number of more than 64 bits")
                return value
        raise Malformed("has a number of more than ten bytes")

    def svarint(self):
        return unzigzag(self.varint())

    def blob(self):
        return self.bytes(self.varint())


def varints(data, count):
    """The first `count` varints of `data`, as a list."""
    head = data[:count]
    if len(head) == count and (not head or max(head) < 0x80):
        return list(head)               # the usual case: every number has one byte
    cursor = Cursor(data)
    return [cursor.varint() for _ in range(count)]


def text(raw):
    """Bytes of the target as printable text without blanks: anything else becomes \\xNN."""
    return "".join(chr(c) if 0x21 <= c <= 0x7e and c != 0x5c else "\\x%02x" % c for c in raw)


def loose(raw):
    """Bytes as a Python string for JSON and for people; every byte survives."""
    return raw.decode("utf-8", "backslashreplace")


# ---------------------------------------------------------------------------------------------------------------
# zstd

def frame_shape(data):
    """(length of the one frame that data starts with, its content size or None); see RFC 8878, section 3.1.1."""
    cursor = Cursor(data)
    if cursor.bytes(4) != b"\x28\xb5\x2f\xfd":
        raise Malformed("is not a zstd frame")
    descriptor = cursor.u8()
    single = descriptor >> 5 & 1
    if descriptor & 0x08:
        raise Malformed("is a zstd frame with a reserved bit set")
    if not single:
        cursor.u8()                                             # window descriptor
    cursor.bytes((0, 1, 2, 4)[descriptor & 3])                  # dictionary id
    size_bytes = (single, 2, 4, 8)[descriptor >> 6]
    content = None
    if size_bytes:
        content = int.from_bytes(cursor.bytes(size_bytes), "little") + (256 if size_bytes == 2 else 0)
    last = 0
    while not last:
        block = int.from_bytes(cursor.bytes(3), "little")
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        if kind == 3:
            raise Malformed("is a zstd frame with a reserved block")
        cursor.bytes(1 if kind == 1 else size)
    if descriptor & 0x04:
        cursor.bytes(4)                                         # checksum of the content
    return cursor.pos, content


def zstd_module():
    """A function (frame, raw length) -> bytes of an importable module, or None."""
    try:
        from compression import zstd as std
        return lambda data, raw: std.ZstdDecompressor().decompress(data, raw + 1)
    except ImportError:
        pass
    try:
        import zstandard
        return lambda data, raw: zstandard.ZstdDecompressor().decompressobj().decompress(data)[:raw + 1]
    except ImportError:
        return zstd_library()


def zstd_library():
    """The same, of the library itself."""
    try:
        import ctypes
        library = ctypes.CDLL("libzstd.so.1")
    except (ImportError, OSError):
        return None
    library.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_isError.argtypes = [ctypes.c_size_t]

    def decompress(data, raw):
        room = ctypes.create_string_buffer(raw + 1)
        length = library.ZSTD_decompress(room, raw + 1, data, len(data))
        if library.ZSTD_isError(length):
            raise ValueError("is no zstd frame")
        return room.raw[:length]

    return decompress


def zstd_program(data, limit):
    """What the zstd program makes of data, at most limit + 1 bytes, or None if it complains."""
    with tempfile.TemporaryFile() as source:
        source.write(data)
        source.seek(0)
        try:
            child = subprocess.Popen(["zstd", "-dcq"], stdin=source, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            raise NotACapture("the zstd program is needed to read captures and is not installed")
        out = child.stdout.read(limit + 1)
        if len(out) > limit:
            child.kill()                # do not let a frame that grows without end fill the pipe
        child.stdout.close()
        return out if child.wait() == 0 or len(out) > limit else None


def inflate(frames, module=zstd_module()):
    """Contents of a list of (frame, raw length): bytes each, or the text of what is wrong with it.

    Frames that name their content size are decompressed together by one run of the program, because starting
    it takes longer than most frames; the others, and all of them after a failure, one by one."""
    results = [None] * len(frames)
    together = []
    for i, (data, raw) in enumerate(frames):
        try:
            length, content = frame_shape(data)
            if length != len(data):
                raise Malformed("has %d bytes after its zstd frame" % (len(data) - length))
            if content is not None and content != raw:
                raise Malformed("holds %d bytes, not %d as it says" % (content, raw))
            if content is not None and module is None:
                together.append(i)
        except Malformed as problem:
            results[i] = "ends inside its zstd frame" if str(problem) == "ends inside a record" else str(problem)
    if len(together) > 1:
        total = sum(frames[i][1] for i in together)
        out = zstd_program(b"".join(frames[i][0] for i in together), total)
        if out is not None and len(out) == total:
            at = 0
            for i in together:
                results[i] = out[at:at + frames[i][1]]
                at += frames[i][1]
    for i, (data, raw) in enumerate(frames):
        if results[i] is None:
            try:
                out = module(data, raw) if module else zstd_program(data, raw)
            except NotACapture:
                raise
            except Exception:           # whatever the module calls its error
                out = None
            if out is None:
                out = "cannot be decompressed"
            elif len(out) != raw:
                out = "does not hold the %d bytes that it says" % raw
            results[i] = out
    return results


# ---------------------------------------------------------------------------------------------------------------
# Blocks

class Block:
    """A block header, checked, and where its body is."""

    __slots__ = ("number", "offset", "type", "header_length", "writer", "ring", "cpu", "sequence", "first", "last",
                 "lost_before", "events", "generation", "raw_length", "stored_length", "tuple_limit",
                 "known_types")

    def __init__(self, data, offset):
        header = data[offset:offset + BLOCK_HEADER]
        if len(header) < BLOCK_HEADER:
            raise Malformed("is shorter than a block header")
        if header[:4] != BLOCK_MAGIC:
            raise Malformed("does not begin with the magic of a block")
        (self.type, self.header_length, self.writer, self.ring, self.cpu, self.sequence, self.first, self.last,
         self.lost_before, self.events, self.generation, self.raw_length, self.stored_length, own_offset,
         _, checksum) = struct.unpack("<4xBxHHHiQQQQIIIIQII", header)
        if zlib.crc32(header[:76]) != checksum:
            raise Malformed("has a header with a wrong checksum")
        if own_offset != offset:
            raise Malformed("says that it belongs at offset %d" % own_offset)
        if not BLOCK_HEADER <= self.header_length <= BLOCK_HEADER_MAX:
            raise Malformed("has an impossible header length of %d" % self.header_length)
        if self.raw_length > RAW_MAX or self.stored_length > STORED_MAX:
            raise Malformed("is larger than a block may be")
        if self.ring >= RING_MAX:
            raise Malformed("is of ring %d, and there are at most %d" % (self.ring, RING_MAX))
        if self.events and self.type != EVENTS:
            raise Malformed("has events and is no block of events")
        self.offset = offset
        self.number = self.tuple_limit = self.known_types = 0

    @property
    def body(self):
        return self.offset + self.header_length

    @property
    def end(self):
        return self.body + self.stored_length

    def name(self):
        return BLOCK_NAMES.get(self.type, "type %d" % self.type)


class EventType:
    """An event of the target with its fields."""

    def __init__(self, index, number, system, name, has_stack, fields):
        self.index = index
        self.number = number
        self.system = system
        self.name = name
        self.full_name = system + ":" + name
        self.has_stack = has_stack
        self.fields = fields
        self.tuple_fields = [f for f in fields if f.place == PLACE_TUPLE]
        self.columns = [(i, f) for i, f in enumerate(fields) if f.place == PLACE_COLUMN]
        addresses = [f for f in fields if f.place == PLACE_ADDRESS]
        if len(addresses) > 1:
            raise Malformed("gives %s two fields of addresses" % self.full_name)
        self.address = addresses[0] if addresses else None
        self.tuple_place = {f.name: i for i, f in enumerate(self.tuple_fields)}
        self.column_place = {f.name: i for i, (_, f) in enumerate(self.columns)}
        self.allocates = ALLOCATES.get(self.full_name) if self.address else None
        self.frees = FREES.get(self.full_name) if self.address else None


class Event:
    """One event. `flags` and `preempt` are None if its tuple was lost; `stack` is STACK_NONE, STACK_LOST or a
    number of Capture.stacks."""

    __slots__ = ("time", "cpu", "pid", "type", "tuple", "address", "columns")

    def __init__(self, time, cpu, pid, type_, tuple_, address, columns):
        self.time = time
        self.cpu = cpu
        self.pid = pid
        self.type = type_
        self.tuple = tuple_
        self.address = address
        self.columns = columns

    @property
    def flags(self):
        return self.tuple.flags if self.tuple else None

    @property
    def preempt(self):
        return self.tuple.preempt if self.tuple else None

    @property
    def stack(self):
        if self.tuple:
            return self.tuple.stack
        return STACK_LOST if self.type.has_stack else STACK_NONE

    def get(self, name, default=None):
        """Value of a field: a number, or bytes; default where the event has it not, or it was lost."""
        kind = self.type
        if kind.address and kind.address.name == name:
            return self.address
        if name in kind.tuple_place:
            return self.tuple.values[kind.tuple_place[name]] if self.tuple else default
        if name in kind.column_place:
            return self.columns[kind.column_place[name]]
        return default

    def fields(self):
        """Pairs of Field and value in the order of the type; the value is None where it was lost."""
        return [(f, self.get(f.name)) for f in self.type.fields if f.place != PLACE_COMMON]


def checked(field, value):
    """A number as the field holds it, or Malformed where it does not fit the field's size."""
    if field.kind == KIND_SIGNED:
        value = to_signed(value)
        limit = 1 << (8 * field.size - 1)
        if not -limit <= value < limit:
            raise Malformed("has %s=%d, which needs more than %d bytes" % (field.name, value, field.size))
        return value
    value &= MASK64
    if value >> (8 * field.size):
        raise Malformed("has %s=%d, which needs more than %d bytes" % (field.name, value, field.size))
    return value


def is_number(field):
    return field.kind in (KIND_UNSIGNED, KIND_SIGNED)


def whole_file(sections):
    """The sections of a FILE block, as one record where its lines were split into numbers and the rest."""
    if all(section.kind == 1 for section in sections):
        return sections
    by_kind = {section.kind: section for section in sections}
    if set(by_kind) != {1, 2, 3}:
        raise Malformed("has a file whose lines are not all there")
    record, numbers, lines = by_kind[1], Cursor(by_kind[2].data), by_kind[3].data
    digits = by_kind[2].a
    if record.data[-1:] != b"\0" or not 1 <= digits <= 16 or (lines and lines[-1:] != b"\n"):
        raise Malformed("has a file whose lines make no sense")
    content, number = [], 0
    for line in lines.split(b"\n")[:-1]:
        number = (number + numbers.svarint()) % (1 << 64)
        content.append(b"%0*x" % (digits, number % (1 << 4 * digits)) + line + b"\n")
    content = b"".join(content)
    length, n = b"", len(content)
    while n >= 0x80:
        length, n = length + bytes([n & 0x7f | 0x80]), n >> 7
    return [record._replace(data=record.data[:-1] + length + bytes([n]) + content)]


# ---------------------------------------------------------------------------------------------------------------
# The capture

class Capture:
    """A capture in memory. Everything but the events is read by open(); events() decodes block by block."""

    GROUP_BYTES = 24 << 20              # raw bytes of event blocks that are decompressed together

    def __init__(self, data):
        self.data = data
        self.size = len(data)
        self.blocks = []                # all usable blocks, in the order of the file
        self.damage = []
        self.notes = []
        self.info = OrderedDict()
        self.files = OrderedDict()      # (name, moment) -> bytes
        self.incomplete_files = set()   # (name, moment)
        self.types = []
        self.tasks = []
        self.folded = []                # entries of FOLDED blocks
        self.processes = []             # records of PROCESS blocks, in the order of the file
        self.marks = []                 # (time, kind, text) of MARKS blocks, in the order of the file
        self.stats = {}                 # moment -> list of dicts
        self.end = None                 # dict of the END block
        self.stacks = []                # distinct stacks: tuples of addresses, innermost first
        self._stack_numbers = {}        # tuple of addresses -> place in stacks
        self._dict_stacks = {}          # (writer, generation) -> {number: place in stacks}
        self._dict_tuples = {}          # (writer, generation) -> {number: Tuple}
        self._limits = {}               # (writer, generation) -> [stacks, tuples]: the next numbers
        self._open_file = None
        self._groups = OrderedDict()
        self._reported = set()          # (number of a block, what) that damage was reported for
        self._read_header()
        self._scan()
        self._read_metadata()
        self._check_end()
        self._check_stats()

    @classmethod
    def open(cls, path):
        try:
            if path == "-":
                return cls(sys.stdin.buffer.read())
            mode = os.stat(path).st_mode
            if not stat.S_ISREG(mode):
                raise NotACapture("is a directory" if stat.S_ISDIR(mode) else "is no regular file")
            with open(path, "rb") as source:
                return cls(source.read())
        except OSError as problem:
            raise NotACapture(problem.strerror)

    # ---- reading

    def _damaged(self, offset, length, what):
        self.damage.append(Damage(offset, length, what))

    def _damaged_once(self, block, length, reason, what):
        """For damage that decoding meets again each time: reason tells it from others of the same block."""
        if (block.number, reason) not in self._reported:
            self._reported.add((block.number, reason))
            self._damaged(block.offset, length, "%s block: %s" % (block.name(), what))

    def _note(self, what):
        if what not in self.notes:
            self.notes.append(what)

    def _read_header(self):
        header = self.data[:FILE_HEADER]
        if not header:
            raise NotACapture("is empty")
        if header[:8] != FILE_MAGIC[:len(header[:8])]:
            raise NotACapture("is not a capture")
        if len(header) < FILE_HEADER:
            raise NotACapture("ends inside its file header, after %d bytes" % len(header))
        version, length, incompatible, compatible, ident, created = struct.unpack_from("<HHII16sQ", header, 8)
        # The version comes before the checksum: a later version may put its checksum elsewhere.
        if version > VERSION:
            raise NotACapture("is of format version %d, and this reader knows %d" % (version, VERSION))
        if zlib.crc32(header[:60]) != struct.unpack_from("<I", header, 60)[0]:
            raise NotACapture("has a file header with a wrong checksum")
        if version < 1 or length < FILE_HEADER:
            raise NotACapture("has an impossible file header (version %d, length %d)" % (version, length))
        if incompatible & ~CLOCK_STEPS:
            raise NotACapture("needs features that this reader does not know (bits 0x%x)" % incompatible)
        if compatible:
            self._note("the capture uses features that this reader ignores (bits 0x%x)" % compatible)
        self.version = version
        self.compatible = compatible
        self.uuid = uuid.UUID(bytes=ident)
        self.created = created
        self.header_length = length

    def _scan(self):
        """Find all blocks. Bodies with a wrong checksum are left out."""
        data, pos = self.data, self.header_length
        expected = {}
        self.cut_off = None
        while pos < len(data):
            try:
                block = Block(data, pos)
            except Malformed as problem:
                pos = self._resync(pos, problem)
                continue
            if block.end > len(data):
                self.cut_off = pos
                self._damaged(pos, len(data) - pos, "the file ends inside this %s block" % block.name())
                break
            block.number = len(self.blocks)
            self._check_sequence(block, expected)
            if zlib.crc32(data[pos + BLOCK_HEADER:block.end]) != struct.unpack_from("<I", data, pos + 72)[0]:
                self._damaged(pos, block.end - pos, "%s block: checksum mismatch" % block.name())
            else:
                self.blocks.append(block)
            pos = block.end
        if not self.blocks or self.blocks[-1].type != END:
            if self.cut_off is None:
                self.cut_off = pos
        for block in self.blocks[:-1]:
            if block.type == END:
                self._damaged(block.offset, block.end - block.offset, "END block before the end")

    def _resync(self, pos, problem):
        """Offset of the next good header after a damaged one at pos."""
        at = pos
        while True:
            at = self.data.find(BLOCK_MAGIC, at + 1)
            if at < 0:
                self._damaged(pos, len(self.data) - pos, "what is here %s, and no block follows" % problem)
                return len(self.data)
            try:
                Block(self.data, at)
            except Malformed:
                continue
            self._damaged(pos, at - pos, "what is here %s" % problem)
            return at

    def _check_sequence(self, block, expected):
        want = expected.get(block.writer, 0)
        if block.sequence > want:
            self._damaged(block.offset, 0, "%d blocks of writer %d are missing before this one"
                          % (block.sequence - want, block.writer))
        elif block.sequence < want:
            self._damaged(block.offset, 0, "block %d of writer %d comes after block %d"
                          % (block.sequence, block.writer, want - 1))
        expected[block.writer] = block.sequence + 1

    def _sections(self, block):
        """The sections of a block, not decompressed."""
        cursor = Cursor(self.data[block.body:block.end])
        sections = []
        while cursor:
            kind, codec = cursor.u8(), cursor.u8()
            a, b, raw, stored = (cursor.varint() for _ in range(4))
            if codec == 0 and raw != stored:
                raise Malformed("has a raw section of two lengths")
            if raw > RAW_MAX:
                raise Malformed("has a section larger than a block may be")
            section = Section(kind, codec, a, b, raw, cursor.bytes(stored))
            if kind not in KNOWN_SECTIONS.get(block.type, ()):
                self._note("%s blocks have sections of unknown kind %d: skipped" % (block.name(), kind))
            elif codec > 1:
                raise Malformed("has a section of unknown codec %d" % codec)
            sections.append(section)
        if sum(s.raw_length for s in sections) != block.raw_length:
            raise Malformed("has sections whose lengths do not add up to the block's raw length")
        return [s for s in sections if s.kind in KNOWN_SECTIONS[block.type]]

    def _load(self, blocks):
        """Decompressed sections of some blocks: a list of lists of Section, or the text of the damage."""
        results, frames, places = [], [], []
        for block in blocks:
            try:
                sections = self._sections(block)
            except Malformed as problem:
                results.append(str(problem))
                continue
            for i, section in enumerate(sections):
                if section.codec == 1:
                    frames.append((section.data, section.raw_length))
                    places.append((len(results), i))
            results.append(sections)
        for (at, i), content in zip(places, inflate(frames)):
            if isinstance(results[at], str):
                continue
            section = results[at][i]
            if isinstance(content, str):
                results[at] = "has a section %d that %s" % (section.kind, content)
            else:
                results[at][i] = section._replace(codec=0, data=content)
        return results

    def _read_metadata(self):
        """Everything but EVENTS, in the order of the file, decompressed in groups."""
        readers = {INFO: self._read_info, FILE: self._read_file, TYPES: self._read_types, DICT: self._read_dict,
                   TASKS: self._read_tasks, STATS: self._read_stats, END: self._read_end,
                   PROCESS: self._read_process, MARKS: self._read_marks,
                   FOLDED: self._read_folded}
        wanted = [b for b in self.blocks if b.type in readers]
        contents = {}
        for group in self._grouped(wanted):
            contents.update(zip((b.number for b in group), self._load(group)))
        for block in self.blocks:
            if block.type == EVENTS:
                block.tuple_limit = self._limits.get((block.writer, block.generation), (0, 0))[1]
                block.known_types = len(self.types)
                continue
            if block.type not in readers:
                self._note("blocks of unknown type %d: skipped" % block.type)
                continue
            sections = contents.pop(block.number)
            try:
                if isinstance(sections, str):
                    raise Malformed(sections)
                if block.type == FILE:
                    sections = whole_file(sections)
                for section in sections:
                    readers[block.type](block, section)
            except Malformed as problem:
                self._damaged(block.offset, block.end - block.offset, "%s block: %s" % (block.name(), problem))
        if self._open_file:
            self.incomplete_files.add(self._open_file)
        for name, moment in sorted(self.incomplete_files):
            self._damaged(self.size, 0, "file %s (%s) is incomplete" % (loose(name), loose(moment)))

    def _grouped(self, blocks):
        """Lists of blocks of at most GROUP_BYTES together, one block at least."""
        group, total = [], 0
        for block in blocks:
            if group and total + block.raw_length > self.GROUP_BYTES:
                yield group
                group, total = [], 0
            group.append(block)
            total += block.raw_length
        if group:
            yield group

    # ---- the kinds of blocks

    def _read_info(self, _block, section):
        cursor = Cursor(section.data)
        while cursor:
            key, value = cursor.blob(), cursor.blob()
            self.info[loose(key)] = loose(value)

    def _read_file(self, _block, section):
        cursor = Cursor(section.data)
        name, moment, offset, last, content = (cursor.blob(), cursor.blob(), cursor.varint(), cursor.u8(),
                                               cursor.blob())
        if moment not in (b"start", b"end") and not moment.isdigit():
            raise Malformed("has a file of unknown moment '%s'" % text(moment))
        key = (name, moment)
        if self._open_file and self._open_file != key:
            self.incomplete_files.add(self._open_file)
        have = self.files.get(key, b"")
        if offset != len(have):
            self.incomplete_files.add(key)
        self.files[key] = have + content
        self._open_file = None if last else key

    def _read_types(self, block, section):
        if section.a != len(self.types):
            raise Malformed("starts with event type %d, and %d are known: some are missing" % (section.a,
                                                                                              len(self.types)))
        cursor = Cursor(section.data)
        while cursor:
            number, system, name, has_stack = cursor.varint(), cursor.blob(), cursor.blob(), cursor.u8()
            fields = []
            for _ in range(cursor.varint()):
                field = Field(loose(cursor.blob()), loose(cursor.blob()), cursor.varint(), cursor.varint(),
                              cursor.u8(), cursor.u8())
                if not KIND_UNSIGNED <= field.kind <= KIND_ROOM or not PLACE_TUPLE <= field.place <= PLACE_COMMON:
                    raise Malformed("has a field %s of unknown kind or place" % field.name)
                if is_number(field) and field.size not in (1, 2, 4, 8):
                    raise Malformed("has a number %s of %d bytes" % (field.name, field.size))
                if field.place == PLACE_ADDRESS and not is_number(field):
                    raise Malformed("has an address %s that is no number" % field.name)
                fields.append(field)
            self.types.append(EventType(len(self.types), number, loose(system), loose(name), has_stack, fields))

    def _read_dict(self, block, section):
        key = (block.writer, block.generation)
        limits = self._limits.setdefault(key, [0, 0])
        if section.kind == 16:
            read, table, which = self._read_stacks, self._dict_stacks.setdefault(key, {}), 0
        else:
            read, table, which = self._read_tuples, self._dict_tuples.setdefault(key, {}), 1
        if section.a < limits[which]:
            raise Malformed("numbers its entries from %d after %d" % (section.a, limits[which]))
        limits[which] = section.a + section.b
        read(block, section, table)

    def _read_stacks(self, _block, section, table):
        cursor = Cursor(section.data)
        before, written = (), 0
        for number in range(section.a, section.a + section.b):
            depth, shared = cursor.varint(), cursor.varint()
            if not 1 <= depth <= DEPTH_MAX or shared > depth or shared > len(before):
                raise Malformed("has a stack of %d frames, %d of them shared with one of %d"
                                % (depth, shared, len(before)))
            own = []
            for _ in range(depth - shared):
                written = written + cursor.svarint() & MASK64
                own.append(written)
            before = tuple(own) + before[len(before) - shared:]
            place = self._stack_numbers.setdefault(before, len(self.stacks))
            if place == len(self.stacks):
                self.stacks.append(before)
            table[number] = place

    def _read_tuples(self, block, section, table):
        cursor = Cursor(section.data)
        before = {}
        stacks = self._dict_stacks.get((block.writer, block.generation), {})
        for number in range(section.a, section.a + section.b):
            index, flags, preempt, stack = cursor.varint(), cursor.u8(), cursor.u8(), cursor.varint()
            if index >= len(self.types):
                raise Malformed("has a tuple of unknown event type %d" % index)
            kind = self.types[index]
            last = before.get(index)
            values, raw = [], []
            for i, field in enumerate(kind.tuple_fields):
                if is_number(field):
                    raw.append((last[i] if last else 0) + cursor.svarint() & MASK64)
                    values.append(checked(field, to_signed(raw[i]) if field.kind == KIND_SIGNED else raw[i]))
                else:
                    raw.append(None)
                    values.append(cursor.blob())
            before[index] = raw
            place = STACK_NONE if stack == 0 else stacks.get(stack - 2, STACK_LOST)
            if stack >= 2 and place == STACK_LOST:
                self._damaged_once(block, 0, "stack", "names stack %d, which is gone" % (stack - 2))
            table[number] = Tuple(kind, flags, preempt, place, values)

    def _read_tasks(self, block, section):
        cursor = Cursor(section.data)
        while cursor:
            self.tasks.append(Task(block.first, cursor.varint(), cursor.varint(), cursor.varint(), cursor.blob()))

    def _read_process(self, block, section):
        cursor = Cursor(section.data)
        files, time, latest, first = [(b"", b"")], block.first, 0, None
        while cursor:
            kind, time = cursor.varint(), time + cursor.svarint() & MASK64
            body = Cursor(cursor.blob())
            latest, first = max(latest, time), time if first is None else first
            if kind == PROCESS_FILE:
                files.append((body.blob(), body.blob()))
                if len(files[-1][1]) > BUILD_ID_MAX:
                    raise Malformed("has a build-id of %d bytes" % len(files[-1][1]))
                continue
            if kind not in PROCESS_KINDS:
                self._note("process records of unknown kind %d: skipped" % kind)
                continue
            flags, pid, tgid = body.varint(), body.svarint(), body.svarint()
            details = OrderedDict()
            if kind == 1:
                for name in ("start", "length", "offset", "prot", "map_flags"):
                    details[name] = body.varint()
                number = body.varint()
                if number >= len(files):
                    raise Malformed("names file %d of %d" % (number, len(files) - 1))
                if details["start"] + details["length"] > MASK64:
                    raise Malformed("has a map that ends above the highest address")
                details["path"], details["build_id"] = files[number]
            elif kind == 2:
                details["comm"] = body.blob()
            elif kind == 3:
                details["parent_pid"], details["parent_tgid"] = body.svarint(), body.svarint()
            self.processes.append(Process(time, PROCESS_KINDS[kind], flags, pid, tgid, details))
        if first is not None and (first != block.first or latest != block.last):
            raise Malformed("has records from %d to %d, not as its header says" % (first, latest))

    def _read_marks(self, block, section):
        cursor = Cursor(section.data)
        time, first = block.first, None
        while cursor:
            kind, time = cursor.varint(), time + cursor.svarint() & MASK64
            body = Cursor(cursor.blob())
            first = time if first is None else first
            if kind not in MARK_KINDS:
                self._note("marks of unknown kind %d: skipped" % kind)
                continue
            self.marks.append((time, MARK_KINDS[kind], body.blob() if kind == 1 else b""))
        if first is not None and (first != block.first or time != block.last):
            raise Malformed("has marks from %d to %d, not as its header says" % (first, time))

    def _read_stats(self, block, section):
        cursor = Cursor(section.data)
        moment = cursor.u8()
        if moment > 1:
            raise Malformed("has statistics of unknown moment %d" % moment)
        rows = []
        while cursor:
            rows.append(dict(zip(STATS_FIELDS, (cursor.varint() for _ in STATS_FIELDS)), ring=block.ring))
        moment = "end" if moment else "start"
        self.stats[moment] = [row for row in self.stats.get(moment, ()) if row["ring"] != block.ring] + rows

    def _folded_tuple(self, block, number, index):
        """The tuple of that number, None if it was lost."""
        if index >= len(self.types):
            raise Malformed("names event type %d, which stands nowhere before it" % index)
        if number < 0:
            raise Malformed("names tuple %d" % number)
        found = self._dict_tuples.get((block.writer, block.generation), {}).get(number)
        if found and found.type.index != index:
            raise Malformed("names tuple %d as one of event type %d" % (number, index))
        if found is None:
            self._damaged_once(block, 0, "tuple", "names tuple %d, which is gone" % number)
        return found

    def _read_folded(self, block, section):
        cursor = Cursor(section.data)
        alloc = free = 0
        for _ in range(section.b):
            if section.kind == 49:
                free += cursor.svarint()
                index, flags, count = cursor.varint(), cursor.u8(), cursor.varint()
                if not count:
                    raise Malformed("counts no free")
                self.folded.append(Folded(block, None, None, self.types[index] if index < len(self.types) else None,
                                          self._folded_tuple(block, free, index), False, bool(flags & 2), count,
                                          0, 0, 0))
                continue
            reused = section.kind == 50
            alloc += cursor.svarint()
            free += 0 if reused else cursor.svarint()
            alloc_type, free_type = cursor.varint(), None if reused else cursor.varint()
            flags, count = cursor.u8(), cursor.varint()
            shortest = cursor.varint()
            longest, total = shortest + cursor.varint(), cursor.varint()
            if not count or longest > MASK64 or not (total == MASK64 or shortest * count <= total <= longest * count):
                raise Malformed("has %d pairs that lived from %d to %d and together %d ns"
                                % (count, shortest, longest, total))
            tuples = [self._folded_tuple(block, alloc, alloc_type)]
            tuples.append(None if reused else self._folded_tuple(block, free, free_type))
            self.folded.append(Folded(block, self.types[alloc_type], tuples[0],
                                      None if reused else self.types[free_type], tuples[1],
                                      bool(flags & 1), bool(flags & 2), count, shortest, longest, total))

    def folded_events(self):
        """How many events the FOLDED blocks stand for."""
        return sum(f.count * (1 if None in (f.alloc_type, f.free_type) else 2) for f in self.folded)

    def _read_end(self, block, section):
        cursor = Cursor(section.data)
        events, lost, length = cursor.varint(), cursor.varint(), cursor.varint()
        index, offset = [], 0
        for _ in range(cursor.varint()):
            offset += cursor.varint()
            cpu, count, first, span = (cursor.varint() for _ in range(4))
            index.append(IndexEntry(offset, cpu, count, first, first + span & MASK64))
        self.end = {"offset": block.offset, "events": events, "lost": lost, "bytes": length, "index": index}

    def _check_end(self):
        """Compare the END block with what was found: it knows of blocks that left no other trace."""
        if not self.end or self.blocks[-1].type != END:
            return
        at = self.end["offset"]
        if self.end["bytes"] != at:
            self._damaged(at, 0, "END block: says %d bytes stand before it" % self.end["bytes"])
        if not self.end["index"]:
            return
        found = {b.offset: IndexEntry(b.offset, b.cpu, b.events, b.first, b.last)
                 for b in self.blocks if b.type == EVENTS}
        for entry in self.end["index"]:
            have = found.pop(entry.offset, None)
            if have is None:
                self._damaged(entry.offset, 0, "%d events of CPU %d that stood here are gone"
                              % (entry.events, entry.cpu))
            elif have != entry:
                self._damaged(entry.offset, 0, "EVENTS block is not as the END block's index describes it")
        for offset in sorted(found):
            self._damaged(offset, 0, "EVENTS block is not in the END block's index")
        if self.end["events"] != sum(entry.events for entry in self.end["index"]):
            self._damaged(at, 0, "END block: the events of its index do not add up to %d" % self.end["events"])

    def _check_stats(self):
        """The account of each ring: nothing may be gone between the kernel's count and the blocks."""
        if self.damage or not self.end:
            return                      # then blocks are missing, and their events with them
        before = {(row["cpu"], row["ring"]): row["events"] for row in self.stats.get("start", ())}
        written = {}
        for block in self.event_blocks():
            key = block.cpu, block.ring
            written[key] = written.get(key, 0) + block.events
        for row in self.stats.get("end", ()):
            if row["read"] != row["decoded"]:
                self._damaged(self.size, 0, "CPU %(cpu)d: %(read)d records were read and %(decoded)d decoded" % row)
            if row["decoded"] != row["events"] + row["stacks"] + row["orphan_stacks"]:
                self._damaged(self.size, 0, "CPU %(cpu)d: %(events)d events, %(stacks)d stacks and %(orphan_stacks)d "
                              "orphan stacks are not the %(decoded)d records decoded" % row)
            key = row["cpu"], row["ring"]
            have, said = written.get(key, 0), row["events"] - before.get(key, 0)
            if said != have and not self.folded:    # folded ones belong to no ring any more
                self._damaged(self.size, 0, "CPU %d: %d events are in the blocks and %d in the statistics"
                              % (row["cpu"], have, said))

        entered = sum(row["events"] for row in self.stats.get("end", ()))
        have = sum(written.values()) + self.folded_events()
        if self.folded and entered != have:
            self._damaged(self.size, 0, "%d events were written or folded and the statistics count %d" % (have, entered))

    # ---- events

    def event_blocks(self):
        return [b for b in self.blocks if b.type == EVENTS]

    def losses(self):
        """Losses in the order of the file: records lost on a CPU after one time and before another. `after` is
        None where no block of events stands before."""
        last, found = {}, []
        for block in self.event_blocks():
            if block.lost_before:
                found.append(Loss(block.cpu, last.get((block.cpu, block.ring)), block.first, block.lost_before))
            if block.events:
                last[block.cpu, block.ring] = block.last
        return found

    def pauses(self):
        """Pauses as losses of no records and no CPU, in the order of the file."""
        since, found, any_before = None, [], False
        for time, kind, _ in self.marks:
            if kind == "pause" and since is None:
                since = time
            elif kind == "resume" and (since is not None or not any_before):
                found.append(Loss(None, since, time, 0))
                since = None
            any_before |= kind != "mark"
        if since is not None:
            found.append(Loss(None, since, MASK64, 0))
        return found

    def overwritten(self):
        """Per ring whose older records a flight recorder overwrote: from the first event of all to its own."""
        begin = {}
        if int(self.info.get("segment.number", 1)) > 1:
            return []                   # counted in the segments before
        for block in self.event_blocks():
            if block.events:
                begin.setdefault((block.cpu, block.ring), block.first)
        rings = [(row["cpu"], row["ring"]) for row in self.stats.get("start", ()) if row["overrun"]
                 and self.info.get("recorder.mode") == "flight"]
        return [Loss(key[0], None, begin.get(key, MASK64) - 1, 0) for key in rings
                if begin.get(key, MASK64) - 1 > min(begin.values(), default=0)]

    def rings(self):
        """Events of each ring in its order: pairs of (CPU, ring) and an iterator. Damaged blocks are reported in
        self.damage and left out."""
        by_ring = OrderedDict()
        groups = {}
        for number, group in enumerate(self._grouped(self.event_blocks())):
            for block in group:
                groups[block.number] = (number, group)
                by_ring.setdefault((block.cpu, block.ring), []).append(block)

        def stream(ring):
            for block in by_ring[ring]:
                yield from self._events_of(block, *groups[block.number])

        return [(ring, stream(ring)) for ring in by_ring]

    def events(self):
        """All events in the order of time, as merged() says."""
        return merged(self.rings())

    def _events_of(self, block, group_number, group):
        if group_number not in self._groups:
            self._groups[group_number] = dict(zip((b.number for b in group), self._load(group)))
            while len(self._groups) > 3:        # the CPUs' blocks of one time stand close together
                self._groups.popitem(last=False)
        sections = self._groups[group_number][block.number]
        try:
            if isinstance(sections, str):
                raise Malformed(sections)
            return self._decode(block, sections)
        except Malformed as problem:
            self._damaged_once(block, block.end - block.offset, "gone",
                               "%s; its %d events are gone" % (problem, block.events))
            return []

    def _decode(self, block, sections):
        """The events of a block, as a list."""
        count = block.events
        if not count:
            return []
        single, columns = {}, {}
        for section in sections:
            where, key = (columns, (section.a, section.b)) if section.kind == 40 else (single, section.kind)
            if key in where:
                raise Malformed("has two sections %d" % section.kind)
            where[key] = section.data
        steps = 41 in single
        for kind in (32, 33, 41, 42, 37) if steps else (32, 33, 35, 36, 37):
            if kind not in single:
                raise Malformed("has no section %d" % kind)

        tuples, types = self._id_map(block, single[32])
        ids = self._local_ids(single, count, len(types))
        if steps:
            step = next(section.a for section in sections if section.kind == 41)
            times = self._times_in_steps(block, step, single[41], single[42], single.get(43, b""))
        else:
            times = self._times(block, single[35], single[36])
        if times[0] != block.first or times[-1] != block.last:
            raise Malformed("has events from %d to %d and a header that says %d to %d"
                            % (times[0], times[-1], block.first, block.last))
        pids = self._pids(single[37], count)
        kinds = [types[i] for i in ids]
        addresses = self._addresses(single, ids, kinds)
        values = self._columns(kinds, columns)
        cpu = block.cpu
        return [Event(times[i], cpu, pids[i], kinds[i], tuples[ids[i]], addresses[i], values[i])
                for i in range(count)]

    def _id_map(self, block, data):
        cursor = Cursor(data)
        known = self._dict_tuples.get((block.writer, block.generation), {})
        number, tuples, types = 0, [], []
        for _ in range(cursor.varint()):
            number += cursor.svarint()
            index = cursor.varint()
            if number < 0:
                raise Malformed("names tuple %d" % number)
            if index >= block.known_types:
                raise Malformed("names event type %d, which stands nowhere before it" % index)
            entry = known.get(number) if number < block.tuple_limit else None
            if entry and entry.type.index != index:
                raise Malformed("names tuple %d as one of event type %d" % (number, index))
            if entry is None:
                self._damaged_once(block, 0, "tuple", "names tuple %d, which is gone" % number)
            tuples.append(entry)
            types.append(self.types[index])
        return tuples, types

    @staticmethod
    def _local_ids(single, count, known):
        low, high = single[33], single.get(34)
        if len(low) < count or (high is not None and len(high) < count):
            raise Malformed("has fewer local ids than events")
        ids = list(low[:count])
        if high is not None:
            ids = [ids[i] | high[i] << 8 for i in range(count)]
        if list(dict.fromkeys(ids)) != list(range(known)):
            raise Malformed("does not use its %d local ids in the order of their numbers" % known)
        return ids

    @staticmethod
    def _times(block, low, rest):
        if len(low) < block.events:
            raise Malformed("has fewer times than events")
        time, times = block.first, []
        for i, high in enumerate(varints(rest, block.events)):
            time = time + (high << 8 | low[i]) & MASK64
            times.append(time)
        return times

    @staticmethod
    def _times_in_steps(block, step, low, rest, away):
        if len(low) < block.events:
            raise Malformed("has fewer times than events")
        if not step:
            raise Malformed("counts times in steps of nothing")
        cursor, later, at = Cursor(away), {}, 0
        for _ in range(cursor.varint() if away else 0):
            at += cursor.varint()
            later[at] = cursor.svarint()
            at += 1
        if at > block.events:
            raise Malformed("corrects the time of event %d of %d" % (at, block.events))
        place, times = 0, []
        for i, high in enumerate(varints(rest, block.events)):
            place = place + (high << 8 | low[i]) * step & MASK64
            time = block.first + ((place + (1 << 19) & MASK64) >> 20)
            if i in later:
                time += later[i]
                place = place + (later[i] << (17 if abs(later[i]) <= 2 else 20)) & MASK64
            times.append(time & MASK64)
        return times

    @staticmethod
    def _pids(data, count):
        cursor = Cursor(data)
        pid, pids = 0, []
        while len(pids) < count:
            pid = to_signed(pid + cursor.svarint())
            run = cursor.varint()
            if not 1 <= run <= count - len(pids):
                raise Malformed("has a run of %d pids for %d events" % (run, count - len(pids)))
            pids.extend([pid] * run)
        return pids

    @staticmethod
    def _addresses(single, ids, kinds):
        places = [i for i, kind in enumerate(kinds) if kind.address]
        result = [None] * len(ids)
        if not places:
            return result
        if 38 not in single:
            raise Malformed("has no section 38")
        fresh = Cursor(single.get(39, b""))
        last_of_id, last_fresh, seen = {}, 0, []
        for place, code in zip(places, varints(single[38], len(places))):
            local = ids[place]
            if code == 0:
                if local not in last_of_id:
                    raise Malformed("repeats the address of a local id that had none")
                address = last_of_id[local]
            elif code == 1:
                v = fresh.varint()
                rest = 0
                if v & 1:
                    rest = fresh.u8()
                    if rest > 7:
                        raise Malformed("has an address with a remainder of %d" % rest)
                base = last_of_id.get(local, last_fresh)
                address = base + 8 * unzigzag(v >> 1) + rest & MASK64
                last_fresh = address
            else:
                if code - 1 > len(seen):
                    raise Malformed("repeats an address from before the block")
                address = seen[1 - code]
            last_of_id[local] = address
            seen.append(address)
            result[place] = checked(kinds[place].address, address)
        return result

    @staticmethod
    def _columns(kinds, columns):
        """Per event a list of the values of its fields with a column, or None."""
        result = [None] * len(kinds)
        for kind in {k.index: k for k in kinds if k.columns}.values():
            places = [i for i, k in enumerate(kinds) if k is kind]
            for i in places:
                result[i] = []
            for index, field in kind.columns:
                if (kind.index, index) not in columns:
                    raise Malformed("has no column for %s of %s" % (field.name, kind.full_name))
                cursor = Cursor(columns[kind.index, index])
                value = 0
                for i in places:
                    if is_number(field):
                        value = value + cursor.svarint() & MASK64
                        result[i].append(checked(field, value))
                    else:
                        result[i].append(cursor.blob())
        return result


def freed_elsewhere(event, heads):
    """Place of the lowest CPU's head that frees, at the same time, the address that event allocates; or 0."""
    found = [(cpu, place) for place, (time, cpu, other, _) in enumerate(heads)
             if time == event.time and other.type.frees == event.type.allocates and other.address == event.address]
    return min(found)[1] if found else 0


def merged(rings):
    """All events of some rings in the order of time. Each ring keeps its own order. Where the next events of several
    rings have the same time, that of the lowest CPU and ring comes first, unless it allocates an address that another
    of them frees."""
    heads = []                          # (time, (CPU, ring), next event, the events after it): never two of one ring
    for ring, rest in rings:
        for event in rest:
            heads.append((event.time, ring, event, rest))
            break
    heapq.heapify(heads)
    while heads:
        time, cpu, event, rest = heads[0]
        # in a heap, what is as early as the first stands among the next two as well
        tie = len(heads) > 1 and time in (heads[1][0], heads[2][0] if len(heads) > 2 else None)
        place = freed_elsewhere(event, heads) if tie and event.type.allocates else 0
        if place:
            time, cpu, event, rest = heads[place]
        yield event
        follower = next(rest, None)
        if follower and not place:
            heapq.heapreplace(heads, (follower.time, cpu, follower, rest))
            continue
        if follower:
            heads[place] = (follower.time, cpu, follower, rest)
        else:
            del heads[place]
        heapq.heapify(heads)


# ---------------------------------------------------------------------------------------------------------------
# Several files

class Series:
    """Segments of one recording as one capture. `missing` lists numbers between others that are not there."""

    def __init__(self, paths):
        self.parts = sorted((self._part(path) for path in paths), key=lambda part: part[0])
        numbers = [number for number, _, _ in self.parts]
        first = self.parts[0][2]
        for number, path, capture in self.parts:
            if capture.info["segment.series"] != first.info["segment.series"]:
                raise NotACapture("is of another recording than '%s'" % path)
            if [t.full_name for t in capture.types] != [t.full_name for t in first.types]:
                raise NotACapture("does not list the event types of '%s'" % path)
            if numbers.count(number) > 1:
                raise NotACapture("is segment %d, as another file is" % number)
        self.missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
        self.stacks, self._numbers = [], {}

    @staticmethod
    def _part(path):
        capture = Capture.open(path)
        place = capture.blocks[0] if capture.blocks else None
        if not place or place.type != INFO or "segment.number" not in capture.info or "segment.series" not in capture.info:
            raise NotACapture("is no segment of a series")
        return int(capture.info["segment.number"]), path, capture

    def captures(self):
        return [capture for _, _, capture in self.parts]

    @property
    def notes(self):
        return [note for capture in self.captures() for note in capture.notes]

    @property
    def damage(self):
        found = [d._replace(text="%s: %s" % (os.path.basename(path), d.text))
                 for _, path, capture in self.parts for d in capture.damage]
        found += [Damage(0, 0, text) for text in self._account_breaks()]
        found += [Damage(0, 0, "segment %d is missing" % number) for number in self.missing]
        return found + [Damage(0, 0, "segment %d has no end, and segment %d follows" % (a, b))
                        for (a, _, one), (b, _, _) in zip(self.parts, self.parts[1:]) if one.cut_off is not None]

    @property
    def cut_off(self):
        return self.parts[-1][2].cut_off

    @property
    def blocks(self):
        return [block for capture in self.captures() for block in capture.blocks]

    def event_blocks(self):
        return [block for capture in self.captures() for block in capture.event_blocks()]

    losses, pauses = Capture.losses, Capture.pauses     # over all files, as over the blocks of one

    @property
    def info(self):
        facts = OrderedDict()
        for capture in self.captures():
            for key in ("end.reason", "time.end_ns", "clock.end.trace_ns", "clock.end.wall_ns", "command.status"):
                facts.pop(key, None)        # of the last file only
            facts.update(capture.info)
        return facts

    @property
    def tasks(self):
        return self.parts[0][2].tasks       # events tell of all that came later

    @property
    def marks(self):
        return [mark for capture in self.captures() for mark in capture.marks]

    def overwritten(self):
        return self.parts[0][2].overwritten()

    @property
    def files(self):
        files = OrderedDict()
        for capture in self.captures():
            files.update(capture.files)
        return files

    @property
    def processes(self):
        return [record for capture in self.captures() for record in capture.processes]

    @property
    def folded(self):
        return [entry for capture in self.captures() for entry in capture.folded]

    def _renumbered(self, capture, events):
        """Stacks are numbered over all files."""
        for event in events:
            if event.tuple and event.tuple.stack >= 0:
                stack = capture.stacks[event.tuple.stack]
                number = self._numbers.setdefault(stack, len(self.stacks))
                if number == len(self.stacks):
                    self.stacks.append(stack)
                event.tuple = event.tuple._replace(stack=number)
            yield event

    def events(self):
        by_ring = OrderedDict()
        for capture in self.captures():
            for ring, rest in capture.rings():
                by_ring.setdefault(ring, []).append(self._renumbered(capture, rest))

        def chained(streams):
            for stream in streams:
                yield from stream

        return merged([(ring, chained(streams)) for ring, streams in by_ring.items()])

    def _account_breaks(self):
        """The account goes on where the segment before ended it."""
        for (_, _, one), (number, path, two) in zip(self.parts, self.parts[1:]):
            if one.stats.get("end") and two.stats.get("start") and number - 1 not in self.missing \
                    and one.stats["end"] != two.stats["start"]:
                yield "%s: its statistics do not go on from those of the segment before" % os.path.basename(path)


# ---------------------------------------------------------------------------------------------------------------
# Printing

def value_text(field, value):
    if value is None:
        return "?"
    if field.kind in (KIND_STRING, KIND_ROOM):
        return text(value)
    if field.kind == KIND_BYTES:
        return value.hex()
    if field.place == PLACE_ADDRESS or "*" in field.ctype or field.name == "call_site":
        return "0x%x" % value
    return str(value)


def stack_text(stack):
    return "-" if stack == STACK_NONE else "lost" if stack == STACK_LOST else str(stack)


def print_events(capture, as_json):
    for event in capture.events():
        flags = event.flags
        if as_json:
            print(json.dumps({
                "time": event.time, "cpu": event.cpu, "pid": event.pid, "flags": flags, "preempt": event.preempt,
                "event": event.type.full_name, "stack": stack_text(event.stack),
                "fields": {f.name: v if not isinstance(v, bytes) else v.hex() if f.kind == KIND_BYTES else loose(v)
                           for f, v in event.fields()}}))
            continue
        words = [str(event.time), str(event.cpu), str(event.pid), "-" if flags is None else "0x%02x" % flags,
                 event.type.full_name]
        words += ["%s=%s" % (f.name, value_text(f, v)) for f, v in event.fields()]
        words.append("stack=" + stack_text(event.stack))
        print(" ".join(words))


def process_detail(name, value):
    """A detail of a PROCESS record as people read it."""
    if name == "build_id":
        return value.hex()
    if name in ("start", "length", "offset"):
        return "0x%x" % value
    return loose(value) if isinstance(value, bytes) else value


def call_site_text(entry):
    """The call site of a tuple, or None."""
    if entry is None or "call_site" not in entry.type.tuple_place:
        return None
    return "0x%x" % entry.values[entry.type.tuple_place["call_site"]]


def rows_of_series(series, what):
    """What is said of several files: their sums, and of the rest what the last one says."""
    captures = series.captures()
    if what == "info":
        ends = series.event_blocks()
        return {"series": captures[0].info["segment.series"], "segments": ",".join(str(n) for n, _, _ in series.parts),
                "size": sum(c.size for c in captures), "blocks": len(series.blocks),
                "events": sum(b.events for b in ends), "lost": sum(b.lost_before for b in ends),
                "complete": series.cut_off is None and not series.missing, "info": series.info}
    if what == "stats":
        ends = [c.end for c in captures if c.end]
        return {"start": captures[0].stats.get("start"), "end": captures[-1].stats.get("end"),
                "end_block": {"events": sum(e["events"] for e in ends), "lost": sum(e["lost"] for e in ends),
                              "bytes": sum(e["bytes"] for e in ends)} if len(ends) == len(captures) else None}
    raise NotACapture("can be shown together with others by --events, --info, --stats and --verify only")


def rows_of(capture, what):
    """What --info, --blocks, ... print, as a value for JSON."""
    if isinstance(capture, Series):
        return rows_of_series(capture, what)
    if what == "info":
        ends = capture.event_blocks()
        return {"uuid": str(capture.uuid), "version": capture.version, "created_ns": capture.created,
                "size": capture.size, "blocks": len(capture.blocks), "events": sum(b.events for b in ends),
                "folded": capture.folded_events(),
                "lost": sum(b.lost_before for b in ends), "complete": capture.cut_off is None,
                "info": dict(capture.info)}
    if what == "blocks":
        return [{"offset": b.offset, "type": b.name(), "writer": b.writer, "cpu": b.cpu, "sequence": b.sequence,
                 "first": b.first, "last": b.last, "lost_before": b.lost_before, "events": b.events,
                 "generation": b.generation, "raw": b.raw_length, "stored": b.stored_length}
                for b in capture.blocks]
    if what == "types":
        return [{"index": t.index, "number": t.number, "event": t.full_name, "stacks": t.has_stack,
                 "fields": [f._asdict() for f in t.fields]} for t in capture.types]
    if what == "stacks":
        return [["0x%x" % frame for frame in stack] for stack in capture.stacks]
    if what == "tasks":
        return [{"time": t.time, "pid": t.pid, "tgid": t.tgid, "ppid": t.ppid, "comm": loose(t.comm)}
                for t in capture.tasks]
    if what == "processes":
        return [dict([("time", p.time), ("kind", p.kind), ("flags", p.flags), ("pid", p.pid), ("tgid", p.tgid)]
                     + [(name, process_detail(name, value)) for name, value in p.details.items()])
                for p in capture.processes]
    if what == "marks":
        return [{"time": time, "kind": kind, "text": loose(name)} for time, kind, name in capture.marks]
    if what == "folded":
        return [{"first": f.block.first, "last": f.block.last, "count": f.count,
                 "alloc": f.alloc_type and f.alloc_type.full_name, "alloc_site": call_site_text(f.alloc),
                 "alloc_stack": f.alloc and stack_text(f.alloc.stack), "alloc_self": f.alloc_self,
                 "free": f.free_type and f.free_type.full_name, "free_site": call_site_text(f.free), "free_self": f.free_self,
                 "shortest": f.shortest, "longest": f.longest, "total": f.total} for f in capture.folded]
    end = capture.end and dict(capture.end, index=[e._asdict() for e in capture.end["index"]])
    return {"start": capture.stats.get("start"), "end": capture.stats.get("end"), "end_block": end}


def print_rows(what, rows):
    if what == "info":
        for key, value in list(rows.items())[:-1]:
            print("%s: %s" % (key, value))
        for key, value in rows["info"].items():
            print("%s: %s" % (key, value))
    elif what == "stats":
        for moment in ("start", "end"):
            for row in rows[moment] or ():
                print(moment, " ".join("%s=%d" % pair for pair in row.items()))
        if rows["end_block"]:
            print("end events=%(events)d lost=%(lost)d bytes=%(bytes)d" % rows["end_block"])
    elif what == "stacks":
        for number, stack in enumerate(rows):
            print(number, " ".join(stack))
    elif what == "types":
        for row in rows:
            print("%(index)d %(event)s number=%(number)d stacks=%(stacks)d" % row)
            for field in row["fields"]:
                print("    %(name)s: %(ctype)s offset=%(offset)d size=%(size)d kind=%(kind)d place=%(place)d" % field)
    else:
        for row in rows:
            print(" ".join("%s=%s" % pair for pair in row.items()))


def print_files(capture, name):
    if not name:
        for (path, moment), content in capture.files.items():
            print("%s %s %d" % (loose(path), loose(moment), len(content)))
        return True
    found = False
    for (path, moment), content in capture.files.items():
        if os.fsencode(name) in (path, path + b"@" + moment):
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            found = True
    return found


def verify(capture, as_json):
    events = sum(1 for _ in capture.events())
    said = sum(b.events for b in capture.event_blocks())
    if as_json:
        print(json.dumps({"blocks": len(capture.blocks), "events": events, "complete": capture.cut_off is None,
                          "notes": capture.notes, "damage": [d._asdict() for d in capture.damage]}, indent=1))
        return
    print("%d blocks, %d of %d events readable" % (len(capture.blocks), events, said))


def main():
    parser = argparse.ArgumentParser(description="Read a capture of kmem-record.")
    parser.add_argument("files", nargs="+", metavar="FILE",
                        help="the capture, - for standard input; or segments of one series")
    what = parser.add_mutually_exclusive_group()
    for name in ("events", "info", "blocks", "types", "stacks", "tasks", "processes", "marks", "folded", "stats", "verify"):
        what.add_argument("--" + name, dest="what", action="store_const", const=name)
    what.add_argument("--files", dest="target", nargs="?", const="", metavar="NAME[@MOMENT]",
                      help="list the files of the target, or print one")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    what = options.what or ("files" if options.target is not None else "info")

    try:
        capture = Capture.open(options.files[0]) if len(options.files) == 1 else Series(options.files)
        if what == "events":
            print_events(capture, options.json)
        elif what == "verify":
            verify(capture, options.json)
        elif what == "files":
            if isinstance(capture, Series) or not print_files(capture, options.target):
                raise NotACapture("has no file %s" % options.target)
        elif options.json:
            print(json.dumps(rows_of(capture, what), indent=1))
        else:
            print_rows(what, rows_of(capture, what))
        sys.stdout.flush()
    except NotACapture as problem:
        print("read_capture.py: '%s' %s" % (options.files[0], problem), file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1

    return complain(capture)


def complain(capture):
    """Tells what is wrong with a capture whose events were read; the exit status."""
    for note in capture.notes:
        print("read_capture.py: note: %s" % note, file=sys.stderr)
    for damage in capture.damage:
        print("read_capture.py: offset %d: %s" % (damage.offset, damage.text), file=sys.stderr)
    if capture.cut_off is not None:
        print("read_capture.py: the capture was cut off at offset %d" % capture.cut_off, file=sys.stderr)
    lost = sum(loss.records for loss in capture.losses())
    if lost:
        print("read_capture.py: %d records were lost while recording" % lost, file=sys.stderr)
    return 3 if capture.damage or lost or capture.cut_off is not None else 0


if __name__ == "__main__":
    sys.exit(main())
