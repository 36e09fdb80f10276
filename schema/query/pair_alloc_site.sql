-- The allocation sites of event pairs that the user chose (temporary tables pair_site and pair_item): those of the
-- database with another size, its free sites where a free is called an allocation, and stacks of other tracepoints.
-- Where no stack is asked for its innermost frame stands for a call site that the event does not have.
SELECT
	p.id, p.item,
	CASE WHEN i.stack THEN s.call_site ELSE coalesce(s.call_site, s.innermost) END,
	CASE WHEN i.stack THEN s.stack END,
	CASE WHEN i.stack THEN s.stack_lost ELSE 0 END,
	CASE WHEN NOT i.has_size THEN NULL WHEN i.own_size THEN s.bytes_req ELSE p.size END,
	CASE WHEN i.has_size THEN p.size END,
	s.gfp, s.node, s.cache, s.context, s.caller
FROM temp.pair_site p
JOIN temp.pair_item i ON i.id = p.item
JOIN (
	SELECT 0 AS source, id, call_site, stack, stack_lost, bytes_req, gfp, node, cache, context, caller,
		(SELECT frame FROM stack_frame f WHERE f.stack = a.stack AND position = 0) AS innermost
	FROM main.alloc_site a
	UNION ALL
	SELECT 1, id, call_site, stack, stack_lost, 0, NULL, NULL, cache, context, caller,
		(SELECT frame FROM stack_frame f WHERE f.stack = a.stack AND position = 0)
	FROM main.free_site a
	UNION ALL
	SELECT 2, k.id, NULL, nullif(k.id, 0), 0, 0, NULL, NULL, NULL, 0,
		(SELECT frame FROM stack_frame f WHERE f.stack = k.id AND position = 0),
		(SELECT frame FROM stack_frame f WHERE f.stack = k.id AND position = 0)
	FROM (SELECT id FROM stack UNION ALL SELECT 0) k
) s ON s.source = i.source AND s.id = p.origin;
