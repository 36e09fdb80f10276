#!/bin/sh
# Which events are recorded: the language of -e, filters in the kernel, stacks that are cut.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel events
cap=$work/cap.kmem
whole=$work/whole.kmem
churn=$B/tests/churn
# by way of a copy: sort seeks in its input, which costs /proc/kallsyms a minute
cat /proc/kallsyms >"$work/kallsyms"
sort -k 1,1 "$work/kallsyms" >"$work/symbols"

begin_whole() { # ARGUMENT...: a recorder beside the one under test
	"$KMEM_RECORD" -q -f -o "$whole" -d 100 "$@" >/dev/null 2>&1 &
	pid=$!
	until [ -s "$whole" ] && "$READ_CAPTURE" --info "$whole" 2>/dev/null | grep -q time.start_ns; do sleep 0.05; done
}

end_whole() {
	kill -INT $pid
	wait $pid
}

# What a filter lets pass is what a recorder without one, at the same time, saw of the same program.
both() { # NAME SPEC PYTHON-CONDITION
	rm -f "$whole"
	begin_whole --stacks none
	record 0 "$1: recorded" -f -o "$cap" -e "$2" -- "$churn" 400
	end_whole
	exact "$1: exact" "$cap"
	if counts=$(python3 "$TESTS/kernel/filtered.py" "$READ_CAPTURE" "$cap" "$whole" "$3"); then
		ok "$1: the same $counts"
	else
		not_ok "$1: the same events" "$counts"
	fi
}

range() { # SYMBOL: a Python condition, from the symbol table, independently of kmem-record
	awk -v name="$1" '
		found && $1 != start { printf "%s0x%s <= e[\"call_site\"] < 0x%s", or, start, $1; or = " or "; found = 0 }
		$3 == name { start = $1; found = 1 }' "$work/symbols"
}

both "a number" 'kmem:kmalloc/bytes_alloc>512/stack/' 'e["bytes_alloc"] > 512'
stacks=$("$READ_CAPTURE" --events "$cap" | grep -c 'kmem:kmalloc .*stack=[0-9]')
check "a number: each event has its stack" [ "$stacks" = "$("$READ_CAPTURE" --events "$cap" | grep -c kmem:kmalloc)" ]
orphans=$("$READ_CAPTURE" --stats "$cap" | sed -n 's/^end cpu=.*orphan_stacks=\([0-9]*\).*/\1/p' | sort -rn | head -n 1)
check "a number: no stack without its event" [ "${orphans:-none}" = 0 ]
check "a number: the request is stored" [ "$(info "$cap" events.spec)" = 'kmem:kmalloc/bytes_alloc>512/stack/' ]
check "a number: the filter is stored" [ "$(info "$cap" events.filter)" = 'kmem:kmalloc bytes_alloc>512' ]
"$B/kmem-analyze" account --db "$work/cap.db" -n 1 "$cap" >"$work/report" 2>&1
check "a number: every report says so" grep -q "^# recorded with filter 'bytes_alloc>512' on kmem:kmalloc" "$work/report"
both "a comma and a list" 'kmem:kmalloc/bytes_alloc == 192 || bytes_alloc == 1024/,kmem:kfree' 'e["bytes_alloc"] in (192, 1024)'

function=alloc_pipe_info
both "a function" "kmem:kmalloc/call_site==$function/stack/" "$(range $function)"
both "a function, quoted, among others" \
	"kmem:kmalloc/(call_site.function==\"$function\")&&bytes_alloc>200/" "($(range $function)) and e['bytes_alloc'] > 200"
both "not a function" "kmem:kmalloc/call_site.function != $function/" "not ($(range $function))"
# the kernel would take one of them only
twice=$(awk '$2 == "t" && $3 ~ /^[a-z_]+$/ { print $3 }' "$work/kallsyms" | sort | uniq -d | head -n 1)
if [ -n "$twice" ]; then
	both "a function that exists twice" "kmem:kmalloc/call_site == $twice || call_site==$function/" \
		"$(range "$twice") or $(range $function)"
	both "not a function that exists twice" "kmem:kmalloc/call_site!=$twice&&call_site!=$function/" \
		"not ($(range "$twice") or $(range $function))"
else
	skip "a function that exists twice" "this kernel has none"
fi

