/*
 * totals.h - the summaries of tables.sql (pair_total, site_total, free_total), kept up in O(1) per
 * event.
 *
 * Peak: a domain's highest moment is known only afterwards, so each site remembers how many of its
 * objects were live at the highest moment so far, and catches up when it is next touched: unless
 * its domain has had a higher moment since, the number then is still right.
 *
 *	struct totals t = { 0 };
 *	totals_reserve(&t, alloc_sites, free_sites);		// whenever there are new sites
 *	totals_begin(&t, domain, site, self, bytes);		// an object begins
 *	totals_end(&t, domain, site, self, bytes, free_site, end, lifetime);
 *	totals_finish(&t, sites, alloc_sites);			// before reading
 *	totals_release(&t);
 */
#ifndef KMEM_ANALYZE_TOTALS_H
#define KMEM_ANALYZE_TOTALS_H

#include "analyze/id_index.h"
#include "analyze/roles.h"
#include "analyze/sites.h"

struct pair_total {
	uint32_t alloc_site, free_site; /* free_site 0: none known */
	uint8_t end;
	bool self;
	uint64_t objects, lifetime_sum, lifetime_min, lifetime_max;
};

struct site_total {
	uint64_t live, at_peak;
	uint64_t peak; /* the domain's peak number that at_peak is of */
	uint64_t failed;
	uint32_t last_pair; /* the pair found last: usually the next one too; 0 none */
	uint32_t learned;   /* cache that its frees named; 0: none yet */
};

#define LEARNED_CONFLICT UINT32_MAX

struct free_total {
	uint64_t matched, unmatched, null_frees;
};

struct domain_total {
	uint64_t bytes, peak_bytes;
	uint64_t peak; /* counts new highest moments */
};

struct totals {
	struct site_total *sites;    /* [site * 2 + self] */
	struct free_total *frees;    /* [free_site * 2 + self] */
	uint32_t site_cap, free_cap; /* in sites */
	struct pair_total *pairs;    /* number n is pairs[n - 1] */
	size_t pair_count, pair_cap;
	struct id_index pair_index;
	struct domain_total domains[DOMAIN_COUNT];
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

static inline void totals_catch_up(struct site_total *s, const struct domain_total *d)
{
	if (s->peak != d->peak) {
		s->at_peak = s->live;
		s->peak = d->peak;
	}
}

static inline void totals_begin(struct totals *t, enum domain domain, uint32_t site, bool self,
				uint64_t bytes)
{
	struct site_total *s = totals_site(t, site, self);
	struct domain_total *d = &t->domains[domain];

	totals_catch_up(s, d);
	s->live++;
	d->bytes += bytes;
	if (d->bytes > d->peak_bytes) {
		d->peak_bytes = d->bytes;
		d->peak++;
	}
}

/*
 * The object ends: also the live ones, once, at the end of the capture (end 0). False: no memory.
 */
bool totals_pair(struct totals *t, uint32_t site, bool self, uint32_t free_site, uint8_t end,
		 uint64_t lifetime);

/* Objects that ended together with their counts; key and numbers as in *sum. False: no memory. */
bool totals_pairs(struct totals *t, const struct pair_total *sum);

static inline bool totals_end(struct totals *t, enum domain domain, uint32_t site, bool self,
			      uint64_t bytes, uint32_t free_site, uint8_t end, uint64_t lifetime)
{
	struct site_total *s = totals_site(t, site, self);
	struct domain_total *d = &t->domains[domain];

	totals_catch_up(s, d);
	s->live--;
	d->bytes -= bytes;
	return totals_pair(t, site, self, free_site, end, lifetime);
}

/* Brings every site up to the final peak of its domain, and pairs into the order of their key. */
void totals_finish(struct totals *t, const struct alloc_site *sites, size_t alloc_sites);
void totals_release(struct totals *t);

#endif
