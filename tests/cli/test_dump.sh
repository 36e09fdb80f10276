#!/bin/sh
# Saved tracing directories of real boots (big-endian 64-bit s390x, 32-bit armhf; the first pages of each CPU) become
# captures, damaged ones good messages. And the kernel command line that fills the rings.
. "$TESTS/cli/lib.sh"
READ_CAPTURE=$TESTS/../scripts/read_capture.py

tree() { # NAME: a copy to be damaged
	rm -rf "$work/tree"
	cp -R "$TESTS/cli/trees/$1" "$work/tree"
	chmod -R u+w "$work/tree"
}

dump() { # EXIT NAME: of $work/tree into $work/bad.kmem; standard error is in $work/err
	rm -f "$work/bad.kmem" "$work/bad.kmem.db"
	$WRAP "$KMEM_RECORD" dump --root "$work/tree" -o "$work/bad.kmem" 2>"$work/err"
	code=$?
	if [ $code -eq "$1" ]; then ok "$2"; else not_ok "$2" "exit status $code, not $1: $(cat "$work/err")"; fi
}

says() { # NAME TEXT
	if grep -qF -- "$2" "$work/err"; then ok "$1"; else not_ok "$1" "'$2' is not in: $(cat "$work/err")"; fi
}

for machine in s390x armhf; do
	cap=$work/$machine.kmem
	$WRAP "$KMEM_RECORD" dump -q --root "$TESTS/cli/trees/$machine" -o "$cap" 2>"$work/err"
	check "$machine: a saved directory becomes a capture" [ $? -eq 0 ]
	check "$machine: the independent reader agrees" "$READ_CAPTURE" --verify "$cap"
	# shellcheck disable=SC2086	# WRAP is a list of words
	check "$machine: verified" $WRAP "$KMEM_ANALYZE" verify "$cap"
	check "$machine: private" [ "$(stat -c %a "$cap")" = 600 ]
	golden "dump-$machine-account" "$KMEM_ANALYZE" account -n 8 "$cap"
	golden "dump-$machine-kmemleak" "$KMEM_ANALYZE" kmemleak -n 2 "$cap"
	"$KMEM_ANALYZE" info "$cap" >"$work/out"
	check "$machine: info has the notes" grep -q '^note: begins: ' "$work/out"
	"$READ_CAPTURE" --events "$cap" >"$work/$machine.events"

	tree $machine
	rm "$work/tree/facts"
	dump 0 "$machine: byte order from the pages alone"
	"$READ_CAPTURE" --events "$work/bad.kmem" | cmp - "$work/$machine.events"
	check "$machine: byte order from the pages alone: the same events" [ $? -eq 0 ]
done
check "s390x: big endian" [ "$("$READ_CAPTURE" --info "$work/s390x.kmem" | sed -n 's/^endian: //p')" = big ]
check "armhf: 4-byte longs" [ "$("$READ_CAPTURE" --info "$work/armhf.kmem" | sed -n 's/^long_size: //p')" = 4 ]
expect 1 "kmem-record dump --root '$TESTS/cli/trees/s390x' -o" "load of a saved directory says what to do" \
	"$KMEM_ANALYZE" load "$TESTS/cli/trees/s390x"
expect 1 "kmem-record dump --root '$TESTS/cli/trees/s390x' -o" "a report on a saved directory says what to do" \
	"$KMEM_ANALYZE" account "$TESTS/cli/trees/s390x"

# --- what can be missing or broken
refuse() { # EXIT TEXT NAME DIR [ARGUMENT...]
	want=$1 text=$2 name=$3
	shift 3
	expect "$want" "$text" "$name" "$KMEM_RECORD" dump -o "$work/never.kmem" --root "$@"
}

refuse 1 "cannot open '$work/nowhere'" "no such directory" "$work/nowhere"
mkdir "$work/empty"
refuse 1 "was not saved by collect-ftrace.sh" "another directory" "$work/empty"
refuse 2 "there is no tracing instance 'bot'" "no such instance" "$TESTS/cli/trees/s390x" --instance bot
tree s390x
rm "$work/tree/tracing/events/header_page"
refuse 1 "is not whole: cannot open" "no header_page" "$work/tree"
tree s390x
rm -r "$work/tree/tracing/per_cpu"
refuse 1 "no ring buffer" "no rings" "$work/tree"
tree s390x
rm "$work/tree/tracing/per_cpu/cpu1/stats"
refuse 1 "per_cpu/cpu1/stats" "no statistics" "$work/tree"
tree s390x
rm "$work/tree/tracing/events/ftrace/kernel_stack/format"
refuse 1 "kernel_stack/format" "no format of stacks" "$work/tree"
tree s390x
sed -i 's/^entries: .*/entries: 0/' "$work/tree"/tracing/per_cpu/cpu*/stats
refuse 1 "hold no records" "empty rings" "$work/tree"
check "what failed left no file" [ ! -e "$work/never.kmem" ]

