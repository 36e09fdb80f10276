#include "record/folding.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "format/folded.h"
#include "record/column_queue.h"
#include "record/fold_role.h"
#include "record/row_sink.h"

#define PUT_NS 10000000000ull
/*
 * An event is visible to us when the outermost of the nested ones on its CPU is complete; a CPU of
 * a guest may stand still in between.
 */
#define SLACK_NS     50000000ull
#define WAIT_NS	     2000000000ull /* an event waits no longer for its stack */
#define MEMORY_BYTES (256u << 20)
#define MEMORY_SHARE 20
#define THREADS_MAX  64
#define NO_TYPE	     UINT16_MAX /* of the mark of a loss; its address is how many records */

/* What a tuple says, per number; 0: not looked at yet. */
#define FACT_KNOWN  1u
#define FACT_FAILED 2u
#define FACT_TASK   4u
#define FACT_MATCH  8 /* shift */

struct output {
	struct row_sink *sink;
	struct event_block block;
	struct column_queue columns;
	size_t column_bytes;
	uint64_t lost_before;
	uint64_t last_time;
};

struct folding {
	struct folding_options options;
	const struct event_plan *plan;
	struct emitter *emitter;
	struct fold *fold;
	struct output *outputs;
	uint32_t count;
	struct fold_role *roles; /* per event type */
	uint16_t *facts;
	uint32_t fact_count;
	int32_t threads[THREADS_MAX]; /* our own */
	uint32_t thread_count;
	int32_t last_pid; /* events come in runs of one pid */
	bool last_own;
	uint64_t next_put;
	uint64_t interrupted_ns, closed_ns; /* interrupted_ns: atomic, by other threads */
	struct folded_encoder encoder;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

size_t folding_default_memory(void)
{
	uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	return all / MEMORY_SHARE < MEMORY_BYTES ? (size_t)(all / MEMORY_SHARE) : MEMORY_BYTES;
}

bool folding_possible(const struct event_list *events, char *text, size_t room)
{
	bool seen[FOLD_SPACES][2] = { 0 }, possible = false;
	enum fold_kind kind;
	unsigned int space;
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < events->count; i++)
		if (fold_role_named(events->items[i].system, events->items[i].name, &kind, &space))
			seen[space][kind == FOLD_FREE] = true;
	for (unsigned int i = 0; i < FOLD_SPACES; i++) {
		possible |= seen[i][0] && seen[i][1];
		if (seen[i][0] != seen[i][1] && used < room)
			used += (size_t)snprintf(text + used, room - used, "%s%s memory (no %s)",
						 used ? ", " : "", fold_space_name(i),
						 seen[i][0] ? "frees" : "allocations");
	}
	return possible;
}

/* The threads of this process: what they allocate in task context is the recorder's own. */
static void list_threads(struct folding *f)
{
	DIR *dir = f->options.foreign_pids ? NULL : opendir("/proc/self/task");
	struct dirent *d;

	f->thread_count = 0;
	while (dir && (d = readdir(dir)) && f->thread_count < THREADS_MAX)
		if (d->d_name[0] >= '1' && d->d_name[0] <= '9')
			f->threads[f->thread_count++] = (int32_t)strtol(d->d_name, NULL, 10);
	if (dir)
		closedir(dir);
	f->last_pid = -1;
	f->last_own = false;
}

void folding_start(struct folding *f)
{
	list_threads(f);
}

static bool is_own(struct folding *f, int32_t pid)
{
	if (pid == f->last_pid)
		return f->last_own;
	f->last_pid = pid;
	f->last_own = false;
	for (uint32_t i = 0; i < f->thread_count; i++)
		f->last_own |= f->threads[i] == pid;
	return f->last_own;
}

/* ---- out of the hold ---- */

static int put_events(struct folding *f, struct output *o, struct error *err)
{
	const struct stream *stream = &o->sink->stream;
	int rc;

	if (o->columns.bytes.oom)
		return error_nomem(err);
	if (!o->block.count && !o->lost_before)
		return 0;
	rc = emitter_put_events(f->emitter, &o->block, stream->cpu, stream->ring, o->lost_before,
				err);
	if (rc < 0)
		return rc;
	event_block_clear(&o->block);
	o->column_bytes = 0;
	o->lost_before = 0;
	return 0;
}

