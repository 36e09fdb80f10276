#!/bin/sh
# run.sh [OPTION]... - the measurements of `make bench`: bench.py. perf looks for tracefs in its usual place: it is there for as
# long as this runs, in a mount namespace of our own, whoever mounts or unmounts it meanwhile. Without root what needs
# it is skipped.
set -eu
: "${B:=build/release}"
here=$(dirname "$0")
if [ "$(id -u)" -eq 0 ] && [ -z "${KMEM_BENCH_MOUNTED-}" ]; then
	export KMEM_BENCH_MOUNTED=1
	exec unshare -m sh -c '[ -d /sys/kernel/tracing/instances ] || mount -t tracefs tracefs /sys/kernel/tracing
		exec "$@"' run sh "$0" "$@"
fi
python3 "$here/bench.py" --build "$B" --json build/bench.json "$@"
