-- What --where may say about allocations that their sites alone decide: columns as in the view `object`.
SELECT
	s.id AS site, s.bytes_req, s.bytes_alloc,
	e.system || ':' || e.name AS event, e.domain, e.api,
	f.text AS caller, f.function, f.module,
	c.name AS cache, s.node, s.gfp,
	CASE s.context WHEN 0 THEN 'task' WHEN 1 THEN 'softirq' WHEN 2 THEN 'irq' ELSE 'nmi' END AS context,
	s.stack, s.stack_lost,
	f.directory, f.file, f.line, f.unit
FROM alloc_site s
JOIN event e ON e.id = s.event
LEFT JOIN frame_text f ON f.frame = coalesce(s.call_site,
	(SELECT frame FROM stack_frame WHERE stack = s.stack AND position = 0))
LEFT JOIN cache c ON c.id = s.cache
