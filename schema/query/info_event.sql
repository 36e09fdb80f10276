-- Events by type.
SELECT system || ':' || name AS event, events, has_stack FROM event ORDER BY events DESC, 1;
