#!/bin/sh
# Flame graphs and folded stacks: their sums are account's, each stack is that of the rows (tests/naive/flame.py), the picture is
# measured, and used in a real browser.
. "$TESTS/cli/lib.sh"

capture replay
capture hostile_names
capture loss
cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
for name in replay hostile_names v1; do "$KMEM_ANALYZE" load -q "$work/$name.kmem"; done
db=$work/replay.kmem.db
net() { # what account says is live; OPTION... DB
	"$KMEM_ANALYZE" account "$@" | sed -n 's/^current bytes allocated: *//p'
}
sum() { # FILE
	awk '{ n += $NF } END { print n + 0 }' "$1"
}

# --- folded stacks
golden flame-folded "$KMEM_ANALYZE" flame "$db"
golden flame-allocs-all-frames "$KMEM_ANALYZE" flame --measure allocs --all-frames "$db"
golden flame-by "$KMEM_ANALYZE" flame --by comm,cache --measure allocated "$db"
golden flame-names "$KMEM_ANALYZE" flame "$work/hostile_names.kmem.db"
golden flame-module "$KMEM_ANALYZE" flame --by module "$db"
for which in replay v1; do
	for measure in live allocated waste objects allocs peak; do
		$WRAP "$KMEM_ANALYZE" flame --all-frames --measure $measure "$work/$which.kmem.db" >"$work/$measure.folded"
		check "$which: the folded stacks of '$measure' are the rows" python3 "$TESTS/naive/flame.py" db "$work/$which.kmem.db" \
			$measure "$work/$measure.folded" >"$work/wrong"
	done
done
for options in '' '--malloc' '--include-self' '--only-comm bash' '--from 3s' '--at 2s' '--where bytes_alloc>100'; do
	# shellcheck disable=SC2086	# a list
	"$KMEM_ANALYZE" flame $options "$db" >"$work/x.folded"
	# shellcheck disable=SC2086
	check "the live bytes of '$options' are account's" [ "$(sum "$work/x.folded")" = "$(net $options "$db")" ]
done
EXIT=3 golden flame-loss "$KMEM_ANALYZE" flame "$work/loss.kmem"
"$KMEM_ANALYZE" flame "$work/loss.kmem" >"$work/x.folded" 2>"$work/err"
check "losses are said where the file has no place for it" grep -q 'are lower bounds' "$work/err"

# --- pictures
measured() { # NAME OPTION... DB
	name=$1
	shift
	$WRAP "$KMEM_ANALYZE" flame -f -o "$work/$name.svg" "$@" || not_ok "flame $name" "no picture"
	"$KMEM_ANALYZE" flame -f -o "$work/$name.folded" "$@"
	if python3 "$TESTS/naive/flame.py" svg "$work/$name.svg" "$work/$name.folded" "$(sum "$work/$name.folded")" >"$work/wrong" 2>&1; then
		ok "the picture of $name is its stacks"
	else
		not_ok "the picture of $name is its stacks" "$(tail -n 1 "$work/wrong")"
	fi
}
measured live "$db"
measured allocated --measure allocated --by comm "$work/v1.kmem.db"
measured names --by comm "$work/hostile_names.kmem.db"
check "a picture says what its numbers bear" grep -q 'none lost: every number is exact' "$work/live.svg"
cp "$work/live.svg" "$work/first.svg"
"$KMEM_ANALYZE" flame -f -o "$work/live.svg" "$db"
check "the same again is the same" cmp -s "$work/first.svg" "$work/live.svg"
$WRAP "$KMEM_ANALYZE" flame -f -o "$work/lost.svg" "$work/loss.kmem"
check "a picture of a capture with losses says so" grep -q 'records LOST' "$work/lost.svg"

