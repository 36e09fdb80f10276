#!/bin/sh
# `make install` into a directory of its own: programs, manual pages, completion.
# shellcheck source=tests/cli/lib.sh
. "$TESTS/cli/lib.sh"
tree=$TESTS/..
format=$tree/format/FORMAT.md

installed() { # DIR: files with their modes, below DIR
	(cd "$1" && find . -type f -printf '%m %p\n' | sort -k 2)
}

want='755 ./usr/bin/kmem-analyze
755 ./usr/bin/kmem-record
644 ./usr/share/bash-completion/completions/kmem-analyze
644 ./usr/share/bash-completion/completions/kmem-record
644 ./usr/share/man/man1/kmem-analyze.1
644 ./usr/share/man/man1/kmem-record.1
644 ./usr/share/man/man5/kmem-capture.5'
make -s -C "$tree" install DESTDIR="$work/root" PREFIX=/usr >"$work/log" 2>&1
check "make install DESTDIR= PREFIX=" [ $? -eq 0 ]
check "it installs what it should, and nothing else" [ "$(installed "$work/root")" = "$want" ]
make -s -C "$tree" install PREFIX="$work/there" MANDIR="$work/man" COMPLETIONDIR="$work/completion" >"$work/log" 2>&1
check "make install PREFIX= MANDIR= COMPLETIONDIR=" [ $? -eq 0 ]
check "manual pages are where MANDIR says" [ -f "$work/man/man5/kmem-capture.5" ]
check "completion is where COMPLETIONDIR says" [ -f "$work/completion/kmem-record" ]
for program in kmem-record kmem-analyze; do
	check "$program runs where it was installed" "$work/there/bin/$program" --version
	check "$program: the version is that of git" [ "$("$work/there/bin/$program" --version)" = \
		"$program $(git -C "$tree" describe --always --dirty --tags)" ]
done

# --- the manual pages: without a warning, and that of the format is the whole of FORMAT.md
for page in "$work"/man/man*/*; do
	title=$(basename "$page")
	man --warnings=w -l "$page" >"$work/$title.txt" 2>"$work/err"
	check "$title: troff has nothing to say $(head -n 3 "$work/err")" [ ! -s "$work/err" ]
	check "$title: man finds it by its name" [ "$(man -M "$work/man" -w "${title%.*}")" = "$page" ]
	check "$title: apropos has a line for it" grep -q "^       ${title%.*} - " "$work/$title.txt"
done

words() { # how often each word stands there
	tr -cs '[:alnum:]' '\n' | sort | uniq -c | awk 'NF == 2 { print $2, $1 }' | sort -k 1,1
}
words <"$format" >"$work/format.words"
words <"$work/kmem-capture.5.txt" >"$work/page.words"
lost=$(join -a 1 -e 0 -o 0,1.2,2.2 "$work/format.words" "$work/page.words" | awk '$3 < $2')
check "no word of FORMAT.md is missing from kmem-capture(5) $lost" [ -z "$lost" ]
check "that is a document of some length" [ "$(wc -l <"$work/format.words")" -gt 500 ]
sed 's/^| u8 | kind |$/- a list/' "$format" >"$work/other.md"
awk -f "$tree/scripts/format_manual.awk" "$work/other.md" >"$work/out" 2>"$work/err"
check "what it cannot show is refused" [ $? -eq 1 ]
finish
