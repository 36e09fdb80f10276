/*
 * timeline.h - what was live at chosen moments, in a few series: all groups together, the biggest groups, and the
 * rest; or each domain by itself.
 *
 *	struct timeline t = { .from = 0, .to = r->end_ns, .top = 5 };
 *
 *	timeline_make(&t, r, &err);
 *	timeline_value(&t, step, series)->bytes ...
 *	timeline_release(&t);
 *
 * Moment 0 is `from`, moment `steps` is `to`. A value is what was live after all events of its moment, as --at has it;
 * least and most are those of the time from the moment before to this one.
 */
#ifndef KMEM_ANALYZE_TIMELINE_H
#define KMEM_ANALYZE_TIMELINE_H

#include "analyze/levels.h"

#define TIMELINE_STEPS_MAX 10000

struct timeline_value {
	uint64_t bytes, objects;
	uint64_t least, most; /* bytes */
};

enum series_kind { SERIES_TOTAL, SERIES_GROUP, SERIES_OTHERS };

struct timeline_series {
	enum series_kind kind;
	uint32_t group;	 /* in temp.row_group; 0: of SERIES_TOTAL and SERIES_OTHERS */
	uint64_t groups; /* of SERIES_OTHERS: how many */
	char *name;	 /* UTF-8 without errors */
	uint64_t peak_bytes, peak_objects;
	int64_t peak_time; /* of the whole time, not of the moments alone */
};

/* Moments that were named while recording, between `from` and `to`. */
struct timeline_mark {
	int64_t time;
	char *text; /* UTF-8 without errors */
};

struct timeline {
	/* set before */
	int64_t from, to; /* ns; from <= to */
	int64_t every;	  /* ns between moments, the last may be shorter; 0: steps counts */
	uint64_t steps;	  /* with neither at most 60 steps of a round length: 1, 2 or 5 and zeros */
	uint64_t top;	  /* groups of their own; 0: all. Domains always are. */
	/* made */
	int64_t *times; /* steps + 1 */
	bool *missing;	/* [step]: events are missing between the moment before and this one */
	struct timeline_series *series;
	size_t count;
	bool adds_up; /* series other than the total are parts of it; else they stand for themselves */
	struct timeline_value *values;
	struct timeline_mark *marks;
	size_t mark_count, mark_cap;
};

static inline struct timeline_value *timeline_value(const struct timeline *t, size_t step,
						    size_t series)
{
	return &t->values[step * t->count + series];
}

/* With --by by its keys, else by domain: from the summaries where these can tell, else from every row. */
int timeline_make(struct timeline *t, struct report *r, struct error *err);
void timeline_release(struct timeline *t);

/* A part of it: values and peaks of each domain from live_step and domain_peak. 1: done, 0: these cannot tell. */
int timeline_from_steps(struct timeline *t, struct report *r, struct error *err);

/* The most bytes that all series, or where they do not add up one of them, had. */
uint64_t timeline_most(const struct timeline *t);

/* Forms of it, whole files: lines are those of the report's header, NULL ends them (report_lines.h). */
void timeline_svg(const struct timeline *t, const char *const *lines, FILE *out);
void timeline_trace(const struct timeline *t, const char *const *lines, FILE *out);
/* The part of the report below its header. */
int timeline_text(const struct timeline *t, struct report *r);

#endif
