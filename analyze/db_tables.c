#include "analyze/db_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/callers.h"
#include "analyze/db_open.h"
#include "analyze/gfp_table.h"

/* Runs `fill` with a statement prepared from sql. */
static int fill_table(struct db_writer *w, const struct db_facts *f, const char *sql,
		      int (*fill)(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
				  struct error *err),
		      struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = db_prepare(w, &stmt, sql, err);

	if (rc == 0)
		rc = fill(w, f, stmt, err);
	sqlite3_finalize(stmt);
	return rc;
}

static int fill_event(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		      struct error *err)
{
	static const char *const roles[] = { NULL, "alloc", "free", NULL, NULL, NULL, NULL };
	const struct replay *r = f->replay;
	int rc = 0;

	for (size_t i = 0; i < r->type_count && rc == 0; i++) {
		const struct event_type *t = &r->types[i];

		if (f->only_seen && !r->type_events[i])
			continue;
		rc = db_put(w, stmt, err, "isssssii", (int64_t)i, t->system, t->name,
			    roles[r->roles[i].kind], domain_name(r->roles[i].domain),
			    r->roles[i].api, (int64_t)t->has_stack, (int64_t)r->type_events[i]);
	}
	return rc;
}

/*
 * Symbols that some frame has, each once: id is the symbol's place in kallsyms plus one, and behind
 * those its number among the extra ones.
 */
static int fill_symbol(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		       struct error *err)
{
	const struct stacks *s = f->replay->sites->stacks;
	size_t all = symbols_count(f->symbols);
	const struct symbol_hit **hits = calloc(all + 1, sizeof(*hits));
	int rc = hits ? 0 : error_nomem(err);

	for (size_t i = 0; i < s->frame_count && rc == 0; i++)
		if (s->frames[i].known && !s->frames[i].extra)
			hits[s->frames[i].hit.index] = &s->frames[i].hit;
	for (size_t i = 0; i < all && rc == 0; i++)
		if (hits[i])
			rc = db_put(w, stmt, err, "itt", (int64_t)i + 1, hits[i]->name.data,
				    hits[i]->name.len,
				    hits[i]->module.len ? hits[i]->module.data : NULL,
				    hits[i]->module.len);
	for (size_t i = 0; i < s->extra.count && rc == 0; i++)
		rc = db_put(w, stmt, err, "its", (int64_t)(all + i) + 1, s->extra.list[i].name,
			    s->extra.list[i].len, s->extra.list[i].module);
	free(hits);
	return rc;
}

static void hex_of(char *text, const uint8_t *id, size_t len)
{
	*text = '\0';
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
}

static int fill_dso(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		    struct error *err)
{
	const struct dsos *d = f->users->dsos;
	int rc = 0;

	for (size_t i = 0; i < d->count && rc == 0; i++) {
		const struct dso *dso = &d->list[i];
		char id[2 * BUILD_ID_MAX + 1];

		hex_of(id, dso->build_id, dso->build_id_len);
		rc = db_put(w, stmt, err, "issNs", (int64_t)i + 1, dso->path,
			    dso->build_id_len ? id : NULL, (int)!dso->is_file, (int64_t)dso->tgid,
			    dso->symbols_from);
	}
	return rc;
}

static int fill_code_section(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			     struct error *err)
{
	int rc = 0;

	for (uint32_t i = 1; i <= modules_section_count(f->modules) && rc == 0; i++) {
		char id[2 * BUILD_ID_MAX + 1];
		struct module_section s;

		modules_section(f->modules, i, &s);
		hex_of(id, s.build_id, s.build_id_len);
		rc = db_put(w, stmt, err, "issis", (int64_t)i, s.module, s.name, (int64_t)s.address,
			    s.build_id_len ? id : NULL);
	}
	return rc;
}

