-- What the header of a report says besides the losses, for one domain (NULL: for all).
SELECT
	(SELECT coalesce(sum(p.objects), 0) FROM pair_total p
		JOIN alloc_site a ON a.id = p.alloc_site JOIN event e ON e.id = a.event
		WHERE p.end & 3 = 2 AND (:domain IS NULL OR e.domain = :domain)) AS untraced,
	(SELECT coalesce(sum(f.unmatched), 0) FROM free_total f
		JOIN free_site s ON s.id = f.free_site JOIN event e ON e.id = s.event
		WHERE (:domain IS NULL OR e.domain = :domain)) AS unmatched,
	(SELECT coalesce(sum(f.null_frees), 0) FROM free_total f
		JOIN free_site s ON s.id = f.free_site JOIN event e ON e.id = s.event
		WHERE (:domain IS NULL OR e.domain = :domain)) AS null_frees,
	(SELECT coalesce(sum(p.objects), 0) FROM pair_total p
		JOIN alloc_site a ON a.id = p.alloc_site JOIN event e ON e.id = a.event
		WHERE p.self = 1 AND (:domain IS NULL OR e.domain = :domain)) AS own,
	(SELECT coalesce(sum(p.objects), 0) FROM pair_total p
		JOIN alloc_site a ON a.id = p.alloc_site
		WHERE a.stack_lost = 1) AS no_stack;
