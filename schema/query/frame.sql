-- One frame.
SELECT f.address, y.name, f.offset, y.module, d.path
FROM frame f
LEFT JOIN symbol y ON y.id = f.symbol
LEFT JOIN dso d ON d.id = f.dso
WHERE f.id = :frame;
