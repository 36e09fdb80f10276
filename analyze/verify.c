#include "analyze/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/dict.h"
#include "format/events.h"
#include "format/folded.h"
#include "format/process.h"
#include "format/reader.h"
#include "format/records.h"

/* The dictionary that a writer is filling: the event type of each tuple that is there, + 1. */
struct dict_fill {
	uint32_t generation;
	bool used;
	uint16_t *type_of;
	uint32_t cap;
};

/* The part of a file of the target that came last, to find holes. */
struct last_part {
	char name[256], moment[8];
	uint64_t next;
	bool open;
};

struct verify {
	struct verify_result result;
	void (*problem)(void *arg, const char *text);
	void *arg;
	struct event_type *types;
	size_t type_count;
	struct dict_fill dict[WRITER_MAX]; /* of the generation that the writer is in */
	struct dict_fill *now;
	uint32_t generation; /* of the FOLDED block that is looked at */
	struct event_block events;
	struct block block;
	struct last_part part;
	const struct capture_scan *scan;
	size_t index_next; /* the block that the END block's index has to name next */
	struct end_totals end;
	bool have_end, index_wrong, index_absent; /* absent: it names blocks that are not here */
	uint64_t end_offset;
	uint64_t ring_events, ring_lost; /* from the STATS block at the end */
	bool have_stats;
};

static void problem(struct verify *v, const char *text)
{
	v->result.damage++;
	v->problem(v->arg, text);
}

static int on_pair(void *arg, struct text key, struct text value)
{
	(void)arg;
	(void)key;
	(void)value;
	return 0;
}

static int on_type(void *arg, struct event_type *type)
{
	struct verify *v = arg;
	struct event_type *p = NULL;

	if (v->type_count < EVENT_TYPES_MAX)
		p = realloc(v->types, (v->type_count + 1) * sizeof(*p));
	if (!p) {
		event_type_release(type);
		return ERR_NOMEM;
	}
	v->types = p;
	p[v->type_count++] = *type;
	return 0;
}

static int on_task(void *arg, const struct task_record *task)
{
	(void)arg;
	(void)task;
	return 0;
}

static int on_stack(void *arg, uint32_t number, const uint64_t *frames, uint32_t depth)
{
	struct verify *v = arg;

	(void)number;
	(void)frames;
	(void)depth;
	v->result.stacks++;
	return 0;
}

static int on_tuple(void *arg, uint32_t number, const struct tuple *tuple)
{
	struct verify *v = arg;
	struct dict_fill *d = v->now;

	if (number >= d->cap) {
		uint32_t cap = number + number / 2 + 1024;
		uint16_t *p = realloc(d->type_of, cap * sizeof(*p));

		if (!p)
			return ERR_NOMEM;
		memset(p + d->cap, 0, (cap - d->cap) * sizeof(*p));
		d->type_of = p;
		d->cap = cap;
	}
	d->type_of[number] = (uint16_t)(tuple->type + 1);
	v->result.tuples++;
	return 0;
}

static int on_stats(void *arg, const struct ring_stats *s)
{
	struct verify *v = arg;
	uint64_t entered = s->events + s->stacks + s->orphan_stacks;
	char text[200];

	v->ring_events += s->events;
	v->ring_lost += ring_stats_lost(s);
	if (entered == s->decoded && s->decoded == s->read)
		return 0;
	snprintf(text, sizeof(text),
		 "the account of CPU %u does not add up: read %" PRIu64 ", decoded %" PRIu64
		 ", events and stacks %" PRIu64,
		 s->cpu, s->read, s->decoded, entered);
	problem(v, text);
	return 0;
}

static int on_process(void *arg, const struct process_record *r)
{
	(void)arg;
	(void)r;
	return 0;
}

static int on_mark(void *arg, const struct mark_record *mark)
{
	(void)arg;
	(void)mark;
	return 0;
}

static int check_stats(struct verify *v, const struct section *s, struct error *err)
{
	enum stats_moment moment;
	uint64_t events = v->ring_events, lost = v->ring_lost;
	int rc = stats_decode(s->data, s->len, &moment, on_stats, v, err);

	if (rc == 0 && moment == STATS_END) {
		v->have_stats = true;
	} else { /* what other files of the series hold is not here */
		v->ring_events = events - (v->ring_events - events);
		v->ring_lost = lost - (v->ring_lost - lost);
	}
	return rc;
}

static int check_dict(struct verify *v, const struct block_header *h, struct error *err)
{
	struct dict_fill *d = &v->dict[h->writer];
	int rc = 0;

	if (!d->used || d->generation != h->generation) {
		if (d->type_of)
			memset(d->type_of, 0, d->cap * sizeof(*d->type_of));
		d->generation = h->generation;
		d->used = true;
	}
	v->now = d;
	for (size_t i = 0; rc == 0 && i < v->block.section_count; i++) {
		const struct section *s = &v->block.sections[i];

		if (s->kind == SECTION_STACKS)
			rc = stacks_decode(s, on_stack, v, err);
		else if (s->kind == SECTION_TUPLES)
			rc = tuples_decode(s, v->types, v->type_count, on_tuple, v, err);
	}
	return rc;
}

