"""samples.py - how many objects each stack of a capture of `kmem-record --stack-sample` stands for, as SAMPLED STACKS of
kmem-analyze(1) says it, in fractions: what has no stack is split over those that were chosen.

    for thing, other, share, part in samples.split(things, everything):
        ...                             # a Fraction of the thing has the stack of the other one; None: nobody knows

Objects that are alike are a cell: split by their own samples where there are ENOUGH, else together with all others of
the call site and size that ended alike. Without a sample there the samples of any live (or ended) object
of the call site stand for them, else those of any object of it in the capture, whoever allocated it; else they have no
stack. A call site here is one of one event.
"""

from collections import Counter, defaultdict
from fractions import Fraction

ENOUGH = 8


def is_sampled(capture):
    return capture.info.get("events.stack_sample") is not None


def context(flags):
    flags = flags or 0
    return 3 if flags & 0x40 else 2 if flags & 0x08 else 1 if flags & 0x10 else 0


def ended(thing):
    """live, reused, or by which event it was freed"""
    return thing.free.type.full_name if thing.end == "freed" else thing.end


def has_stack(thing):
    return thing.stack >= 0


def split(things, everything):
    """(an object, one whose stack it has or None, the Fraction of it that has it, and where it is not all of it: which
    share of which cell that is, and whether it is a guess). Whole objects are made of such a share."""
    kinds, sizes = defaultdict(list), defaultdict(list)
    states, sites = defaultdict(Counter), defaultdict(Counter)
    one_of = {}
    for thing in things:
        size = thing.event, thing.call_site, thing.bytes_req, thing.bytes_alloc, ended(thing)
        kinds[size + (thing.gfp, thing.node, thing.cache, context(thing.flags))].append((size, thing))
        if has_stack(thing):
            stack = thing.stack, thing.user
            one_of.setdefault(stack, thing)
            states[thing.event, thing.call_site, thing.end == "live"][stack] += 1
    for thing in everything:
        if has_stack(thing):
            one_of.setdefault((thing.stack, thing.user), thing)
            sites[thing.event, thing.call_site][thing.stack, thing.user] += 1
    cells = []
    for members in kinds.values():
        if sum(has_stack(thing) for _, thing in members) >= ENOUGH:
            cells.append([thing for _, thing in members])
        else:
            for size, thing in members:
                sizes[size].append(thing)
    for number, members in enumerate(cells + list(sizes.values())):
        first = members[0]
        seen = Counter((thing.stack, thing.user) for thing in members if has_stack(thing))
        donors = seen or states[first.event, first.call_site, first.end == "live"] or sites[first.event, first.call_site]
        total = sum(donors.values())
        for thing in members:
            if has_stack(thing):
                yield thing, thing, 1, None
            elif total:
                for stack, count in donors.items():
                    yield thing, one_of[stack], Fraction(count, total), (number, stack, not seen)
            else:
                yield thing, None, 1, None
