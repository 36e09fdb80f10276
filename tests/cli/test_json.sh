#!/bin/sh
# --format json: one strict document per report, every member of which the manual page names; and the same as NDJSON.
. "$TESTS/cli/lib.sh"

cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
"$KMEM_ANALYZE" load -q "$work/v1.kmem"
db=$work/v1.kmem.db
address=$(sqlite3 "$db" "SELECT printf('%x', address) FROM allocation LIMIT 1")
sed 's/\\-/-/g; s/\\(dq/"/g' "$TESTS/../analyze/kmem-analyze.1" | sed -n '/^\.SH DATA/,/^\.SH EXIT/p' >"$work/manual"
cat >"$work/members.py" <<'END'
"""members.py JSON NDJSON: names of all members; that both have the same rows"""
import json
import sys

document = json.load(open(sys.argv[1]))
names = set()


def walk(value):
    if isinstance(value, dict):
        names.update(value)
        for v in value.values():
            walk(v)
    elif isinstance(value, list):
        for v in value:
            walk(v)


walk(document)
lines = [json.loads(line) for line in open(sys.argv[2])]
assert lines[0]["section"] == "header" and lines[0]["report"] == document["report"] and document["format"] == 1
for section, rows in document.items():
    if section in ("report", "format", "header"):
        continue
    rows = rows if isinstance(rows, list) else [] if rows is None else [rows]
    flat = [{k: v for k, v in line.items() if k != "section"} for line in lines[1:] if line["section"] == section]
    assert flat == rows, "%s: NDJSON has other rows" % section
print("\n".join(sorted(names - {"report", "format", "header", "section"})))
END
json() { # COMMAND...
	"$KMEM_ANALYZE" "$@" --format json "$db" >"$work/json" 2>"$work/err"
	"$KMEM_ANALYZE" "$@" --format ndjson "$db" >"$work/ndjson" 2>"$work/err"
	names=$(python3 "$work/members.py" "$work/json" "$work/ndjson" 2>"$work/wrong")
	check "$*: JSON and NDJSON $(tail -n 1 "$work/wrong")" [ -n "$names" ]
	missing=
	for name in $names; do
		grep -qwF -e "$name" "$work/manual" || missing="$missing $name"
	done
	check "$*: the manual page names every member$missing" [ -z "$missing" ]
}
json account
json account --callers
json kmemprof
json kmemprof -i 20ms
json kmemleak --comm
json kmemleak -v
json top
json top --tree -n 3
json stat
json stat --caller --alloc -n 3
json stat --page --caller
json domains
json peak
json timeline
json lifetimes
json history --ptr "$address"
json info
for key in caller cache comm stack; do
	json lifetimes --by $key
done
# with estimates
capture sampled
"$KMEM_ANALYZE" load -q "$work/sampled.kmem"
whole=$db db=$work/sampled.kmem.db
json account --by stack
json account --by caller
json kmemprof
json kmemleak
json kmemleak --by comm,stack
json top --tree
check "estimates have intervals" grep -q '"cum_low"' "$work/json"
db=$whole
"$KMEM_ANALYZE" diff --format json "$db" "$db" >"$work/json"
check "diff: JSON" python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$work/json"
echo 'int table[300] = { 1 }; int main(void) { return table[0]; }' | ${CC:-cc} -x c -o "$work/program" -
"$KMEM_ANALYZE" static --format json "$work/program" >"$work/json"
check "static: the rows add up" python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert sum(r["total"] for r in d["rows"]) == sum(r["text"] + r["data"] + r["bss"] for r in d["rows"]) > 1000' "$work/json"
# two objects of one stack and two sizes are live, and three of that call site were freed
{
	for n in 1 2 3 4 5; do
		echo "${n}0 0 11 kmalloc ptr=0x${n}000 bytes_alloc=$((n * 8)) call_site=0x1000 stack=0x1000,0x2000"
	done
	for n in 1 2 3; do echo "9$n 0 11 kfree ptr=0x${n}000 call_site=0x3000"; done
} | "$MKCAPTURE" - "$work/sizes.kmem"
"$KMEM_ANALYZE" kmemleak --format json "$work/sizes.kmem" >"$work/json" 2>/dev/null
check "kmemleak: what ended at a call site counts once" grep -q '"objects": 2.*"ended": 3}' "$work/json"
"$KMEM_ANALYZE" info --format json "$db" >"$work/json"
"$KMEM_ANALYZE" sql --format json "$db" 'SELECT 1 AS one' >>"$work/json"
check "info, sql: the header is about no domain of its own" [ "$(grep -c '^"header": .*"domain": null' "$work/json")" = 2 ]
finish
