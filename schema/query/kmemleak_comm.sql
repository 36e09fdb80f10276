-- Who allocated the live objects (temporary table leak, with tasks) of each stack. In an interrupt nobody did: the context
-- stands for the name.
SELECT
	a.stack AS stack,
	CASE WHEN a.stack IS NULL THEN a.call_site END AS call_site,
	CASE a.context WHEN 0 THEN coalesce(t.comm, '<' || t.pid || '>') WHEN 1 THEN '(softirq)'
		WHEN 2 THEN '(irq)' ELSE '(nmi)' END AS comm,
	sum(p.objects * a.bytes_alloc) AS bytes,
	sum(p.objects) AS objects
FROM temp.leak p
JOIN alloc_site a ON a.id = p.alloc_site
JOIN task t ON t.id = p.task
WHERE p.objects > 0
GROUP BY 1, 2, 3;
