#!/bin/sh
# run.sh - the measurements of `make bench`. Needs root. perf looks for tracefs in its usual place: if it is not
# mounted there, it is for as long as this runs, in a mount namespace of our own.
set -eu
: "${B:=build/release}"
here=$(dirname "$0")
if [ "$(id -u)" -ne 0 ]; then
	echo 'make bench: recording needs root' >&2
	exit 1
fi
if ! [ -d /sys/kernel/tracing/instances ]; then
	exec unshare -m sh -c 'mount -t tracefs tracefs /sys/kernel/tracing && exec "$@"' run sh "$0"
fi
echo "$(uname -srm), $(nproc) CPUs, $(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) kB of memory"
python3 "$here/recording_cost.py" "$B/kmem-record" "$B/tests/churn" "${RUNS:-5}" "${ROUNDS:-50000}"
python3 "$here/text_load.py" "$B/kmem-analyze" "${TEXT_EVENTS:-2000000}"
