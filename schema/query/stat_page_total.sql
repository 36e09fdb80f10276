-- Sums of temporary table stat_site, in requests and bytes, as perf kmem counts them. Frees of pages that the capture never
-- saw allocated belong to no object: :part 1 leaves them out. :filtered: failed
-- allocations, which are no objects, cannot be told apart.
SELECT
	coalesce(CAST(round(sum(objects * share)) AS INTEGER), 0) + (SELECT coalesce(sum(failed), 0) FROM temp.stat_failed) AS allocs,
	coalesce(sum(objects * bytes_alloc), 0) + (SELECT coalesce(sum(failed * bytes), 0) FROM temp.stat_failed) AS alloc_bytes,
	CASE WHEN :part THEN NULL ELSE f.frees END AS frees,
	CASE WHEN :part THEN NULL ELSE f.bytes END AS free_bytes,
	coalesce(sum(freed), 0) AS freed,
	coalesce(sum(freed * bytes_alloc), 0) AS freed_bytes,
	coalesce(sum(live), 0) AS live,
	coalesce(sum(live * bytes_alloc), 0) AS live_bytes,
	coalesce(sum(untraced), 0) AS untraced,
	coalesce(sum(untraced * bytes_alloc), 0) AS untraced_bytes,
	CASE WHEN :part THEN NULL ELSE f.unmatched END AS free_only,
	CASE WHEN :part THEN NULL ELSE f.unmatched_bytes END AS free_only_bytes,
	CASE WHEN :filtered THEN NULL ELSE (SELECT coalesce(sum(failed), 0) FROM temp.stat_failed) END AS failed,
	CASE WHEN :filtered THEN NULL ELSE (SELECT coalesce(sum(failed * bytes), 0) FROM temp.stat_failed) END AS failed_bytes
FROM (
	SELECT
		coalesce(sum(t.matched + t.unmatched), 0) AS frees,
		coalesce(sum((t.matched + t.unmatched) * s.bytes), 0) AS bytes,
		coalesce(sum(t.unmatched), 0) AS unmatched,
		coalesce(sum(t.unmatched * s.bytes), 0) AS unmatched_bytes
	FROM free_total t
	JOIN free_site s ON s.id = t.free_site
	JOIN event e ON e.id = s.event
	WHERE e.domain = 'page' AND (:include_self OR t.self = 0)
) f
LEFT JOIN temp.stat_site;
