-- Live bytes of temporary table domain_sum, each counted once. Slabs and per-CPU chunks count as the objects in them, areas
-- of vmalloc without the guard page (of :page bytes) at their end; where areas were not recorded, as their pages. unknown: pages
-- and areas without a stack, which may be memory that is counted already.
SELECT
	slab, percpu, vmalloc, other_pages, unknown,
	slab + percpu + vmalloc + other_pages + unknown AS sum,
	pages, slab_pages, percpu_pages, vmalloc_pages
FROM (
	SELECT
		coalesce(sum(live_bytes) FILTER (WHERE domain = 'slab'), 0) AS slab,
		coalesce(sum(live_bytes) FILTER (WHERE domain = 'percpu'), 0) AS percpu,
		CASE WHEN EXISTS (SELECT 1 FROM event WHERE domain = 'vmalloc' AND role = 'alloc')
			THEN coalesce(sum(live_bytes - live_objects * :page) FILTER (WHERE domain = 'vmalloc' AND backs = 'memory'), 0)
			ELSE coalesce(sum(live_bytes) FILTER (WHERE domain = 'page' AND backs = 'vmalloc'), 0) END AS vmalloc,
		coalesce(sum(live_bytes) FILTER (WHERE domain = 'page' AND backs = 'other'), 0) AS other_pages,
		coalesce(sum(live_bytes - CASE domain WHEN 'vmalloc' THEN live_objects * :page ELSE 0 END)
			FILTER (WHERE backs = 'unknown'), 0) AS unknown,
		coalesce(sum(live_bytes) FILTER (WHERE domain = 'page'), 0) AS pages,
		coalesce(sum(live_bytes) FILTER (WHERE domain = 'page' AND backs = 'slab'), 0) AS slab_pages,
		coalesce(sum(live_bytes) FILTER (WHERE domain = 'page' AND backs = 'percpu'), 0) AS percpu_pages,
		coalesce(sum(live_bytes) FILTER (WHERE domain = 'page' AND backs = 'vmalloc'), 0) AS vmalloc_pages
	FROM temp.domain_sum
);
