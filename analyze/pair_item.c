#include "analyze/pair_item.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analyze/array_room.h"
#include "analyze/id_index.h"
#include "analyze/query.h"
#include "format/event_spec.h"

#define TABLE_NAME_MAX 88 /* of event_SYSTEM_NAME, as other_table.c makes it */
#define FIXED_COLUMNS  5  /* id, time, cpu, task, stack */

const enum pair_global pair_globals[PAIR_GLOBALS] = {
	PAIR_GLOBAL_CPU, PAIR_GLOBAL_CPU, PAIR_GLOBAL_CPU,  PAIR_GLOBAL_PID,
	PAIR_GLOBAL_PID, PAIR_GLOBAL_PID, PAIR_GLOBAL_COMM, PAIR_GLOBAL_COMM,
};

static const struct expr_field global_fields[PAIR_GLOBALS] = {
	{ "_cpu", EXPR_SIGNED, false }, { "cpu", EXPR_SIGNED, false },
	{ "CPU", EXPR_SIGNED, true },	{ "_pid", EXPR_SIGNED, false },
	{ "pid", EXPR_SIGNED, false },	{ "common_pid", EXPR_SIGNED, true },
	{ "comm", EXPR_TEXT, false },	{ "COMM", EXPR_TEXT, true },
};

/* An event type of the database. */
struct event_row {
	int64_t id;
	char system[64], name[64], domain[12], api[8];
	bool allocs, frees;
};

struct maker {
	struct pair_items *items;
	const struct pair_request *request;
	struct pair_names *names;
	sqlite3 *db;
	struct event_row *events;
	size_t count, cap;
	unsigned int long_size;
	bool big_endian, folded;
	void (*note)(void *arg, const char *text);
	struct error *err;
};

static int read_events(struct maker *m)
{
	struct query q = { 0 };
	int rc =
		query_init(&q, m->db,
			   "SELECT id, system, name, role, domain, api FROM main.event ORDER BY id",
			   NULL, m->err);

	while (rc == 0 && (rc = query_step(&q, m->err)) == 1) {
		struct event_row *e;

		rc = 0;
		if (!array_room((void **)&m->events, &m->cap, m->count, sizeof(*m->events))) {
			rc = error_nomem(m->err);
			break;
		}
		e = &m->events[m->count++];
		*e = (struct event_row){ .id = query_int(&q, 0),
					 .allocs = !strcmp(query_text(&q, 3), "alloc"),
					 .frees = !strcmp(query_text(&q, 3), "free") };
		snprintf(e->system, sizeof(e->system), "%s", query_text(&q, 1));
		snprintf(e->name, sizeof(e->name), "%s", query_text(&q, 2));
		snprintf(e->domain, sizeof(e->domain), "%s", query_text(&q, 4));
		snprintf(e->api, sizeof(e->api), "%s", query_text(&q, 5));
	}
	query_release(&q);
	return rc;
}

/* ---- fields ---- */

static int add_field(struct pair_item *item, const char *name, enum expr_type type, bool hidden)
{
	struct expr_field *f = &item->fields[item->field_count];

	if (item->field_count == EXPR_FIELDS_MAX) /* more than a format can have: not reached */
		return 0;
	f->name = strdup(name);
	f->type = type;
	f->hidden = hidden;
	item->field_count += f->name != NULL;
	return f->name ? 0 : ERR_NOMEM;
}

/* "" for what the event does not have: no word is that. */
static const char *kmem_field(const struct event_row *e, enum pair_value value)
{
	bool slab = !strcmp(e->domain, "slab"), page = !strcmp(e->domain, "page"),
	     percpu = !strcmp(e->domain, "percpu"), vmalloc = !strcmp(e->domain, "vmalloc"),
	     allocs = e->allocs;

	switch (value) {
	case PAIR_ADDRESS: return page ? "pfn" : !vmalloc ? "ptr" : allocs ? "addr" : "va_start";
	case PAIR_PAGE: return page ? "page" : "";
	case PAIR_CALL_SITE: return slab || (percpu && allocs) ? "call_site" : "";
	case PAIR_FUNCTION: return slab || (percpu && allocs) ? "call_site.function" : "";
	case PAIR_BYTES_REQ: return !allocs || page ? "" : slab ? "bytes_req" : "size";
	case PAIR_BYTES_ALLOC: return allocs && (slab || percpu) ? "bytes_alloc" : "";
	case PAIR_ORDER: return page ? "order" : "";
	case PAIR_MIGRATETYPE: return allocs && page ? "migratetype" : "";
	case PAIR_GFP: return allocs && !vmalloc ? "gfp_flags" : "";
	case PAIR_NODE: return allocs && slab ? "node" : "";
	case PAIR_NAME: return !strcmp(e->api, "cache") ? "name" : "";
	case PAIR_VALUES: break;
	}
	return "";
}

