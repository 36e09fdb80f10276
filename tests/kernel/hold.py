#!/usr/bin/env python3
"""hold.py PIPES: holds so many pipes with a byte in each, says so in a line with its pid, and waits for the end of its input.

A pipe is two objects of kmalloc (the pipe and its ring of buffers), and the byte is one page.
"""
import os
import resource
import sys

count = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (4 * count + 64, max(4 * count + 64, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
pipes = [os.pipe() for _ in range(count)]
for _, writer in pipes:
    os.write(writer, b"x")
print("holding", os.getpid(), flush=True)
sys.stdin.read()
