#!/bin/sh
# sysroot.sh TRIPLET DIR - unpacks into DIR what a static kmem-record for that machine is linked
# with (libzstd), from the Debian archive that this machine uses. The package state of the machine
# itself is not touched: apt works on a state of its own below DIR, and nothing is installed. Does
# nothing when DIR is complete.
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

mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
dir=$(cd "$dir" && pwd)
: >"$dir/apt/status"
apt() {
	apt-get -qq -o APT::Architecture=$arch -o APT::Architectures=$arch -o APT::Sandbox::User=root \
		-o Dir::State="$dir/apt" -o Dir::State::status="$dir/apt/status" -o Dir::Cache="$dir/apt/cache" "$@" >&2
}
echo "fetching libzstd for $arch" >&2
# a mirror in the middle of a change still has the package
apt update || true
(cd "$dir/apt/cache" && apt download libzstd-dev)
dpkg -x "$dir"/apt/cache/libzstd-dev_*.deb "$dir"
rm -rf "$dir/apt"
[ -e "$library" ]
