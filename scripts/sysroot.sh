#!/bin/sh
# sysroot.sh TRIPLET DIR [analyze] - unpacks into DIR what a static kmem-record for that machine is linked with (libzstd),
# and with `analyze` what a static kmem-analyze is, from the Debian archive that this machine uses; nothing is installed.
# Does nothing when DIR is complete.
#
#	sh scripts/sysroot.sh aarch64-linux-gnu build/sysroot/aarch64-linux-gnu
set -eu
triplet=$1
dir=$2
case $triplet in
aarch64-linux-gnu) arch=arm64 ;;
arm-linux-gnueabihf) arch=armhf ;;
s390x-linux-gnu) arch=s390x ;;
x86_64-linux-gnu) arch=amd64 ;;
*)
	echo "sysroot.sh: unknown machine '$triplet'; known: aarch64-linux-gnu arm-linux-gnueabihf s390x-linux-gnu" >&2
	exit 2
	;;
esac
# shellcheck source=scripts/foreign_apt.sh
. "$(dirname "$0")/foreign_apt.sh"

unpack() { # LIBRARY PACKAGE...: the last of these packages brings LIBRARY.a
	library=$dir/usr/lib/$triplet/$1.a
	shift
	[ ! -e "$library" ] || return 0
	echo "fetching for $arch: $*" >&2
	foreign_apt $arch
	apt_download "$dir/deb" "$@"
	for deb in "$dir"/deb/*.deb; do
		dpkg -x "$deb" "$dir"
	done
	rm -rf "$dir/deb"
	[ -e "$library" ]
}

unpack libzstd libzstd-dev
[ "${3-}" != analyze ] || unpack libz libbz2-dev libdw-dev libelf-dev liblzma-dev libsqlite3-dev zlib1g-dev