# --- compared with another
"$KMEM_ANALYZE" flame --diff "$db" "$db" >"$work/same.folded"
check "a capture is what it is" [ "$(awk '$(NF - 1) != $NF' "$work/same.folded" | wc -l)" -eq 0 ]
sed 's/bytes_alloc=64/bytes_alloc=96/; /top_of_all+0x10$/d' "$TESTS/cli/captures/hostile_names.txt" >"$work/later.txt"
"$MKCAPTURE" "$work/later.txt" "$work/grown.kmem"
"$KMEM_ANALYZE" load -q "$work/grown.kmem"
golden flame-diff "$KMEM_ANALYZE" flame --diff "$work/hostile_names.kmem" "$work/grown.kmem.db"
$WRAP "$KMEM_ANALYZE" flame --diff "$work/hostile_names.kmem.db" "$work/grown.kmem" -f -o "$work/diff.svg"
colours() { # of the frames: NAME FILL
	tr '\n' ' ' <"$work/diff.svg" | sed 's/<g class/\n&/g' | sed -n 's/.*<title>\([^ ]*\) .*fill="\(#......\)".*/\1 \2/p'
}
check "what grew most is red" [ "$(colours | grep -F 'b;c&amp;amp; ')" = 'b;c&amp;amp; #ff8282' ]
$WRAP "$KMEM_ANALYZE" flame --diff "$work/loss.kmem" "$db" -f -o "$work/lost.svg" 2>"$work/err"
check "compared with a capture with losses it is exit status 3" [ $? -eq 3 ]
check "and the picture says so" grep -q 'compared with .*loss.kmem (some of whose events are missing)<' "$work/lost.svg"
check "what is as it was is grey" [ "$(colours | grep -c '^recurse #f0f0f0')" -eq 3 ]
check "what is no more is said" grep -q 'not drawn: 16 bytes of stacks that are no more' "$work/diff.svg"

# --- beside kmemleak
leaked() { # NAME OPTION...
	name=$1
	shift
	$WRAP "$KMEM_ANALYZE" kmemleak -f --flame-graph "$work/leak.folded" "$@" "$db" >"$work/out"
	check "kmemleak --flame-graph $name has the leaks" [ "$(sum "$work/leak.folded")" = \
		"$(sed -n 's/^ALLOC LIST num [0-9]* mem //p' "$work/out" | tail -n 1)" ]
}
leaked all
leaked older --than 5s
leaked 'by task' --by comm
leaked 'at a time' --at 7s
leaked 'in intervals' -i 4s
leaked none --than 1h
"$KMEM_ANALYZE" kmemleak -f --flame-graph "$work/leak.svg" "$db" >/dev/null
"$KMEM_ANALYZE" flame "$db" >"$work/leak.folded"
check "kmemleak draws its leaks" python3 "$TESTS/naive/flame.py" svg "$work/leak.svg" "$work/leak.folded" "$(net "$db")"
"$KMEM_ANALYZE" kmemleak --than 1h -f --flame-graph "$work/leak.svg" "$db" >/dev/null
check "or says that there are none" grep -q 'there are no live bytes here' "$work/leak.svg"

# --- in a browser
python3 "$TESTS/naive/browser.py" "$work/live.svg" '
const frames = [...document.querySelectorAll("g.f")], width = g => +g.querySelector("rect").getAttribute("width")
const named = name => frames.find(g => g.querySelector("title").textContent.split("\n")[0] === name)
const maple = named("mas_alloc_nodes"), input = document.querySelector("input"), found = document.querySelector(".found")
say("frames", frames.length)
maple.dispatchEvent(new MouseEvent("mouseenter"))
say("here", document.querySelector(".here").textContent)
click(maple)
say("zoomed", width(maple), frames.filter(g => g.style.display === "none").length > 0)
click(document.querySelector(".reset"))
say("again", width(maple) < 600, frames.every(g => g.style.display === ""))
input.value = "^(mas_alloc|sys_pipe)"
input.dispatchEvent(new Event("input"))
say("found", document.querySelectorAll("rect.hit").length, found.textContent)
input.value = "("
input.dispatchEvent(new Event("input"))
say(found.textContent)
document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }))
say("cleared", input.value === "", document.querySelectorAll("rect.hit").length)
' >"$work/said" 2>&1
case $? in
77) echo "skip flame graphs in a browser: there is no chromium" ;;
*)
	cp "$work/said" "$work/out"
	golden flame-browser cat "$work/said"
	python3 "$TESTS/naive/browser.py" "$work/names.svg" 'say(document.querySelectorAll("g.f").length, "frames")' >"$work/said" 2>&1
	check "hostile names run nothing: $(cat "$work/said")" grep -qx '[0-9]* frames' "$work/said"
	;;
esac

expect 2 '.svg or .folded' 'another ending' "$KMEM_ANALYZE" flame -f -o "$work/x.png" "$db"
check "makes no file" [ ! -e "$work/x.png" ]
expect 2 'these are by stack already' 'by stack' "$KMEM_ANALYZE" flame --by stack "$db"
expect 1 'the peak is known by call site' 'a peak of rows' "$KMEM_ANALYZE" flame --measure peak --at 2s "$db"
expect 1 'nothing to draw' 'nothing to draw' "$KMEM_ANALYZE" flame --domain page -o "$work/none.svg" "$db"
check "leaves no file" [ ! -e "$work/none.svg" ]
finish
