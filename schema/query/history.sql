-- What happened to an address, in time: objects around it (temporary view history_owner: rows as in allocation) and
-- frees of it that nothing was known to own (temporary table history_free: ids of unmatched_free).
SELECT
	'owner' AS kind, e.domain AS domain, x.time AS time,
	e.system || ':' || e.name AS event,
	x.address AS address, a.bytes_req AS bytes_req, a.bytes_alloc AS bytes_alloc, c.name AS cache,
	t.comm AS comm, t.pid AS pid, x.cpu AS cpu,
	CASE a.context WHEN 0 THEN 'task' WHEN 1 THEN 'softirq' WHEN 2 THEN 'irq' ELSE 'nmi' END AS context,
	a.stack AS stack, a.call_site AS call_site,
	CASE x.end & 3 WHEN 0 THEN 'live' WHEN 1 THEN 'freed' ELSE 'reused' END AS state,
	x.end >> 2 AS in_doubt_by_loss,
	x.lifetime AS lifetime,
	fe.system || ':' || fe.name AS free_event,
	ft.comm AS free_comm, ft.pid AS free_pid, x.free_cpu AS free_cpu,
	CASE fs.context WHEN 0 THEN 'task' WHEN 1 THEN 'softirq' WHEN 2 THEN 'irq' WHEN 3 THEN 'nmi' END AS free_context,
	fs.stack AS _free_stack, fs.call_site AS _free_call_site,
	x.id AS _id
FROM temp.history_owner x
JOIN alloc_site a ON a.id = x.alloc_site
JOIN event e ON e.id = a.event
LEFT JOIN task t ON t.id = x.task
LEFT JOIN cache c ON c.id = a.cache
LEFT JOIN free_site fs ON fs.id = x.free_site
LEFT JOIN event fe ON fe.id = fs.event
LEFT JOIN task ft ON ft.id = x.free_task
UNION ALL
SELECT
	'free', e.domain, u.time, e.system || ':' || e.name,
	u.address, NULL, NULL, c.name, t.comm, t.pid, u.cpu,
	CASE s.context WHEN 0 THEN 'task' WHEN 1 THEN 'softirq' WHEN 2 THEN 'irq' ELSE 'nmi' END,
	s.stack, s.call_site, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, u.id
FROM temp.history_free h
JOIN unmatched_free u ON u.id = h.id
JOIN free_site s ON s.id = u.free_site
JOIN event e ON e.id = s.event
LEFT JOIN task t ON t.id = u.task
LEFT JOIN cache c ON c.id = s.cache;
