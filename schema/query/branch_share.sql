-- How much of the memory that a report is about the selected sites allocated: sites, bytes, all bytes, and bytes
-- of callers of which no unit is known.
SELECT
	count(DISTINCT CASE WHEN b.site IS NOT NULL THEN a.id END) AS sites,
	coalesce(sum(p.objects * a.bytes_alloc) FILTER (WHERE b.site IS NOT NULL), 0) AS bytes,
	coalesce(sum(p.objects * a.bytes_alloc), 0) AS all_bytes,
	coalesce(sum(p.objects * a.bytes_alloc) FILTER (WHERE f.unit IS NULL), 0) AS unknown
FROM pair_total p
JOIN alloc_site a ON a.id = p.alloc_site
JOIN event e ON e.id = a.event
LEFT JOIN temp.alloc_caller k ON k.site = a.id
LEFT JOIN frame f ON f.id = k.caller
LEFT JOIN temp.branch_site b ON b.site = a.id
WHERE (:domain IS NULL OR e.domain = :domain) AND (:api IS NULL OR e.api = :api) AND (:include_self OR p.self = 0);