/* Every column of every event, so that a column that ends too early is found. */
static int check_columns(struct verify *v, struct error *err)
{
	struct value value;

	for (uint32_t i = 0; i < v->events.count; i++) {
		uint16_t type = v->events.rows[i].type;
		const struct event_type *t = &v->types[type];

		for (uint16_t f = 0; f < t->field_count; f++)
			if (t->fields[f].place == PLACE_COLUMN &&
			    event_block_value(&v->events, t, type, f, &value, err) < 0)
				return ERR_DAMAGED;
	}
	return 0;
}

static int check_events(struct verify *v, const struct block_header *h, struct error *err)
{
	const struct dict_fill *d = &v->dict[h->writer];
	int rc = events_decode(h, v->block.sections, v->block.section_count, v->types,
			       v->type_count, &v->events, err);

	if (rc == 0)
		rc = check_columns(v, err);
	if (rc < 0)
		return rc;
	v->result.event_blocks++;
	v->result.events += v->events.count;
	for (uint32_t i = 0; i < v->events.count; i++) {
		const struct event_row *row = &v->events.rows[i];

		v->result.dangling += !d->used || d->generation != h->generation ||
				      row->tuple >= d->cap ||
				      d->type_of[row->tuple] != row->type + 1;
	}
	return 0;
}

static void check_tuple(struct verify *v, uint32_t tuple, uint16_t type, uint64_t count)
{
	const struct dict_fill *d = v->now;

	if (!d->used || d->generation != v->generation || tuple >= d->cap ||
	    d->type_of[tuple] != type + 1)
		v->result.dangling += count;
}

static int on_folded_pair(void *arg, const struct folded_pair *p)
{
	struct verify *v = arg;

	check_tuple(v, p->alloc_tuple, p->alloc_type, p->pairs);
	v->result.folded += p->pairs;
	if (p->free_tuple == FOLDED_NO_FREE)
		return 0;
	check_tuple(v, p->free_tuple, p->free_type, p->pairs);
	v->result.folded += p->pairs;
	return 0;
}

static int on_folded_free(void *arg, const struct folded_free *f)
{
	struct verify *v = arg;

	check_tuple(v, f->tuple, f->type, f->count);
	v->result.folded += f->count;
	return 0;
}

static int check_folded(struct verify *v, const struct block_header *h, struct error *err)
{
	v->now = &v->dict[h->writer];
	v->generation = h->generation;
	return folded_decode(v->block.sections, v->block.section_count, v->type_count,
			     on_folded_pair, on_folded_free, v, err);
}

static bool same_text(struct text t, const char *s)
{
	return t.len == strlen(s) && !memcmp(t.data, s, t.len);
}

/* Parts of a file follow each other without holes. A name too long to remember is not followed. */
static int check_file(struct verify *v, const struct section *s, struct error *err)
{
	struct last_part *last = &v->part;
	struct file_part part;
	bool same;
	int rc = file_decode(s->data, s->len, &part, err);

	if (rc < 0)
		return rc;
	same = last->open && same_text(part.name, last->name) &&
	       same_text(part.moment, last->moment);
	if (part.name.len >= sizeof(last->name) || part.moment.len >= sizeof(last->moment))
		return 0;
	if (part.offset != (same ? last->next : 0) || (last->open && !same))
		rc = error_set(err, ERR_DAMAGED,
			       "parts of a file of the target are missing before it");
	memcpy(last->name, part.name.data, part.name.len);
	last->name[part.name.len] = '\0';
	memcpy(last->moment, part.moment.data, part.moment.len);
	last->moment[part.moment.len] = '\0';
	last->next = part.offset + part.bytes.len;
	last->open = !part.last;
	return rc;
}

/*
 * The index names the event blocks in the order of the file. Those that damage took away are
 * skipped.
 */
static int on_entry(void *arg, const struct end_entry *e)
{
	struct verify *v = arg;
	const struct block_header *h;

	while (v->index_next < v->scan->count &&
	       (v->scan->blocks[v->index_next].type != BLOCK_EVENTS ||
		v->scan->blocks[v->index_next].offset < e->offset))
		v->index_next++;
	h = &v->scan->blocks[v->index_next];
	if (v->index_next == v->scan->count || h->offset != e->offset) {
		v->index_absent = true;
		return 0;
	}
	v->index_wrong |= (uint32_t)h->cpu != e->cpu || h->event_count != e->event_count ||
			  h->first_time != e->first_time || h->last_time != e->last_time;
	return 0;
}

