-- Allocation sites whose caller is in one of these units.
INSERT INTO temp.branch_site
SELECT k.site FROM temp.alloc_caller k
JOIN frame f ON f.id = k.caller
WHERE f.unit IN (SELECT id FROM temp.branch_unit);
