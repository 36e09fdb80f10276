-- Pairs by interval of :interval ns of capture time. A pair counts in the interval of its free, an
-- object without traced free in that of its next allocation; an object is "not freed" in the
-- interval in which it was allocated if it was still live when that ended.
SELECT
	interval, alloc_site, free_site, end, self,
	count(*) AS objects, sum(lifetime) AS lifetime_sum, min(lifetime) AS lifetime_min, max(lifetime) AS lifetime_max
FROM (
	SELECT
		(x.time + x.lifetime) / :interval AS interval, x.alloc_site, coalesce(x.free_site, 0) AS free_site,
		x.end, x.lifetime, t.self AND a.context = 0 AS self
	FROM allocation x
	JOIN task t ON t.id = x.task
	JOIN alloc_site a ON a.id = x.alloc_site
	WHERE x.lifetime IS NOT NULL AND x.time >= :from AND x.time < :to
	UNION ALL
	SELECT
		x.time / :interval, x.alloc_site, 0, x.end & 4,
		min((x.time / :interval + 1) * :interval, :length) - x.time, t.self AND a.context = 0
	FROM allocation x
	JOIN task t ON t.id = x.task
	JOIN alloc_site a ON a.id = x.alloc_site
	WHERE (x.lifetime IS NULL OR (x.time + x.lifetime) / :interval > x.time / :interval)
		AND x.time >= :from AND x.time < :to
)
GROUP BY 1, 2, 3, 4, 5;
