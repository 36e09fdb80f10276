-- Values by stack (where there is none by call site) and keys of --by; with :labels by size and cache, too. The call
-- site of a stack tells which of its frames are the allocator's. Where stacks are estimated by site, too.
SELECT
	a.stack, a.call_site,
	p.key1, p.key2, p.key3, p.key4,
	CASE WHEN :labels THEN a.bytes_alloc END AS size,
	CASE WHEN :labels THEN c.name END AS cache,
	sum(p.objects * (p.end & 3 = 0) * a.bytes_alloc) AS live,
	sum(p.objects * a.bytes_alloc) AS allocated,
	sum(p.objects * (p.end & 3 = 0) * (a.bytes_alloc - a.bytes_req)) AS waste,
	sum(p.objects * (p.end & 3 = 0)) AS objects,
	sum(p.objects) AS allocs,
	sum(p.peak_objects * a.bytes_alloc) AS peak
	--+ , p.alloc_site, sum(p.objects), sum(p.peak_objects), a.bytes_alloc, a.bytes_req, p.end & 3 = 0, p.peaked
FROM temp.stack_pair p
JOIN alloc_site a ON a.id = p.alloc_site
LEFT JOIN cache c ON c.id = a.cache
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
	--+ , p.alloc_site, p.peaked, p.end & 3 = 0
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
