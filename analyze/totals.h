/*
 * totals.h - the summaries of tables.sql (pair_total, lifetime_total, site_total, free_total, domain_peak, stack_peak,
 * live_step), kept up in O(1) per event.
 *
 * Peaks count what is live after all events of one moment, as --at does; of several equal ones the first is meant.
 * The moment is over when an event of a later one comes: only then its bytes are compared. A domain's highest moment
 * (without what the recorder itself allocated) is known only afterwards, so each site remembers how many of its
 * objects were live at the highest moment so far, and catches up when it is next touched: unless its domain has had
 * a higher moment since, the number then is still right.
 *
 *	struct totals t = { .now = INT64_MIN };
 *	totals_reserve(&t, alloc_sites, free_sites);		// whenever there are new sites
 *	totals_change(&t, &sites->allocs[site - 1], site, self, time, true);	// an object begins
 *	totals_change(&t, &sites->allocs[site - 1], site, self, time, false);	// and ends
 *	totals_pair(&t, site, self, free_site, end, lifetime);
 *	totals_finish(&t, sites, alloc_sites);			// before reading
 *	totals_release(&t);
 */
#ifndef KMEM_ANALYZE_TOTALS_H
#define KMEM_ANALYZE_TOTALS_H

#include "analyze/id_index.h"
#include "analyze/lifetime_counts.h"
#include "analyze/live_steps.h"
#include "analyze/ns_sum.h"
#include "analyze/roles.h"
#include "analyze/sites.h"

struct pair_total {
	uint32_t alloc_site, free_site; /* free_site 0: none known */
	uint8_t end;
	bool self;
	uint64_t objects, lifetime_min, lifetime_max;
	struct ns_sum lifetime_sum;
};

struct site_total {
	uint64_t live, at_peak;
	uint64_t peak;		/* the domain's peak number that at_peak is of */
	uint64_t failed, moved; /* moved: freed on another CPU than they were allocated on */
	uint32_t stack;		/* number of its stack_peak; 0: none yet */
	uint32_t last_pair;	/* the pair found last: usually the next one too; 0 none */
	uint32_t learned;	/* cache that its frees named; 0: none yet */
};

#define LEARNED_CONFLICT UINT32_MAX

struct free_total {
	uint64_t matched, unmatched, null_frees;
};

/* What is live, and the first moment at which its bytes were highest. */
struct level {
	uint64_t bytes, objects;
	uint64_t peak_bytes, peak_objects;
	int64_t peak_time; /* ns since the start of the capture */
	int64_t time;	   /* the moment that bytes and objects are of */
};

struct domain_total {
	struct level level;
	uint64_t peak; /* counts new highest moments */
};

/* All sites of one stack, or where none was recorded of one call site. */
struct stack_peak {
	struct level level;
	uint32_t stack, call_site; /* frames; call_site 0 where there is a stack */
	uint8_t domain;
	bool self;
};

struct totals {
	struct site_total *sites;    /* [site * 2 + self] */
	struct free_total *frees;    /* [free_site * 2 + self] */
	uint32_t site_cap, free_cap; /* in sites */
	struct pair_total *pairs;    /* number n is pairs[n - 1] */
	size_t pair_count, pair_cap;
	struct id_index pair_index;
	struct domain_total domains[DOMAIN_COUNT];
	struct live_steps *steps; /* made by the first totals_reserve */
	struct lifetime_counts lifetimes;
	struct stack_peak *stacks; /* number n is stacks[n - 1] */
	size_t stack_count, stack_cap;
	struct id_index stack_index;
	int64_t now; /* the latest time so far, at which peaks take changes from before it; set before
			the first change */
};

/* Room for sites 1 to alloc_sites and 1 to free_sites. False: no memory. */
bool totals_reserve(struct totals *t, size_t alloc_sites, size_t free_sites);

static inline struct site_total *totals_site(struct totals *t, uint32_t site, bool self)
{
	return &t->sites[(size_t)site * 2 + self];
}

static inline struct free_total *totals_free(struct totals *t, uint32_t free_site, bool self)
{
	return &t->frees[(size_t)free_site * 2 + self];
}

/* A later moment begins: was the one before a peak? */
static inline bool level_settle(struct level *l, int64_t time)
{
	bool peak = l->bytes > l->peak_bytes;

	if (peak) {
		l->peak_bytes = l->bytes;
		l->peak_objects = l->objects;
		l->peak_time = l->time;
	}
	l->time = time;
	return peak;
}

static inline void level_change(struct level *l, uint64_t bytes, bool more)
{
	l->bytes += more ? bytes : 0 - bytes;
	l->objects += more ? 1 : UINT64_MAX;
}

static inline void totals_catch_up(struct site_total *s, const struct domain_total *d)
{
	if (s->peak != d->peak) {
		s->at_peak = s->live;
		s->peak = d->peak;
	}
}

/* A later moment begins for the domain. */
static inline void totals_settle(struct totals *t, enum domain domain, int64_t time)
{
	struct domain_total *d = &t->domains[domain];

	live_steps_settle(t->steps, domain, d->level.time, d->level.bytes, d->level.objects);
	d->peak += level_settle(&d->level, time);
}

/* The number of the stack's peak. 0: no memory. */
uint32_t totals_stack(struct totals *t, const struct alloc_site *a, bool self);

/* An object begins (more) or ends. False: no memory. */
static inline bool totals_change(struct totals *t, const struct alloc_site *a, uint32_t site,
				 bool self, int64_t time, bool more)
{
	struct site_total *s = totals_site(t, site, self);
	struct domain_total *d = &t->domains[a->domain];
	struct level *stack;

	if (!s->stack)
		s->stack = totals_stack(t, a, self);
	if (!s->stack)
		return false;
	stack = &t->stacks[s->stack - 1].level;
	if (time < t->now)
		time = t->now;
	t->now = time;
	if (d->level.time != time)
		totals_settle(t, a->domain, time);
	if (stack->time != time)
		level_settle(stack, time);
	totals_catch_up(s, d);
	s->live += more ? 1 : UINT64_MAX;
	level_change(stack, a->bytes_alloc, more);
	if (!self)
		level_change(&d->level, a->bytes_alloc, more);
	return true;
}

/*
 * The object's life is known: also of the live ones, once, at the end of the capture (end 0). False: no memory.
 */
bool totals_pair(struct totals *t, uint32_t site, bool self, uint32_t free_site, uint8_t end,
		 uint64_t lifetime);

/* Objects that ended together with their counts; key and numbers as in *sum. False: no memory. */
bool totals_pairs(struct totals *t, const struct pair_total *sum);

/* Brings every peak to the end and every site to the final one of its domain, and pairs into the order of their key.
 * False: no memory. */
bool totals_finish(struct totals *t, const struct alloc_site *sites, size_t alloc_sites);
void totals_release(struct totals *t);

#endif
