-- Slab memory by address: temporary table stat_address.
SELECT
	address, bytes_alloc, bytes_req, hit, pingpong,
	CASE WHEN bytes_alloc > 0 THEN 100.0 - 100.0 * bytes_req / bytes_alloc ELSE 0.0 END AS frag
FROM temp.stat_address;
