-- Per slab cache (or kind of memory that has none) of the selected pairs: what it holds, wastes and took in all.
SELECT
	coalesce(c.name, CASE WHEN e.api = 'malloc' THEN '(kmalloc)' WHEN e.domain = 'slab' THEN '(unknown)' ELSE '(none)' END)
		AS cache,
	sum(p.objects * (p.end & 3 = 0) * a.bytes_alloc) AS net,
	sum(p.objects * (p.end & 3 = 0)) AS objects,
	sum(p.objects * (p.end & 3 = 0) * (a.bytes_alloc - a.bytes_req)) AS waste,
	sum(p.objects * a.bytes_alloc) AS total,
	sum(p.objects) AS alloc,
	sum(p.objects * (p.end & 3 = 2)) AS untraced
FROM pair p
JOIN alloc_site a ON a.id = p.alloc_site
JOIN event e ON e.id = a.event
LEFT JOIN cache c ON c.id = a.cache
GROUP BY 1
