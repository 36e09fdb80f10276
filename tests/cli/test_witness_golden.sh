#!/bin/sh
# kmem-analyze against the witnesses on the captures that real recorders made (tests/golden; with WITNESS_EVERY=N each Nth of
# them): boots of three machines, a flight recorder, pages, perf events with user stacks and without, sampled stacks, folded
# pairs, and segments. v1.kmem is in test_witness.sh.
set -u
set -- "$TESTS"/golden/v1-*.kmem "$TESTS/golden/segments"
captures=$(printf '%s\n' "$@" | awk -v every="${WITNESS_EVERY:-1}" 'NR % every == 0')
# shellcheck disable=SC2086	# words on purpose
exec python3 "$TESTS/naive/witness.py" --brief "$KMEM_ANALYZE" $captures
