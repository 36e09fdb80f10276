#include "analyze/replay.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/other_event.h"
#include "analyze/replay_pages.h"

#define PREFETCH_AHEAD 12 /* rows: about the latency of memory at 10 to 20 ns a row */

int replay_init(struct replay *r, struct error *err)
{
	r->type_events = calloc(r->type_count + 1, sizeof(*r->type_events));
	r->unknown_site = calloc(r->type_count + 1, sizeof(*r->unknown_site));
	r->clock = INT64_MIN;
	r->totals.now = INT64_MIN;
	return r->type_events && r->unknown_site ? 0 : error_nomem(err);
}

void replay_release(struct replay *r)
{
	for (int i = 0; i < DOMAIN_COUNT; i++)
		object_table_release(&r->objects[i]);
	totals_release(&r->totals);
	free(r->type_events);
	free(r->unknown_site);
	r->type_events = NULL;
	r->unknown_site = NULL;
}

/* An event, reduced to what the replay works with. */
struct step {
	uint64_t address;
	int64_t time;
	uint32_t site, task;
	uint16_t cpu;
	enum domain domain;
	bool self, failed;
};

static uint64_t lifetime(int64_t from, int64_t to)
{
	uint64_t ns = (uint64_t)to - (uint64_t)from;

	if (to < from) /* clocks of two CPUs may disagree by a little */
		return 0;
	return ns > INT64_MAX ? INT64_MAX : ns;
}

/* The row and the totals of an object that ends. freed: NULL when its free was not traced. */
static int object_ends(struct replay *r, const struct object *o, const struct step *s, bool freed)
{
	const struct alloc_site *site = &r->sites->allocs[o->site - 1];
	uint64_t ns = lifetime(o->time, s->time);
	uint8_t end = (uint8_t)((freed ? END_FREED : END_REUSED) |
				(losses_hit(r->losses, o->time, r->clock) ? END_IN_LOSS : 0));
	struct feed_row *row = feed_row(r->feed, FEED_ALLOCATION);

	if (!row)
		return ERR_INTERRUPTED;
	*row = (struct feed_row){ .time = o->time,
				  .lifetime = (int64_t)ns,
				  .address = o->address,
				  .alloc_site = o->site,
				  .task = o->task,
				  .cpu = o->cpu,
				  .end = end };
	if (freed) {
		row->free_site = s->site;
		row->free_task = s->task;
		row->free_cpu = s->cpu;
		totals_site(&r->totals, o->site, o->self)->moved += o->cpu != s->cpu;
	}
	if (freed &&
	    !lifetime_counts_add(&r->totals.lifetimes, o->site, o->self, end & END_IN_LOSS, ns))
		return ERR_NOMEM;
	return totals_change(&r->totals, site, o->site, o->self, s->time, false) &&
			       totals_pair(&r->totals, o->site, o->self, freed ? s->site : 0, end,
					   ns) ?
		       0 :
		       ERR_NOMEM;
}

struct ending {
	struct replay *replay;
	const struct step *step;
	bool freed;
};

static int block_ends(void *arg, const struct object *o)
{
	const struct ending *e = arg;

	return object_ends(e->replay, o, e->step, e->freed);
}

/* Whatever was live of these pages ended, and nobody said so. */
static int pages_reused(struct replay *r, const struct step *s)
{
	struct ending e = { r, s, false };
	size_t n;
	int rc = replay_pages_end(r, s->address, r->sites->allocs[s->site - 1].order, s->time,
				  block_ends, &e, &n);

	r->counts.reused += n;
	if (rc == 0)
		replay_pages_begins(r, s->site);
	return rc;
}

/* 1: it was live, 0: nothing of it. */
static int pages_freed(struct replay *r, const struct step *s)
{
	const struct free_site *site = &r->sites->frees[s->site - 1];
	const struct object *o = object_table_find(&r->objects[DOMAIN_PAGE], s->address);
	unsigned int order = site->flags & SITE_HAS_ORDER ? site->order :
			     o				  ? r->sites->allocs[o->site - 1].order :
							    0;
	struct ending e = { r, s, true };
	size_t n;
	int rc = replay_pages_end(r, s->address, order, s->time, block_ends, &e, &n);

	return rc < 0 ? rc : n > 0;
}

/* 1: the object ended, 0: there was none. */
static int object_freed(struct replay *r, const struct step *s)
{
	struct object o;
	int rc;

	if (s->domain == DOMAIN_PAGE)
		return pages_freed(r, s);
	if (!object_table_take(&r->objects[s->domain], s->address, &o))
		return 0;
	replay_learn_cache(r, o.site, s->site);
	rc = object_ends(r, &o, s, true);
	return rc < 0 ? rc : 1;
}

