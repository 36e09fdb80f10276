-- Pages by caller, order, migratetype and gfp: temporary table stat_site. Parameters as in stat_slab_caller.sql. hit of
-- live ones counts blocks, also what is left of one.
SELECT
	CASE WHEN f.frame IS NULL THEN '(unknown)' WHEN :raw THEN printf('0x%x', f.address) ELSE f.text END AS callsite,
	sum(s.bytes) AS bytes,
	CAST(round(sum(s.hit)) AS INTEGER) AS hit,
	s.page_order AS "order",
	coalesce(m.name, s.migratetype) AS migratetype,
	s.gfp AS _gfp,
	g.names AS gfp,
	s.migratetype AS _migratetype
FROM (
	SELECT
		caller, page_order, migratetype, gfp,
		sum(bytes_alloc * CASE WHEN :live THEN live ELSE objects END) AS bytes,
		sum(CASE WHEN :live THEN live ELSE objects * share END) AS hit,
		sum(CASE WHEN :live THEN live ELSE objects END) AS objects
	FROM temp.stat_site
	GROUP BY 1, 2, 3, 4
) s
LEFT JOIN frame_text f ON f.frame = s.caller
LEFT JOIN gfp_name g ON g.gfp = s.gfp
LEFT JOIN temp.migratetype m ON m.id = s.migratetype
WHERE s.objects > 0
GROUP BY 1, s.page_order, s.migratetype, s.gfp;
