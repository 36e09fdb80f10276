-- One stack, or one frame, as a single line: the innermost function first.
SELECT group_concat(text, ' <- ') FROM (
	SELECT f.text FROM stack_frame sf JOIN frame_text f ON f.frame = sf.frame
	WHERE sf.stack = :stack ORDER BY sf.position)
WHERE :stack > 0
UNION ALL
SELECT text FROM frame_text WHERE frame = -:stack AND :stack < 0;
