-- The frames of one stack, innermost first.
SELECT f.address, y.name, f.offset, y.module, d.path
FROM stack_frame sf
JOIN frame f ON f.id = sf.frame
LEFT JOIN symbol y ON y.id = f.symbol
LEFT JOIN dso d ON d.id = f.dso
WHERE sf.stack = :stack
ORDER BY sf.position;
