-- Pages by frame number, order, migratetype, gfp and caller: temporary table stat_address, whose grp is the rowid of
-- stat_group. A part of a block stands for itself.
SELECT
	a.address AS page, a.bytes_alloc AS bytes, a.hit AS hit,
	g.page_order AS "order",
	coalesce(m.name, g.migratetype) AS migratetype,
	g.gfp AS _gfp,
	n.names AS gfp,
	CASE WHEN f.frame IS NULL THEN '(unknown)' WHEN :raw THEN printf('0x%x', f.address) ELSE f.text END AS callsite,
	g.migratetype AS _migratetype
FROM temp.stat_address a
JOIN temp.stat_group g ON g.id = a.grp
LEFT JOIN frame_text f ON f.frame = g.caller
LEFT JOIN gfp_name n ON n.gfp = g.gfp
LEFT JOIN temp.migratetype m ON m.id = g.migratetype;
