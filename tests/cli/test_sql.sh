#!/bin/sh
# The SQL of schema/ runs as it is in the sqlite3 shell: tables, indexes, views, and every query.
. "$TESTS/cli/lib.sh"
schema=$TESTS/../schema

for file in tables indexes views; do
	sqlite3 -bail "$work/empty.db" <"$schema/$file.sql" >"$work/out" 2>&1
	check "sql: $file.sql runs alone" [ $? -eq 0 ]
done
check "sql: the schema is whole" [ "$(sqlite3 "$work/empty.db" 'PRAGMA integrity_check; PRAGMA foreign_key_check')" = ok ]

# What a report makes before its queries: the selected pairs and the temporary tables.
cat >"$work/prelude.sql" <<'END'
CREATE TEMP VIEW pair AS SELECT * FROM pair_total;
CREATE TEMP TABLE leak AS SELECT *, 1 AS task FROM pair WHERE end & 3 = 0;
CREATE TEMP VIEW live_object AS SELECT * FROM allocation WHERE lifetime IS NULL;
CREATE TEMP TABLE site_fact (site INTEGER PRIMARY KEY, bytes_req, bytes_alloc, event, domain, api, caller, function, module,
	cache, node, gfp, context, stack, stack_lost, directory, file, line, unit);
CREATE TEMP TABLE pair_site (id, item, origin, size);
CREATE TEMP TABLE pair_item (id INTEGER PRIMARY KEY, frees, source, stack, own_size, has_size, event, system, name, text,
	events, unread);
CREATE TEMP TABLE doubt (alloc_site, site_share, cache_share, cache);
CREATE TEMP VIEW history_owner AS SELECT * FROM allocation WHERE id < 10;
CREATE TEMP TABLE history_free (id INTEGER PRIMARY KEY);
CREATE TEMP TABLE ended (call_site, ended);
CREATE TEMP TABLE classic_site (site INTEGER PRIMARY KEY, alloc, free);
CREATE TEMP VIEW alloc_caller AS SELECT id AS site, caller FROM alloc_site;
CREATE TEMP TABLE branch_unit (id INTEGER PRIMARY KEY);
CREATE TEMP TABLE branch_site (site INTEGER PRIMARY KEY);
CREATE TEMP VIEW alloc_by AS SELECT p.*, 1 AS key1, 2 AS key2, NULL AS key3, NULL AS key4 FROM pair p;
CREATE TEMP VIEW stack_pair AS SELECT alloc_site, end, objects, 0 AS peak_objects, key1, key2, key3, key4 FROM alloc_by;
CREATE TEMP VIEW free_by AS SELECT * FROM alloc_by;
CREATE TEMP VIEW freed_pair AS SELECT * FROM pair;
CREATE TEMP VIEW leak_by AS SELECT p.*, 1 AS key1, 2 AS key2, NULL AS key3, NULL AS key4 FROM leak p;
CREATE TEMP TABLE side (side, key1, key2, key3, key4, total, waste, net, alloc, objects);
CREATE TEMP VIEW stat_pair AS SELECT alloc_site, end, objects, 0 AS moved, 0 AS crossed FROM pair;
CREATE TEMP TABLE page_order (bytes INTEGER PRIMARY KEY, page_order);
CREATE TEMP TABLE migratetype (id INTEGER PRIMARY KEY, name);
CREATE TEMP TABLE stat_site (site, caller, bytes_req, bytes_alloc, share, page_order, own_order, migratetype, gfp, objects, live,
	freed, untraced, moved, crossed);
