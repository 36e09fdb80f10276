-- Static bytes by path, what has no source file below names in parentheses.
SELECT
	coalesce(f.path, CASE WHEN s.name GLOB '(*' THEN '(no symbol)/' || trim(s.name, '()')
		ELSE '(no debug information)/' || coalesce('[' || s.module || ']', '[kernel]') || '/(static)' END) AS path,
	sum(s.bytes)
FROM temp.static_selected s
LEFT JOIN source f ON f.id = s.unit
GROUP BY 1
ORDER BY 1
