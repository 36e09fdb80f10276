-- Live objects by allocation site, with the age of the oldest, from the objects themselves: for
-- questions that the summaries cannot answer (--than, --from, --to). Those allocated before :from or after :latest are left out.
SELECT x.alloc_site, 0 AS free_site, x.end, t.self AND a.context = 0 AS self, count(*) AS objects,
	sum(:length - x.time) AS lifetime_sum, min(:length - x.time) AS lifetime_min,
	max(:length - x.time) AS lifetime_max
FROM allocation x
JOIN task t ON t.id = x.task
JOIN alloc_site a ON a.id = x.alloc_site
JOIN event e ON e.id = a.event
WHERE x.id >= :first_live AND x.time >= :from AND x.time <= :latest AND e.domain = :domain
	AND (:api IS NULL OR e.api = :api) AND (:include_self OR NOT (t.self AND a.context = 0))
	AND (NOT coalesce(:branch, 0) OR a.id IN (SELECT site FROM temp.branch_site))
GROUP BY 1, 2, 3, 4;
