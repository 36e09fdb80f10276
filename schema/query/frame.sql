-- One frame.
SELECT f.address, y.name, f.offset, y.module
FROM frame f
LEFT JOIN symbol y ON y.id = f.symbol
WHERE f.id = :frame;