static int fill_frame(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		      struct error *err)
{
	const struct stacks *s = f->replay->sites->stacks;
	uint32_t kernel = (uint32_t)symbols_count(f->symbols);
	int rc = 0;

	for (size_t i = 0; i < s->frame_count && rc == 0; i++) {
		const struct frame *frame = &s->frames[i];
		bool placed = frame->module != FRAME_BY_NAME;

		rc = db_put(w, stmt, err, "iinNnni", (int64_t)i + 1,
			    placed ? (int64_t)frame->address : 0,
			    frame->known ? frame->hit.index + 1 + (frame->extra ? kernel : 0) : 0,
			    (int)(frame->known && !frame->no_offset),
			    (int64_t)(frame->address - frame->hit.start), frame->dso,
			    modules_section_of(f->modules, frame), (int64_t)frame->exact);
	}
	return rc;
}

static int fill_stack(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		      struct error *err)
{
	const struct stacks *s = f->replay->sites->stacks;
	int rc = 0;

	for (size_t i = 0; i < s->count && rc == 0; i++)
		rc = db_put(w, stmt, err, "ii", (int64_t)i + 1, (int64_t)s->list[i].depth);
	return rc;
}

static int fill_stack_frame(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			    struct error *err)
{
	const struct stacks *s = f->replay->sites->stacks;
	int rc = 0;

	for (size_t i = 0; i < s->count && rc == 0; i++)
		for (uint32_t k = 0; k < s->list[i].depth && rc == 0; k++)
			rc = db_put(w, stmt, err, "iii", (int64_t)i + 1, (int64_t)k,
				    (int64_t)s->path[s->list[i].first + k]);
	return rc;
}

static int fill_cache(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		      struct error *err)
{
	const struct sites *s = f->replay->sites;
	int rc = 0;

	for (size_t i = 0; i < s->cache_count && rc == 0; i++)
		rc = db_put(w, stmt, err, "it", (int64_t)i + 1, s->caches[i].name,
			    s->caches[i].len);
	return rc;
}

static int fill_task(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		     struct error *err)
{
	const struct tasks *t = f->replay->tasks;
	int rc = 0;

	for (size_t i = 0; i < t->count && rc == 0; i++) {
		const struct task *task = &t->list[i];

		rc = db_put(w, stmt, err, "iiNtNi", (int64_t)i + 1, (int64_t)task->pid,
			    (int)task->has_tgid, (int64_t)task->tgid,
			    task->has_comm ? task_comm(t, task) : NULL, (size_t)task->comm_len,
			    (int)task->has_start, task->start, (int64_t)task->self);
	}
	return rc;
}

static uint32_t learned_cache(const struct replay *r, size_t site)
{
	uint32_t learned = r->totals.sites[(site + 1) * 2].learned;

	return r->sites->allocs[site].cache || learned == LEARNED_CONFLICT ?
		       r->sites->allocs[site].cache :
		       learned;
}

static int fill_alloc_site(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			   struct error *err)
{
	const struct sites *s = f->replay->sites;
	struct callers callers = { 0 };
	int rc = callers_init(&callers, s->stacks, err);

	for (size_t i = 0; i < s->alloc_count && rc == 0; i++) {
		const struct alloc_site *a = &s->allocs[i];

		rc = db_put(w, stmt, err, "iinniiiNNninNn", (int64_t)i + 1, (int64_t)a->event,
			    a->call_site, a->stack, (int64_t) !!(a->flags & SITE_STACK_LOST),
			    (int64_t)a->bytes_req, (int64_t)a->bytes_alloc, a->flags & SITE_HAS_GFP,
			    (int64_t)a->gfp, a->flags & SITE_HAS_NODE, (int64_t)a->node,
			    learned_cache(f->replay, i), (int64_t)a->context,
			    callers_find(&callers, a->stack, a->call_site),
			    a->flags & SITE_HAS_MIGRATETYPE, (int64_t)a->migratetype, a->part_of);
	}
	callers_release(&callers);
	return rc;
}

static int fill_free_site(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			  struct error *err)
{
	const struct sites *s = f->replay->sites;
	uint64_t page = capture_model_number(f->model, "page_size", 4096);
	struct callers callers = { 0 };
	int rc = callers_init(&callers, s->stacks, err);

	for (size_t i = 0; i < s->free_count && rc == 0; i++) {
		const struct free_site *a = &s->frees[i];

		rc = db_put(w, stmt, err, "iinnininN", (int64_t)i + 1, (int64_t)a->event,
			    a->call_site, a->stack, (int64_t) !!(a->flags & SITE_STACK_LOST),
			    a->cache, (int64_t)a->context,
			    callers_find(&callers, a->stack, a->call_site),
			    a->flags & SITE_HAS_ORDER, (int64_t)(page << a->order));
	}
	callers_release(&callers);
	return rc;
}

