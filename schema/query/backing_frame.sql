-- Frames of functions that fetch pages for something: temporary table backing_function. Suffixes of compilers (.isra.0) and
-- of memory profiling (_noprof) are no part of the name.
SELECT f.id AS frame, b.backs AS backs
FROM (
	SELECT id, CASE WHEN substr(name, -7) = '_noprof' THEN substr(name, 1, length(name) - 7) ELSE name END AS name
	FROM (SELECT id, CASE WHEN instr(name, '.') > 1 THEN substr(name, 1, instr(name, '.') - 1) ELSE name END AS name
		FROM symbol)
) s
JOIN temp.backing_function b ON b.name = s.name
JOIN frame f ON f.symbol = s.id AND f.dso IS NULL;
