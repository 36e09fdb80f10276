-- The frames of one stack, innermost first; of a frame with debug information first the functions that are
-- inlined there.
SELECT f.address, y.name, f.offset, y.module, d.path, i.function, w.path, i.line,
	i.position < (SELECT max(position) FROM inline_frame WHERE frame = f.id) AS inlined
FROM stack_frame sf
JOIN frame f ON f.id = sf.frame
LEFT JOIN symbol y ON y.id = f.symbol
LEFT JOIN dso d ON d.id = f.dso
LEFT JOIN inline_frame i ON i.frame = f.id
LEFT JOIN source w ON w.id = i.source
WHERE sf.stack = :stack
ORDER BY sf.position, i.position;
