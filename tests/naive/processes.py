"""processes.py - which program each process runs and what it has mapped, from the PROCESS records of a capture, as
format/FORMAT.md describes them; and what the addresses of user frames mean there.

    programs = Programs.of(capture)         # None: there are no user frames
    programs.frames_of(event, tgid)         # in the order of time: UserFrames

An address space is a list of maps, the latest last: who asks for an address looks from the end.
"""

from collections import namedtuple

USER_MARK = (1 << 64) - 512             # behind it come frames of the program
IN_PROC = 1                             # flag of a map that stood there since an unknown time
BY_EXEC = 2                             # flag of a name

# path, build_id: of the file, or of the memory (then tgid says whose, else it is None). address: in a file its offset.
# exact: an instruction that ran, and no return address.
UserFrame = namedtuple("UserFrame", "path build_id tgid address exact")


class Processes:
    def __init__(self, records):
        self.records = sorted(records, key=lambda r: r.time)
        self.next = 0
        self.spaces = {}                # tgid -> maps
        # What /proc showed stood there before, as far as it is known since when a process exists.
        self.begun = {}
        for record in self.records:
            if record.kind == "fork" and record.tgid != record.details["parent_tgid"]:
                self.begun.setdefault(record.tgid, record.time)
            elif record.kind == "comm" and record.flags & BY_EXEC:
                self.begun.setdefault(record.tgid, record.time)
        for record in self.records:
            if record.kind == "map" and record.flags & IN_PROC and self.begun.get(record.tgid, record.time) >= record.time:
                self.spaces.setdefault(record.tgid, []).append(record.details)

    def advance(self, time):
        while self.next < len(self.records) and self.records[self.next].time <= time:
            self.apply(self.records[self.next])
            self.next += 1

    def apply(self, record):
        if record.kind == "map":
            self.spaces.setdefault(record.tgid, []).append(record.details)
        elif record.kind == "comm" and record.flags & BY_EXEC:
            self.spaces[record.tgid] = []
        elif record.kind == "fork" and record.tgid != record.details["parent_tgid"]:
            self.spaces[record.tgid] = list(self.spaces.get(record.details["parent_tgid"], ()))

    def frame(self, tgid, address, exact):
        """A return address belongs to the code that ends before it."""
        looked_up = address if exact else address - 1
        for one in reversed(self.spaces.get(tgid, ())):
            if one["start"] <= looked_up < one["start"] + one["length"]:
                path, build_id = one["path"].decode("utf-8", "replace"), one["build_id"].hex() or None
                if is_file(path):
                    return UserFrame(path, build_id, None, address - one["start"] + one["offset"], exact)
                return UserFrame(path, build_id, tgid, address, exact)
        return UserFrame("[unknown]", None, tgid, address, exact)


class Programs:
    """The user frames of events, in the order of time."""

    def __init__(self, capture):
        self.capture, self.spaces = capture, Processes(capture.processes)

    @classmethod
    def of(cls, capture):
        """None where no stack has any."""
        return cls(capture) if any(USER_MARK in stack for stack in capture.stacks) else None

    def frames_of(self, event, tgid):
        self.spaces.advance(event.time)
        stack = self.capture.stacks[event.stack] if event.stack >= 0 else ()
        if USER_MARK not in stack:
            return ()
        return tuple(self.spaces.frame(tgid, address, exact=i == 0)
                     for i, address in enumerate(stack[stack.index(USER_MARK) + 1:]))


def is_file(path):
    """[heap], [vdso], //anon and their likes are memory of one program."""
    return path.startswith("/") and not path.startswith("//")