/* The flags as the formats of the capture's events name them, else as its release does. */
static void read_gfp_table(const struct db_facts *f, struct gfp_table *t)
{
	const struct capture_model *m = f->model;

	for (size_t i = 0; i < m->file_count; i++) {
		const struct model_file *file = &m->files[i];

		if (!strncmp(file->name, "events/", 7) && !file->torn &&
		    gfp_table_parse(t, (const char *)file->content.data, file->content.len))
			return;
	}
	/* the numbers of a text log's flags were made from their names */
	gfp_table_of_release(t, f->only_seen				? NULL :
				capture_model_info(m, "kernel.release") ?:
									  "unknown");
}

static int fill_gfp_name(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			 struct error *err)
{
	const struct sites *s = f->replay->sites;
	struct gfp_table t;
	char text[GFP_TEXT_MAX];
	int rc = 0;

	read_gfp_table(f, &t);
	for (size_t i = 0; i < s->alloc_count && rc == 0; i++)
		if (s->allocs[i].flags & SITE_HAS_GFP)
			rc = db_put(w, stmt, err, "is", (int64_t)s->allocs[i].gfp,
				    gfp_table_print(&t, s->allocs[i].gfp, text, sizeof(text)));
	return rc;
}

static int fill_pair_total(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			   struct error *err)
{
	const struct totals *t = &f->replay->totals;
	int rc = 0;

	for (size_t i = 0; i < t->pair_count && rc == 0; i++) {
		const struct pair_total *p = &t->pairs[i];

		rc = db_put(w, stmt, err, "iiiiiSii", (int64_t)p->alloc_site, (int64_t)p->free_site,
			    (int64_t)p->end, (int64_t)p->self, (int64_t)p->objects,
			    &p->lifetime_sum, (int64_t)p->lifetime_min, (int64_t)p->lifetime_max);
	}
	return rc;
}

static int fill_lifetime_total(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			       struct error *err)
{
	const struct lifetime_counts *c = &f->replay->totals.lifetimes;
	int rc = 0;

	for (size_t i = 0; i < c->used && rc == 0; i++) {
		struct lifetime_count n = lifetime_count(c, i);

		rc = db_put(w, stmt, err, "iiiii", (int64_t)n.site, (int64_t)n.self,
			    (int64_t)(END_FREED | (n.in_doubt ? END_IN_LOSS : 0)), (int64_t)n.ns,
			    (int64_t)n.objects);
	}
	return rc;
}

static int fill_site_total(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			   struct error *err)
{
	const struct replay *r = f->replay;
	int rc = 0;

	for (size_t i = 2; i < (r->sites->alloc_count + 1) * 2 && rc == 0; i++) {
		const struct site_total *s = &r->totals.sites[i];

		if (s->last_pair || s->failed)
			rc = db_put(w, stmt, err, "iiiii", (int64_t)(i / 2), (int64_t)(i % 2),
				    (int64_t)s->failed, (int64_t)s->at_peak, (int64_t)s->moved);
	}
	return rc;
}

static int fill_domain_peak(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			    struct error *err)
{
	int rc = 0;

	for (int d = 0; d < DOMAIN_COUNT && rc == 0; d++) {
		const struct level *l = &f->replay->totals.domains[d].level;

		if (l->peak_objects)
			rc = db_put(w, stmt, err, "siii", domain_name((enum domain)d), l->peak_time,
				    (int64_t)l->peak_bytes, (int64_t)l->peak_objects);
	}
	return rc;
}

