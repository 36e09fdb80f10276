#!/bin/sh
# kmem-analyze sql: reads, and only that. And schema/README.md: its examples run, and no table and no view is missing there.
. "$TESTS/cli/lib.sh"

capture replay
capture loss
"$KMEM_ANALYZE" load -q "$work/replay.kmem"
"$KMEM_ANALYZE" load -q "$work/loss.kmem"
db=$work/replay.kmem.db
readme=$TESTS/../schema/README.md

golden sql "$KMEM_ANALYZE" sql "$db" "SELECT caller, state, bytes_text(bytes_alloc) AS size, duration_text(lifetime) AS lived, \
	address_text(address) AS address FROM object ORDER BY id LIMIT 6; SELECT stack_text(stack) FROM object WHERE stack LIMIT 1"
printf 'SELECT 1 AS one,\n2 AS two;\n-- a comment\nSELECT 3 AS three\n' >"$work/in"
"$KMEM_ANALYZE" sql "$db" <"$work/in" >"$work/got" 2>"$work/err"
check "statements from standard input, over several lines" [ "$(tr -d ' \n' <"$work/got")" = 'onetwo--------12three-----3' ]
printf '.tables\n.schema live\n.help\n.quit\nSELECT 1;\n' | "$KMEM_ANALYZE" sql "$db" >"$work/got" 2>"$work/err"
check ".tables lists" grep -q '^view  *object$' "$work/got"
check ".schema shows" grep -q 'CREATE VIEW live' "$work/got"
check ".quit ends" [ "$(grep -c '^1$' "$work/got")" -eq 0 ]
for form in json ndjson csv; do
	"$KMEM_ANALYZE" sql --format $form "$db" "SELECT id, caller, lifetime FROM object ORDER BY id LIMIT 3" >"$work/got.$form"
done
check "--format csv" [ "$(head -n 1 "$work/got.csv")" = id,caller,lifetime ]
check "--format ndjson" [ "$(grep -c '"section": "rows"' "$work/got.ndjson")" -eq 3 ]
check "--format json" python3 -c 'import json, sys; assert len(json.load(open(sys.argv[1]))["rows"]) == 3' "$work/got.json"

cp "$db" "$work/before.db"
for sql in 'DELETE FROM capture' 'DROP VIEW live' 'CREATE TABLE x (y)' 'UPDATE event SET name = 1' "ATTACH '$work/x.db' AS x" \
	"VACUUM INTO '$work/x.db'" 'PRAGMA journal_mode = wal' "SELECT load_extension('x')" 'DETACH main' \
	'PRAGMA writable_schema = 1' "SELECT writefile('$work/x.db', 'x')"; do
	if "$KMEM_ANALYZE" sql "$db" "$sql" >"$work/got" 2>"$work/err"; then
		not_ok "refused: $sql" "it ran"
	else
		ok "refused: $sql"
	fi
done
check "nothing changed" cmp "$db" "$work/before.db"
check "no other file was made" [ ! -e "$work/x.db" ]
check "temporary tables are allowed" [ "$("$KMEM_ANALYZE" sql --format csv "$db" "CREATE TEMP TABLE t AS SELECT 7 AS n; SELECT n FROM t" | tail -n 1)" = 7 ]
expect 2 'no such column' 'a column that is not there' "$KMEM_ANALYZE" sql "$db" 'SELECT nosuch FROM object'
EXIT=3 golden sql-loss "$KMEM_ANALYZE" sql "$work/loss.kmem.db" 'SELECT kind, records FROM gap'
check "of a capture with losses it says so" grep -q 'lacks events' "$work/err"

# --where takes the columns of the view object, all of them
for column in $(sqlite3 "$db" "SELECT name FROM pragma_table_info('object')"); do
	"$KMEM_ANALYZE" account --where "$column IS NULL OR 1" "$db" | sed '1,/^$/d' >"$work/got" 2>"$work/err"
	[ -e "$work/want" ] || cp "$work/got" "$work/want"
	check "--where knows $column" cmp -s "$work/got" "$work/want"
	check "schema/README.md knows $column" grep -qw "$column" "$readme"
done
expect 2 'no such column: nosuch' '--where and a column that is not there' "$KMEM_ANALYZE" account --where 'nosuch = 1' "$db"
expect 2 'no such column: dentry' '--where and double quotes' "$KMEM_ANALYZE" account --where 'cache = "dentry"' "$db"
expect 2 'one condition is wanted' '--where and a second statement' "$KMEM_ANALYZE" account --where '1) ; SELECT (1' "$db"
expect 2 'is no list of numbers' '--only-cpu and no list' "$KMEM_ANALYZE" account --only-cpu 1-x "$db"
expect 2 'is no time of a day' '--at and no time' "$KMEM_ANALYZE" account --at 25:99:1 "$db"

# --- the document
sed -n 's/^    \(SELECT .*;\)$/\1/p' "$readme" >"$work/examples"
check "schema/README.md has examples" [ "$(wc -l <"$work/examples")" -ge 25 ]
while read -r sql; do
	if "$KMEM_ANALYZE" sql "$db" "$sql" >"$work/got" 2>"$work/err"; then
		ok "schema/README.md: $sql"
	else
		not_ok "schema/README.md: $sql" "$(cat "$work/err")"
	fi
done <"$work/examples"
for thing in $(sqlite3 "$db" "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'event\_%' ESCAPE '\'"); do
	check "schema/README.md has $thing, with an example" [ "$(grep -cw "$thing" "$work/examples")" -ge 1 ]
	check "schema/README.md describes $thing" grep -q "\`$thing\`" "$readme"
done
finish
