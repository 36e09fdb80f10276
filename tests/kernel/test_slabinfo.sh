#!/bin/sh
# Per slab cache, the change of live objects by the capture against the change in /proc/slabinfo.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel slabinfo
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
if ! [ -r /proc/slabinfo ] || ! [ -e /sys/kernel/slab ]; then
	skip slabinfo "this kernel has no /proc/slabinfo or no /sys/kernel/slab"
	exit 0
fi
cap=$work/cap.kmem

# Objects that CPUs keep at hand count as live in slabinfo: hand them back first, at the start as at
# the end.
cat >"$work/shrink" <<'END'
for file in /sys/kernel/slab/*/shrink; do echo 1 >"$file"; done 2>/dev/null
END
# Something that changes the live set for good: many names and inodes stay cached.
cat >"$work/load" <<'END'
: >"$WORK/started"
mkdir "$WORK/tree"
for i in $(seq 60); do
	mkdir "$WORK/tree/$i"
	(cd "$WORK/tree/$i" && seq 500 | xargs touch)
done
find /usr/include -type f >/dev/null 2>&1
rm -r "$WORK/tree"
"$CHURN" 3000 0 >/dev/null
sleep 0.5	# frees that wait for a grace period
sh "$WORK/shrink"
END
export WORK="$work" CHURN="$B/tests/churn"

compare() {
	rm -f "$work/started"
	# the recorder looks at slabinfo in the middle of its start, which fills the CPUs' shelves
	# again: keep them empty
	(until [ -e "$work/started" ]; do sh "$work/shrink"; done) &
	"$KMEM_RECORD" -q -f -o "$cap" -- sh "$work/load" 2>"$work/why" || return 1
	wait
	rm -f "$work/db"
	"$KMEM_ANALYZE" load -o "$work/db" "$cap" 2>"$work/why" || return 1
	python3 "$TESTS/kernel/slabinfo.py" "$work/db" 2>"$work/why"
}

# What other programs do between a shrink and a look at slabinfo disturbs the comparison, not the
# capture: a wrong count fails every time, a disturbance does not.
if compare || { cat "$work/why"; compare; } || { cat "$work/why"; compare; }; then
	ok "slabinfo: the ten busiest caches agree"
else
	not_ok "slabinfo: the ten busiest caches agree" "$(cat "$work/why")"
fi
clean "slabinfo: kernel left as it was"
finish
