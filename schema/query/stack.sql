-- The frames of one stack, innermost first.
SELECT f.address, y.name, f.offset, y.module
FROM stack_frame sf
JOIN frame f ON f.id = sf.frame
LEFT JOIN symbol y ON y.id = f.symbol
WHERE sf.stack = :stack
ORDER BY sf.position;
