#!/bin/sh
# mixed_load.sh [ROUNDS] - find, tar, gcc, python and git at once: a load whose allocations are of many kinds, unlike churn's.
#
# What it works on is there on every Debian machine with this tree: /usr, this tree's sources and its history. Reads
# only, but for object files in a directory that it removes.
set -u
rounds=${1:-3}
tree=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

repeat() { # COMMAND...
	n=0
	while [ "$n" -lt "$rounds" ]; do
		"$@" >/dev/null 2>&1
		n=$((n + 1))
	done
}

files() {
	find /usr -xdev -size +0 -newermt 2000-01-01
}

archive() {
	tar cf - /usr/include /usr/lib/python3 | wc -c # tar reads nothing for /dev/null
}

compile() {
	for source in "$tree"/format/*.c; do
		gcc -O1 -D_FILE_OFFSET_BITS=64 -I"$tree" -c "$source" -o "$work/out.o"
	done
}

scripts() {
	/usr/bin/python3 -c '
import json, sqlite3, subprocess, asyncio
for n in range(60):
    subprocess.run(["true"])'
}

history() {
	git -C "$tree" log --stat -n 40
	git -C "$tree" status
	git -C "$tree" grep -c struct
}

repeat files &
repeat archive &
repeat compile &
repeat scripts &
repeat history &
wait
