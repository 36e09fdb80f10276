-- The same objects (temporary view freed_pair) by the stack that freed them. Bytes are those of the allocation.
SELECT
	a.event AS event,
	p.end & 3 AS kind,
	f.event AS other_event,
	f.stack AS stack,
	CASE WHEN f.stack IS NULL THEN f.call_site END AS call_site,
	sum(p.objects) AS objects,
	sum(p.objects * a.bytes_alloc) AS bytes,
	CASE WHEN total(p.lifetime_sum) < 9.2e18 THEN CAST(total(p.lifetime_sum) AS INTEGER) ELSE total(p.lifetime_sum) END
		AS lifetime_sum,	-- sum() fails where it is too large for an integer
	max(p.lifetime_max) AS lifetime_max,
	NULL AS key1, NULL AS key2, NULL AS key3, NULL AS key4
	--+ , estimate_low(p.alloc_site, p.objects, 1) AS objects_low, estimate_high(p.alloc_site, p.objects, 1) AS objects_high
	--+ , estimate_low(p.alloc_site, p.objects, a.bytes_alloc) AS bytes_low, estimate_high(p.alloc_site, p.objects, a.bytes_alloc) AS bytes_high
FROM temp.freed_pair p
JOIN alloc_site a ON a.id = p.alloc_site
JOIN free_site f ON f.id = p.free_site
WHERE p.end & 3 = 1
GROUP BY 1, 2, 3, 4, 5
	--+ HAVING sum(p.objects) > 0
;
