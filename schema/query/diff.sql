-- Before and after, group by group: temporary table side has both (side 0 and 1), with keys that mean the same in both.
SELECT
	key1, key2, key3, key4,
	sum(net * (2 * side - 1)) AS net, sum(net * (side = 0)) AS net_before, sum(net * (side = 1)) AS net_after,
	sum(total * (2 * side - 1)) AS total, sum(total * (side = 0)) AS total_before, sum(total * (side = 1)) AS total_after,
	sum(waste * (2 * side - 1)) AS waste, sum(waste * (side = 0)) AS waste_before, sum(waste * (side = 1)) AS waste_after,
	sum(alloc * (2 * side - 1)) AS alloc, sum(alloc * (side = 0)) AS alloc_before, sum(alloc * (side = 1)) AS alloc_after,
	sum(objects * (2 * side - 1)) AS objects, sum(objects * (side = 0)) AS objects_before,
	sum(objects * (side = 1)) AS objects_after
	--+ , sum(CASE side WHEN 1 THEN net_low ELSE -net_high END) AS net_low, sum(CASE side WHEN 1 THEN net_high ELSE -net_low END) AS net_high
	--+ , sum(CASE side WHEN 1 THEN total_low ELSE -total_high END) AS total_low, sum(CASE side WHEN 1 THEN total_high ELSE -total_low END) AS total_high
FROM temp.side
GROUP BY 1, 2, 3, 4;
