-- What --where may say: the columns of the view `object`. Each is a query of its own, which only runs for what the
-- condition names: joins would run for every row. Those of the site come from where_site.sql as the table site_fact.
SELECT
	a.*,
	CASE a.end & 3 WHEN 0 THEN 'live' WHEN 1 THEN 'freed' ELSE 'reused' END AS state,
	a.end >> 2 AS in_doubt_by_loss,
	(SELECT bytes_req FROM alloc_site WHERE id = a.alloc_site) AS bytes_req,
	(SELECT bytes_alloc FROM alloc_site WHERE id = a.alloc_site) AS bytes_alloc,
	(SELECT event FROM temp.site_fact WHERE site = a.alloc_site) AS event,
	(SELECT domain FROM temp.site_fact WHERE site = a.alloc_site) AS domain,
	(SELECT api FROM temp.site_fact WHERE site = a.alloc_site) AS api,
	(SELECT caller FROM temp.site_fact WHERE site = a.alloc_site) AS caller,
	(SELECT function FROM temp.site_fact WHERE site = a.alloc_site) AS function,
	(SELECT module FROM temp.site_fact WHERE site = a.alloc_site) AS module,
	(SELECT cache FROM temp.site_fact WHERE site = a.alloc_site) AS cache,
	(SELECT comm FROM task WHERE id = a.task) AS comm,
	(SELECT pid FROM task WHERE id = a.task) AS pid,
	(SELECT tgid FROM task WHERE id = a.task) AS tgid,
	(SELECT node FROM alloc_site WHERE id = a.alloc_site) AS node,
	(SELECT gfp FROM alloc_site WHERE id = a.alloc_site) AS gfp,
	(SELECT context FROM temp.site_fact WHERE site = a.alloc_site) AS context,
	(SELECT stack FROM alloc_site WHERE id = a.alloc_site) AS stack,
	(SELECT stack_lost FROM alloc_site WHERE id = a.alloc_site) AS stack_lost,
	(SELECT e.system || ':' || e.name FROM free_site f JOIN event e ON e.id = f.event WHERE f.id = a.free_site)
		AS free_event,
	(SELECT t.text FROM free_site f JOIN frame_text t ON t.frame = f.call_site WHERE f.id = a.free_site) AS freer,
	(SELECT comm FROM task WHERE id = a.free_task) AS free_comm,
	(SELECT pid FROM task WHERE id = a.free_task) AS free_pid,
	(SELECT CASE context WHEN 0 THEN 'task' WHEN 1 THEN 'softirq' WHEN 2 THEN 'irq' ELSE 'nmi' END
		FROM free_site WHERE id = a.free_site) AS free_context,
	(SELECT self FROM task WHERE id = a.task)
		AND (SELECT context FROM alloc_site WHERE id = a.alloc_site) = 0 AS self,
	(SELECT directory FROM temp.site_fact WHERE site = a.alloc_site) AS directory,
	(SELECT file FROM temp.site_fact WHERE site = a.alloc_site) AS file,
	(SELECT line FROM temp.site_fact WHERE site = a.alloc_site) AS line,
	(SELECT unit FROM temp.site_fact WHERE site = a.alloc_site) AS unit
FROM allocation a
