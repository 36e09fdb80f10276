#!/bin/sh
# The table allocation is filled under a plainer declaration than it has in the end (db_write.c). This compares it with one
# that SQLite fills under the real one, row by row with conversions and checks.
. "$(dirname "$0")/lib.sh"

MAKELOAD=$(cd "$TESTS/.." && pwd)/$B/tests/makeload
# what SQLite stores: pages, cells and bytes of the table
stored="SELECT count(*), sum(ncell), sum(payload), sum(unused), max(mx_payload) FROM dbstat('main') WHERE name = 'allocation'"
# one expression a column keeps SQLite from copying the records as they are
columns='id + 0, time + 0, lifetime + 0, address + 0, alloc_site + 0, free_site + 0, task + 0, free_task + 0, cpu + 0,
	free_cpu + 0, end + 0'

compare() { # NAME
	db=$work/$1.kmem.db plain=$work/$1.plain.db
	"$KMEM_ANALYZE" load -q -f "$work/$1.kmem"
	rows=$(sqlite3 "$db" 'SELECT count(*) FROM allocation')
	check "fill: $1: SQLite finds the database in order" [ "$(sqlite3 "$db" 'PRAGMA integrity_check')" = ok ]
	sed -n '/^CREATE TABLE allocation/,/^);/p' "$TESTS/../schema/tables.sql" >"$work/declared"
	sqlite3 "$db" "SELECT sql || ';' FROM sqlite_master WHERE name = 'allocation'" >"$work/found"
	check "fill: $1: the table is declared as tables.sql does" cmp "$work/declared" "$work/found"

	rm -f "$plain"
	# pages of ours keep room for a checksum
	sqlite3 "$plain" "PRAGMA page_size = $(sqlite3 "$db" 'PRAGMA page_size')" '.filectrl reserve_bytes 8' "$(cat "$work/declared")" \
		"ATTACH '$db' AS filled" "INSERT INTO allocation SELECT $columns FROM filled.allocation ORDER BY id" >"$work/shell"
	differ=$(sqlite3 "$plain" "ATTACH '$db' AS filled" \
		'SELECT count(*) FROM (SELECT * FROM allocation EXCEPT SELECT * FROM filled.allocation)' \
		'SELECT count(*) FROM (SELECT * FROM filled.allocation EXCEPT SELECT * FROM allocation)' \
		"SELECT count(*) FROM allocation JOIN filled.allocation f USING (id) WHERE typeof(f.lifetime) <> typeof(allocation.lifetime)
			OR typeof(f.free_site) <> typeof(allocation.free_site) OR typeof(f.id) <> 'integer'" | tr '\n' ' ')
	if [ "$rows" -gt 0 ] && [ "$differ" = '0 0 0 ' ] && [ "$(sqlite3 "$plain" 'SELECT count(*) FROM allocation')" = "$rows" ]; then
		ok "fill: $1: $rows rows are those that SQLite would have written"
	else
		not_ok "fill: $1: rows are those that SQLite would have written" "$rows rows, $differ differ"
	fi
	sqlite3 "$plain" "$stored" >"$work/plain.stored"
	sqlite3 "$db" "$stored" >"$work/filled.stored"
	check "fill: $1: and take as many pages, cells and bytes" cmp "$work/plain.stored" "$work/filled.stored"
}

# constraints are there again for whoever writes later
refuses() { # NAME SQL
	if sqlite3 "$work/one.kmem.db" "$2" 2>"$work/err"; then
		not_ok "fill: $1" 'it was written'
	else
		check "fill: $1" grep -q 'constraint failed' "$work/err"
	fi
}

capture replay
compare replay
"$MAKELOAD" "$TESTS/bench/mixed.shape" 7 60k "$work/one.kmem" || not_ok 'fill: a capture' 'makeload failed'
compare one
refuses 'a row without a time is refused' 'INSERT INTO allocation (address, alloc_site, task, cpu, end) VALUES (1, 1, 1, 0, 0)'
refuses 'an id that is there is refused' \
	'INSERT INTO allocation (id, time, address, alloc_site, task, cpu, end) VALUES (1, 1, 1, 1, 1, 0, 0)'
finish
