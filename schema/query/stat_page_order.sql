-- How many requests of each order and migratetype: temporary table stat_site.
SELECT
	s.page_order AS "order",
	coalesce(m.name, s.migratetype) AS migratetype,
	CAST(round(sum(CASE WHEN :live THEN s.live ELSE s.objects * s.share END)) AS INTEGER) AS requests,
	s.migratetype AS _migratetype
FROM temp.stat_site s
LEFT JOIN temp.migratetype m ON m.id = s.migratetype
GROUP BY s.page_order, s.migratetype
HAVING sum(CASE WHEN :live THEN s.live ELSE s.objects END) > 0
ORDER BY s.page_order, s.migratetype;
