#!/bin/sh
# Captures that real recorders of format version 1 made, of several machines, backends and modes (tests/golden): every later
# version loads them, and answers the same. Where an answer has to change, say why in the commit.
. "$TESTS/cli/lib.sh"

answers() { # NAME FILE
	of=$1
	shift
	for question in 'account -n 6' 'kmemleak -n 2 --comm' 'kmemprof -n 1'; do
		# shellcheck disable=SC2086	# words on purpose
		golden "v1-$of-${question%% *}" "$KMEM_ANALYZE" $question "$@"
	done
}

# "$TESTS"/golden may be read-only
cp "$TESTS"/golden/v1-*.kmem "$work"
for cap in "$work"/v1-*.kmem; do
	one=${cap##*/v1-}
	one=${one%.kmem}
	"$KMEM_ANALYZE" verify "$cap" >"$work/verify" 2>&1
	check "$one: verified" [ $? -eq 0 ]
	answers "$one" "$cap"
	events=$("$TESTS/../scripts/read_capture.py" --info "$cap" | sed -n 's/^events: //p')
	folded=$("$TESTS/../scripts/read_capture.py" --info "$cap" | sed -n 's/^folded: //p')
	check "$one: all its events" [ "$(sqlite3 "$cap.db" "SELECT value FROM capture WHERE key = 'events'")" = $((events + folded)) ]
done

# One recording in three files, by a recorder that begins the next one earlier than others do: together they answer as
# one, and without the first they say what is not there.
mkdir "$work/segments"
cp "$TESTS"/golden/segments/v1-segments.*.kmem "$work/segments"
series=$work/segments/v1-segments.kmem
"$KMEM_ANALYZE" load -q "$work"/segments/v1-*.kmem
check 'segments: load as one' [ $? -eq 0 ]
answers segments "$series"
reader=$TESTS/../scripts/read_capture.py
"$reader" --verify "$work"/segments/v1-*.0*.kmem >"$work/verify" 2>&1
check 'segments: the reader finds them whole' [ $? -eq 0 ]
"$reader" --events "$work"/segments/v1-*.0*.kmem >"$work/events"
check 'segments: all its events' [ "$(sqlite3 "$series.db" "SELECT value FROM capture WHERE key = 'events'")" = "$(wc -l <"$work/events")" ]
python3 "$TESTS/naive/replay.py" --from-events-text --include-self "$work/events" | sed -n '1,/^number of frees/p' >"$work/theirs"
"$KMEM_ANALYZE" account --include-self "$series" 2>/dev/null | sed '1,/^$/d' | sed -n '1,/^number of frees/p' >"$work/ours"
check 'segments: its account is that of the dictionary replay' cmp -s "$work/theirs" "$work/ours"
check 'segments: there is an account' [ "$(wc -l <"$work/ours")" -eq 5 ]
rm "$work/segments/v1-segments.000001.kmem"
"$KMEM_ANALYZE" account -f "$work"/segments/v1-*.0*.kmem 2>/dev/null | grep -q '^# begins with segment 2'
check 'segments: without the first it says that it begins late' [ $? -eq 0 ]
finish
