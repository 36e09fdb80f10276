#!/bin/sh
# run.sh [OPTION]... - the measurements of `make bench`: bench.py, and how fast text logs load. perf looks for tracefs in its
# usual place: if it is not mounted there, it is for as long as this runs, in a mount namespace of our own. Without root
# what needs it is skipped.
set -eu
: "${B:=build/release}"
here=$(dirname "$0")
if [ "$(id -u)" -eq 0 ] && ! [ -d /sys/kernel/tracing/instances ] && [ -z "${KMEM_BENCH_MOUNTED-}" ]; then
	exec unshare -m sh -c 'mount -t tracefs tracefs /sys/kernel/tracing; KMEM_BENCH_MOUNTED=1 exec "$@"' run sh "$0" "$@"
fi
python3 "$here/bench.py" --build "$B" --json build/bench.json "$@"