static int on_event(void *arg, const struct fold_event *e, struct error *err)
{
	struct folding *f = arg;
	struct output *o = &f->outputs[e->source];
	const struct plan_type *type;
	struct event_row *row;
	int rc;

	if (e->kind == FOLD_MARK) {
		rc = o->block.count ? put_events(f, o, err) : 0;
		o->lost_before += e->address;
		return rc;
	}
	type = &f->plan->plans[e->type];
	row = event_block_add(&o->block);
	if (!row)
		return error_nomem(err);
	*row = (struct event_row){ .time = e->time,
				   .address = e->address,
				   .tuple = e->tuple,
				   .pid = e->pid,
				   .type = e->type };
	if (type->column_count)
		o->column_bytes += column_queue_move(&o->columns, type, &o->block);
	if (o->block.count >= STREAM_BLOCK_ROWS || o->column_bytes >= STREAM_BLOCK_BYTES)
		return put_events(f, o, err);
	return 0;
}

static int put_folded_block(struct folding *f, struct error *err)
{
	const struct block_header h = {
		.type = BLOCK_FOLDED,
		.writer = f->emitter->id,
		.cpu = CPU_NONE,
		.generation = f->emitter->generation,
		.first_time = f->fold->first_time,
		.last_time = f->fold->last_time,
	};
	int rc;

	block_body_clear(&f->emitter->body);
	rc = folded_put(&f->encoder, &f->emitter->body, err);
	return rc < 0 ? rc : capture_writer_put(f->emitter->writer, &h, &f->emitter->body, err);
}

static int by_tuple(const void *a, const void *b)
{
	const struct folded_pair *x = a, *y = b;

	if (x->alloc_tuple != y->alloc_tuple)
		return x->alloc_tuple < y->alloc_tuple ? -1 : 1;
	return (x->free_tuple > y->free_tuple) - (x->free_tuple < y->free_tuple);
}

static int put_folded(struct folding *f, struct error *err)
{
	struct fold *fold = f->fold;
	int rc = 0;

	if (!fold->pair_count && !fold->free_count)
		return 0;
	rc = emitter_put_dictionary(f->emitter, err);
	/* in this order they take half of the room; new counters begin after it anyway */
	if (fold->pair_count)
		qsort(fold->pairs, fold->pair_count, sizeof(*fold->pairs), by_tuple);
	for (uint32_t i = 0; rc == 0 && i < fold->pair_count; i++) {
		folded_encode_pair(&f->encoder, &fold->pairs[i]);
		if (folded_full(&f->encoder))
			rc = put_folded_block(f, err);
	}
	for (uint32_t i = 0; rc == 0 && i < fold->free_count; i++) {
		folded_encode_free(&f->encoder, &fold->frees[i]);
		if (folded_full(&f->encoder))
			rc = put_folded_block(f, err);
	}
	if (rc == 0 && !folded_empty(&f->encoder))
		rc = put_folded_block(f, err);
	fold_clear(fold);
	return rc;
}

struct renewal {
	struct folding *f;
	struct emitter_past past;
};

static int on_tuple(void *arg, uint32_t *number)
{
	struct renewal *r = arg;

	*number = emitter_again(r->f->emitter, &r->past, *number);
	return *number == EMIT_FAILED ? ERR_NOMEM : 0;
}

/* A new dictionary, in which the events that are held back have new numbers. */
static int new_generation(struct folding *f, struct error *err)
{
	struct renewal renewal = { .f = f };
	int rc = emitter_renew(f->emitter, &renewal.past, err);

	if (rc == 0 && fold_renumber(f->fold, on_tuple, &renewal) < 0)
		rc = error_set(err, f->emitter->failure.code, "%s", f->emitter->failure.text);
	emitter_past_release(&renewal.past);
	if (f->facts)
		memset(f->facts, 0, f->fact_count * sizeof(*f->facts));
	return rc;
}

