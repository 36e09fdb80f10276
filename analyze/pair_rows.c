#include "analyze/pair_rows.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/id_table.h"
#include "analyze/query.h"
#include "format/base/hash.h"
#include "format/base/units.h"

/* ---- facts of the database's sites ---- */

static void set_number(struct pair_fact *f, enum pair_value v, const struct query *q, int column)
{
	f->values[v].number = (uint64_t)query_int(q, column);
	if (query_is_null(q, column))
		f->missing |= 1u << v;
}

static void set_text(struct pair_fact *f, enum pair_value v, const char *text)
{
	f->values[v].text = text ? text : "";
	if (!text)
		f->missing |= 1u << v;
}

static void set_call_site(const struct pair_rows *r, struct pair_fact *f, int64_t id)
{
	const struct pair_frame *frame = pair_frame(r->names, id);

	/* a text log names the function, and may know no address */
	if (frame && frame->address)
		f->values[PAIR_CALL_SITE].number = frame->address;
	else
		f->missing |= 1u << PAIR_CALL_SITE;
	set_text(f, PAIR_FUNCTION, frame ? frame->function : NULL);
}

static void find_items(const struct pair_rows *r, struct pair_fact *f, int64_t event)
{
	for (uint32_t i = 0; i < r->items->count; i++) {
		const struct pair_item *item = &r->items->list[i];

		if (item->event == event && !f->items[item->frees])
			f->items[item->frees] = i + 1;
	}
}

static void set_fact(const struct pair_rows *r, struct pair_fact *f, const struct query *q)
{
	*f = (struct pair_fact){ .there = true, .in_task = !query_int(q, 2) };
	find_items(r, f, query_int(q, 1));
	set_call_site(r, f, query_int(q, 3));
	set_text(f, PAIR_NAME, pair_cache(r->names, query_int(q, 4)));
}

static uint64_t order_of(uint64_t bytes, uint64_t page)
{
	uint64_t order = 0;

	while (order < 63 && page << order < bytes)
		order++;
	return order;
}

static uint64_t page_size(const struct pair_rows *r)
{
	int64_t page = capture_int(r->db, "page_size", 4096);

	return page > 0 ? (uint64_t)page : 4096;
}

static int read_allocs(struct pair_rows *r, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(r->db, "main.alloc_site", (void **)&r->allocs, &r->alloc_count,
			      sizeof(*r->allocs), err);

	if (rc == 0)
		rc = query_init(
			&q, r->db,
			"SELECT id, event, context, call_site, cache, bytes_req, bytes_alloc,"
			" gfp, node, migratetype, part_of FROM main.alloc_site",
			NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		struct pair_fact *f;

		rc = 0;
		if (!id_table_has(query_int(&q, 0), r->alloc_count))
			continue;
		f = &r->allocs[query_int(&q, 0)];
		set_fact(r, f, &q);
		set_number(f, PAIR_BYTES_REQ, &q, 5);
		set_number(f, PAIR_BYTES_ALLOC, &q, 6);
		set_number(f, PAIR_GFP, &q, 7);
		set_number(f, PAIR_NODE, &q, 8);
		set_number(f, PAIR_MIGRATETYPE, &q, 9);
		if (id_table_has(query_int(&q, 10), r->alloc_count))
			f->whole = (uint32_t)query_int(&q, 10);
		f->values[PAIR_ORDER].number = order_of(f->values[PAIR_BYTES_ALLOC].number,
							page_size(r));
	}
	query_release(&q);
	return rc;
}

static int read_frees(struct pair_rows *r, struct error *err)
{
	struct query q = { 0 };
	int rc = id_table_new(r->db, "main.free_site", (void **)&r->frees, &r->free_count,
			      sizeof(*r->frees), err);

	if (rc == 0)
		rc = query_init(
			&q, r->db,
			"SELECT id, event, context, call_site, cache, bytes FROM main.free_site",
			NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		struct pair_fact *f;

		rc = 0;
		if (!id_table_has(query_int(&q, 0), r->free_count))
			continue;
		f = &r->frees[query_int(&q, 0)];
		set_fact(r, f, &q);
		set_number(f, PAIR_ORDER, &q, 5);
		f->values[PAIR_ORDER].number = order_of(f->values[PAIR_ORDER].number, page_size(r));
	}
	query_release(&q);
	return rc;
}

