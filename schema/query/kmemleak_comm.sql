-- Who allocated the live objects of one group. In an interrupt nobody did: the context stands for
-- the name.
SELECT
	CASE a.context WHEN 0 THEN coalesce(t.comm, '<' || t.pid || '>') WHEN 1 THEN '(softirq)'
		WHEN 2 THEN '(irq)' ELSE '(nmi)' END AS comm,
	sum(a.bytes_alloc) AS bytes,
	count(*) AS objects
FROM allocation x
JOIN alloc_site a ON a.id = x.alloc_site
JOIN event e ON e.id = a.event
JOIN task t ON t.id = x.task
WHERE x.id >= :first_live AND x.time >= :from AND x.time <= :latest AND e.domain = :domain
	AND (:api IS NULL OR e.api = :api) AND (:include_self OR NOT (t.self AND a.context = 0))
	AND (NOT coalesce(:branch, 0) OR a.id IN (SELECT site FROM temp.branch_site))
	AND a.stack IS :stack AND (a.stack IS NOT NULL OR a.call_site IS :call_site)
GROUP BY 1
ORDER BY 2 DESC, 3 DESC, 1;
