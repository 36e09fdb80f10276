#!/usr/bin/env python3
"""Small inputs to begin with, one of each kind: seeds.py TARGET DIR. They come from the captures, logs and saved directories that
the other tests have, through MKCAPTURE and tests/naive/mkcap.py; mutations do the rest."""
import os
import struct
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(*path):
    with open(os.path.join(TESTS, *path), "rb") as f:
        return f.read()


def captures(directory):
    for scenario in ("cut", "empty", "generations", "lost", "odd", "plain", "raw", "rings", "steps", "ties", "wide"):
        out = os.path.join(directory, "mkcap-" + scenario)
        subprocess.run([sys.executable, os.path.join(TESTS, "naive", "mkcap.py"), scenario, out, "--events", "20"], check=True)
    for script in sorted(os.listdir(os.path.join(TESTS, "cli", "captures"))):
        out = os.path.join(directory, "script-" + script[:-4])
        subprocess.run([os.environ["MKCAPTURE"], os.path.join(TESTS, "cli", "captures", script), out], check=True)


LOG = b"""# tracer: nop
#
# entries-in-buffer/entries-written: 10/20   #P:2
            bash-100   [000] ..... 1.000001: kmalloc: call_site=alloc_pipe_info+0x4f/0x120 ptr=00000000a1b2c3d4 bytes_req=100 \
bytes_alloc=128 gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO node=-1 accounted=true
            bash-100   [000] ..... 1.000002: <stack trace>
 => alloc_pipe_info+0x4f/0x120 [mod]
 => do_syscall_64 <ffffffff81000010>
CPU:1 [LOST 12 EVENTS]
          <idle>-0       (-----) [001] d.h1. 1.000003: kmem_cache_alloc: (alloc_inode+0x3) call_site=ffffffff81000010 ptr=ffff888000001000 \
name=dentry bytes_req=60 bytes_alloc=64 gfp_flags=0xcc0 node=0
            bash-100   [000] .... 1.000004: kfree: call_site=free_pipe_info+0x4f/0x120 ptr=00000000a1b2c3d4
            bash-100   [000] .... 1.000005: kmem_cache_free: call_site=x+0x1/0x2 ptr=ffff888000001000 name=dentry
            bash-100   [000] .... 1.000006: mm_page_alloc: page=ffffea0000000000 pfn=0x100 order=2 migratetype=0 gfp_flags=GFP_KERNEL
            bash-100   [000] .... 1.000007: mm_page_free: page=0xffffea0000000000 pfn=256 order=2
            bash-100   [000] .... 1.000008: percpu_alloc_percpu: call_site=a+0x1/0x2 reserved=0 is_atomic=0 size=8 align=8 \
base_addr=1 off=2 ptr=3 bytes_alloc=8 gfp_flags=GFP_KERNEL
            bash-100   [000] .... 1.000009: alloc_vmap_area: va_start: 0x1000 size=4096 align=1 vstart=1 vend=2 failed=0
[   12.345678] bash-7 [000] 12.345678: kmalloc_node: call_site=c0123456 ptr=(null) bytes_req=1 bytes_alloc=8 gfp_flags=GFP_ATOMIC node=0
"""


def archive(directory, wanted):
    out = b""
    for root, _, files in sorted(os.walk(directory)):
        for name in sorted(files):
            path = os.path.relpath(os.path.join(root, name), directory)
            data = read(root, name)[:wanted(path)]
            if data:
                out += path.encode() + b"\0" + struct.pack("<I", len(data)) + data
    return out


def seeds(target, directory):
    if target in ("capture", "load"):
        yield from captures(directory) or ()
    if target in ("text", "load"):
        yield LOG
    if target == "expr":
        for text in ("4096 << order", "ptr == 3 && comm ~ \"kw*\" || !(node + 1)", "comm[0] == 'a' ? ksymbol(ptr) : comm_get(7)",
                     "order = node++, (char)order - sizeof (long)", "call_site.function == alloc_pipe_info", "strncmp(comm, \"ba\", 2)",
                     "ntohl(order) ^ ~ntohs(node) % 0x7f"):
            yield b"\0" + text.encode()
            yield b"\1" + text.encode()
        yield b"\1bytes_alloc > 5 && name == 'x' && call_site == alloc_pipe_info || order & 1"
        yield b"\2kmalloc-*-[0-9][!a-z]?\\**"
        yield b"\3slab,kmem:mm_page_alloc/order>0/stack/max-stack=8/,kmem:kmalloc//size=(a/b)/ptr=ptr/alias=x/comm=y/"
    if target == "db":
        for question in range(40):
            yield bytes([question])
        for at in (0, 100, 4096, 5000, 9000, 20000):
            yield b"\0" + struct.pack("<IB", at, 8) + bytes(range(8))
    if target == "record_format":
        tree = ("cli", "trees", "s390x", "tracing")
        page = read(*tree, "per_cpu", "cpu0", "trace_pipe_raw")[:4096]
        for event in ("kmalloc", "kmem_cache_alloc", "kfree"):
            yield b"\1" + b"\0".join((read(*tree, "events", "header_page"), read(*tree, "events", "ftrace", "kernel_stack", "format"),
                                      read(*tree, "events", "kmem", event, "format"), page))
            yield b"\0" + b"\0".join((b"", b"", read(*tree, "events", "kmem", event, "format"), page[:512]))
    if target == "record_dump":
        for tree, pages in (("s390x", 4096), ("armhf", 4096), ("armhf", 8192)):
            yield archive(os.path.join(TESTS, "cli", "trees", tree), lambda path, pages=pages: 0 if path == "proc/slabinfo" else
                          1200 if "kallsyms" in path or "dmesg" in path else pages if "raw" in path else 4096)


def main():
    target, directory = sys.argv[1:]
    for i, seed in enumerate(seeds(target, directory)):
        with open(os.path.join(directory, "seed-%d" % i), "wb") as f:
            f.write(seed)


main()