static int check_block(struct verify *v, const struct block_header *h, struct error *err)
{
	const struct section *s = block_section(&v->block, SECTION_RECORDS);

	v->result.unknown += v->block.unknown_sections;
	if (h->type == BLOCK_DICT)
		return check_dict(v, h, err);
	if (h->type == BLOCK_EVENTS)
		return check_events(v, h, err);
	if (h->type == BLOCK_FOLDED)
		return check_folded(v, h, err);
	if (h->type > BLOCK_FOLDED || !h->type) {
		v->result.unknown++;
		return 0;
	}
	if (!s)
		return error_set(err, ERR_DAMAGED, "the block has no record");
	switch (h->type) {
	case BLOCK_INFO: return info_decode(s->data, s->len, on_pair, v, err);
	case BLOCK_FILE: return check_file(v, s, err);
	case BLOCK_TYPES:
		if (s->a != v->type_count)
			return error_set(err, ERR_DAMAGED,
					 "event types %zu to %u are missing before it",
					 v->type_count, s->a);
		return types_decode(s->data, s->len, on_type, v, err);
	case BLOCK_TASKS: return tasks_decode(s->data, s->len, on_task, v, err);
	case BLOCK_STATS: return check_stats(v, s, err);
	case BLOCK_PROCESS:
		return process_decode(s->data, s->len, h->first_time, on_process, v, err);
	case BLOCK_MARKS: return marks_decode(s->data, s->len, h->first_time, on_mark, v, err);
	case BLOCK_END:
		v->have_end = true;
		v->end_offset = h->offset;
		return end_decode(s->data, s->len, &v->end, on_entry, v, err);
	}
	return 0;
}

static void bad_block(struct verify *v, size_t i, const struct block_header *h, const char *why)
{
	char text[640];

	v->result.bad_blocks++;
	v->result.lost_events += h->event_count;
	snprintf(text, sizeof(text), "block %zu at offset %" PRIu64 " (%u events) is lost: %s", i,
		 h->offset, h->event_count, why);
	problem(v, text);
}

/* What the END block promised against what is there. */
static void check_totals(struct verify *v)
{
	char text[200];

	if (v->have_end && (v->end.events != v->result.events || v->end.bytes != v->end_offset)) {
		snprintf(text, sizeof(text),
			 "the END block counts %" PRIu64 " events in %" PRIu64
			 " bytes, and %" PRIu64 " events in %" PRIu64 " bytes are here",
			 v->end.events, v->end.bytes, v->result.events, v->end_offset);
		problem(v, text);
	}
	if (v->have_end && v->have_stats && v->ring_events != v->end.events + v->result.folded) {
		snprintf(text, sizeof(text),
			 "the rings gave %" PRIu64 " events and the END block counts %" PRIu64
			 ", the FOLDED blocks %" PRIu64,
			 v->ring_events, v->end.events, v->result.folded);
		problem(v, text);
	}
	/* blocks that damage took away are reported already */
	if (v->index_wrong || (v->index_absent && !v->result.damage))
		problem(v,
			"the index in the END block describes other event blocks than those that are here");
	if (v->result.dangling) {
		snprintf(text, sizeof(text),
			 "%" PRIu64 " events refer to dictionary entries that are not there: their "
			 "call site, sizes and stack are lost",
			 v->result.dangling);
		problem(v, text);
	}
}

static void verify_release(struct verify *v)
{
	for (size_t i = 0; i < v->type_count; i++)
		event_type_release(&v->types[i]);
	for (size_t i = 0; i < WRITER_MAX; i++)
		free(v->dict[i].type_of);
	free(v->types);
	event_block_release(&v->events);
	block_release(&v->block);
	free(v);
}

int verify_capture(const char *path, void (*report)(void *arg, const char *text), void *arg,
		   struct verify_result *ret, struct error *err)
{
	struct verify *v = calloc(1, sizeof(*v));
	struct capture_reader *r = NULL;
	struct capture_scan scan = { 0 };
	int rc = v ? capture_reader_open(&r, path, err) : error_nomem(err);

	if (rc == 0)
		rc = capture_reader_scan(r, &scan, NULL, NULL, err);
	if (rc < 0)
		goto out;
	v->scan = &scan;
	v->problem = report;
	v->arg = arg;
	v->result.length = scan.length;
	v->result.unknown = capture_reader_ignored_features(r);
	v->result.clean_end = scan.clean_end;
	v->result.blocks = scan.count;
	for (size_t i = 0; i < scan.damage_count; i++)
		problem(v, scan.damage[i].text);
	for (size_t i = 0; i < scan.count; i++) {
		const struct block_header *h = &scan.blocks[i];
		struct error why = { 0 };

		v->result.lost_records += h->type == BLOCK_EVENTS ? h->lost_before : 0;
		rc = capture_reader_load(r, &scan, i, &v->block, &why);
		if (rc == 0)
			rc = check_block(v, h, &why);
		if (rc == ERR_DAMAGED || rc == ERR_TRUNCATED) {
			bad_block(v, i, h, why.text);
		} else if (rc < 0) {
			error_set(err, rc, "%s", why.code ? why.text : "out of memory");
			goto out;
		}
	}
	rc = 0;
	check_totals(v);
	*ret = v->result;
out:
	capture_scan_release(&scan);
	capture_reader_free(r);
	if (v)
		verify_release(v);
	return rc;
}
