-- What each stack, or where none was recorded each call site, held at the peak of its domain, and its own peak;
-- without what the recorder itself allocated.
SELECT
	p.domain AS domain, p.stack AS stack, p.call_site AS call_site,
	NULL AS key1, NULL AS key2, NULL AS key3, NULL AS key4,
	coalesce(s.bytes, 0) AS bytes, coalesce(s.objects, 0) AS objects,
	p.bytes AS own_bytes, p.objects AS own_objects, p.time AS own_time
FROM stack_peak p
LEFT JOIN (
	SELECT
		e.domain AS domain, coalesce(a.stack, 0) AS stack,
		CASE WHEN a.stack IS NULL THEN coalesce(a.call_site, 0) ELSE 0 END AS call_site,
		sum(t.peak_objects) AS objects,
		sum(t.peak_objects * a.bytes_alloc) AS bytes
	FROM site_total t
	JOIN alloc_site a ON a.id = t.alloc_site
	JOIN event e ON e.id = a.event
	WHERE t.self = 0 AND t.peak_objects > 0
	GROUP BY 1, 2, 3
) s -- by =, which SQLite looks up; IS would go through all for each
ON s.domain = p.domain AND s.stack = coalesce(p.stack, 0) AND s.call_site = coalesce(p.call_site, 0)
WHERE p.self = 0 AND (:domain IS NULL OR p.domain = :domain);
