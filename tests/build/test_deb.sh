#!/bin/sh
# The Debian packages: whole, without a word from lintian, and what is in them runs.
# shellcheck source=tests/cli/lib.sh
. "$TESTS/cli/lib.sh"
cd "$TESTS/.." || exit 1
if ! command -v dpkg-buildpackage >/dev/null || ! command -v lintian >/dev/null; then
	echo "skip the Debian packages: no dpkg-buildpackage or no lintian here"
	exit 0
fi
maintainer=$(git log -1 --format='%cn <%ce>')
env -u B -u DEBFULLNAME -u DEBEMAIL make -s deb >"$work/log" 2>&1
check "make deb" [ $? -eq 0 ]
# it may leave temporary files
TMPDIR=$work lintian --allow-root --fail-on error,warning build/deb/*.changes >"$work/lintian" 2>&1
check "lintian: $(head -n 3 "$work/lintian")" [ $? -eq 0 ]
for package in kmem-record kmem-analyze; do
	dpkg-deb -x "$(ls build/deb/${package}_*.deb)" "$work/$package"
	check "$package runs out of its package" [ "$("$work/$package/usr/bin/$package" --version)" = \
		"$package $(git describe --always --dirty --tags)" ]
	check "$package: the page is in it" [ -s "$work/$package/usr/share/man/man1/$package.1.gz" ]
	check "$package: completion is in it" [ -s "$work/$package/usr/share/bash-completion/completions/$package" ]
done
check "the maintainer is who made the last commit" \
	[ "$(dpkg-deb -f build/deb/kmem-record_*.deb Maintainer)" = "$maintainer" ]
check "the page of the format is in it" [ -s "$work/kmem-record/usr/share/man/man5/kmem-capture.5.gz" ]
check "the recorder needs only libzstd and libc" [ "$(dpkg-deb -f build/deb/kmem-record_*.deb Depends | tr ',' '\n' |
	sed 's/ (.*//; s/^ //' | sort | tr '\n' ' ')" = 'libc6 libzstd1 ' ]
finish
