-- How many objects of each call site ended at all: where none did, the capture cannot tell whether
-- the kernel frees them with a trace (it does not after kfree_rcu, for one). Where the event has no call site the innermost
-- frame of the stack is it.
SELECT
	coalesce(a.call_site, (SELECT frame FROM stack_frame WHERE stack = a.stack AND position = 0)) AS call_site,
	sum(p.objects * (p.end & 3 <> 0)) AS ended
FROM pair_total p
JOIN alloc_site a ON a.id = p.alloc_site
GROUP BY 1;