static int on_alloc(struct replay *r, const struct step *s)
{
	enum address_kind kind = address_kind(s->domain, s->address, r->long_size);
	struct object *o;
	bool existed;

	if (s->failed || kind == ADDRESS_NULL) {
		r->counts.failed++;
		totals_site(&r->totals, s->site, s->self)->failed++;
		return 0;
	}
	if (kind == ADDRESS_ZERO_SIZE) {
		r->counts.zero_size++;
		return 0;
	}
	r->counts.allocs++;
	if (s->domain == DOMAIN_PAGE) {
		int rc = pages_reused(r, s);

		if (rc < 0)
			return rc;
	}
	o = object_table_put(&r->objects[s->domain], s->address, &existed);
	if (!o)
		return ERR_NOMEM;
	if (existed) {
		int rc = object_ends(r, o, s, false);

		if (rc < 0)
			return rc;
		r->counts.reused++;
	}
	o->time = s->time;
	o->site = s->site;
	o->task = s->task;
	o->cpu = s->cpu;
	o->self = s->self;
	return totals_change(&r->totals, &r->sites->allocs[s->site - 1], s->site, s->self, s->time,
			     true) ?
		       0 :
		       ERR_NOMEM;
}

void replay_learn_cache(struct replay *r, uint32_t alloc_site, uint32_t free_site)
{
	uint32_t cache = r->sites->frees[free_site - 1].cache;
	struct site_total *t = totals_site(&r->totals, alloc_site, false);

	if (cache && t->learned != cache)
		t->learned = t->learned ? LEARNED_CONFLICT : cache;
}

static int on_free(struct replay *r, const struct step *s)
{
	struct free_total *total = totals_free(&r->totals, s->site, s->self);
	struct feed_row *row;
	int rc;

	r->counts.frees++;
	if (address_kind(s->domain, s->address, r->long_size) != ADDRESS_OBJECT) {
		r->counts.null_frees++;
		total->null_frees++;
		return 0;
	}
	rc = object_freed(r, s);
	if (rc) {
		totals_free(&r->totals, s->site, s->self)->matched += rc > 0;
		return rc < 0 ? rc : 0;
	}
	r->counts.unmatched++;
	total->unmatched++;
	row = feed_row(r->feed, FEED_UNMATCHED);
	if (!row)
		return ERR_INTERRUPTED;
	*row = (struct feed_row){ .time = s->time,
				  .address = s->address,
				  .free_site = s->site,
				  .task = s->task,
				  .cpu = s->cpu };
	return 0;
}

uint32_t replay_unknown_site(struct replay *r, uint16_t type)
{
	const struct role *role = &r->roles[type];
	struct alloc_site alloc;
	struct free_site freed;

	if (r->unknown_site[type])
		return r->unknown_site[type];
	memset(&alloc, 0, sizeof(alloc));
	memset(&freed, 0, sizeof(freed));
	alloc.event = freed.event = type;
	alloc.domain = freed.domain = (uint8_t)role->domain;
	alloc.flags = freed.flags = r->types[type].has_stack ? SITE_STACK_LOST : 0;
	r->unknown_site[type] = role->kind == ROLE_ALLOC ? sites_add_alloc(r->sites, &alloc) :
							   sites_add_free(r->sites, &freed);
	if (!totals_reserve(&r->totals, r->sites->alloc_count, r->sites->free_count))
		return 0;
	return r->unknown_site[type];
}

/* What a PROCESS record says about a task. */
static int tell_tasks(void *arg, const struct process_event *e)
{
	struct replay *r = arg;
	int64_t time = (int64_t)(e->time - r->base);
	bool ok = true;

	if (e->pid < 0 || e->tgid < 0)
		return 0;
	if (e->kind == PROCESS_FORK)
		ok = tasks_born(r->tasks, e->pid, e->tgid, e->parent.pid, time);
	else
		ok = tasks_belongs(r->tasks, e->pid, e->tgid);
	if (ok && e->kind == PROCESS_COMM)
		ok = tasks_rename(r->tasks, e->pid, r->processes->log->names.data + e->comm.name,
				  e->comm.len, time);
	return ok ? 0 : ERR_NOMEM;
}

/* The site of a tuple that only now, with its event, is complete. */
static int complete_site(struct replay *r, struct dictionary *dict, const struct tuple_fact *fact,
			 struct step *step)
{
	int rc = late_site(r->late, dict, fact, step->task, &step->site);

	if (rc < 0)
		return rc;
	return totals_reserve(&r->totals, r->sites->alloc_count, r->sites->free_count) ? 0 :
											 ERR_NOMEM;
}

/* The merge keeps the order of each CPU: only where times of one CPU step back can this be. */
static void count_out_of_order(struct replay_counts *c, uint64_t ns)
{
	c->out_of_order++;
	if (ns > c->out_of_order_ns)
		c->out_of_order_ns = ns;
}