static int kmem_fields(struct pair_item *item, const struct event_row *e)
{
	int rc = 0;

	for (int v = 0; v < PAIR_VALUES && rc == 0; v++) {
		const char *name = kmem_field(e, (enum pair_value)v);
		enum expr_type type = v == PAIR_NAME || v == PAIR_FUNCTION    ? EXPR_TEXT :
				      v == PAIR_NODE || v == PAIR_MIGRATETYPE ? EXPR_SIGNED :
										EXPR_UNSIGNED;

		rc = add_field(item, name, type, !*name || v == PAIR_FUNCTION || v == PAIR_PAGE);
	}
	return rc;
}

/* A field whose name one of the table's own columns has got: cpu_2 is cpu. */
static void field_name(char *ret, size_t room, const char *column)
{
	static const char *const fixed[FIXED_COLUMNS] = { "id", "time", "cpu", "task", "stack" };

	snprintf(ret, room, "%s", column);
	for (int i = 0; i < FIXED_COLUMNS; i++)
		if (!strncasecmp(column, fixed[i], strlen(fixed[i])) &&
		    !strcmp(column + strlen(fixed[i]), "_2"))
			ret[strlen(fixed[i])] = '\0';
}

static int table_fields(struct maker *m, struct pair_item *item)
{
	struct query q = { 0 };
	int rc =
		query_init(&q, m->db,
			   "SELECT name, type FROM pragma_table_info(:table, 'main') WHERE cid >= 5"
			   " ORDER BY cid",
			   NULL, m->err);

	if (rc == 0)
		query_bind_text(&q, ":table", item->table);
	while (rc == 0 && (rc = query_step(&q, m->err)) == 1) {
		const char *type = query_text(&q, 1);
		char name[100];

		field_name(name, sizeof(name), query_text(&q, 0));
		/* of an array only the bytes are known, not how many make a number */
		rc = !strcmp(type, "BLOB") ?
			     add_field(item, "", EXPR_UNSIGNED, true) :
			     add_field(item, name, !strcmp(type, "TEXT") ? EXPR_TEXT : EXPR_SIGNED,
				       false);
		if (rc < 0)
			rc = error_nomem(m->err);
	}
	query_release(&q);
	return rc;
}

static bool has_field(const struct pair_item *item, const char *name)
{
	for (size_t i = 0; i < item->globals; i++)
		if (!strcmp(item->fields[i].name, name))
			return true;
	return false;
}

static int make_fields(struct maker *m, struct pair_item *item, const struct event_row *e)
{
	int rc = 0;

	item->fields = calloc(EXPR_FIELDS_MAX, sizeof(*item->fields));
	if (!item->fields)
		return error_nomem(m->err);
	if (item->source == PAIR_TABLE)
		rc = table_fields(m, item);
	else if (kmem_fields(item, e) < 0)
		rc = error_nomem(m->err);
	item->globals = item->field_count;
	if (rc == 0 && item->globals + PAIR_GLOBALS > EXPR_FIELDS_MAX)
		return error_set(m->err, ERR_UNSUPPORTED, "%s:%s has too many fields", e->system,
				 e->name);
	for (int i = 0; i < PAIR_GLOBALS && rc == 0; i++) {
		const struct expr_field *g = &global_fields[i];

		if (add_field(item, g->name, g->type, g->hidden || has_field(item, g->name)) < 0)
			rc = error_nomem(m->err);
	}
	return rc;
}

