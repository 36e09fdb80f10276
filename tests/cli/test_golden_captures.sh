#!/bin/sh
# Captures that real recorders of format version 1 made, of several machines, backends and modes (tests/golden): every later
# version loads them, and answers the same. Where an answer has to change, say why in the commit.
. "$TESTS/cli/lib.sh"

answers() { # NAME FILE...: exit status EXIT (default 0)
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
	case $one in *.0*) continue ;; esac # a segment
	expected=0
	case $one in flight) expected=${FLIGHT_STATUS:-0} ;; esac
	"$KMEM_ANALYZE" verify "$cap" >"$work/verify" 2>&1
	check "$one: verified" [ $? -eq "$expected" ]
	EXIT=$expected answers "$one" "$cap"
	events=$("$TESTS/../scripts/read_capture.py" --info "$cap" | sed -n 's/^events: //p')
	folded=$("$TESTS/../scripts/read_capture.py" --info "$cap" | sed -n 's/^folded: //p')
	check "$one: all its events" [ "$(sqlite3 "$cap.db" "SELECT value FROM capture WHERE key = 'events'")" = $((events + folded)) ]
done
if [ -e "$work/v1-segments.000001.kmem" ]; then
	answers segments "$work/v1-segments.kmem"
	check "segments: all of them" [ "$(sqlite3 "$work/v1-segments.kmem.db" "SELECT value FROM capture WHERE key = 'segments.last'")" = \
		"$(find "$work" -name 'v1-segments.0*.kmem' | wc -l)" ]
fi
finish
