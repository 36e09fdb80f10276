#!/bin/sh
# prepare.sh - what the tests of tests/symbols look at: kernels, their debug information, and a boot of each, which may be
# there already from check-boot. build/boot/ARCH.no-debug says why one is not to be had.
# SYMBOL_MACHINES='amd64 arm64 armhf s390x' asks for more of them (make check-cross makes the recorders for these).
set -u
here=$(dirname "$0")
: "${KMEM_CACHE_DIR:=build/cache}"
mkdir -p build/boot
for arch in ${SYMBOL_MACHINES:-amd64 arm64}; do
	rm -f "build/boot/$arch.no-debug"
	sh "$here/../boot/kernel.sh" "$arch" && sh "$here/debug.sh" "$arch"
	case $? in
	0) ;;
	3)
		echo "its kernel or the debug package of it cannot be fetched, and is not in $KMEM_CACHE_DIR" \
			>"build/boot/$arch.no-debug"
		continue
		;;
	*) exit 1 ;;
	esac
	[ -s "build/boot/$arch/guest/boot.kmem" ] || echo "$arch"
done | xargs -r -P "$(nproc)" -n 1 sh "$here/../boot/boot.sh"
