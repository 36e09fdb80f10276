#!/bin/sh
# wrap.sh QEMU FROM TO - what was built for another machine in FROM, as programs of this machine in TO: each runs the other
# one under QEMU's user mode, so that the tests need not know.
set -eu
qemu=$(command -v "$1") || { echo "wrap.sh: there is no $1" >&2 && exit 1; }
from=$(cd "$2" && pwd)
to=$3
rm -rf "$to"
mkdir -p "$to/tests"
for program in "$from"/kmem-* "$from"/tests/*; do
	if ! [ -f "$program" ] || ! [ -x "$program" ]; then continue; fi
	wrapper=$to/${program#"$from"/}
	printf '#!/bin/sh\nexec %s -0 "$0" %s "$@"\n' "$qemu" "$program" >"$wrapper"
	chmod 755 "$wrapper"
done
