-- Who allocated the live objects of each group, as kmemleak_comm.sql: temporary view leak_by is temporary table leak with
-- key1 to key4.
SELECT
	p.key1, p.key2, p.key3, p.key4,
	CASE a.context WHEN 0 THEN coalesce(t.comm, '<' || t.pid || '>') WHEN 1 THEN '(softirq)'
		WHEN 2 THEN '(irq)' ELSE '(nmi)' END AS comm,
	sum(p.objects * a.bytes_alloc) AS bytes,
	sum(p.objects) AS objects
FROM temp.leak_by p
JOIN alloc_site a ON a.id = p.alloc_site
JOIN task t ON t.id = p.task
WHERE p.objects > 0
GROUP BY 1, 2, 3, 4, 5;
