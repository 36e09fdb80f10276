-- What the options select (temporary view stat_pair) by allocation site, with what the groups of `stat` need. A part of
-- a block of pages is counted as that share of an allocation, and has the order of the block.
SELECT
	p.alloc_site AS site,
	k.caller AS caller,
	a.bytes_req, a.bytes_alloc,
	CASE WHEN a.part_of IS NULL THEN 1 ELSE a.bytes_alloc * 1.0 / w.bytes_alloc END AS share,
	o.page_order, oo.page_order AS own_order,
	a.migratetype, a.gfp,
	p.objects, p.live, p.freed, p.untraced, p.moved, p.crossed
FROM (
	SELECT
		alloc_site,
		sum(objects) AS objects,
		sum(objects * (end & 3 = 0)) AS live,
		sum(objects * (end & 3 = 1)) AS freed,
		sum(objects * (end & 3 = 2)) AS untraced,
		sum(moved) AS moved,
		sum(crossed) AS crossed
	FROM temp.stat_pair
	GROUP BY 1
) p
JOIN alloc_site a ON a.id = p.alloc_site
LEFT JOIN alloc_site w ON w.id = a.part_of
LEFT JOIN temp.page_order o ON o.bytes = coalesce(w.bytes_alloc, a.bytes_alloc)
LEFT JOIN temp.page_order oo ON oo.bytes = a.bytes_alloc
LEFT JOIN temp.alloc_caller k ON k.site = a.id;