tree s390x
truncate -s 10000 "$work/tree/tracing/per_cpu/cpu0/trace_pipe_raw"
dump 3 "a truncated ring"
says "a truncated ring: damage is told" "damaged: "
says "a truncated ring: the account is told" "not-exact: the top instance, CPU 0: the kernel counted 471 records"
EXIT=3 golden dump-truncated "$KMEM_ANALYZE" account -n 3 "$work/bad.kmem"
tree s390x
rm "$work/tree/tracing/per_cpu/cpu1/trace_pipe_raw"
dump 3 "a ring that was not saved"
says "a ring that was not saved: its records count as lost" "150 records were lost"
tree s390x
rm -r "$work/tree/tracing/events/kmem/kfree"
dump 3 "an event without format"
says "an event without format" "unknown-records: "
tree s390x
rm "$work/tree/proc/kallsyms"
mkfifo "$work/tree/proc/kallsyms"
dump 0 "a FIFO instead of a file"
says "a FIFO instead of a file: no symbols" "no-symbols: "
tree s390x
rm "$work/tree/proc/meminfo"
echo secret >"$work/secret"
ln -s "$work/secret" "$work/tree/proc/meminfo"
dump 0 "a link in the directory"
check "a link in the directory is not followed" sh -c "'$READ_CAPTURE' '$work/bad.kmem' --files >'$work/files' && grep -q slabinfo '$work/files' && ! grep -q meminfo '$work/files'"
tree s390x
sed -i 's/^overrun: .*/overrun: 1000/' "$work/tree/tracing/per_cpu/cpu0/stats.end" "$work/tree/tracing/per_cpu/cpu0/stats"
echo '[    3.290000] sched_clock: Unstable clock detected, switching default tracing clock to "global"' >>"$work/tree/dmesg"
sed -i 's/trace_clock=local//' "$work/tree/proc/cmdline"
echo '0-2' >"$work/tree/sys/devices/system/cpu/present"
echo 5 >"$work/tree/tracing/buffer_size_kb"
echo 0 >"$work/tree/tracing/tracing_on"
sed -i 's/^read events: .*/read events: 7/' "$work/tree/tracing/per_cpu/cpu1/stats"
sed -i 's/^read events: .*/read events: 157/' "$work/tree/tracing/per_cpu/cpu1/stats.end"
dump 3 "the traps of boot"
for trap in overrun clock-switched cpus-offline ring-small stopped-before read-before; do
	says "the traps of boot: $trap" "  $trap: "
done
EXIT=3 golden dump-traps "$KMEM_ANALYZE" account -n 1 "$work/bad.kmem"
# damage at random places: a message or a capture that reads, and never a crash
tree armhf
check "random damage" python3 - "$KMEM_RECORD" "$READ_CAPTURE" "$work" <<'PY'
import os, random, subprocess, sys
record, reader, work = sys.argv[1:]
rng = random.Random(4)
raw = work + "/tree/tracing/per_cpu/cpu0/trace_pipe_raw"
good = open(raw, "rb").read()
for turn in range(40):
    bad = bytearray(good)
    for _ in range(1 << rng.randrange(8)):
        bad[rng.randrange(len(bad))] = rng.randrange(256)
    open(raw, "wb").write(bad)
    out = work + "/random.kmem"
    done = subprocess.run([record, "dump", "-q", "-f", "--root", work + "/tree", "-o", out], stderr=subprocess.PIPE)
    if done.returncode not in (0, 3):
        sys.exit(f"turn {turn}: exit status {done.returncode}: {done.stderr.decode()}")
    read = subprocess.run([reader, "--events", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if b"Traceback" in read.stderr or not read.stdout:
        sys.exit(f"turn {turn}: the capture does not read: {read.stderr.decode()}")
PY

# --- the kernel command line
golden boot-args-6.12 "$KMEM_RECORD" boot-args -q --mem 8G --cpus 4 --kernel 6.12.0
golden boot-args-5.10 "$KMEM_RECORD" boot-args -q --mem 128M --cpus 2 --kernel 5.10
golden boot-args-large "$KMEM_RECORD" boot-args -q --mem 1024G --cpus 256 --kernel 7.0
expect 2 "is no kernel version" "boot-args: no version" "$KMEM_RECORD" boot-args --kernel bookworm
"$KMEM_RECORD" boot-args --mem 8G --cpus 4 --kernel 6.12 >"$work/out" 2>"$work/err"
check "boot-args: one line to paste" [ "$(wc -l <"$work/out")" -eq 1 ]
for arg in trace_event trace_buf_size trace_clock trace_trigger; do
	says "boot-args: $arg is explained" "  $arg "
done
check "help fits 100 columns" [ "$( ("$KMEM_RECORD" dump --help; "$KMEM_RECORD" boot-args --help) |
	awk '{ if (length > m) m = length } END { print m }')" -le 100 ]
finish
