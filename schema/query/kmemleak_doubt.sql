-- Allocation sites whose frees often leave no trace, so that what looks live there may be free: of
-- the objects that ended, at least :percent of a call site's, or of a slab cache's, ended because
-- their address was allocated again.
WITH ended AS (
	SELECT
		a.call_site, a.cache,
		sum(p.objects * (p.end & 3 = 2)) AS untraced,
		sum(p.objects * (p.end & 3 <> 0)) AS ended
	FROM pair_total p
	JOIN alloc_site a ON a.id = p.alloc_site
	GROUP BY 1, 2
), by_site AS (
	SELECT call_site, 100.0 * sum(untraced) / sum(ended) AS share
	FROM ended WHERE call_site IS NOT NULL GROUP BY 1 HAVING sum(untraced) > 0
), by_cache AS (
	SELECT cache, 100.0 * sum(untraced) / sum(ended) AS share
	FROM ended WHERE cache IS NOT NULL GROUP BY 1 HAVING sum(untraced) > 0
)
SELECT
	a.id AS alloc_site,
	CASE WHEN s.share >= :percent THEN s.share END AS site_share,
	CASE WHEN c.share >= :percent THEN c.share END AS cache_share,
	a.cache AS cache
FROM alloc_site a
LEFT JOIN by_site s ON s.call_site = a.call_site
LEFT JOIN by_cache c ON c.cache = a.cache
WHERE s.share >= :percent OR c.share >= :percent;
