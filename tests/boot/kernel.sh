#!/bin/sh
# kernel.sh MACHINE - a Debian kernel to boot: fetches the packages of the kernel and of a static busybox and
# leaves in KMEM_CACHE_DIR/boot/MACHINE what a boot needs: vmlinuz, busybox, release, modules/NAME.ko and
# modules/order, the names in the order in which they can be loaded. Does nothing when it is all there. Exit status 3:
# the archive that this machine uses cannot be reached, or has no such kernel.
#
#	sh tests/boot/kernel.sh s390x		# an architecture; newer: amd64 with a kernel of backports
set -eu
# shellcheck source=scripts/foreign_apt.sh
. "$(dirname "$0")/../../scripts/foreign_apt.sh"
# What the guest loads: the disk that it writes to, and modules for the test to load and to unload.
arch=$1 suite=
case $1 in
newer) arch=amd64 suite=backports package=linux-image-cloud-amd64 disk='virtio_pci virtio_blk' ;;
amd64) package=linux-image-cloud-amd64 disk='virtio_pci virtio_blk' ;;
arm64) package=linux-image-cloud-arm64 disk='virtio_pci virtio_blk' ;;
armhf) package=linux-image-armmp disk='virtio_pci virtio_blk' ;;
s390x) package=linux-image-s390x disk='virtio_blk' ;;
*)
	echo "kernel.sh: unknown machine '$1'; known: amd64 arm64 armhf s390x newer" >&2
	exit 2
	;;
esac
others='loop dummy zram'
dir=$KMEM_CACHE_DIR/boot/$1
[ ! -e "$dir/complete" ] || exit 0

rm -rf "$dir"
mkdir -p "$dir/modules"
foreign_apt "$arch" "$suite"
image=$(apt_newest $package)
if [ -z "$image" ]; then
	echo "kernel.sh: no $package is to be had" >&2
	exit 3
fi
echo "fetching $image for $1" >&2
apt_download "$dir/deb" "$image" || exit 3
foreign_apt "$arch"
apt_download "$dir/deb" busybox-static || exit 3
mkdir "$dir/image" "$dir/tools"
dpkg -x "$dir/deb/${image}"_*.deb "$dir/image"
dpkg -x "$dir"/deb/busybox-static_*.deb "$dir/tools"

find_module() { # NAME: a file may be called with - for _
	find "$dir/image" -name "$1.ko*" -o -name "$(echo "$1" | tr _ -).ko*" | head -n 1
}

take() { # NAME: what it depends on comes before it; nothing for what is built in
	! grep -qx "$1" "$dir/modules/order" || return 0
	file=$(find_module "$1")
	[ -n "$file" ] || return 0
	case $file in
	*.xz) xz -dc "$file" >"$dir/modules/$1.ko" ;;
	*) cp "$file" "$dir/modules/$1.ko" ;;
	esac
	for needed in $(tr '\0' '\n' <"$dir/modules/$1.ko" | sed -n 's/^depends=//p' | tr ',-' ' _'); do
		take "$needed"
	done
	echo "$1" >>"$dir/modules/order"
}

: >"$dir/modules/order"
for name in $disk; do take "$name"; done
cp "$dir/modules/order" "$dir/modules/disk"
for name in $others; do take "$name"; done
cp "$dir/image/boot/vmlinuz-"* "$dir/vmlinuz"
echo "${image#linux-image-}" >"$dir/release"
find "$dir/tools" -name busybox -type f -exec cp {} "$dir/busybox" \;
rm -rf "$dir/image" "$dir/tools" "$dir/deb"
: >"$dir/complete"
