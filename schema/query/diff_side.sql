-- One side of diff: the selected pairs by the keys of --by (temporary view alloc_by).
SELECT
	p.key1, p.key2, p.key3, p.key4,
	sum(p.objects * a.bytes_alloc) AS total,
	sum(p.objects * (p.end & 3 = 0) * (a.bytes_alloc - a.bytes_req)) AS waste,
	sum(p.objects * (p.end & 3 = 0) * a.bytes_alloc) AS net,
	sum(p.objects) AS alloc,
	sum(p.objects * (p.end & 3 = 0)) AS objects
	--+ , estimate_low(p.alloc_site, p.objects, (p.end & 3 = 0) * a.bytes_alloc) AS net_low, estimate_high(p.alloc_site, p.objects, (p.end & 3 = 0) * a.bytes_alloc) AS net_high
	--+ , estimate_low(p.alloc_site, p.objects, a.bytes_alloc) AS total_low, estimate_high(p.alloc_site, p.objects, a.bytes_alloc) AS total_high
FROM temp.alloc_by p
JOIN alloc_site a ON a.id = p.alloc_site
GROUP BY 1, 2, 3, 4
	--+ HAVING sum(p.objects) > 0
;
