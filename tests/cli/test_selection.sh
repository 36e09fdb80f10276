#!/bin/sh
# Reports of a capture that is not whole: filters and cut stacks are in the header.
. "$TESTS/cli/lib.sh"

capture selection
golden selection-account "$KMEM_ANALYZE" account "$work/selection.kmem"
golden selection-kmemleak "$KMEM_ANALYZE" kmemleak "$work/selection.kmem"
finish
