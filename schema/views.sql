-- views.sql - the public names of a database: what a person types into the sqlite3 shell, and what
-- --where may use. They stay when tables change. Times are ns since the start of the capture, sizes
-- bytes, addresses integers.
--
--	SELECT caller, count(*), sum(bytes_alloc) FROM live GROUP BY caller ORDER BY 3 DESC LIMIT 10;
--	SELECT text FROM stack_line WHERE stack = 17;

-- An address as people read it: 'vfs_open+0x1f', 'ext4_init+0x2c [ext4]', or the plain address; in user
-- space 'main+0x2f (/usr/bin/make)', '+0x1a2b (/usr/bin/make)' (offset in the file), '0x7f1200 (//anon)'.
-- With debug information (load -k, symbolize), else NULL:
--	unit, directory		the compile unit that the code belongs to, 'fs/ext4/inode.c', and its directory
--	file, line		where the code was written: of inlined functions often a header
CREATE VIEW frame_text AS
SELECT
	f.id AS frame,
	f.address AS address,
	CASE WHEN s.id IS NULL THEN printf(CASE WHEN d.id IS NULL OR d.tgid THEN '0x%x' ELSE '+0x%x' END,
			f.address)
		ELSE s.name || CASE WHEN f.offset IS NULL THEN '' ELSE printf('+0x%x', f.offset) END || coalesce(' [' || s.module || ']', '') END
		|| coalesce(' (' || d.path || ')', '') AS text,
	s.name AS function,
	s.module AS module,
	d.path AS dso,
	u.directory AS directory,
	w.path AS file,
	i.line AS line,
	u.path AS unit
FROM frame f
LEFT JOIN symbol s ON s.id = f.symbol
LEFT JOIN dso d ON d.id = f.dso
LEFT JOIN source u ON u.id = f.unit
LEFT JOIN inline_frame i ON i.frame = f.id AND i.position = 0
LEFT JOIN source w ON w.id = i.source;

-- The functions at each frame that has debug information, innermost (position 0) first: all but the last are
-- inlined in the next one. file and line: of the innermost where the address is, of the others where they call.
CREATE VIEW inline_line AS
SELECT i.frame, i.position, i.function, s.path AS file, i.line
FROM inline_frame i
LEFT JOIN source s ON s.id = i.source;

-- Every allocation, expanded.
--	id			in the order in which objects ended; live ones last
--	time, lifetime		lifetime: until it was freed, or its address allocated again; NULL while live
--	state			'live', 'freed', or 'reused': its free was not traced, the lifetime is an upper bound
--	in_doubt_by_loss	1: events were lost while it was live, so a free may be among them
--	address			in the address space `domain`; of pages the page frame number
--	event			'kmem:kmalloc'; domain: 'slab', 'page', 'percpu', 'vmalloc'; api: 'malloc', 'cache'
--	caller			call site, or where the event has none the innermost frame of the stack
--	comm, pid, tgid		the task that was running; it asked for the memory only where context is 'task'
--	context			'task', 'softirq', 'irq', 'nmi'
--	stack			number for stack_line; NULL: none recorded. stack_lost 1: asked for and not there
--	free_event ... free_context	of its free, NULL where none is known
--	self			1: by a thread of the recorder
--	directory, file, line, unit	of the caller, as in frame_text
CREATE VIEW object AS
SELECT
	a.id, a.time, a.lifetime,
	CASE a.end & 3 WHEN 0 THEN 'live' WHEN 1 THEN 'freed' ELSE 'reused' END AS state,
	a.end >> 2 AS in_doubt_by_loss,
	a.address, s.bytes_req, s.bytes_alloc,
	e.system || ':' || e.name AS event, e.domain, e.api,
	f.text AS caller, f.function, f.module,
	c.name AS cache,
	t.comm, t.pid, t.tgid, a.cpu, s.node, s.gfp,
	CASE s.context WHEN 0 THEN 'task' WHEN 1 THEN 'softirq' WHEN 2 THEN 'irq' ELSE 'nmi' END AS context,
	s.stack, s.stack_lost,
	fe.system || ':' || fe.name AS free_event,
	ff.text AS freer,
	ft.comm AS free_comm, ft.pid AS free_pid, a.free_cpu,
	CASE fs.context WHEN 0 THEN 'task' WHEN 1 THEN 'softirq' WHEN 2 THEN 'irq' WHEN 3 THEN 'nmi' END
		AS free_context,
	t.self AND s.context = 0 AS self,
	f.directory, f.file, f.line, f.unit
