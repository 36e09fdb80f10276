-- The same objects by who freed them: temporary view free_by.
SELECT
	a.event AS event,
	p.end & 3 AS kind,
	f.event AS other_event,
	NULL AS stack,
	NULL AS call_site,
	sum(p.objects) AS objects,
	sum(p.objects * a.bytes_alloc) AS bytes,
	CASE WHEN total(p.lifetime_sum) < 9.2e18 THEN CAST(total(p.lifetime_sum) AS INTEGER) ELSE total(p.lifetime_sum) END
		AS lifetime_sum,	-- sum() fails where it is too large for an integer
	CASE WHEN count(p.lifetime_max) = count(*)
		--+ OR 1 -- of an estimate: that of its samples
		THEN max(p.lifetime_max) END AS lifetime_max,
	p.key1, p.key2, p.key3, p.key4
	--+ , estimate_low(p.alloc_site, p.objects, 1) AS objects_low, estimate_high(p.alloc_site, p.objects, 1) AS objects_high
	--+ , estimate_low(p.alloc_site, p.objects, a.bytes_alloc) AS bytes_low, estimate_high(p.alloc_site, p.objects, a.bytes_alloc) AS bytes_high
FROM temp.free_by p
JOIN alloc_site a ON a.id = p.alloc_site
JOIN free_site f ON f.id = p.free_site
WHERE p.end & 3 = 1
GROUP BY 1, 2, 3, 10, 11, 12, 13
	--+ HAVING sum(p.objects) > 0
;
