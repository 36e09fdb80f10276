-- Static memory by :by, which is 'directory' (cut to its first :depth names; 0: not cut), 'file' or 'symbol', of
-- temp.static_selected. Each byte is in one row.
WITH RECURSIVE
part (directory, names, length) AS (	-- lengths of the first names of each directory
	SELECT DISTINCT directory, 1, instr(directory || '/', '/') - 1 FROM source
	UNION ALL
	SELECT directory, names + 1, length + instr(substr(directory, length + 2) || '/', '/')
	FROM part
	WHERE names < :depth AND length < length(directory)
),
cut (directory, name) AS (
	SELECT directory, CASE WHEN :depth THEN substr(directory, 1, max(length)) ELSE directory END
	FROM part
	GROUP BY directory
)
SELECT
	name,
	coalesce(sum(bytes) FILTER (WHERE kind = 'text'), 0) AS text,
	coalesce(sum(bytes) FILTER (WHERE kind = 'data'), 0) AS data,
	coalesce(sum(bytes) FILTER (WHERE kind = 'bss'), 0) AS bss,
	sum(bytes) AS total,
	file
FROM (
	SELECT
		CASE
		WHEN :by = 'symbol' THEN s.name
		WHEN f.id IS NULL AND s.name GLOB '(*' AND :by = 'file' THEN '(no symbol) ' || trim(s.name, '()')
		WHEN f.id IS NULL AND s.name GLOB '(*' THEN '(no symbol)'
		WHEN f.id IS NULL THEN '(no debug information)'
		WHEN :by = 'file' THEN f.path
		WHEN f.directory = '' THEN '(top)'
		ELSE c.name END
			|| CASE WHEN s.module IS NOT NULL AND :by <> 'symbol' AND f.id IS NULL
				THEN ' [' || s.module || ']' ELSE '' END AS name,
		s.kind, s.bytes,
		CASE WHEN :by = 'symbol' THEN coalesce(f.path, '-') || coalesce(' [' || s.module || ']', '') ELSE '' END AS file,
		CASE WHEN :by = 'symbol' THEN s.id END AS one
	FROM temp.static_selected s
	LEFT JOIN source f ON f.id = s.unit
	LEFT JOIN cut c ON c.directory = f.directory
)
GROUP BY name, file, one
