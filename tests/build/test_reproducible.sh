#!/bin/sh
# The same source in two directories, built under another time zone, locale and umask: the same bytes.
# shellcheck source=tests/cli/lib.sh
. "$TESTS/cli/lib.sh"
tree=$TESTS/..

copy_and_build() { # DIR VARIABLE=VALUE...
	dir=$1
	shift
	mkdir -p "$dir"
	# what git knows here, with changes that are not committed yet
	git -C "$tree" ls-files -z | tar -C "$tree" -c --null -T - | tar -x -C "$dir"
	env -u MAKEFLAGS -u MAKELEVEL -u B "$@" make -s -j"$(nproc)" -C "$dir" KMEM_VERSION=test all >"$work/log" 2>&1 ||
		not_ok "build in $dir" "$(tail -n 3 "$work/log")"
}

copy_and_build "$work/one" TZ=UTC LC_ALL=C
(umask 077 && copy_and_build "$work/another/and/longer" TZ=Asia/Tokyo LC_ALL=C.UTF-8)
for file in kmem-record kmem-analyze kmem-capture.5; do
	check "$file: the same bytes from both" cmp "$work/one/build/$file" "$work/another/and/longer/build/$file"
done
for program in kmem-record kmem-analyze; do
	check "$program does not know where it was built" [ "$(grep -c "$work" "$work/one/build/$program")" -eq 0 ]
	check "$program: the version that it was told" [ "$("$work/one/build/$program" --version)" = "$program test" ]
done
finish