static int put_all(struct folding *f, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < f->count; i++)
		rc = put_events(f, &f->outputs[i], err);
	return rc < 0 ? rc : put_folded(f, err);
}

/* ---- into the hold ---- */

static uint32_t fact_of(struct folding *f, const struct fold_role *role, uint32_t tuple)
{
	const struct ring_layout *layout = &f->plan->layout;
	uint32_t len, fact = FACT_KNOWN;
	const uint8_t *record = intern_bytes(&f->emitter->tuples, tuple, &len) + KEY_HEAD;

	if (!pairing_context(record[f->plan->flags_offset]))
		fact |= FACT_TASK;
	if (role->failed != NO_OFFSET &&
	    plan_number(layout, record + role->failed, role->failed_size))
		fact |= FACT_FAILED;
	if (role->match != NO_OFFSET)
		fact |= (plan_number(layout, record + role->match, role->match_size) & 0xff)
			<< FACT_MATCH;
	return fact;
}

static bool known_tuple(struct folding *f, uint32_t tuple)
{
	uint32_t want = tuple + tuple / 2 + 1024;
	uint16_t *p;

	if (tuple < f->fact_count)
		return true;
	p = realloc(f->facts, want * sizeof(*p));
	if (!p)
		return false;
	memset(p + f->fact_count, 0, (want - f->fact_count) * sizeof(*p));
	f->facts = p;
	f->fact_count = want;
	return true;
}

static int add_row(struct folding *f, struct output *o, uint32_t source,
		   const struct event_row *row, struct error *err)
{
	const struct fold_role *role = &f->roles[row->type];
	struct fold_event *e = fold_add(f->fold, source);
	uint32_t fact;

	if (!e || !known_tuple(f, row->tuple))
		return error_nomem(err);
	e->time = o->last_time = row->time;
	e->address = row->address;
	e->tuple = row->tuple;
	e->pid = row->pid;
	e->type = row->type;
	if (role->kind == FOLD_PASS)
		return 0;
	fact = f->facts[row->tuple];
	if (!fact)
		fact = f->facts[row->tuple] = (uint16_t)fact_of(f, role, row->tuple);
	e->kind = (uint8_t)fold_kind_of(role, row->address, fact & FACT_FAILED,
					f->plan->layout.long_size);
	e->space = role->space;
	e->match = (uint8_t)(fact >> FACT_MATCH);
	e->self = fact & FACT_TASK && is_own(f, row->pid);
	return 0;
}

int folding_take(struct folding *f, struct row_sink *sink, struct error *err)
{
	struct output *o = &f->outputs[sink->source];
	uint32_t n = stream_settled(&sink->stream);
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = add_row(f, o, sink->source, &sink->stream.block.rows[i], err);
	stream_taken(&sink->stream, n);
	return rc;
}

int folding_loss(struct folding *f, struct row_sink *sink, uint64_t records, struct error *err)
{
	struct output *o = &f->outputs[sink->source];
	struct fold_event *e;
	int rc;

	/* it happened since this ring was last looked at: nothing younger than that is in order yet */
	fold_close(f->fold, now_ns());
	if (!records)
		return 0;
	rc = stream_give_up(&sink->stream, err);
	if (rc == 0)
		rc = folding_take(f, sink, err);
	if (rc < 0)
		return rc;
	e = fold_add(f->fold, sink->source);
	if (!e)
		return error_nomem(err);
	e->kind = FOLD_MARK;
	e->time = o->last_time;
	e->type = NO_TYPE;
	e->address = records;
	return 0;
}

/* Events older than this were read, all of them. */
static int watermark(struct folding *f, uint64_t start_ns, uint64_t *ret, struct error *err)
{
	*ret = start_ns - SLACK_NS;
	for (uint32_t i = 0; i < f->count; i++) {
		struct row_sink *sink = f->outputs[i].sink;
		const struct event_block *b = &sink->stream.block;
		int rc = 0;

		/* a waiting event holds those behind it back, too */
		if (b->count && b->rows[0].time + WAIT_NS < start_ns) {
			rc = stream_give_up(&sink->stream, err);
			if (rc == 0)
				rc = folding_take(f, sink, err);
		}
		if (rc < 0)
			return rc;
		if (b->count && b->rows[0].time < *ret)
			*ret = b->rows[0].time;
	}
	return 0;
}

