#!/bin/sh
# setup.sh GROUP... - installs what is missing for building (build), for the tests (test), for lint
# (lint). Silent when everything is there. Only what is missing is installed, by Debian's package
# names.
set -eu

packages() {
	case $1 in
	build)
		echo gcc libc6-dev make pkg-config libtraceevent-dev libzstd-dev libsqlite3-dev libdw-dev zlib1g-dev liblzma-dev \
			libcairo2-dev
		;;
	test) echo python3 zstd sqlite3 valgrind procps util-linux bash man-db groff-base chromium graphviz libjemalloc-dev golang-go ;;
	lint) echo clang-format cppcheck shellcheck ;;
	cross)
		echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-arm-linux-gnueabihf \
			libc6-dev-armhf-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user-static
		;;
	boot) echo qemu-system-x86 qemu-system-arm qemu-system-misc cpio xz-utils ;;
	symbols) echo binutils binutils-aarch64-linux-gnu ;;
	bench) echo linux-perf ;;
	compilers) echo clang ;;
	deb) echo debhelper fakeroot lintian ;;
	*)
		echo "setup.sh: unknown group '$1'; the groups are build, test, cross, boot, symbols, lint, bench, compilers, deb" >&2
		exit 2
		;;
	esac
}

missing=
for group; do
	for package in $(packages "$group"); do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
		[ "$status" = installed ] || missing="$missing $package"
	done
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "setup.sh: this is no Debian machine; install what corresponds to:$missing" >&2
	exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif sudo -n true 2>/dev/null; then
	as_root='sudo -n'
else
	echo "setup.sh: not root, and these packages are missing; run: sudo apt-get install$missing" >&2
	exit 1
fi
echo "installing:$missing" >&2
# shellcheck disable=SC2086	# a list of words on purpose
{
	$as_root apt-get update -qq
	DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing
} >&2
