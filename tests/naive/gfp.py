"""gfp.py - the flags of an allocation by name, as the kernel prints them, worked out by evaluating the expressions of the
event's format as Python. Without a format: the numbers of Linux 6.3 and later, for the flags that the tests use."""

import functools
import re

LATER = [(0x100cca, "GFP_HIGHUSER_MOVABLE"), (0x100cc0, "GFP_USER"), (0x400cc0, "GFP_KERNEL_ACCOUNT"), (0xcc0, "GFP_KERNEL"),
         (0xc40, "GFP_NOFS"), (0x820, "GFP_ATOMIC"), (0xc00, "GFP_NOIO"), (0x2, "__GFP_HIGHMEM"), (0x100, "__GFP_ZERO"),
         (0x800, "__GFP_KSWAPD_RECLAIM"), (0x2000, "__GFP_NOWARN"), (0x10000, "__GFP_NORETRY"), (0x40000, "__GFP_COMP"),
         (0x80000, "__GFP_NOMEMALLOC")]


def flags_of(capture):
    for (path, _), content in capture.files.items():
        text = content.decode("ascii", "replace")
        start = text.find('__print_flags(REC->gfp_flags, "|", ')
        if not path.startswith(b"events/") or start < 0:
            continue
        found = re.findall(r'\{([^{}]*), "(\w+)"\}', text[start:])
        plain = [(re.sub(r"\( *(gfp_t|unsigned long) *\)", "", bits), name) for bits, name in found]
        plain = [(re.sub(r"(\d)(UL|u)\b", r"\1", bits), name) for bits, name in plain]
        return [(eval(bits, {"__builtins__": {}}) & 0xffffffff, name) for bits, name in plain]
    return LATER


def namer(capture):
    flags = flags_of(capture)

    @functools.lru_cache(None)
    def names(gfp):
        words = []
        for bits, name in flags:
            if bits and gfp and gfp & bits == bits:
                words.append(name)
                gfp &= ~bits
        return "|".join(words + ["0x%x" % gfp] * (gfp != 0)) or "none"
    return names