FROM allocation a
JOIN alloc_site s ON s.id = a.alloc_site
JOIN event e ON e.id = s.event
JOIN task t ON t.id = a.task
LEFT JOIN frame_text f ON f.frame = coalesce(s.call_site,
	(SELECT frame FROM stack_frame WHERE stack = s.stack AND position = 0))
LEFT JOIN cache c ON c.id = s.cache
LEFT JOIN free_site fs ON fs.id = a.free_site
LEFT JOIN event fe ON fe.id = fs.event
LEFT JOIN frame_text ff ON ff.frame = fs.call_site
LEFT JOIN task ft ON ft.id = a.free_task;

-- The objects that are live at the end of the capture; same columns.
CREATE VIEW live AS
SELECT * FROM object WHERE id >= (SELECT value FROM capture WHERE key = 'first_live_id');

-- Per call site: all objects and their bytes, the live ones, those freed and those whose free was
-- not traced.
CREATE VIEW caller_total AS
SELECT
	f.text AS caller, f.function, f.module, e.domain, e.api, p.self,
	sum(p.objects) AS objects,
	sum(p.objects * s.bytes_alloc) AS bytes,
	sum(p.objects * (p.end & 3 = 0)) AS live_objects,
	sum(p.objects * (p.end & 3 = 0) * s.bytes_alloc) AS live_bytes,
	sum(p.objects * (p.end & 3 = 0) * (s.bytes_alloc - s.bytes_req)) AS live_waste,
	sum(p.objects * (p.end & 3 = 1)) AS freed,
	sum(p.objects * (p.end & 3 = 2)) AS reused,
	sum(p.objects * (p.end >> 2)) AS in_doubt_by_loss
FROM pair_total p
JOIN alloc_site s ON s.id = p.alloc_site
JOIN event e ON e.id = s.event
LEFT JOIN frame_text f ON f.frame = coalesce(s.call_site,
	(SELECT frame FROM stack_frame WHERE stack = s.stack AND position = 0))
GROUP BY f.frame, e.domain, e.api, p.self;

-- The frames of a stack, innermost (position 0) first. dso: of user frames, where they were recorded.
CREATE VIEW stack_line AS
SELECT sf.stack, sf.position, f.address, f.text, f.function, f.module, f.dso, f.directory, f.file, f.line,
	f.unit
FROM stack_frame sf
JOIN frame_text f ON f.frame = sf.frame;

-- Frees of addresses that the capture never saw allocated.
CREATE VIEW frees_unmatched AS
SELECT
	u.id, u.time, u.address,
	e.system || ':' || e.name AS event, e.domain, e.api,
	f.text AS freer, f.function, f.module,
	c.name AS cache,
	t.comm, t.pid, t.tgid, u.cpu,
	CASE s.context WHEN 0 THEN 'task' WHEN 1 THEN 'softirq' WHEN 2 THEN 'irq' ELSE 'nmi' END AS context,
	t.self AND s.context = 0 AS self
FROM unmatched_free u
JOIN free_site s ON s.id = u.free_site
JOIN event e ON e.id = s.event
JOIN task t ON t.id = u.task
LEFT JOIN frame_text f ON f.frame = s.call_site
LEFT JOIN cache c ON c.id = s.cache;

-- When events are missing. kind: 'lost', and on purpose 'paused' (all CPUs) or 'overwritten' (before a flight
-- recorder's ring begins); cpu NULL: any or all.
CREATE VIEW gap AS
SELECT kind, CASE WHEN cpu >= 0 THEN cpu END AS cpu, from_time, to_time, records FROM loss;

-- Moments that were named while recording.
CREATE VIEW moment AS
SELECT time, text FROM mark;
