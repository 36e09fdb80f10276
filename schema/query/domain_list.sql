-- The domains, with how many frees of each were of what the capture never saw allocated (:part 1: of nothing that was
-- selected), and below vmalloc and pages what they are for: temporary table domain_sum. recorded: whether its allocations were, and
-- stacks: with stacks.
SELECT
	d.name AS domain, NULL AS backs,
	e.recorded, e.stacks,
	coalesce(sum(s.live_bytes), 0) AS live_bytes,
	coalesce(sum(s.live_objects), 0) AS live_objects,
	coalesce(sum(s.bytes), 0) AS bytes,
	coalesce(sum(s.allocations), 0) AS allocations,
	coalesce(sum(s.untraced), 0) AS untraced,
	CASE WHEN :part THEN NULL ELSE (SELECT coalesce(sum(t.unmatched), 0) FROM free_total t JOIN free_site f
		ON f.id = t.free_site JOIN event v ON v.id = f.event WHERE v.domain = d.name
		AND (:include_self OR t.self = 0)) END AS frees_unmatched,
	d.place AS _place, 0 AS _row
FROM (SELECT 0 AS place, 'slab' AS name UNION ALL SELECT 1, 'percpu' UNION ALL SELECT 2, 'vmalloc'
	UNION ALL SELECT 3, 'page') d
LEFT JOIN temp.domain_sum s ON s.domain = d.name
LEFT JOIN (SELECT domain, count(*) AS recorded, min(has_stack) AS stacks FROM event WHERE role = 'alloc' GROUP BY 1) e
	ON e.domain = d.name
GROUP BY d.name
UNION ALL
SELECT
	s.domain, s.backs, 1, s.backs <> 'unknown', s.live_bytes, s.live_objects, s.bytes, s.allocations, s.untraced, NULL,
	CASE s.domain WHEN 'page' THEN 3 ELSE 2 END, CASE s.backs WHEN 'slab' THEN 1 WHEN 'percpu' THEN 2 WHEN 'vmalloc' THEN 3 WHEN 'other' THEN 4 WHEN 'memory' THEN 1 WHEN 'mappings' THEN 2 ELSE 5 END
FROM temp.domain_sum s
WHERE s.backs IS NOT NULL
ORDER BY 11, 12;
