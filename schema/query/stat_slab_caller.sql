-- Slab memory by caller: temporary table stat_site. :live: of the live objects; :raw: addresses instead of names.
SELECT
	callsite, bytes_alloc, bytes_req, hit, pingpong,
	CASE WHEN bytes_alloc > 0 THEN 100.0 - 100.0 * bytes_req / bytes_alloc ELSE 0.0 END AS frag
FROM (
	SELECT
		CASE WHEN f.frame IS NULL THEN '(unknown)' WHEN :raw THEN printf('0x%x', f.address) ELSE f.text END AS callsite,
		sum(s.bytes_alloc) AS bytes_alloc, sum(s.bytes_req) AS bytes_req, sum(s.hit) AS hit, sum(s.pingpong) AS pingpong
	FROM (
		SELECT
			caller,
			sum(bytes_alloc * CASE WHEN :live THEN live ELSE objects END) AS bytes_alloc,
			sum(bytes_req * CASE WHEN :live THEN live ELSE objects END) AS bytes_req,
			sum(CASE WHEN :live THEN live ELSE objects END) AS hit,
			sum(CASE WHEN :live THEN 0 ELSE moved END) AS pingpong
		FROM temp.stat_site
		GROUP BY 1
	) s
	LEFT JOIN frame_text f ON f.frame = s.caller
	WHERE s.hit > 0
	GROUP BY 1
);
