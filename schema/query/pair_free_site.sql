-- The free sites of event pairs that the user chose, as in pair_alloc_site.sql.
SELECT
	p.id, p.item,
	CASE WHEN i.stack THEN s.call_site ELSE coalesce(s.call_site, s.innermost) END,
	CASE WHEN i.stack THEN s.stack END,
	CASE WHEN i.stack THEN s.stack_lost ELSE 0 END,
	s.cache, s.context, s.caller
FROM temp.pair_site p
JOIN temp.pair_item i ON i.id = p.item
JOIN (
	SELECT 0 AS source, id, call_site, stack, stack_lost, cache, context, caller,
		(SELECT frame FROM stack_frame f WHERE f.stack = a.stack AND position = 0) AS innermost
	FROM main.alloc_site a
	UNION ALL
	SELECT 1, id, call_site, stack, stack_lost, cache, context, caller,
		(SELECT frame FROM stack_frame f WHERE f.stack = a.stack AND position = 0)
	FROM main.free_site a
	UNION ALL
	SELECT 2, k.id, NULL, nullif(k.id, 0), 0, NULL, 0,
		(SELECT frame FROM stack_frame f WHERE f.stack = k.id AND position = 0),
		(SELECT frame FROM stack_frame f WHERE f.stack = k.id AND position = 0)
	FROM (SELECT id FROM stack UNION ALL SELECT 0) k
) s ON s.source = i.source AND s.id = p.origin;