/* ---- new sites ---- */

static uint64_t site_hash(const struct pair_site *s)
{
	return hash_mix((uint64_t)s->item << 32 | s->origin, (uint64_t)s->size);
}

struct site_probe {
	const struct pair_sites *sites;
	const struct pair_site *wanted;
};

static bool same_site(const void *arg, uint32_t id)
{
	const struct site_probe *p = arg;
	const struct pair_site *s = &p->sites->list[id - 1];

	return s->item == p->wanted->item && s->origin == p->wanted->origin &&
	       s->size == p->wanted->size;
}

static uint64_t rehash_site(const void *arg, uint32_t id)
{
	const struct pair_sites *sites = arg;

	return site_hash(&sites->list[id - 1]);
}

/* 0: no memory. */
static uint32_t add_site(struct pair_sites *sites, const struct pair_site *site)
{
	const struct site_probe probe = { sites, site };
	uint64_t hash = site_hash(site);
	uint32_t id = id_index_find(&sites->index, hash, same_site, &probe);

	if (id)
		return id;
	if (sites->count >= UINT32_MAX / 2 ||
	    !array_room((void **)&sites->list, &sites->cap, sites->count, sizeof(*sites->list)))
		return 0;
	sites->list[sites->count] = *site;
	id = (uint32_t)sites->count + 1;
	if (!id_index_add(&sites->index, hash, id, rehash_site, sites))
		return 0;
	sites->count++;
	return id;
}

/* ---- events ---- */

/* An event of the database, before an item has chosen it. */
struct row {
	int64_t time, cpu, task;
	uint32_t origin;
	bool in_task;
	struct expr_value *values; /* with room for globals behind those of the event */
	const bool *missing;	   /* per value; NULL: missing_bits tells */
	uint32_t missing_bits;
};

static bool is_missing(const struct row *row, size_t value)
{
	return row->missing ? row->missing[value] : row->missing_bits >> value & 1;
}

/* False where the item looks at something that is not known. */
static bool fill_globals(const struct pair_rows *r, const struct pair_item *item,
			 const struct row *row)
{
	const struct pair_task *task = pair_task(r->names, row->task);

	for (size_t i = 0; i < PAIR_GLOBALS; i++) {
		struct expr_value *v = &row->values[item->globals + i];

		if (!item->used[item->globals + i])
			continue;
		if (pair_globals[i] == PAIR_GLOBAL_CPU)
			v->number = (uint64_t)row->cpu;
		else if (!task || (pair_globals[i] == PAIR_GLOBAL_COMM && !task->comm))
			return false;
		else if (pair_globals[i] == PAIR_GLOBAL_PID)
			v->number = (uint64_t)task->pid;
		else
			v->text = task->comm;
	}
	return true;
}

static bool is_readable(const struct pair_item *item, const struct row *row)
{
	for (size_t i = 0; i < item->globals; i++)
		if (item->used[i] && is_missing(row, i))
			return false;
	return true;
}

static int run(const struct pair_item *item, const struct expr *e, const struct row *row,
	       uint64_t *ret, struct error *err)
{
	struct expr_value v;
	const char *why = expr_run(e, row->values, &v);
	char at[UNITS_TEXT];

	*ret = v.number;
	if (!why)
		return 0;
	return error_set(err, ERR_USAGE, "'%s': %s, for the event at %s", item->text, why,
			 units_duration(at, row->time > 0 ? (uint64_t)row->time : 0));
}

/* The new site and the key, if the item wants this event: 1; 0: it does not. */
static int choose(struct pair_rows *r, uint32_t at, const struct row *row, uint64_t *key,
		  uint32_t *site, struct error *err)
{
	struct pair_item *item = &r->items->list[at];
	struct pair_site new_site = { .item = at, .origin = row->origin };
	uint64_t passed = 1, size = 0;
	char moment[UNITS_TEXT];
	int rc = 0;

	if (!is_readable(item, row) || !fill_globals(r, item, row)) {
		item->unread++;
		return 0;
	}
	if (item->filter)
		rc = run(item, item->filter, row, &passed, err);
	if (rc < 0 || !passed)
		return rc;
	rc = run(item, item->key, row, key, err);
	if (rc == 0 && item->size)
		rc = run(item, item->size, row, &size, err);
	if (rc < 0)
		return rc;
	if (size > INT64_MAX)
		return error_set(err, ERR_USAGE,
				 "'%s': a size below 0, or above 2^63, for the event at %s",
				 item->text,
				 units_duration(moment, row->time > 0 ? (uint64_t)row->time : 0));
	new_site.size = (int64_t)size;
	*site = add_site(item->frees ? &r->free_sites : &r->alloc_sites, &new_site);
	return *site ? 1 : error_nomem(err);
}

