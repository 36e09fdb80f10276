-- TOTAL alloc and free: objects that the options select; frees of them, of unknown addresses and of
-- NULL, which belong to no object: :part 1 leaves them out.
SELECT
	coalesce(sum(p.objects), 0) AS alloc,
	coalesce(sum(p.objects * (p.end & 3 = 1)), 0) AS matched,
	(SELECT coalesce(sum(f.unmatched), 0) FROM free_total f JOIN free_site s ON s.id = f.free_site
		JOIN event e ON e.id = s.event WHERE e.domain = :domain AND (:api IS NULL OR e.api = :api)
		AND (:include_self OR f.self = 0) AND NOT :part) AS unmatched,
	(SELECT coalesce(sum(f.null_frees), 0) FROM free_total f JOIN free_site s ON s.id = f.free_site
		JOIN event e ON e.id = s.event WHERE e.domain = :domain AND (:api IS NULL OR e.api = :api)
		AND (:include_self OR f.self = 0) AND NOT :part) AS null_frees
FROM pair p;
