#!/bin/sh
# A program that holds a known number of pipes, socket pairs and epoll instances, with noise from others on every
# CPU: kmemleak lists exactly these, and exactly half of them when half was closed.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel planted
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
pipes=300 pairs=200 epolls=100
mkfifo "$work/hold"

for mode in all --half; do
	cap=$work/$mode.kmem
	rm -f "$work/ready"
	# plant outlives the recording: it holds until we close the pipe
	# shellcheck disable=SC2016	# for the inner shell
	PLANT=$B/tests/plant CHURN=$B/tests/churn WORK=$work "$KMEM_RECORD" -q -o "$cap" -- sh -c '
		for cpu in $(seq 0 $(($(nproc) - 1))); do "$CHURN" 4000 $cpu >/dev/null & done
		for i in $(seq 300); do /bin/true; done	# new address spaces: maple nodes
		"$PLANT" "$@" <"$WORK/hold" >"$WORK/ready" &
		until [ -s "$WORK/ready" ]; do sleep 0.05; done' sh $pipes $pairs $epolls "$mode" &
	recorder=$!
	exec 9>"$work/hold"
	wait $recorder
	check "planted, $mode: recorded without loss" [ $? -eq 0 ]
	exec 9>&-
	"$KMEM_ANALYZE" kmemleak --comm -n 100000 "$cap" >"$work/leak" 2>"$work/err"
	check "planted, $mode: reported" [ $? -eq 0 ]
	if [ "$mode" = all ]; then half=1; else half=2; fi
	pid=$(cut -d' ' -f2 "$work/ready")
	if python3 "$TESTS/kernel/planted.py" "$work/leak" "$cap" "$pid" $((pipes / half)) $((pairs / half)) \
			$((epolls / half)) 2>"$work/why"; then
		ok "planted, $mode: exactly what is held"
	else
		not_ok "planted, $mode: exactly what is held" "$(cat "$work/why")"
	fi
done
clean "planted: kernel left as it was"
finish
