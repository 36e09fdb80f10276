-- Every live object that the options select, by time.
SELECT
	x.time, x.cpu, x.address, t.comm, t.pid, a.context,
	e.system || ':' || e.name AS event,
	a.call_site, coalesce(name.text, '(unknown)') AS caller, c.name AS cache,
	a.bytes_req, a.bytes_alloc, a.gfp, a.node, a.stack
FROM allocation x
JOIN alloc_site a ON a.id = x.alloc_site
JOIN event e ON e.id = a.event
JOIN task t ON t.id = x.task
LEFT JOIN cache c ON c.id = a.cache
LEFT JOIN frame_text name ON name.frame = a.call_site
WHERE x.id >= :first_live AND x.time >= :from AND x.time <= :latest AND e.domain = :domain
	AND (:api IS NULL OR e.api = :api) AND (:include_self OR NOT (t.self AND a.context = 0))
	AND (NOT coalesce(:branch, 0) OR a.id IN (SELECT site FROM temp.branch_site))
ORDER BY x.time, x.address;
