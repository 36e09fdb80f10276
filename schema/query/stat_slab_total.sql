-- Sums of temporary table stat_site; of frees of unknown addresses :part 1 leaves them out, they belong to no object.
SELECT
	coalesce(sum(bytes_req * objects), 0) AS bytes_req,
	coalesce(sum(bytes_alloc * objects), 0) AS bytes_alloc,
	coalesce(sum(bytes_alloc * freed), 0) AS bytes_freed,
	coalesce(sum(bytes_alloc * untraced), 0) AS bytes_untraced,
	coalesce(sum(bytes_alloc * live), 0) AS bytes_net,
	coalesce(sum((bytes_alloc - bytes_req) * objects), 0) AS bytes_wasted,
	CASE WHEN sum(bytes_alloc * objects) > 0
		THEN 100.0 - 100.0 * sum(bytes_req * objects) / sum(bytes_alloc * objects) ELSE 0.0 END AS frag,
	CASE WHEN count(crossed) = count(*) THEN coalesce(sum(crossed), 0) END AS cross_cpu,
	coalesce(sum(objects), 0) AS allocs,
	coalesce(sum(freed), 0) AS frees,
	coalesce(sum(untraced), 0) AS untraced,
	coalesce(sum(live), 0) AS live,
	CASE WHEN :part THEN NULL ELSE (SELECT coalesce(sum(f.unmatched), 0) FROM free_total f
		JOIN free_site s ON s.id = f.free_site JOIN event e ON e.id = s.event WHERE e.domain = 'slab'
		AND (:api IS NULL OR e.api = :api) AND (:include_self OR f.self = 0)) END AS frees_unmatched
FROM temp.stat_site;
