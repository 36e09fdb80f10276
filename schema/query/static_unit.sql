-- Source files in a directory of the source tree or below it, added to temporary table static_unit.
INSERT OR IGNORE INTO temp.static_unit
SELECT id FROM source
WHERE directory = :dir OR substr(directory, 1, length(:dir) + 1) = :dir || '/';
