-- Bytes by the source file of the caller, where :known; else, and where it has none, by its module and function: all that
-- was allocated, what is live, and what of that nobody asked for.
SELECT
	CASE
	WHEN u.id IS NOT NULL THEN u.path
	ELSE CASE WHEN :known THEN '(no debug information)/' ELSE '' END
		|| CASE WHEN f.id IS NULL THEN '(no caller)'
			WHEN y.module IS NOT NULL THEN '[' || y.module || ']' ELSE '[kernel]' END
		|| '/' || coalesce(y.name, '(no name)') END AS path,
	sum(s.total), sum(s.net), sum(s.waste)
FROM (
	SELECT
		k.caller AS frame,
		sum(p.objects * a.bytes_alloc) AS total,
		sum(p.objects * (p.end & 3 = 0) * a.bytes_alloc) AS net,
		sum(p.objects * (p.end & 3 = 0) * (a.bytes_alloc - a.bytes_req)) AS waste
	FROM pair p
	JOIN alloc_site a ON a.id = p.alloc_site
	LEFT JOIN temp.alloc_caller k ON k.site = p.alloc_site
	GROUP BY 1
) s
LEFT JOIN frame f ON f.id = s.frame
LEFT JOIN source u ON u.id = f.unit
LEFT JOIN symbol y ON y.id = f.symbol
GROUP BY 1
ORDER BY 1
