-- One frame, columns and rows as in stack.sql.
SELECT f.address, y.name, f.offset, y.module, d.path, i.function, w.path, i.line,
	i.position < (SELECT max(position) FROM inline_frame WHERE frame = f.id) AS inlined
FROM frame f
LEFT JOIN symbol y ON y.id = f.symbol
LEFT JOIN dso d ON d.id = f.dso
LEFT JOIN inline_frame i ON i.frame = f.id
LEFT JOIN source w ON w.id = i.source
WHERE f.id = :frame
ORDER BY i.position;
