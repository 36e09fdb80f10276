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
finish
