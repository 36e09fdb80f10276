-- Live objects (temporary view leak_by: temporary table leak with key1 to key4), as in kmemleak_group.sql; and how many
-- of them are of call sites where no object was seen to end.
SELECT
	p.key1, p.key2, p.key3, p.key4,
	sum(p.objects) AS objects,
	sum(p.objects * a.bytes_alloc) AS bytes,
	max(p.lifetime_max) AS age,
	sum(p.objects * (p.end & 4 <> 0)) AS doubt_loss,
	sum(p.objects * (p.end & 4 = 0 AND d.alloc_site IS NOT NULL)) AS doubt_untraced,
	sum(p.objects * (coalesce(n.ended, 0) = 0)) AS never_ended
	--+ , estimate_low(p.alloc_site, p.objects, 1) AS objects_low, estimate_high(p.alloc_site, p.objects, 1) AS objects_high
	--+ , estimate_low(p.alloc_site, p.objects, a.bytes_alloc) AS bytes_low, estimate_high(p.alloc_site, p.objects, a.bytes_alloc) AS bytes_high
FROM temp.leak_by p
JOIN alloc_site a ON a.id = p.alloc_site
LEFT JOIN temp.doubt d ON d.alloc_site = p.alloc_site
LEFT JOIN temp.ended n ON n.call_site IS
	coalesce(a.call_site, (SELECT frame FROM stack_frame WHERE stack = a.stack AND position = 0))
GROUP BY 1, 2, 3, 4
	--+ HAVING sum(p.objects) > 0
;
