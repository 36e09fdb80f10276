#!/bin/sh
# kmem-analyze against witnesses that share no code with it (tests/naive/witness.py): on captures made by tests/naive/mkcap.py
# (with WITNESS_EVERY=N each Nth of them), then the golden one of most events. The others are in test_witness_golden.sh.
#
#	KMEM_ANALYZE=build/kmem-analyze TESTS=tests tests/cli/test_witness.sh [CAPTURE...]
set -u
made=$(python3 "$TESTS/naive/mkcap.py" --list | awk -v every="${WITNESS_EVERY:-1}" 'NR % every == 0')
[ $# -gt 0 ] || set -- "$TESTS/golden/v1.kmem"
# shellcheck disable=SC2086	# words on purpose
exec python3 "$TESTS/naive/witness.py" "$KMEM_ANALYZE" $made "$@"