rm -f "$whole"
begin_whole -e kmem:kmalloc
record 0 "max-stack" -f -o "$cap" -e 'kmem:kmalloc//max-stack=3/' -- "$churn" 300
end_whole
exact "max-stack: exact" "$cap"
check "max-stack: stored" [ "$(info "$cap" events.max_stack)" = kmem:kmalloc=3 ]
"$READ_CAPTURE" --stacks "$cap" | cut -d ' ' -f 2- | sort -u >"$work/cut"
"$READ_CAPTURE" --stacks "$whole" | cut -d ' ' -f 2-4 | sort -u >"$work/starts"
check "max-stack: no stack is deeper" [ "$(awk '{ print NF }' "$work/cut" | sort -n | tail -n 1)" = 3 ]
check "max-stack: the innermost frames of whole stacks" [ -z "$(comm -23 "$work/cut" "$work/starts")" ]
"$B/kmem-analyze" account --db "$work/cut.db" -n 1 "$cap" >"$work/report" 2>&1
check "max-stack: every report says so" grep -q '^# stacks were cut .*: kmem:kmalloc=3' "$work/report"

types() {
	"$READ_CAPTURE" --types "$cap" | sed -n 's/^[0-9][0-9]* \([a-z_]*:[a-z_]*\) .*stacks=\([0-9]\).*/\1=\2/p' |
		grep -v '^task:\|^module:' | sort | tr '\n' ' '
}

record 0 "wildcards" -f -o "$cap" -e 'kmem:km*alloc*,kmem:k[f]ree' -d 100ms
check "wildcards: what matches, stacks as --stacks says" \
	[ "$(types)" = "kmem:kfree=0 kmem:kmalloc=1 kmem:kmem_cache_alloc=1 " ]
record 0 "wildcards with slashes" -f -o "$cap" -e 'kmem:km*alloc*//ptr=ptr/,kmem:kfree//stack/' -d 100ms
check "wildcards with slashes: stacks where it says stack" \
	[ "$(types)" = "kmem:kfree=1 kmem:kmalloc=0 kmem:kmem_cache_alloc=0 " ]
record 0 "an exact spec wins over a preset" -f -o "$cap" -e 'kmem:kmalloc/bytes_alloc>64/' -e slab -e 'kmem:k*//stack/' -d 100ms
check "an exact spec wins: over a pattern, that over a preset" \
	[ "$(types)" = "kmem:kfree=1 kmem:kmalloc=0 kmem:kmem_cache_alloc=1 kmem:kmem_cache_free=1 " ]
check "an exact spec wins: filter" [ "$(info "$cap" events.filter)" = 'kmem:kmalloc bytes_alloc>64' ]
check "several -e: all are stored" \
	[ "$(info "$cap" events.spec)" = 'kmem:kmalloc/bytes_alloc>64/,slab,kmem:k*//stack/' ]

refused() { # NAME SPEC TEXT COLUMN: exit 2, the text, and a caret in that column of the line before
	echo precious >"$work/kept"
	record 2 "$1" -f -o "$work/kept" -e "$2" -d 100ms
	says "$1: says why" "$3"
	lines "$1: one error" 3
	check "$1: the place" [ "$(tail -n 1 "$work/err")" = "$(printf '  %*s^' "$4" '')" ]
	check "$1: no file was touched" [ "$(cat "$work/kept")" = precious ]
}

refused "filter: unknown field" 'kmem:kmalloc/nosuch>1/' 'Field not found' 7
refused "filter: no value" 'kmem:kmalloc/bytes_alloc>/stack/' 'Invalid value' 12
refused "filter: parenthesis" 'kmem:kmalloc/(bytes_alloc>1/' "Too many '('" 0
refused "filter: unknown function" 'kmem:kmalloc/bytes_alloc>1&&call_site==alloc_pipe_inf0/' 'did you mean alloc_pipe_info' 26
refused "filter: not closed" 'kmem:kmalloc/a>1,kmem:kfree' 'not closed' 27
refused "attribute: unknown" 'kmem:kmalloc//stacks/' 'did you mean stack' 14
refused "attribute: bad number" 'kmem:kmalloc//max-stack=many/' 'from 1 to 1024' 14
refused "attribute: of a preset" 'slab//stack/' 'wants an event' 4
record 2 "wildcards: nothing matches" -o "$work/none.kmem" -e 'kmem:no*such*'
says "wildcards: nothing matches: says so" "no event matches 'kmem:no*such*'"
record 2 "unknown event with attributes" -o "$work/none.kmem" -e 'kmem:kmaloc//stack/'
says "unknown event with attributes: near names" "did you mean kmem:kmalloc?"
record 2 "two filters for one event" -o "$work/none.kmem" -e 'kmem:kfree/ptr>1/' -e 'kmem:kfree/ptr>2/'
says "two filters for one event: says what to do" "make them one"
check "failed starts make no file" [ ! -e "$work/none.kmem" ]
clean "events: kernel left as it was"
finish
