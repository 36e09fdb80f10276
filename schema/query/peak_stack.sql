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
		e.domain AS domain, a.stack AS stack,
		CASE WHEN a.stack IS NULL THEN a.call_site END AS call_site,
		sum(t.peak_objects) AS objects,
		sum(t.peak_objects * a.bytes_alloc) AS bytes
	FROM site_total t
	JOIN alloc_site a ON a.id = t.alloc_site
	JOIN event e ON e.id = a.event
	WHERE t.self = 0 AND t.peak_objects > 0
	GROUP BY 1, 2, 3
) s ON s.domain = p.domain AND s.stack IS p.stack AND s.call_site IS p.call_site
WHERE p.self = 0 AND (:domain IS NULL OR p.domain = :domain);
