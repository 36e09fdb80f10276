-- account.sql by other keys: temporary view alloc_by has the selected pairs with key1 to key4.
SELECT
	p.key1, p.key2, p.key3, p.key4,
	sum(p.objects * a.bytes_alloc) AS total,
	sum(p.objects * (p.end & 3 = 0 OR (:classic AND p.end & 3 = 2)) * (a.bytes_alloc - a.bytes_req)) AS waste,
	sum(p.objects * (p.end & 3 = 0 OR (:classic AND p.end & 3 = 2)) * a.bytes_alloc) AS net,
	sum(p.objects) AS alloc,
	sum(p.objects * (p.end & 3 = 1)) AS free,
	sum(p.objects * (p.end & 3 = 0 OR (:classic AND p.end & 3 = 2)) * a.bytes_req) AS net_req
	--+ , estimate_low(p.alloc_site, p.objects, (p.end & 3 = 0 OR (:classic AND p.end & 3 = 2)) * a.bytes_alloc) AS net_low, estimate_high(p.alloc_site, p.objects, (p.end & 3 = 0 OR (:classic AND p.end & 3 = 2)) * a.bytes_alloc) AS net_high
	--+ , estimate_low(p.alloc_site, p.objects, a.bytes_alloc) AS total_low, estimate_high(p.alloc_site, p.objects, a.bytes_alloc) AS total_high
FROM temp.alloc_by p
JOIN alloc_site a ON a.id = p.alloc_site
GROUP BY 1, 2, 3, 4
	--+ HAVING sum(p.objects) > 0
;
