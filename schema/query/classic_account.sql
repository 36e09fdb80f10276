-- The account over the temporary table classic_site (site, alloc, free), which classic.c fills.
SELECT
	coalesce(name.text, '(unknown)') AS caller,
	sum(c.alloc * a.bytes_alloc) AS total,
	sum((c.alloc - c.free) * (a.bytes_alloc - a.bytes_req)) AS waste,
	sum((c.alloc - c.free) * a.bytes_alloc) AS net,
	sum(c.alloc) AS alloc,
	sum(c.free) AS free,
	sum((c.alloc - c.free) * a.bytes_req) AS net_req
FROM temp.classic_site c
JOIN alloc_site a ON a.id = c.site
LEFT JOIN frame_text name ON name.frame = a.call_site
GROUP BY 1;
