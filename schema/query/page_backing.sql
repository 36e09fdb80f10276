-- What allocation sites of pages take them for, by the innermost frame that is in temporary table backing_frame; and of
-- vmalloc areas whether they are memory of their own, or mappings of what has an owner elsewhere (vmap, ioremap).
SELECT
	s.site,
	CASE WHEN s.stack IS NULL THEN 'unknown' WHEN s.domain = 'page' THEN coalesce(s.backs, 'other')
		WHEN s.backs = 'vmalloc' THEN 'memory' ELSE 'mappings' END AS backs
FROM (
	SELECT
		a.id AS site, a.stack, e.domain,
		(SELECT b.backs FROM stack_frame sf JOIN temp.backing_frame b ON b.frame = sf.frame
			WHERE sf.stack = a.stack ORDER BY sf.position LIMIT 1) AS backs
	FROM alloc_site a
	JOIN event e ON e.id = a.event
	WHERE e.domain IN ('page', 'vmalloc')
) s;
