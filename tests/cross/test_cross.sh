#!/bin/sh
# The recorder and the capture format on machines of other byte order and word size, run by qemu-user: what they write,
# this machine reads.
. "$TESTS/cli/lib.sh"

machine() { # NAME TRIPLET QEMU
	programs=build/$2-static-release
	if ! command -v "$3" >/dev/null || ! [ -x "build/$2/kmem-record" ]; then
		echo "skip cross, $1: no $3, or not built"
		return
	fi
	for test in test_base test_format; do
		"$3" "$programs/tests/$test" >"$work/out" 2>&1
		check "cross, $1: $test" [ $? -eq 0 ]
	done
	"$3" "build/$2/kmem-record" --version >"$work/out" 2>&1
	check "cross, $1: the recorder starts" grep -q '^kmem-record ' "$work/out"
	check "cross, $1: it is static" [ -z "$(readelf -d "build/$2/kmem-record" | grep NEEDED)" ]
	"$2-strip" -o "$work/stripped" "build/$2/kmem-record"
	size=$(stat -c %s "$work/stripped")
	check "cross, $1: $size bytes stripped, under 2 MB" [ "$size" -lt 2000000 ]
	"$3" "$programs/tests/mkcapture" tests/cli/captures/replay.txt "$work/$1.kmem"
	check "cross, $1: a capture is written" [ $? -eq 0 ]
	"$KMEM_ANALYZE" account "$work/$1.kmem" >"$work/account" 2>/dev/null
	check "cross, $1: and gives the account that this machine's own gives" \
		cmp -s "$work/account" "$TESTS/cli/golden/account.txt"
	python3 scripts/read_capture.py --verify "$work/$1.kmem" >/dev/null
	check "cross, $1: the independent reader finds it whole" [ $? -eq 0 ]
}

machine arm64 aarch64-linux-gnu qemu-aarch64-static
machine armhf arm-linux-gnueabihf qemu-arm-static
machine s390x s390x-linux-gnu qemu-s390x-static
finish
