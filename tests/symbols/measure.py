#!/usr/bin/env python3
"""measure.py COMMAND... - runs it, and prints `WALL CPU KILOBYTES`: milliseconds by the clock and of CPU time, and the largest
resident set."""
import resource
import subprocess
import sys
import time

began = time.monotonic()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("%d %d %d" % ((time.monotonic() - began) * 1000, (used.ru_utime + used.ru_stime) * 1000, used.ru_maxrss))
sys.exit(code)