/* Of the items of one side that want events of this kind, from `first` on (1 more than its place), the first that takes it. */
static int add_side(struct pair_rows *r, uint32_t first, const struct row *row, struct error *err)
{
	const struct pair_item *items = r->items->list, *of = first ? &items[first - 1] : NULL;
	const struct pair_task *task;
	struct pair_list *to;
	struct pair_event *e;
	uint32_t site = 0;
	uint64_t key = 0;
	int rc = 0;

	for (uint32_t i = first; of && rc == 0 && i <= r->items->count; i++)
		if (items[i - 1].event == of->event && items[i - 1].frees == of->frees)
			rc = choose(r, i - 1, row, &key, &site, err);
	if (rc != 1)
		return rc;
	to = &r->events[of->frees];
	if (r->count == UINT32_MAX ||
	    !array_room((void **)&to->list, &to->cap, to->count, sizeof(*to->list)))
		return error_nomem(err);
	task = pair_task(r->names, row->task);
	e = &to->list[to->count++];
	*e = (struct pair_event){ .time = row->time,
				  .key = key,
				  .order = r->count++,
				  .site = site,
				  .task = (uint32_t)row->task,
				  .cpu = (uint16_t)row->cpu,
				  .frees = of->frees,
				  .self = task && task->self && row->in_task };
	return 0;
}

/* As a free first: what an event ends was there before what it begins. */
static int add_row(struct pair_rows *r, const uint32_t *items, const struct row *row,
		   struct error *err)
{
	int rc = add_side(r, items[1], row, err);

	return rc < 0 ? rc : add_side(r, items[0], row, err);
}

static int add_fact(struct pair_rows *r, const struct pair_fact *f, uint64_t address,
		    struct row *row, struct error *err)
{
	if (!f->items[0] && !f->items[1])
		return 0;
	memcpy(row->values, f->values, sizeof(f->values));
	row->values[PAIR_ADDRESS].number = row->values[PAIR_PAGE].number = address;
	row->missing_bits = f->missing;
	row->in_task = f->in_task;
	return add_row(r, f->items, row, err);
}

enum column { TIME, LIFETIME, ADDRESS, SITE, FREE_SITE, TASK, FREE_TASK, CPU, FREE_CPU };