static int replay_row(struct replay *r, struct cpu_stream *s, const struct event_row *row)
{
	const struct role *role = &r->roles[row->type];
	const struct tuple_fact *fact = dictionary_fact(s->dictionary, row->tuple, row->type);
	struct step step = { .address = row->address,
			     .time = (int64_t)(row->time - r->base),
			     .cpu = (uint16_t)s->cpu,
			     .domain = role->domain };

	r->counts.events++;
	r->type_events[row->type]++;
	if (step.time >= r->clock)
		r->clock = step.time;
	else
		count_out_of_order(&r->counts, (uint64_t)r->clock - (uint64_t)step.time);
	if (row->time >= r->processes->next_time &&
	    processes_advance(r->processes, row->time, tell_tasks, r, NULL) < 0)
		return ERR_NOMEM;
	step.task = tasks_current(r->tasks, row->pid);
	if (!step.task)
		return ERR_NOMEM;
	if (fact) {
		r->counts.stacks_lost += fact->flags & FACT_STACK_LOST;
		step.site = fact->site;
		if (fact->flags & FACT_LATE && complete_site(r, s->dictionary, fact, &step) < 0)
			return ERR_NOMEM;
		step.failed = fact->flags & FACT_FAILED;
		step.self = fact->flags & FACT_IN_TASK && r->tasks->list[step.task - 1].self;
		if (fact->flags & FACT_HAS_ADDRESS)
			step.address = fact->address;
	} else {
		r->counts.tuples_lost++;
	}
	if (role->kind != ROLE_ALLOC && role->kind != ROLE_FREE)
		return other_event(r, s, row, fact, step.task, step.site);
	if (!fact) {
		step.site = replay_unknown_site(r, row->type);
		if (!step.site)
			return ERR_NOMEM;
	}
	return role->kind == ROLE_ALLOC ? on_alloc(r, &step) : on_free(r, &step);
}

static void prefetch(const struct replay *r, const struct event_row *row)
{
	const struct role *role = &r->roles[row->type];

	if (role->domain < DOMAIN_COUNT)
		object_table_prefetch(&r->objects[role->domain], row->address);
}

int replay_run(struct replay *r, struct cpu_stream *s, uint32_t n, struct error *err)
{
	if (!totals_reserve(&r->totals, r->sites->alloc_count, r->sites->free_count))
		return error_nomem(err);
	for (; n; n--, s->next++) {
		int rc;

		if (s->next + PREFETCH_AHEAD < s->rows.count)
			prefetch(r, &s->rows.rows[s->next + PREFETCH_AHEAD]);
		rc = replay_row(r, s, cpu_stream_head(s));
		if (rc == ERR_NOMEM)
			return error_nomem(err);
		if (rc < 0)
			return error_set(err, rc, "the load was given up");
	}
	return 0;
}

static int emit_live(struct replay *r, const struct object *o)
{
	struct feed_row *row = feed_row(r->feed, FEED_ALLOCATION);
	uint8_t end = losses_hit(r->losses, o->time, INT64_MAX) ? END_LIVE | END_IN_LOSS : END_LIVE;

	if (!row)
		return ERR_INTERRUPTED;
	*row = (struct feed_row){ .time = o->time,
				  .live = true,
				  .address = o->address,
				  .alloc_site = o->site,
				  .task = o->task,
				  .cpu = o->cpu,
				  .end = end };
	r->counts.live++;
	r->counts.live_bytes += r->sites->allocs[o->site - 1].bytes_alloc;
	return totals_pair(&r->totals, o->site, o->self, 0, end,
			   lifetime(o->time, r->counts.length)) ?
		       0 :
		       ERR_NOMEM;
}

int replay_finish(struct replay *r, struct error *err)
{
	struct object *live[DOMAIN_COUNT];
	size_t next[DOMAIN_COUNT] = { 0 };

	if (!totals_reserve(&r->totals, r->sites->alloc_count, r->sites->free_count) ||
	    !losses_settle(r->losses))
		return error_nomem(err);
	r->counts.first_live_id = feed_rows(r->feed, FEED_ALLOCATION) + 1;
	r->counts.length = r->counts.events && r->clock > 0 ? r->clock : 0;
	if (r->end > r->base && (int64_t)(r->end - r->base) > r->counts.length)
		r->counts.length = (int64_t)(r->end - r->base);
	for (int d = 0; d < DOMAIN_COUNT; d++)
		live[d] = object_table_sorted(&r->objects[d]);
	for (;;) {
		const struct object *least = NULL;
		int from = 0, rc;

		for (int d = 0; d < DOMAIN_COUNT; d++) {
			if (next[d] < r->objects[d].count &&
			    (!least || live[d][next[d]].time < least->time)) {
				least = &live[d][next[d]];
				from = d;
			}
		}
		if (!least)
			break;
		next[from]++;
		rc = emit_live(r, least);
		if (rc < 0)
			return rc == ERR_NOMEM ? error_nomem(err) :
						 error_set(err, rc, "the load was given up");
	}
	return totals_finish(&r->totals, r->sites->allocs, r->sites->alloc_count) ?
		       0 :
		       error_nomem(err);
}
