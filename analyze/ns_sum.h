/*
 * ns_sum.h - a sum of times in ns: an integer as long as SQLite's integers hold it (292 years: a million objects of
 * an age of two hours and a half), and beyond that a floating-point number.
 *
 *	struct ns_sum s = { 0 };
 *
 *	ns_sum_add(&s, ns);
 *	ns_sum_bind(stmt, 1, &s);
 */
#ifndef KMEM_ANALYZE_NS_SUM_H
#define KMEM_ANALYZE_NS_SUM_H

#include <sqlite3.h>
#include <stdint.h>

struct ns_sum {
	uint64_t ns;   /* at most INT64_MAX */
	double beyond; /* all of it, where ns cannot hold it; else 0 */
};

static inline void ns_sum_add(struct ns_sum *s, uint64_t ns)
{
	if (s->beyond > 0 || ns > INT64_MAX - s->ns)
		s->beyond = (s->beyond > 0 ? s->beyond : (double)s->ns) + (double)ns;
	else
		s->ns += ns;
}

static inline void ns_sum_bind(sqlite3_stmt *stmt, int i, const struct ns_sum *s)
{
	if (s->beyond > 0)
		sqlite3_bind_double(stmt, i, s->beyond);
	else
		sqlite3_bind_int64(stmt, i, (int64_t)s->ns);
}

#endif
