#!/bin/sh
# Our decoder of ring-buffer pages and our parser of formats against libtraceevent's, on this kernel.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel pages
"$B/tests/pages" || failed=1
clean "pages: kernel left as it was"
finish
