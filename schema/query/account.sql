-- Per call site, or where the event has none the innermost frame of the stack: all bytes it allocated, the live ones, the live ones that were not asked for,
-- allocations and traced frees of its objects. :classic = 1 is the arithmetic of the tool that this
-- report comes from: an object whose address was allocated again counts as live for ever.
SELECT
	coalesce(name.text, '(unknown)') AS caller,
	sum(s.total) AS total,
	sum(s.net - s.net_req) AS waste,
	sum(s.net) AS net,
	sum(s.alloc) AS alloc,
	sum(s.free) AS free,
	sum(s.net_req) AS net_req
	--+ , sum(s.net_low) AS net_low, sum(s.net_high) AS net_high, sum(s.total_low) AS total_low, sum(s.total_high) AS total_high
FROM (
	SELECT
		coalesce(a.call_site,
			(SELECT frame FROM stack_frame WHERE stack = a.stack AND position = 0)) AS call_site,
		sum(p.objects * a.bytes_alloc) AS total,
		sum(p.objects) AS alloc,
		sum(p.objects * (p.end & 3 = 1)) AS free,
		sum(p.objects * (p.end & 3 = 0 OR (:classic AND p.end & 3 = 2)) * a.bytes_alloc) AS net,
		sum(p.objects * (p.end & 3 = 0 OR (:classic AND p.end & 3 = 2)) * a.bytes_req) AS net_req
		--+ , estimate_low(p.alloc_site, p.objects, (p.end & 3 = 0 OR (:classic AND p.end & 3 = 2)) * a.bytes_alloc) AS net_low, estimate_high(p.alloc_site, p.objects, (p.end & 3 = 0 OR (:classic AND p.end & 3 = 2)) * a.bytes_alloc) AS net_high
		--+ , estimate_low(p.alloc_site, p.objects, a.bytes_alloc) AS total_low, estimate_high(p.alloc_site, p.objects, a.bytes_alloc) AS total_high
	FROM pair p
	JOIN alloc_site a ON a.id = p.alloc_site
	GROUP BY 1
) s
LEFT JOIN frame_text name ON name.frame = s.call_site
GROUP BY 1
	--+ HAVING sum(s.alloc) > 0
;
