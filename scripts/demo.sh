#!/bin/sh
# demo.sh BUILD-DIR - records this machine's slab events for a few seconds while a small workload
# runs, loads the capture and prints the top of the three reports. Without root or tracefs it takes
# the capture that comes with the tree.
set -eu
build=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/kmem-demo-XXXXXX")
capture=$dir/demo.kmem

why_not() { # empty when this machine can record
	if [ "$(id -u)" -ne 0 ]; then
		echo "you are not root"
	elif [ ! -d /sys/kernel/tracing ] && [ ! -d /sys/kernel/debug ]; then
		echo "this kernel has no tracefs"
	elif ! "$build/kmem-record" -q -o "$dir/probe.kmem" -d 50ms 2>"$dir/why"; then
		sed 's/^kmem-record: //' "$dir/why"
	fi
}

# Files are found, copied and removed, pipes and sockets come and go; and one program holds on to
# what it opened until we let it go, after the recording.
# shellcheck disable=SC2016	# another shell expands it
workload='
mkdir "$1/files"
tar -C /usr/include/linux -cf - . 2>/dev/null | tar -C "$1/files" -xf -
find "$1/files" /etc /usr/include -newer /etc/passwd >/dev/null 2>&1
rm -r "$1/files"
"$2/churn" 5000 >/dev/null
"$2/plant" 2000 300 100 <"$1/hold" >"$1/ready" &
until [ -s "$1/ready" ]; do sleep 0.05; done'

reason=$(why_not)
rm -f "$dir/probe.kmem" "$dir/why"
if [ -n "$reason" ]; then
	echo "Not recording here ($reason); this is the capture that comes with the tree."
	cp tests/golden/v1.kmem "$capture"
	chmod 600 "$capture"
else
	echo "\$ kmem-record -o demo.kmem -- WORKLOAD"
	mkfifo "$dir/hold"
	"$build/kmem-record" -o "$capture" -- sh -c "$workload" demo "$dir" "$build/tests" &
	exec 9>"$dir/hold"
	wait $! || [ $? -eq 3 ]
	exec 9>&-
	rm -f "$dir/hold" "$dir/ready"
fi

show() { # LINES COMMAND...: the first lines of a report
	lines=$1
	shift
	echo
	echo "\$ kmem-analyze $* demo.kmem"
	code=0
	"$build/kmem-analyze" "$@" "$capture" >"$dir/report" || code=$?
	[ $code -eq 0 ] || [ $code -eq 3 ] || exit $code
	head -n "$lines" "$dir/report"
	all=$(wc -l <"$dir/report")
	[ "$all" -le "$lines" ] || echo "... ($((all - lines)) more lines)"
}

show 40 account -n 12
show 42 kmemprof -n 1
show 60 kmemleak -n 2 --comm
rm -f "$dir/report"
echo
echo "These files were left for you to ask more:"
du -h "$capture" "$capture.db"
echo "Try: build/kmem-analyze kmemleak -s age -n 5 $capture"
