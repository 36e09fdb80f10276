#!/bin/sh
# debug.sh ARCH - the debug information of the kernel that tests/boot/kernel.sh ARCH boots, as its Debian package
# lays it out: KMEM_CACHE_DIR/debug/ARCH/usr/lib/debug/{boot/vmlinux-REL,lib/modules/REL/...}, of the modules only those
# that boot.sh loads. About 280 MB to fetch and 620 MB to keep. Does nothing when it is there. Exit status 3: it
# cannot be had.
#
#	sh tests/symbols/debug.sh arm64
set -eu
# shellcheck source=scripts/foreign_apt.sh
. "$(dirname "$0")/../../scripts/foreign_apt.sh"
kernel=$KMEM_CACHE_DIR/boot/$1
dir=$KMEM_CACHE_DIR/debug/$1
release=$(cat "$kernel/release")
[ ! -e "$dir/$release.complete" ] || exit 0

rm -rf "$dir"
mkdir -p "$dir/deb"
foreign_apt "$1"
echo "fetching linux-image-$release-dbg for $1" >&2
apt_download "$dir/deb" "linux-image-$release-dbg" || exit 3
set -- "./usr/lib/debug/boot/vmlinux-$release"
for module in "$kernel"/modules/*.ko; do
	name=$(basename "$module" .ko)
	set -- "$@" "./usr/lib/debug/lib/modules/$release/*/$name.ko" \
		"./usr/lib/debug/lib/modules/$release/*/$(echo "$name" | tr _ -).ko"
done
# a module's file is called with _ or with -, so that some of the names are not there
dpkg --fsys-tarfile "$dir"/deb/*.deb | tar -C "$dir" -x --wildcards "$@" 2>"$dir/tar.err" || :
[ -s "$dir/usr/lib/debug/boot/vmlinux-$release" ] || {
	cat "$dir/tar.err" >&2
	exit 1
}
rm -rf "$dir/deb" "$dir/tar.err"
: >"$dir/$release.complete"
