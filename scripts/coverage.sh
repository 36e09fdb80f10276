#!/bin/sh
# coverage.sh BUILD - lines of format/ and analyze/ that ran since the counters in BUILD were made, by gcov; each line of a header counts
# once, as run if any file ran it. Prints the files with most lines that never ran, and the sums. Exit status 1 below 85 %.
set -eu
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
find "$PWD/$build" -name '*.gcno' >"$work/notes"
(cd "$work" && xargs -a notes -n 40 "${GCOV:-gcov}" --json-format >log 2>&1)
gzip -d "$work"/*.gcov.json.gz
python3 - "$work" <<'END'
import glob, json, os, sys
ran = {}
for name in glob.glob(sys.argv[1] + "/*.gcov.json"):
    with open(name) as f:
        for source in json.load(f)["files"]:
            path = os.path.normpath(source["file"])
            if path.split("/")[0] in ("format", "analyze"):
                lines = ran.setdefault(path, {})
                for line in source["lines"]:
                    number = line["line_number"]
                    lines[number] = lines.get(number, False) or line["count"] > 0
missing = sorted(((sum(not r for r in lines.values()), len(lines), path) for path, lines in ran.items()), reverse=True)
for count, all_lines, path in missing[:15]:
    print("%6d of %5d lines never ran: %s" % (count, all_lines, path))
total = reached = 0
for room in ("format", "analyze"):
    lines = [r for path, known in ran.items() if path.split("/")[0] == room for r in known.values()]
    total, reached = total + len(lines), reached + sum(lines)
    print("%s/: %d of %d lines, %.1f %%" % (room, sum(lines), len(lines), 100 * sum(lines) / len(lines)))
print("coverage: %.1f %% of the lines of format/ and analyze/" % (100 * reached / total))
sys.exit(0 if reached >= 0.85 * total else 1)
END
