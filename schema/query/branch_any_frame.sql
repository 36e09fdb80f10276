-- Allocation sites of which any frame of the kernel, or the call site, is in one of these units.
WITH inside AS (
	SELECT id FROM frame WHERE dso IS NULL AND unit IN (SELECT id FROM temp.branch_unit)
), inside_stack AS (
	SELECT DISTINCT stack FROM stack_frame WHERE frame IN (SELECT id FROM inside)
)
INSERT INTO temp.branch_site
SELECT a.id FROM alloc_site a
WHERE a.stack IN (SELECT stack FROM inside_stack) OR a.call_site IN (SELECT id FROM inside);
