-- Sums of the selected pairs of one domain (temporary view domain_pair), pages by what they back. A part of a block counts
-- as that share of an allocation.
SELECT
	b.backs AS backs,
	coalesce(sum(p.objects * (p.end & 3 = 0) * a.bytes_alloc), 0) AS live_bytes,
	coalesce(sum(p.objects * (p.end & 3 = 0)), 0) AS live_objects,
	coalesce(sum(p.objects * a.bytes_alloc), 0) AS bytes,
	CAST(round(sum(p.objects * CASE WHEN w.id IS NULL THEN 1 ELSE 1.0 * a.bytes_alloc / w.bytes_alloc END)) AS INTEGER)
		AS allocations,
	coalesce(sum(p.objects * (p.end & 3 = 2)), 0) AS untraced
FROM temp.domain_pair p
JOIN alloc_site a ON a.id = p.alloc_site
LEFT JOIN alloc_site w ON w.id = a.part_of
LEFT JOIN temp.page_backing b ON b.site = p.alloc_site
GROUP BY 1;
