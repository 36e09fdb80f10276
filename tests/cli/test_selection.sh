#!/bin/sh
# Reports of a capture that is not whole: filters, cut stacks, and whose allocations it has, are in the header.
. "$TESTS/cli/lib.sh"

capture selection
golden selection-account "$KMEM_ANALYZE" account "$work/selection.kmem"
golden selection-kmemleak "$KMEM_ANALYZE" kmemleak "$work/selection.kmem"
capture tasks
golden tasks-account "$KMEM_ANALYZE" account "$work/tasks.kmem"
golden tasks-kmemleak "$KMEM_ANALYZE" kmemleak "$work/tasks.kmem"
"$KMEM_ANALYZE" info "$work/tasks.kmem" >"$work/info"
sed -n '/^only/p; /^rings/,$p' "$work/info" >"$work/part"
golden tasks-info cat "$work/part"
finish
