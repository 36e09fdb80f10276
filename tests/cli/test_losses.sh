#!/bin/sh
# Whatever is asked of a capture with lost events: the answer says so, and the exit status is 3.
. "$TESTS/cli/lib.sh"

capture loss
"$KMEM_ANALYZE" load -q "$work/loss.kmem"
db=$work/loss.kmem.db
asked=
says() { # COMMAND...: in the report itself, or where it has no place for words beside it
	command=$1
	asked="$asked $1"
	"$KMEM_ANALYZE" "$@" >"$work/got" 2>"$work/err"
	code=$?
	what=$*
	check "${what%"$work"*}exits 3" [ $code -eq 3 ]
	check "${what%"$work"*}says that events are lost" grep -qiE 'LOST|lacks events|lost [1-9]|"complete": 0|in doubt' "$work/got" "$work/err"
}
for format in text json ndjson; do
	for command in account kmemprof kmemleak top stat domains peak timeline lifetimes; do
		says $command --format $format "$db"
	done
	says history --ptr 0xffff888000001000 --format $format "$db"
	says diff --format $format "$db" "$db"
done
says info "$db"
says info --format json "$db"
says sql "$db" 'SELECT 1'
says sql --format json "$db" 'SELECT 1'
says flame "$db"
says export --as folded "$db"
# in a picture or page the words are in it
for command in 'rings x.html' 'report r.html' 'graph g.dot' 'flame f.svg' 'timeline t.svg'; do
	file=$work/${command#* }
	command=${command% *}
	asked="$asked $command"
	"$KMEM_ANALYZE" "$command" -f -o "$file" "$db" 2>"$work/err"
	check "$command exits 3" [ $? -eq 3 ]
	check "$command says so" grep -q 'LOST' "$file"
done

# of a capture whose stacks are a sample, too; and nothing in words is called exact
{
	echo 'info events.stack_sample 2'
	echo 'info events.stack_sample_by random'
	sed '0,/^20/s/^20.*/& stack=0xffffffff8100304f,0xffffffff81005010/' "$TESTS/cli/captures/loss.txt"
} >"$work/sampled.txt"
"$MKCAPTURE" "$work/sampled.txt" "$work/sampled.kmem"
"$KMEM_ANALYZE" load -q "$work/sampled.kmem"
for of in "$db" "$work/sampled.kmem.db"; do
	for command in account 'account --by stack' kmemprof kmemleak top stat domains peak timeline lifetimes 'flame -f -o x.svg' info; do
		# shellcheck disable=SC2086	# a command and its options
		(cd "$work" && "$KMEM_ANALYZE" $command "$of" >got 2>err)
		name=${of##*/}
		check "$command of ${name%%.*}: nothing is called exact" sh -c '! sed "s/--exact//" "$1" "$2" | grep -q exact' sh "$work/got" "$work/err"
	done
done
says kmemprof "$work/sampled.kmem.db"
check "its stacks are called a sample" grep -q '^# stacks of 1 allocation in 2 were recorded' "$work/got"

# no command is left out
for command in $("$KMEM_ANALYZE" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
	case $command in
	static | load | symbolize | verify) continue ;; # these are about files
	esac
	case "$asked " in
	*" $command "*) ok "$command was asked" ;;
	*) not_ok "$command was asked" "it is not in this test" ;;
	esac
done
finish
