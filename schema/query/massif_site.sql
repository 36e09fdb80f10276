-- The allocation sites, with what finds the stack of each in stack_values.sql. The conditions of the options are added.
SELECT a.id, a.stack, a.call_site, a.context, a.bytes_req, a.bytes_alloc
FROM alloc_site a
JOIN event e ON e.id = a.event
WHERE 1
