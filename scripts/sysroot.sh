#!/bin/sh
# sysroot.sh TRIPLET DIR - unpacks into DIR what a static kmem-record for that machine is linked
# with (libzstd), from the Debian archive that this machine uses; nothing is installed. Does nothing
# when DIR is complete.
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
library=$dir/usr/lib/$triplet/libzstd.a
[ ! -e "$library" ] || exit 0

# shellcheck source=scripts/foreign_apt.sh
. "$(dirname "$0")/foreign_apt.sh"
echo "fetching libzstd for $arch" >&2
foreign_apt $arch
apt_download "$dir/deb" libzstd-dev
dpkg -x "$dir"/deb/libzstd-dev_*.deb "$dir"
rm -rf "$dir/deb"
[ -e "$library" ]