/* Steps in which nothing changed are left out. */
static int fill_live_step(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			  struct error *err)
{
	const struct live_steps *s = f->replay->totals.steps;
	int rc = 0;

	for (int d = 0; s && d < DOMAIN_COUNT; d++) {
		struct live_step before = { 0 };

		for (size_t k = 0; k <= s->domains[d].last && rc == 0; k++) {
			const struct live_step *step = &s->domains[d].list[k];

			if (step->objects != before.objects || step->least != before.bytes ||
			    step->most != before.bytes)
				rc = db_put(w, stmt, err, "siiiii", domain_name((enum domain)d),
					    live_steps_end(s, k), (int64_t)step->bytes,
					    (int64_t)step->objects, (int64_t)step->least,
					    (int64_t)step->most);
			before = *step;
		}
	}
	return rc;
}

static int fill_stack_peak(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			   struct error *err)
{
	const struct totals *t = &f->replay->totals;
	int rc = 0;

	for (size_t i = 0; i < t->stack_count && rc == 0; i++) {
		const struct stack_peak *s = &t->stacks[i];

		if (s->level.peak_objects)
			rc = db_put(w, stmt, err, "snniiii", domain_name((enum domain)s->domain),
				    s->stack, s->call_site, (int64_t)s->self, s->level.peak_time,
				    (int64_t)s->level.peak_bytes, (int64_t)s->level.peak_objects);
	}
	return rc;
}

static int fill_free_total(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			   struct error *err)
{
	const struct replay *r = f->replay;
	int rc = 0;

	for (size_t i = 2; i < (r->sites->free_count + 1) * 2 && rc == 0; i++) {
		const struct free_total *t = &r->totals.frees[i];

		if (t->matched || t->unmatched || t->null_frees)
			rc = db_put(w, stmt, err, "iiiii", (int64_t)(i / 2), (int64_t)(i % 2),
				    (int64_t)t->matched, (int64_t)t->unmatched,
				    (int64_t)t->null_frees);
	}
	return rc;
}

static int fill_loss(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		     struct error *err)
{
	static const char *const kinds[] = { "lost", "paused", "overwritten" };
	const struct losses *l = f->replay->losses;
	int rc = 0;

	for (size_t i = 0; i < l->count && rc == 0; i++)
		rc = db_put(w, stmt, err, "iiiis", (int64_t)l->list[i].cpu, l->list[i].from,
			    l->list[i].to, (int64_t)l->list[i].records, kinds[l->list[i].kind]);
	return rc;
}

/* Those from before a flight recorder's window would have negative times: they mark nothing here. */
static int fill_mark(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		     struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < f->model->mark_count && rc == 0; i++) {
		const struct model_mark *m = &f->model->marks[i];
		int64_t time = (int64_t)(m->time - f->replay->base);

		if (m->kind == MARK_NAMED && time >= 0)
			rc = db_put(w, stmt, err, "is", time, m->text);
	}
	return rc;
}

static int fill_damage(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		       struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < f->scan->damage_count && rc == 0; i++) {
		const struct capture_damage *d = &f->scan->damage[i];

		rc = db_put(w, stmt, err, "iis", (int64_t)d->offset, (int64_t)d->length, d->text);
	}
	return rc;
}

static int fill_ring(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		     struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < f->model->stats_count[STATS_END] && rc == 0; i++) {
		const struct ring_stats *s = &f->model->stats[STATS_END][i];

		rc = db_put(w, stmt, err, "iiiiiiiiiiiii", (int64_t)s->cpu, (int64_t)s->ring,
			    (int64_t)s->entries, (int64_t)s->overrun, (int64_t)s->commit_overrun,
			    (int64_t)s->dropped, (int64_t)s->read, (int64_t)s->decoded,
			    (int64_t)s->events, (int64_t)s->stacks, (int64_t)s->orphan_stacks,
			    (int64_t)s->missing_stacks, (int64_t)s->bytes);
	}
	return rc;
}

/* Symbols are in their own table, and formats in the events'. */
static bool file_is_kept(const struct model_file *file)
{
	return strncmp(file->name, "/proc/kallsyms", 14) && strncmp(file->name, "events/", 7);
}

static int fill_file(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		     struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < f->model->file_count && rc == 0; i++) {
		const struct model_file *file = &f->model->files[i];

		if (file_is_kept(file))
			rc = db_put(w, stmt, err, "ssb", file->name, file->moment,
				    file->content.data, file->content.len);
	}
	return rc;
}

