-- Live objects (temporary view live_object), by time.
SELECT
	x.time, x.cpu, x.address, t.comm, t.pid, a.context,
	e.system || ':' || e.name AS event,
	a.call_site, coalesce(name.text, '(unknown)') AS caller, c.name AS cache,
	a.bytes_req, a.bytes_alloc, a.gfp, a.node, a.stack
FROM temp.live_object x
JOIN alloc_site a ON a.id = x.alloc_site
JOIN event e ON e.id = a.event
JOIN task t ON t.id = x.task
LEFT JOIN cache c ON c.id = a.cache
LEFT JOIN frame_text name ON name.frame = a.call_site
ORDER BY x.time, x.address;
