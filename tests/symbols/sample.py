#!/usr/bin/env python3
"""sample.py VMLINUX COUNT BUILD-ID SHIFT - a script for mkcapture: COUNT allocations, each from another address of the kernel's .text,
anywhere in its functions, of a kernel that was loaded SHIFT bytes higher. Not in the first bytes of functions, which on arm64 are
instructions for tracers that debug information leaves out."""
import random
import subprocess
import sys

vmlinux, count, build_id, shift = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4], 16)
FIRST = 16
names, functions = {}, []
for line in subprocess.run(["nm", "-S", vmlinux], capture_output=True, text=True, check=True).stdout.splitlines():
    words = line.split()
    if words[-1] in ("_stext", "_etext") or words[-2] in "tTwW" and not words[-1].startswith("$"):
        names[words[-1]] = int(words[0], 16)
        if len(words) == 4 and int(words[1], 16) > FIRST:
            functions.append((int(words[0], 16), int(words[1], 16)))
functions = [f for f in functions if names["_stext"] <= f[0] < names["_etext"]]
random.seed(4)
addresses = set()
while len(addresses) < count:
    start, size = random.choice(functions)
    addresses.add(start + random.randrange(FIRST, size))
print("info kernel.build_id", build_id)
for name, address in sorted(names.items(), key=lambda n: (n[1], n[0] not in ("_stext", "_etext"))):
    print("symbol 0x%x %s" % (address + shift, name))
for i, address in enumerate(sorted(addresses)):
    print("%d 0 7 kmalloc ptr=0x%x call_site=0x%x bytes_req=8 bytes_alloc=8" % (10 + i, 0x1000 + 16 * i, address + shift))
