-- Live objects (temporary table leak) by stack, with how many of them are in doubt (temporary table
-- doubt) and why, and how many of the call site ended at all (temporary table ended).
SELECT
	a.stack AS stack,
	CASE WHEN a.stack IS NULL THEN a.call_site END AS call_site,
	sum(p.objects) AS objects,
	sum(p.objects * a.bytes_alloc) AS bytes,
	max(p.lifetime_max) AS age,
	sum(p.objects * (p.end & 4 <> 0)) AS doubt_loss,
	sum(p.objects * (p.end & 4 = 0 AND d.alloc_site IS NOT NULL)) AS doubt_untraced,
	max(d.site_share) AS site_share,
	max(d.cache_share) AS cache_share,
	max(c.name) AS cache,
	max(n.ended) AS ended	-- of one stack all rows are of one call site
	--+ , estimate_low(p.alloc_site, p.objects, 1) AS objects_low, estimate_high(p.alloc_site, p.objects, 1) AS objects_high
	--+ , estimate_low(p.alloc_site, p.objects, a.bytes_alloc) AS bytes_low, estimate_high(p.alloc_site, p.objects, a.bytes_alloc) AS bytes_high
FROM temp.leak p
JOIN alloc_site a ON a.id = p.alloc_site
LEFT JOIN temp.doubt d ON d.alloc_site = p.alloc_site
LEFT JOIN temp.ended n ON n.call_site IS
	coalesce(a.call_site, (SELECT frame FROM stack_frame WHERE stack = a.stack AND position = 0))
LEFT JOIN cache c ON c.id = d.cache AND d.cache_share IS NOT NULL
GROUP BY 1, 2
	--+ HAVING sum(p.objects) > 0
;
