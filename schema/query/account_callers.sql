-- The lines of temp.account with the object file that the caller is in, by the name of its compile unit: 'fs/ext4/inode.o';
-- several where functions of one name and offset lie in several; NULL without debug information.
SELECT a.caller, a.net, a.waste, p.object, a.total, a.alloc, a.free
FROM temp.account a
LEFT JOIN (
	SELECT text, group_concat(DISTINCT substr(unit, 1, length(unit) - 1) || 'o') AS object
	FROM frame_text
	WHERE unit GLOB '*.[cS]'
	GROUP BY text
) p ON p.text = a.caller;
