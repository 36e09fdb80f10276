#!/bin/sh
# The README's tables "coming from perf-prof", "perf kmem" and "heaptrack, pprof, mem-profiler": each of their commands runs, on live
# captures.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel coming-from
: "${TESTS:=$PWD/tests}"
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
. "$TESTS/cli/coming_from.sh"

churn=$PWD/$B/tests/churn
printf '#!/bin/sh\nexec %s 300 0 >/dev/null\n' "$churn" >"$work/load"
chmod 755 "$work/load"
# what a recorder says of its work, of events that this kernel has not, and of options that have no meaning afterwards
# perf events of the idle task are counted and never handed out on some machines, and told as losses
export INCOMPLETE=u.kmem NOISE='^kmem-record: |^ |^kmem-analyze: .*for recording only'
coming_from perf-prof 25 'leaks.svg'
coming_from 'perf kmem' 14 ''
coming_from 'heaptrack, pprof, mem-profiler' 18 'm.svg'
clean "coming from: kernel left as it was"
finish
