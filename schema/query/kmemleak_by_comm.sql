-- Who allocated the live objects of one group, as kmemleak_comm.sql: temporary table leak_keyed is view leak_by, kept.
SELECT
	CASE a.context WHEN 0 THEN coalesce(t.comm, '<' || t.pid || '>') WHEN 1 THEN '(softirq)'
		WHEN 2 THEN '(irq)' ELSE '(nmi)' END AS comm,
	sum(p.objects * a.bytes_alloc) AS bytes,
	sum(p.objects) AS objects
FROM temp.leak_keyed p
JOIN alloc_site a ON a.id = p.alloc_site
JOIN task t ON t.id = p.task
WHERE p.key1 IS :key1 AND p.key2 IS :key2 AND p.key3 IS :key3 AND p.key4 IS :key4
GROUP BY 1
ORDER BY 2 DESC, 3 DESC, 1;