/* event_SYSTEM_NAME, with the number of those before it that read the same. */
static void plain_name(char *ret, size_t room, const struct event_row *e)
{
	size_t len = (size_t)snprintf(ret, room, "event_%s_%s", e->system, e->name);

	if (len >= room) /* cut, as other_table.c does */
		len = room - 1;
	for (char *p = ret; p < ret + len; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", *p))
			*p = '_';
}

static char *table_name(const struct maker *m, const struct event_row *e)
{
	char name[TABLE_NAME_MAX], other[TABLE_NAME_MAX], text[TABLE_NAME_MAX + 12];
	unsigned int n = 1;

	plain_name(name, sizeof(name), e);
	for (const struct event_row *p = m->events; p < e; p++) {
		plain_name(other, sizeof(other), p);
		n += !p->allocs && !p->frees && !strcasecmp(name, other);
	}
	snprintf(text, sizeof(text), n > 1 ? "%s_%u" : "%s", name, n);
	return strdup(text);
}

/* ---- expressions ---- */

static int compile(struct maker *m, struct pair_item *item, const char *what, const char *text,
		   bool filter, struct expr **ret)
{
	const struct expr_scope scope = { .fields = item->fields,
					  .count = item->field_count,
					  .filter = filter,
					  .big_endian = m->big_endian,
					  .long_size = m->long_size,
					  .symbol = pair_names_symbol,
					  .comm = pair_names_comm,
					  .arg = m->names };
	int rc = expr_compile(ret, text, &scope, m->err);

	if (rc == 0 && expr_type(*ret) == EXPR_TEXT)
		rc = error_set(m->err, ERR_USAGE, "'%s' is a text, and a number is wanted", text);
	if (rc < 0)
		return m->err ? error_prefix(m->err, "%s:%s: %s", item->system, item->name, what) :
				rc;
	for (size_t i = 0; i < item->field_count; i++)
		item->used[i] |= expr_uses(*ret, i);
	return 0;
}

static int make_key(struct maker *m, struct pair_item *item, const struct event_spec *spec)
{
	const char *what = "key=", *text = spec->values[SPEC_KEY];

	if (!text) {
		what = m->request->key ? "-k" : "ptr=";
		text = m->request->key ? m->request->key : spec->values[SPEC_PTR];
	}
	if (!text && item->source != PAIR_TABLE)
		text = item->fields[PAIR_ADDRESS].name;
	if (!text) {
		what = "ptr=EXPR or key=EXPR has to say what the address is";
		text = "ptr";
	}
	return compile(m, item, what, text, false, &item->key);
}

static int make_size(struct maker *m, struct pair_item *item, const struct event_spec *spec)
{
	const char *text = spec->values[SPEC_SIZE];
	char note[300];

	if (item->frees)
		return 0; /* an object has the size it was allocated with */
	if (!text && has_field(item, "bytes_alloc"))
		text = "bytes_alloc";
	if (text) {
		item->own_size = item->source == PAIR_ALLOC && !strcmp(text, "bytes_alloc");
		return compile(m, item, "size=", text, false, &item->size);
	}
	snprintf(
		note, sizeof(note),
		"%s:%s//size=?/ size attribute is not set: objects are counted, their bytes are not"
		" known",
		item->system, item->name);
	m->note(NULL, note);
	return 0;
}

static int make_item(struct maker *m, struct pair_item *item, const struct event_row *e,
		     const struct event_spec *spec)
{
	const char *alias = spec->values[SPEC_ALIAS];
	int rc;

	item->event = e->id;
	item->source = e->allocs ? PAIR_ALLOC : e->frees ? PAIR_FREE : PAIR_TABLE;
	item->stack = spec->stack || m->request->stacks;
	item->system = strdup(e->system);
	item->name = strdup(alias ? alias : e->name);
	item->text = strdup(spec->text);
	item->table = item->source == PAIR_TABLE ? table_name(m, e) : NULL;
	if (!item->system || !item->name || !item->text ||
	    (item->source == PAIR_TABLE && !item->table))
		return error_nomem(m->err);
	if (m->folded && item->source != PAIR_TABLE)
		return error_set(
			m->err, ERR_UNSUPPORTED,
			"the recorder folded objects of this capture (--survivors): most events of %s:%s"
			" are not in it, and cannot be paired anew",
			e->system, e->name);
	rc = make_fields(m, item, e);
	if (rc == 0 && spec->filter)
		rc = compile(m, item, "filter", spec->filter, true, &item->filter);
	if (rc == 0)
		rc = make_key(m, item, spec);
	return rc < 0 ? rc : make_size(m, item, spec);
}

/* ---- which events ---- */

/*
 * A pattern does not take events that do the opposite, and not the tracepoint that repeats what
 * mm_page_free says.
 */
static bool matches(const struct event_row *e, const char *name, bool frees)
{
	char full[140];

	snprintf(full, sizeof(full), "%s:%s", e->system, e->name);
	if (!strpbrk(name, "*?["))
		return !strcmp(full, name);
	return !(frees ? e->allocs : e->frees) && strcmp(e->name, "mm_page_free_batched") &&
	       !fnmatch(name, full, 0);
}

static int unknown_event(const struct maker *m, const char *name)
{
	static const char *const probes[] = { "uprobes:", "uprobe:", "probe_", "sdt_", "usdt:" };
	char known[320] = "";
	size_t used = 0;

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!strncmp(name, probes[i], strlen(probes[i])))
			return error_set(m->err, ERR_UNSUPPORTED,
					 "'%.80s': probes in programs cannot be recorded yet, only"
					 " tracepoints of the kernel",
					 name);
	for (size_t i = 0; i < m->count && used < sizeof(known) - 5; i++) {
		char full[140];

		snprintf(full, sizeof(full), "%s:%s", m->events[i].system, m->events[i].name);
		if (used + strlen(full) + 6 > sizeof(known)) {
			strcpy(known + used, " ...");
			break;
		}
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? " " : "", full);
	}
	return error_set(m->err, ERR_USAGE, "no event '%.80s' was recorded here; there are: %s",
			 name, known);
}

