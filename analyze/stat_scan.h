/*
 * stat_scan.h - the objects of a report by address, in one pass over the rows: stat --alloc.
 *
 *	stat_scan(r, live_only, &err);		// temp.stat_address (address, grp, bytes_alloc, bytes_req, hit, pingpong)
 *
 * Temporary table stat_class (site, grp) says which sites count and what tells their objects apart besides the address.
 */
#ifndef KMEM_ANALYZE_STAT_SCAN_H
#define KMEM_ANALYZE_STAT_SCAN_H

#include "analyze/report.h"

int stat_scan(struct report *r, bool live_only, struct error *err);

#endif