uint64_t db_facts_lost(const struct db_facts *f)
{
	const struct losses *l = f->replay->losses;
	uint64_t lost = 0;

	for (size_t i = 0; i < l->count; i++)
		lost += l->list[i].records;
	return lost;
}

/* Records that a flight recorder's rings had overwritten on purpose. */
static uint64_t overwritten(const struct capture_model *m)
{
	uint64_t records = 0;

	for (size_t i = 0; capture_model_is_flight(m) && i < m->stats_count[STATS_START]; i++)
		records += m->stats[STATS_START][i].overrun;
	return records;
}

static int fill_segments(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			 struct error *err)
{
	const struct model_part *first = f->model->parts, *last = first + f->model->part_count - 1;
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = {
		{ "segments.count", (int64_t)f->model->part_count },
		{ "segments.first", first->number },
		{ "segments.last", last->number },
		{ "segments.missing",
		  (int64_t)last->number - first->number + 1 - (int64_t)f->model->part_count },
		{ "segments.more", last->rotated },
	};
	int rc = 0;

	for (size_t i = 0; first->number && i < sizeof(numbers) / sizeof(numbers[0]) && rc == 0;
	     i++)
		rc = db_put(w, stmt, err, "si", numbers[i].key, numbers[i].value);
	return rc;
}

/* Where the image of the kernel lay, for debug information that comes later. */
static int fill_image(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
		      struct error *err)
{
	static const char *const names[] = { "_stext", "_etext" };
	uint64_t address;
	char key[32];
	int rc = 0;

	for (size_t i = 0; i < 2 && rc == 0; i++) {
		snprintf(key, sizeof(key), "kernel.%s", names[i]);
		if (symbols_named(f->symbols, names[i], &address))
			rc = db_put(w, stmt, err, "si", key, (int64_t)address);
	}
	return rc;
}

static int fill_capture(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			struct error *err)
{
	const struct replay_counts *c = &f->replay->counts;
	/* clang-format off */
	const struct { const char *key; int64_t value; } numbers[] = {
		{ "identity.length", (int64_t)f->identity.length },
		{ "identity.tail_crc", f->identity.tail_crc },
		{ "created_ns", (int64_t)f->created_ns },
		{ "time.base_ns", (int64_t)f->replay->base },
		{ "time.length_ns", c->length },
		{ "live_step.ns", f->replay->totals.steps ? f->replay->totals.steps->width : 0 },
		{ "events.out_of_order", (int64_t)c->out_of_order },
		{ "events.out_of_order_ns", (int64_t)c->out_of_order_ns },
		{ "events", (int64_t)c->events },
		{ "events.alloc", (int64_t)c->allocs },
		{ "events.free", (int64_t)c->frees },
		{ "events.failed_alloc", (int64_t)c->failed },
		{ "events.zero_size", (int64_t)c->zero_size },
		{ "events.null_free", (int64_t)c->null_frees },
		{ "events.unmatched_free", (int64_t)c->unmatched },
		{ "events.lost", (int64_t)db_facts_lost(f) },
		{ "events.overwritten", (int64_t)overwritten(f->model) },
		{ "objects.reused", (int64_t)c->reused },
		{ "objects.live", (int64_t)c->live },
		{ "objects.live_bytes", (int64_t)c->live_bytes },
		{ "folded.pairs", (int64_t)c->folded },
		{ "folded.null_frees", (int64_t)c->folded_nulls },
		{ "first_live_id", c->first_live_id },
		{ "loss.intervals", (int64_t)f->replay->losses->count },
		{ "stacks.lost", (int64_t)c->stacks_lost },
		{ "tuples.lost", (int64_t)c->tuples_lost },
		{ "clean_end", f->scan->clean_end },
		{ "damage.count", (int64_t)f->scan->damage_count },
		{ "blocks.unknown", f->unknown },
		{ "symbols", (int64_t)symbols_count(f->symbols) },
		{ "symbols.hidden", symbols_hidden(f->symbols) },
		{ "user.frames", (int64_t)user_frames_count(f->users, false) },
		{ "user.frames.named", (int64_t)user_frames_count(f->users, true) },
		{ "user.maps_refused", (int64_t)f->maps_refused },
		{ "load.version", DB_LOAD_VERSION },
	};
	/* clang-format on */
	char uuid[2 * CAPTURE_UUID_LEN + 1];
	int rc = 0;

	for (size_t i = 0; i < f->model->pair_count && rc == 0; i++)
		rc = db_put(w, stmt, err, "ss", f->model->pairs[i].key, f->model->pairs[i].value);
	for (int i = 0; i < CAPTURE_UUID_LEN; i++)
		snprintf(uuid + 2 * i, 3, "%02x", f->identity.uuid[i]);
	if (rc == 0)
		rc = db_put(w, stmt, err, "ss", "identity.uuid", uuid);
	if (rc == 0 && f->model->part_count)
		rc = fill_segments(w, f, stmt, err);
	if (rc == 0)
		rc = fill_image(w, f, stmt, err);
	if (rc == 0) {
		struct gfp_table t;

		read_gfp_table(f, &t);
		rc = db_put(w, stmt, err, "ss", "gfp.names", t.source);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && rc == 0; i++)
		rc = db_put(w, stmt, err, "si", numbers[i].key, numbers[i].value);
	return rc;
}