static int add_items(struct maker *m, const struct event_spec *spec, bool frees)
{
	int rc = 0;

	for (const struct event_row *e = m->events; rc == 0 && e < m->events + m->count; e++) {
		struct pair_items *items = m->items;

		if (!matches(e, spec->name, frees))
			continue;
		if (!array_room((void **)&items->list, &items->cap, items->count,
				sizeof(*items->list)))
			return error_nomem(m->err);
		items->list[items->count] = (struct pair_item){ .frees = frees };
		rc = make_item(m, &items->list[items->count++], e, spec);
	}
	return rc;
}

/* Kernels have different events (kmalloc_node is gone since 6.1): one that is there will do. */
static int add_specs(struct maker *m, const struct event_specs *specs, bool frees)
{
	size_t before = m->items->count;
	int rc = 0;

	for (size_t i = 0; i < specs->count && rc == 0; i++) {
		const struct event_spec *spec = &specs->items[i];
		size_t count = m->items->count;
		char note[200];

		rc = add_items(m, spec, frees);
		if (rc < 0 || m->items->count > count)
			continue;
		if (specs->count == 1 || (i + 1 == specs->count && m->items->count == before))
			return unknown_event(m, spec->name);
		snprintf(note, sizeof(note), "'%.80s' was not recorded here, and is left out",
			 spec->name);
		m->note(NULL, note);
	}
	return rc;
}

static int add_side(struct maker *m, const struct pair_side *side, bool frees)
{
	struct event_specs specs = { 0 };
	int rc = 0;

	for (size_t i = 0; i < side->count && rc == 0; i++)
		rc = event_specs_parse(&specs, side->lists[i], m->err);
	if (rc < 0 && m->err)
		rc = error_prefix(m->err, "%s", side->option);
	if (rc == 0)
		rc = add_specs(m, &specs, frees);
	event_specs_release(&specs);
	return rc;
}

int pair_items_make(struct pair_items *items, const struct pair_request *request, sqlite3 *db,
		    struct pair_names *names, void (*note)(void *arg, const char *text),
		    struct error *err)
{
	struct maker m = { .items = items,
			   .request = request,
			   .names = names,
			   .db = db,
			   .note = note,
			   .err = err,
			   .folded = capture_int(db, "folded.pairs", 0) != 0,
			   .long_size = capture_int(db, "long_size", 8) == 4 ? 4 : 8 };
	char endian[8];
	int rc = read_events(&m);

	m.big_endian = capture_text(db, "endian", endian, sizeof(endian)) && !strcmp(endian, "big");
	if (rc == 0)
		rc = add_side(&m, &request->alloc, false);
	if (rc == 0)
		rc = add_side(&m, &request->free, true);
	free(m.events);
	return rc;
}

static void item_release(struct pair_item *item)
{
	for (size_t i = 0; i < item->field_count; i++)
		free((char *)(uintptr_t)item->fields[i].name);
	free(item->fields);
	free(item->system);
	free(item->name);
	free(item->text);
	free(item->table);
	expr_free(item->filter);
	expr_free(item->key);
	expr_free(item->size);
}

void pair_items_release(struct pair_items *items)
{
	for (size_t i = 0; i < items->count; i++)
		item_release(&items->list[i]);
	free(items->list);
	*items = (struct pair_items){ 0 };
}
