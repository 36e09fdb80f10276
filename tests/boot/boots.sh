#!/bin/sh
# boots.sh - all boots that the tests look at, as many at a time as there are CPUs. Fetches the kernels first; where one
# cannot be had, build/boot/MACHINE.missing says why, and its tests are skipped.
set -u
: "${KMEM_CACHE_DIR:=build/cache}"
here=$(dirname "$0")
machines='armhf arm64 s390x amd64 newer'
# those that take longest come first
names='amd64-no-clock armhf-saved arm64-saved amd64-saved s390x-saved armhf arm64 newer-saved amd64 amd64-small-buffer arm64-large-buffer newer s390x'

rm -rf build/boot
mkdir -p build/boot
for arch in $machines; do
	sh "$here/kernel.sh" "$arch"
	[ $? -ne 3 ] || echo "its kernel cannot be fetched, and is not in $KMEM_CACHE_DIR" >"build/boot/$arch.missing"
done
began=$(date +%s)
for name in $names; do
	[ -e "build/boot/${name%%-*}.missing" ] || echo "$name"
done | xargs -r -P "$(nproc)" -n 1 sh "$here/boot.sh"
echo $(($(date +%s) - began)) >build/boot/seconds
