-- How many objects of each call site ended at all: where none did, the capture cannot tell whether
-- the kernel frees them with a trace (it does not after kfree_rcu, for one).
SELECT a.call_site AS call_site, sum(p.objects * (p.end & 3 <> 0)) AS ended
FROM pair_total p
JOIN alloc_site a ON a.id = p.alloc_site
GROUP BY 1;
