-- The sections of a report over the temporary table alloc_group: per allocation event its live
-- objects first, then one section per event that freed them, then those whose free left no trace.
SELECT
	g.event AS _event, g.kind AS _kind, g.other_event AS _other_event,
	e.system || ':' || e.name AS alloc_event,
	o.system || ':' || o.name AS free_event,
	sum(g.objects) AS objects,
	sum(g.bytes) AS bytes,
	count(*) AS stacks,
	CASE g.kind WHEN 0 THEN 'live' WHEN 1 THEN 'freed' ELSE 'untraced' END AS how
FROM temp.alloc_group g
JOIN event e ON e.id = g.event
LEFT JOIN event o ON o.id = g.other_event
GROUP BY g.event, g.kind, g.other_event
ORDER BY e.name, g.event, g.kind, o.name, g.other_event;