int db_tables_write(struct db_writer *w, const struct db_facts *f, struct error *err)
{
	static const struct {
		const char *sql;
		int (*fill)(struct db_writer *w, const struct db_facts *f, sqlite3_stmt *stmt,
			    struct error *err);
	} tables[] = {
		{ "INSERT INTO event VALUES (?,?,?,?,?,?,?,?)", fill_event },
		{ "INSERT INTO symbol VALUES (?,?,?)", fill_symbol },
		{ "INSERT INTO dso VALUES (?,?,?,?,?)", fill_dso },
		{ "INSERT INTO code_section VALUES (?,?,?,?,?)", fill_code_section },
		{ "INSERT INTO frame VALUES (?,?,?,?,?,?,?,NULL)", fill_frame },
		{ "INSERT INTO stack VALUES (?,?)", fill_stack },
		{ "INSERT INTO stack_frame VALUES (?,?,?)", fill_stack_frame },
		{ "INSERT OR IGNORE INTO cache VALUES (?,?)", fill_cache },
		{ "INSERT INTO task VALUES (?,?,?,?,?,?)", fill_task },
		{ "INSERT INTO alloc_site VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", fill_alloc_site },
		{ "INSERT INTO free_site VALUES (?,?,?,?,?,?,?,?,?)", fill_free_site },
		{ "INSERT OR IGNORE INTO gfp_name VALUES (?,?)", fill_gfp_name },
		{ "INSERT INTO pair_total VALUES (?,?,?,?,?,?,?,?)", fill_pair_total },
		{ "INSERT INTO lifetime_total VALUES (?,?,?,?,?)", fill_lifetime_total },
		{ "INSERT INTO site_total VALUES (?,?,?,?,?)", fill_site_total },
		{ "INSERT INTO domain_peak VALUES (?,?,?,?)", fill_domain_peak },
		{ "INSERT INTO live_step VALUES (?,?,?,?,?,?)", fill_live_step },
		{ "INSERT INTO stack_peak VALUES (?,?,?,?,?,?,?)", fill_stack_peak },
		{ "INSERT INTO free_total VALUES (?,?,?,?,?)", fill_free_total },
		{ "INSERT INTO loss VALUES (?,?,?,?,?)", fill_loss },
		{ "INSERT INTO mark (time, text) VALUES (?,?)", fill_mark },
		{ "INSERT INTO damage VALUES (?,?,?)", fill_damage },
		{ "INSERT INTO ring VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", fill_ring },
		{ "INSERT OR REPLACE INTO file VALUES (?,?,?)", fill_file },
		{ "INSERT OR REPLACE INTO capture VALUES (?,?)", fill_capture },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == 0; i++)
		rc = fill_table(w, f, tables[i].sql, tables[i].fill, err);
	return rc;
}
