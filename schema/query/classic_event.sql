-- The events of one API, address by address in time order, as they were before pairing: alloc = 1
-- allocates. The id of an allocation decides between events of one address at the same time,
-- because objects of one address end in order.
SELECT address, time, alloc, site FROM (
	SELECT x.address, x.time, x.id AS id, 1 AS alloc, x.alloc_site AS site, 0 AS step
	FROM allocation x JOIN alloc_site a ON a.id = x.alloc_site JOIN event e ON e.id = a.event
	WHERE e.domain = 'slab' AND e.api = :api
	UNION ALL
	SELECT x.address, x.time + x.lifetime, x.id, 0, 0, 1
	FROM allocation x JOIN free_site f ON f.id = x.free_site JOIN event e ON e.id = f.event
	WHERE e.domain = 'slab' AND e.api = :api
	UNION ALL
	SELECT u.address, u.time, 0, 0, 0, 0
	FROM unmatched_free u JOIN free_site f ON f.id = u.free_site JOIN event e ON e.id = f.event
	WHERE e.domain = 'slab' AND e.api = :api
)
ORDER BY address, time, id, step;