static int64_t add_times(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static uint64_t first_page(const struct pair_fact *f, uint64_t address)
{
	uint64_t order = f->values[PAIR_ORDER].number;

	return address >> order << order;
}

/*
 * Of a block of pages that was freed in parts every part has a row (replay_pages.h): that of its first page stands for
 * the event.
 */
static int add_alloc(struct pair_rows *r, uint64_t address, struct row *row, struct error *err)
{
	const struct pair_fact *f = &r->allocs[row->origin];

	if (f->whole) {
		row->origin = f->whole;
		f = &r->allocs[f->whole];
		if (first_page(f, address) != address)
			return 0;
	}
	return add_fact(r, f, address, row, err);
}

/* And one event may free several blocks: its rows follow each other, with the pages in order. */
static int add_free(struct pair_rows *r, uint64_t address, struct row *row, struct error *err)
{
	const struct pair_fact *f = &r->frees[row->origin];
	struct pair_pages now = { true, row->time, row->origin, row->cpu, address, address };
	const struct pair_pages last = r->freed;

	if (f->missing >> PAIR_ORDER & 1) /* no pages, or of unknown order */
		return add_fact(r, f, address, row, err);
	now.first = first_page(f, address);
	r->freed = now;
	if (last.any && last.time == now.time && last.site == now.site && last.cpu == now.cpu &&
	    last.first == now.first && last.address < now.address)
		return 0;
	return add_fact(r, f, now.first, row, err);
}

/* The event of an allocation, and that of its free. */
static int add_allocation(struct pair_rows *r, const struct query *q, struct expr_value *values,
			  struct error *err)
{
	int64_t site = query_int(q, SITE), free_site = query_int(q, FREE_SITE);
	struct row row = { .time = query_int(q, TIME),
			   .cpu = query_int(q, CPU),
			   .task = query_int(q, TASK),
			   .origin = (uint32_t)site,
			   .values = values };
	uint64_t address = (uint64_t)query_int(q, ADDRESS);
	int rc = 0;

	if (id_table_has(site, r->alloc_count))
		rc = add_alloc(r, address, &row, err);
	if (rc < 0 || !id_table_has(free_site, r->free_count))
		return rc;
	row.time = add_times(row.time, query_int(q, LIFETIME));
	row.cpu = query_int(q, FREE_CPU);
	row.task = query_int(q, FREE_TASK);
	row.origin = (uint32_t)free_site;
	return add_free(r, address, &row, err);
}

/*
 * Frees that ended nothing come first: at one time and address with others they must have come before the allocation, or
 * behind a free, which is the same to the pairing.
 */
static int read_kmem(struct pair_rows *r, struct error *err)
{
	struct expr_value values[EXPR_FIELDS_MAX] = { 0 };
	struct query q = { 0 };
	int rc = query_init(&q, r->db,
			    "SELECT time, address, free_site, task, cpu FROM main.unmatched_free"
			    " ORDER BY id",
			    NULL, err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		struct row row = { .time = query_int(&q, 0),
				   .cpu = query_int(&q, 4),
				   .task = query_int(&q, 3),
				   .origin = (uint32_t)query_int(&q, 2),
				   .values = values };

		rc = 0;
		if (id_table_has(query_int(&q, 2), r->free_count))
			rc = add_fact(r, &r->frees[query_int(&q, 2)], (uint64_t)query_int(&q, 1),
				      &row, err);
	}
	query_release(&q);
	if (rc == 0)
		rc = query_init(&q, r->db,
				"SELECT time, lifetime, address, alloc_site, free_site, task,"
				" free_task, cpu, free_cpu FROM main.allocation ORDER BY id",
				NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1)
		rc = add_allocation(r, &q, values, err);
	query_release(&q);
	return rc;
}

static void read_values(const struct pair_rows *r, const uint32_t *items, const struct query *q,
			struct expr_value *values, bool *missing)
{
	const struct pair_item *item = &r->items->list[(items[0] ? items[0] : items[1]) - 1];

	for (size_t i = 0; i < item->globals; i++) {
		int column = 5 + (int)i;

		missing[i] = query_is_null(q, column);
		if (item->fields[i].type == EXPR_TEXT)
			values[i].text = query_text(q, column);
		else
			values[i].number = (uint64_t)query_int(q, column);
	}
}

static int read_table(struct pair_rows *r, const struct pair_item *item, const uint32_t *items,
		      struct error *err)
{
	struct expr_value values[EXPR_FIELDS_MAX] = { 0 };
	bool missing[EXPR_FIELDS_MAX] = { false };
	struct query q = { 0 };
	char *sql = sqlite3_mprintf("SELECT * FROM main.\"%w\" ORDER BY id", item->table);
	int rc = sql ? query_init(&q, r->db, sql, NULL, err) : error_nomem(err);

	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		const struct row row = { .time = query_int(&q, 1),
					 .cpu = query_int(&q, 2),
					 .task = query_int(&q, 3),
					 .origin = (uint32_t)query_int(&q, 4),
					 .in_task = true,
					 .values = values,
					 .missing = missing };

		read_values(r, items, &q, values, missing);
		rc = add_row(r, items, &row, err);
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

/* Each table once, for the first item that wants it. */
static int read_tables(struct pair_rows *r, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < r->items->count && rc == 0; i++) {
		const struct pair_item *item = &r->items->list[i];
		struct pair_fact f = { .there = true };

		if (item->source != PAIR_TABLE)
			continue;
		find_items(r, &f, item->event);
		if (f.items[0] == i + 1 || (!f.items[0] && f.items[1] == i + 1))
			rc = read_table(r, item, f.items, err);
	}
	return rc;
}

/* ---- order ---- */

#define DIGIT_BITS 11
#define DIGITS	   (1u << DIGIT_BITS)

static bool is_before(const struct pair_event *a, const struct pair_event *b)
{
	return a->time != b->time ? a->time < b->time : a->order < b->order;
}

/* One pass of a radix sort, which keeps the order of equal digits. */
static void sort_digit(const struct pair_event *from, struct pair_event *to, size_t count,
		       int64_t first, unsigned int shift)
{
	size_t at[DIGITS] = { 0 }, sum = 0;

	for (size_t i = 0; i < count; i++)
		at[((uint64_t)from[i].time - (uint64_t)first) >> shift & (DIGITS - 1)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		size_t n = at[d];

		at[d] = sum;
		sum += n;
	}
	for (size_t i = 0; i < count; i++)
		to[at[((uint64_t)from[i].time - (uint64_t)first) >> shift & (DIGITS - 1)]++] =
			from[i];
}

/* By time, and of one time as they were read. Frees mostly are so already. */
static int sort_list(struct pair_list *l, struct error *err)
{
	struct pair_event *other, *list = l->list;
	int64_t first = INT64_MAX, last = INT64_MIN;
	bool sorted = true;

	for (size_t i = 0; i < l->count; i++) {
		sorted &= !i || list[i - 1].time <= list[i].time;
		first = list[i].time < first ? list[i].time : first;
		last = list[i].time > last ? list[i].time : last;
	}
	if (sorted)
		return 0;
	other = malloc(l->count * sizeof(*other));
	if (!other)
		return error_nomem(err);
	for (unsigned int shift = 0; shift < 64 && ((uint64_t)last - (uint64_t)first) >> shift;
	     shift += DIGIT_BITS) {
		struct pair_event *swap = list;

		sort_digit(list, other, l->count, first, shift);
		list = other;
		other = swap;
	}
	free(other);
	l->list = list;
	l->cap = l->count;
	return 0;
}

const struct pair_event *pair_rows_next(struct pair_rows *r)
{
	struct pair_list *a = &r->events[0], *b = &r->events[1];

	if (a->next == a->count && b->next == b->count)
		return NULL;
	if (b->next == b->count ||
	    (a->next < a->count && is_before(&a->list[a->next], &b->list[b->next])))
		return &a->list[a->next++];
	return &b->list[b->next++];
}

int pair_rows_read(struct pair_rows *r, struct error *err)
{
	bool kmem = false;
	int rc = 0;

	for (size_t i = 0; i < r->items->count; i++)
		kmem |= r->items->list[i].source != PAIR_TABLE;
	if (kmem)
		rc = read_allocs(r, err);
	if (rc == 0 && kmem)
		rc = read_frees(r, err);
	if (rc == 0 && kmem)
		rc = read_kmem(r, err);
	if (rc == 0)
		rc = read_tables(r, err);
	for (int side = 0; side < 2 && rc == 0; side++)
		rc = sort_list(&r->events[side], err);
	return rc;
}

int64_t pair_rows_null_site(struct pair_rows *r, uint32_t item, int64_t free_site,
			    struct error *err)
{
	const struct pair_item *of = &r->items->list[item];
	struct expr_value values[EXPR_FIELDS_MAX] = { 0 };
	struct row row = { .origin = (uint32_t)free_site, .values = values };
	const struct pair_fact *f;
	uint32_t site = 0;
	uint64_t key;
	int rc;

	if (of->source != PAIR_FREE || !id_table_has(free_site, r->free_count))
		return 0;
	f = &r->frees[free_site];
	if (!f->items[1] || r->items->list[f->items[1] - 1].event != of->event)
		return 0;
	for (size_t i = of->globals; i < of->field_count; i++)
		if (of->used[i])
			return 0;
	memcpy(values, f->values, sizeof(f->values));
	row.missing_bits = f->missing;
	if (!is_readable(of, &row))
		return 0;
	rc = choose(r, item, &row, &key, &site, err);
	return rc < 0 ? (int64_t)rc : (int64_t)site;
}

void pair_rows_release(struct pair_rows *r)
{
	free(r->allocs);
	free(r->frees);
	free(r->alloc_sites.list);
	free(r->free_sites.list);
	id_index_release(&r->alloc_sites.index);
	id_index_release(&r->free_sites.index);
	free(r->events[0].list);
	free(r->events[1].list);
	r->allocs = r->frees = NULL;
	r->events[0] = r->events[1] = (struct pair_list){ 0 };
	r->alloc_sites = r->free_sites = (struct pair_sites){ 0 };
}
