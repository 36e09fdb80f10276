-- Compile units in a directory of the source tree or below it, added to temporary table branch_unit. :dir is
-- '' for all of the tree, and otherwise has no slash at its ends.
INSERT OR IGNORE INTO temp.branch_unit
SELECT id FROM source
WHERE :dir = '' OR directory = :dir OR substr(directory, 1, length(:dir) + 1) = :dir || '/';
