#!/bin/sh
# make_deb.sh DIR VERSION - Debian packages of the files that git knows, as they are here, in DIR. Version and dates
# are those of the last commit, so that the same commit makes the same packages.
set -eu
dir=$1 version=$2
when=$(git log -1 --format=%ct)
# upgrades come in the order of commits
number=0~$(date -u -d "@$when" +%Y%m%d.%H%M%S)+$(echo "$version" | tr -c 'A-Za-z0-9.\n' .)

rm -rf "$dir"
mkdir -p "$dir/source"
git ls-files -z | tar -c --null -T - | tar -x -C "$dir/source"
cat >"$dir/source/debian/changelog" <<END
kmem-record ($number) unstable; urgency=low

  * As of $version; what changed is told by git.

 -- $(sed -n 's/^Maintainer: //p' debian/control)  $(date -u -R -d "@$when")
END
(
	cd "$dir/source"
	unset MAKEFLAGS MAKELEVEL CFLAGS CC B
	SOURCE_DATE_EPOCH=$when KMEM_VERSION=$version dpkg-buildpackage -us -uc -b
) >"$dir/log" 2>&1 || {
	tail -n 30 "$dir/log" >&2
	exit 1
}
rm -rf "$dir/source"
ls "$dir"/*.deb