static bool nobody_waits(const struct folding *f)
{
	for (uint32_t i = 0; i < f->count; i++)
		if (f->outputs[i].sink->stream.block.count)
			return false;
	return true;
}

void folding_interrupt(struct folding *f, uint64_t until_ns)
{
	__atomic_store_n(&f->interrupted_ns, until_ns, __ATOMIC_RELEASE);
}

/* Events from after the interruption are taken into the order only later than this is seen. */
static void close_interrupted(struct folding *f)
{
	uint64_t until = __atomic_load_n(&f->interrupted_ns, __ATOMIC_ACQUIRE);

	if (until == f->closed_ns)
		return;
	fold_close(f->fold, until);
	f->closed_ns = until;
}

int folding_round(struct folding *f, uint64_t start_ns, struct error *err)
{
	bool generation = emitter_wants_generation(f->emitter) && nobody_waits(f);
	uint64_t until;
	int rc = watermark(f, start_ns, &until, err);

	close_interrupted(f);
	if (rc == 0)
		rc = fold_run(f->fold, until, err);
	if (rc == 0 && (generation || start_ns >= f->next_put)) {
		rc = put_all(f, err);
		f->next_put = start_ns + PUT_NS;
		list_threads(f);
	}
	if (rc == 0 && generation)
		rc = new_generation(f, err);
	return rc;
}

int folding_finish(struct folding *f, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < f->count; i++) {
		rc = stream_give_up(&f->outputs[i].sink->stream, err);
		if (rc == 0)
			rc = folding_take(f, f->outputs[i].sink, err);
	}
	close_interrupted(f);
	if (rc == 0)
		rc = fold_finish(f->fold, err);
	return rc < 0 ? rc : put_all(f, err);
}

void folding_report(const struct folding *f, struct folding_report *ret)
{
	*ret = (struct folding_report){ .age_ns = f->options.age_ns,
					.memory = f->options.memory,
					.counts = f->fold->counts,
					.stopped_ns = f->fold->stopped ? f->fold->stopped_ns : 0 };
}

/* ---- life ---- */

int folding_new(struct folding **ret, const struct folding_options *options,
		const struct event_plan *plan, struct emitter *emitter, uint32_t sinks,
		struct error *err)
{
	struct folding *f = calloc(1, sizeof(*f));
	const struct fold_options fold = { .age_ns = options->age_ns,
					   .memory = options->memory,
					   .sources = sinks,
					   .put = on_event,
					   .arg = f };
	int rc;

	if (!f)
		return error_nomem(err);
	*f = (struct folding){ .options = *options,
			       .plan = plan,
			       .emitter = emitter,
			       .count = sinks,
			       .outputs = calloc(sinks, sizeof(*f->outputs)),
			       .roles = calloc(plan->count + 1, sizeof(*f->roles)),
			       .next_put = now_ns() + PUT_NS };
	rc = f->outputs && f->roles ? fold_new(&f->fold, &fold, err) : error_nomem(err);
	if (rc < 0) {
		folding_free(f);
		return rc;
	}
	for (size_t i = 0; i < plan->count; i++)
		f->roles[i] = fold_role_of(&plan->types[i]);
	*ret = f;
	return 0;
}

void folding_attach(struct folding *f, uint32_t source, struct row_sink *sink)
{
	f->outputs[source].sink = sink;
	sink->folding = f;
	sink->source = source;
	sink->stream.columns = &f->outputs[source].columns;
}

void folding_free(struct folding *f)
{
	if (!f)
		return;
	for (uint32_t i = 0; f->outputs && i < f->count; i++) {
		event_block_release(&f->outputs[i].block);
		column_queue_release(&f->outputs[i].columns);
	}
	fold_free(f->fold);
	folded_encoder_release(&f->encoder);
	free(f->outputs);
	free(f->roles);
	free(f->facts);
	free(f);
}
