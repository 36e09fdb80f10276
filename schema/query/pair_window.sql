-- What pair_total holds, of the objects that were allocated from :from on and before :to.
SELECT x.alloc_site, coalesce(x.free_site, 0) AS free_site, x.end, t.self AND a.context = 0 AS self,
	count(*) AS objects,
	sum(coalesce(x.lifetime, :length - x.time)) AS lifetime_sum,
	min(coalesce(x.lifetime, :length - x.time)) AS lifetime_min,
	max(coalesce(x.lifetime, :length - x.time)) AS lifetime_max
FROM allocation x
JOIN task t ON t.id = x.task
JOIN alloc_site a ON a.id = x.alloc_site
WHERE x.time >= :from AND x.time < :to
GROUP BY 1, 2, 3, 4;
