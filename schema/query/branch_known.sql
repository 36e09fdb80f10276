-- The directories whose functions allocate most.
SELECT u.directory
FROM pair_total p
JOIN alloc_site a ON a.id = p.alloc_site
JOIN temp.alloc_caller k ON k.site = a.id
JOIN frame f ON f.id = k.caller
JOIN source u ON u.id = f.unit
GROUP BY 1
ORDER BY sum(p.objects * a.bytes_alloc) DESC, 1
LIMIT 8;
