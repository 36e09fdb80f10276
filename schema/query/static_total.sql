-- Bytes of each kind and all of them; those of a source file, of symbols without one, and of no symbol; modules.
SELECT
	coalesce(sum(bytes) FILTER (WHERE kind = 'text'), 0),
	coalesce(sum(bytes) FILTER (WHERE kind = 'data'), 0),
	coalesce(sum(bytes) FILTER (WHERE kind = 'bss'), 0),
	coalesce(sum(bytes), 0),
	coalesce(sum(bytes) FILTER (WHERE unit IS NOT NULL), 0),
	coalesce(sum(bytes) FILTER (WHERE unit IS NULL AND name NOT GLOB '(*'), 0),
	coalesce(sum(bytes) FILTER (WHERE unit IS NULL AND name GLOB '(*'), 0),
	count(DISTINCT module)
FROM temp.static_selected