CREATE TEMP TABLE stat_address (address, grp, bytes_alloc, bytes_req, hit, pingpong);
CREATE TEMP TABLE stat_group (id INTEGER PRIMARY KEY, caller, page_order, migratetype, gfp);
CREATE TEMP TABLE stat_failed (failed, bytes);
CREATE TEMP VIEW domain_pair AS SELECT * FROM pair;
CREATE TEMP TABLE domain_sum (domain, backs, live_bytes, live_objects, bytes, allocations, untraced);
CREATE TEMP TABLE backing_function (name, backs);
CREATE TEMP TABLE backing_frame (frame, backs);
CREATE TEMP TABLE page_backing (site, backs);
CREATE TEMP TABLE account (caller, total, waste, net, alloc, free, net_req);
CREATE TEMP TABLE static_unit (id INTEGER PRIMARY KEY);
CREATE TEMP VIEW static_selected AS SELECT * FROM main.static_symbol;
CREATE TEMP TABLE alloc_group (event, kind, other_event, stack, call_site, objects, bytes, lifetime_sum, lifetime_max);
END
cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
"$KMEM_ANALYZE" load -q "$work/v1.kmem"
for file in "$schema"/query/*.sql; do
	sqlite3 -bail -readonly "$work/v1.kmem.db" ".read $work/prelude.sql" ".read $file" >"$work/out" 2>"$work/err"
	check "sql: query/$(basename "$file") runs alone" [ $? -eq 0 ]
done

# A field of CSV is as long as it is.
for text in "hex(zeroblob(5000))" "'x' || replace(hex(zeroblob(2000)), '0', 'ä,')" "'xy' || replace(hex(zeroblob(2000)), '0', '漢\"')"; do
	"$KMEM_ANALYZE" sql --format csv "$work/v1.kmem.db" "SELECT $text AS t" | tail -n 1 >"$work/out"
	sqlite3 -csv -readonly "$work/v1.kmem.db" "SELECT $text" | tr -d '\r' >"$work/want"
	check "sql: $(wc -c <"$work/want") bytes of CSV" cmp "$work/want" "$work/out"
done

"$KMEM_ANALYZE" sql --format csv "$work/v1.kmem.db" "SELECT 1 AS a, 2 AS b; SELECT 3 AS c; CREATE TEMP TABLE t (x)" >"$work/out"
check "sql: each statement's columns are named in CSV" [ "$(tr '\n' ' ' <"$work/out")" = "a,b 1,2 c 3 " ]

# Every view answers, and the examples in views.sql do.
for view in frame_text object live caller_total stack_line frees_unmatched; do
	rows=$(sqlite3 -bail -readonly "$work/v1.kmem.db" "SELECT count(*) FROM $view")
	check "sql: view $view has rows" [ "${rows:-0}" -gt 0 ]
done
sqlite3 -bail -readonly "$work/v1.kmem.db" \
	"SELECT caller, count(*), sum(bytes_alloc) FROM live GROUP BY caller ORDER BY 3 DESC LIMIT 10" >"$work/out"
check "sql: the example of views.sql" [ "$(wc -l <"$work/out")" -eq 10 ]

# The summaries are the rows, summed up.
same() { # NAME LEFT RIGHT: two queries with one answer
	left=$(sqlite3 -readonly "$work/v1.kmem.db" "$2")
	right=$(sqlite3 -readonly "$work/v1.kmem.db" "$3")
	if [ -n "$left" ] && [ "$left" = "$right" ]; then ok "sql: $1"; else not_ok "sql: $1" "$left and $right"; fi
}
same "pair_total is allocation, counted" \
	"SELECT alloc_site, coalesce(free_site, 0), end, count(*) FROM allocation GROUP BY 1, 2, 3" \
	"SELECT alloc_site, free_site, end, sum(objects) FROM pair_total GROUP BY 1, 2, 3"
same "lifetimes add up" \
	"SELECT sum(lifetime), min(lifetime), max(lifetime) FROM allocation WHERE end & 3 = 1" \
	"SELECT sum(lifetime_sum), min(lifetime_min), max(lifetime_max) FROM pair_total WHERE end & 3 = 1"
same "unmatched frees add up" "SELECT count(*) FROM unmatched_free" "SELECT sum(unmatched) FROM free_total"
same "live rows are the last ones" "SELECT count(*) FROM allocation WHERE lifetime IS NULL" "SELECT count(*) FROM live"
same "the peak is what brute force finds" "WITH change AS (
		SELECT x.time AS t, a.bytes_alloc AS d, 1 AS n FROM allocation x
		JOIN alloc_site a ON a.id = x.alloc_site JOIN task k ON k.id = x.task WHERE NOT (k.self AND a.context = 0)
		UNION ALL
		SELECT x.time + x.lifetime, -a.bytes_alloc, -1 FROM allocation x
		JOIN alloc_site a ON a.id = x.alloc_site JOIN task k ON k.id = x.task
		WHERE x.lifetime IS NOT NULL AND NOT (k.self AND a.context = 0)),
	level AS (SELECT t, sum(sum(d)) OVER (ORDER BY t) AS bytes, sum(sum(n)) OVER (ORDER BY t) AS objects
		FROM change GROUP BY t)
	SELECT t, bytes, objects, bytes FROM level ORDER BY bytes DESC, t LIMIT 1" \
	"SELECT time, bytes, objects, (SELECT sum(s.peak_objects * a.bytes_alloc) FROM site_total s
		JOIN alloc_site a ON a.id = s.alloc_site WHERE s.self = 0) FROM domain_peak"
finish
