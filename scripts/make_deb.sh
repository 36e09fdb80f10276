#!/bin/sh
# make_deb.sh DIR VERSION - Debian packages of the files that git knows, as they are here, in DIR. Version and dates
# are those of the last commit, so that the same commit makes the same packages. So is the maintainer, who made that
# commit, unless DEBFULLNAME and DEBEMAIL say who it is: debian/control only holds a place for it.
set -eu
dir=$1 version=$2
when=$(git log -1 --format=%ct)
maintainer="${DEBFULLNAME:-$(git log -1 --format=%cn)} <${DEBEMAIL:-$(git log -1 --format=%ce)}>"
# upgrades come in the order of commits
number=0~$(date -u -d "@$when" +%Y%m%d.%H%M%S)+$(echo "$version" | tr -c 'A-Za-z0-9.\n' .)

rm -rf "$dir"
mkdir -p "$dir/source"
git ls-files -z | tar -c --null -T - | tar -x -C "$dir/source"
MAINTAINER=$maintainer awk '/^Maintainer:/ { $0 = "Maintainer: " ENVIRON["MAINTAINER"] } { print }' \
	debian/control >"$dir/source/debian/control"
cat >"$dir/source/debian/changelog" <<END
kmem-record ($number) unstable; urgency=low

  * As of $version; what changed is told by git.

 -- $maintainer  $(date -u -R -d "@$when")
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
