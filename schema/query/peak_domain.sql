-- The peak of each domain, and what is live at the end; without what the recorder itself allocated.
SELECT
	d.domain AS domain, d.time AS time, d.bytes AS bytes, d.objects AS objects,
	coalesce(l.bytes, 0) AS end_bytes, coalesce(l.objects, 0) AS end_objects
FROM domain_peak d
LEFT JOIN (
	SELECT e.domain AS domain, sum(p.objects * a.bytes_alloc) AS bytes, sum(p.objects) AS objects
	FROM pair_total p
	JOIN alloc_site a ON a.id = p.alloc_site
	JOIN event e ON e.id = a.event
	WHERE p.self = 0 AND p.end & 3 = 0
	GROUP BY 1
) l ON l.domain = d.domain
WHERE :domain IS NULL OR d.domain = :domain;
