#include "analyze/stack_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/report.h"
#include "analyze/skip_frames.h"
#include "format/base/hash.h"
#include "schema_sql.h"

const char *const stack_measures[] = { "live",	 "allocated", "waste", "objects",
				       "allocs", "peak",      NULL };

enum stack_measure stack_measure_of(const char *name)
{
	int m = MEASURES - 1;

	while (m > 0 && (!name || strcmp(name, stack_measures[m])))
		m--;
	return (enum stack_measure)m;
}

bool stack_measure_is_bytes(enum stack_measure m)
{
	return m != MEASURE_OBJECTS && m != MEASURE_ALLOCS;
}

const char *stack_measure_text(enum stack_measure m)
{
	static const char *const texts[MEASURES] = { "live bytes",   "bytes allocated",
						     "wasted bytes", "live objects",
						     "allocations",  "bytes live at the peak" };

	return texts[m];
}

/* What frames are called by; the keys of --by that are of frames say which. */
enum level { BY_FUNCTION, BY_FILE, BY_DIRECTORY, BY_MODULE };
static const char *const level_keys[] = { "function", "file", "directory", "module" };

/* The functions at one frame of the database: frames[first] on, innermost first. */
struct expansion {
	size_t first;
	uint32_t count;
	bool user;
};

struct reader {
	struct stack_values *v;
	struct report *r;
	const struct stack_values_options *o;
	enum level level;
	int keys[BY_KEYS_MAX], key_count; /* of --by, those that are frames of their own */
	struct skip_frames skip;
	struct query stack, frame;
	struct expansion *known;
	size_t known_count, known_cap;
	struct id_index known_index, text_index;
	int64_t *known_ids; /* of the database */
	size_t ids_cap;
	struct error *err;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static bool add_text(struct reader *d, uint32_t *ret, const char *text)
{
	char safe[512];

	*ret = text_pool_add(d->v->pool, report_safe(safe, sizeof(safe), text));
	if (*ret)
		return true;
	error_nomem(d->err);
	return false;
}

/* "name [module]", "name (file)" */
static void function_name(char *room, size_t size, const struct query *q, const char *function)
{
	if (!query_is_null(q, 4))
		snprintf(room, size, "%s (%s)", *function ? function : "[unknown]",
			 base_name(query_text(q, 4)));
	else if (!*function)
		snprintf(room, size, "0x%" PRIx64, (uint64_t)query_int(q, 0));
	else if (!query_is_null(q, 3))
		snprintf(room, size, "%s [%s]", function, query_text(q, 3));
	else
		snprintf(room, size, "%s", function);
}

/* Columns as in frame.sql. */
static void place_name(const struct reader *d, char *room, size_t size, const struct query *q,
		       const char *function)
{
	const char *file = query_text(q, 6), *slash = strrchr(file, '/');

	if (d->level == BY_FUNCTION)
		function_name(room, size, q, function);
	else if (d->level == BY_MODULE && query_is_null(q, 4))
		snprintf(room, size, "[%s]", query_is_null(q, 3) ? "kernel" : query_text(q, 3));
	else if (!query_is_null(q, 4))
		snprintf(room, size, "(%s)", base_name(query_text(q, 4)));
	else if (!*file)
		snprintf(room, size, "(no debug information)");
	else if (d->level == BY_FILE || !slash)
		snprintf(room, size, "%s", file);
	else
		snprintf(room, size, "%.*s", (int)(slash - file), file);
}

static bool add_function(struct reader *d, const struct query *q, uint32_t number)
{
	struct stack_values *v = d->v;
	struct value_frame f = { .address = (uint64_t)query_int(q, 0),
				 .line = query_int(q, 7),
				 .frame = number,
				 .inlined = query_int(q, 8) != 0 };
	const char *function = query_text(q, f.inlined ? 5 : 1);
	char name[512];

	place_name(d, name, sizeof(name), q, function);
	if (!add_text(d, &f.name, name) || (*function && !add_text(d, &f.function, function)) ||
	    (!query_is_null(q, 3) && !add_text(d, &f.module, query_text(q, 3))) ||
	    (!query_is_null(q, 4) && !add_text(d, &f.dso, query_text(q, 4))) ||
	    (!query_is_null(q, 6) && !add_text(d, &f.file, query_text(q, 6))))
		return false;
	if (!array_room((void **)&v->frames, &v->frame_cap, v->frame_count, sizeof(f))) {
		error_nomem(d->err);
		return false;
	}
	v->frames[v->frame_count++] = f;
	return true;
}

static uint64_t rehash_id(const void *arg, uint32_t id)
{
	return hash_u64((uint64_t)((const struct reader *)arg)->known_ids[id - 1]);
}

struct id_key {
	const int64_t *ids;
	int64_t id;
};

static bool same_id(const void *arg, uint32_t id)
{
	const struct id_key *key = arg;

	return key->ids[id - 1] == key->id;
}

static int read_functions(struct reader *d, int64_t frame, uint32_t number, struct expansion *e)
{
	int rc;

	query_reset(&d->frame);
	query_bind_int(&d->frame, ":frame", frame);
	e->first = d->v->frame_count;
	while ((rc = query_step(&d->frame, d->err)) == 1) {
		e->user = !query_is_null(&d->frame, 4);
		if (!add_function(d, &d->frame, number))
			return d->err->code;
	}
	e->count = (uint32_t)(d->v->frame_count - e->first);
	return rc;
}

/* Each frame of the database is looked up once. *ret is valid until the next call. */
static int expand(struct reader *d, int64_t frame, const struct expansion **ret)
{
	const struct id_key key = { d->known_ids, frame };
	uint64_t hash = hash_u64((uint64_t)frame);
	uint32_t id = id_index_find(&d->known_index, hash, same_id, &key);
	struct expansion e = { 0 };
	int rc;

	if (id) {
		*ret = &d->known[id - 1];
		return 0;
	}
	id = (uint32_t)d->known_count + 1;
	rc = read_functions(d, frame, id, &e);
	if (rc < 0)
		return rc;
	if (!array_room((void **)&d->known, &d->known_cap, d->known_count, sizeof(*d->known)) ||
	    !array_room((void **)&d->known_ids, &d->ids_cap, d->known_count, sizeof(*d->known_ids)))
		return error_nomem(d->err);
	d->known[d->known_count] = e;
	d->known_ids[d->known_count++] = frame;
	if (!id_index_add(&d->known_index, hash, id, rehash_id, d))
		return error_nomem(d->err);
	*ret = &d->known[id - 1];
	return 0;
}

/* ---- paths ---- */

static bool append(struct reader *d, struct stack_value *s, uint32_t frame)
{
	struct stack_values *v = d->v;

	if (s->depth == STACK_VALUES_DEPTH)
		return true;
	if (!array_room((void **)&v->path, &v->path_cap, v->path_len, sizeof(*v->path))) {
		error_nomem(d->err);
		return false;
	}
	v->path[v->path_len++] = frame;
	s->depth++;
	return true;
}

struct text_frame_key {
	const struct value_frame *frames;
	uint32_t name;
};

static bool same_text_frame(const void *arg, uint32_t id)
{
	const struct text_frame_key *key = arg;

	return key->frames[id - 1].name == key->name;
}

static uint64_t rehash_text_frame(const void *arg, uint32_t id)
{
	return hash_u64(((const struct reader *)arg)->v->frames[id - 1].name);
}

/* A frame that is no code. */
static bool append_text(struct reader *d, struct stack_value *s, const char *text)
{
	struct stack_values *v = d->v;
	struct value_frame f = { 0 };
	struct text_frame_key key;
	uint32_t id;

	if (!add_text(d, &f.name, text))
		return false;
	key = (struct text_frame_key){ v->frames, f.name };
	id = id_index_find(&d->text_index, hash_u64(f.name), same_text_frame, &key);
	if (id)
		return append(d, s, id - 1);
	if (!array_room((void **)&v->frames, &v->frame_cap, v->frame_count, sizeof(f))) {
		error_nomem(d->err);
		return false;
	}
	v->frames[v->frame_count++] = f;
	id = (uint32_t)v->frame_count;
	if (!id_index_add(&d->text_index, hash_u64(f.name), id, rehash_text_frame, d)) {
		error_nomem(d->err);
		return false;
	}
	return append(d, s, id - 1);
}

static bool is_skipped(const struct reader *d, const struct value_frame *f)
{
	const char *name = text_pool_get(d->v->pool, f->function);

	return !f->dso && skip_frames_match(&d->skip, name, strlen(name));
}

/*
 * Takes the allocator's frames away: those inside the call site, which begins at path[site], and those with its names.
 * Of a stack of nothing else the call site stays, or without one the outermost frame of the kernel.
 */
static void skip_allocator(struct reader *d, struct stack_value *s, uint32_t site, uint32_t kernel)
{
	uint32_t *path, from = site < kernel ? site : 0;

	if (!s->depth)
		return;
	path = d->v->path + s->first;

	while (from < kernel && is_skipped(d, &d->v->frames[path[from]]))
		from++;
	if (from == kernel)
		from = site < kernel ? site : kernel ? kernel - 1 : 0;
	if (from == site)
		while (s->certain < s->depth - from &&
		       d->v->frames[path[from + s->certain]].frame ==
			       d->v->frames[path[site]].frame)
			s->certain++;
	memmove(path, path + from, (s->depth - from) * sizeof(*path));
	s->depth -= from;
	d->v->path_len -= from;
}

static int append_stack(struct reader *d, struct stack_value *s, int64_t stack, int64_t call_site)
{
	uint32_t site = UINT32_MAX, kernel = 0;
	int rc;

	query_reset(&d->stack);
	query_bind_int(&d->stack, ":stack", stack);
	while ((rc = query_step(&d->stack, d->err)) == 1) {
		int64_t frame = query_int(&d->stack, 0);
		const struct expansion *e;

		rc = expand(d, frame, &e);
		if (rc < 0)
			return rc;
		if (frame == call_site && site == UINT32_MAX)
			site = s->depth;
		for (uint32_t i = 0; i < e->count; i++)
			if (!append(d, s, (uint32_t)(e->first + i)))
				return d->err->code;
		if (!e->user)
			kernel = s->depth;
	}
	if (rc == 0 && !d->o->all_frames)
		skip_allocator(d, s, site, kernel);
	return rc;
}

/* A call site alone: the functions that were inlined there may be the allocator's. */
static int append_site(struct reader *d, struct stack_value *s, int64_t call_site)
{
	const struct expansion *e;
	int rc = expand(d, call_site, &e);

	for (uint32_t i = 0; rc == 0 && i < e->count; i++)
		if (!append(d, s, (uint32_t)(e->first + i)))
			return d->err->code;
	if (rc == 0 && !d->o->all_frames)
		skip_allocator(d, s, 0, s->depth);
	return rc;
}

enum column {
	STACK,
	CALL_SITE,
	KEY1,
	SIZE = KEY1 + BY_KEYS_MAX,
	CACHE,
	VALUES,
	/* of estimates */
	PART_SITE = VALUES + MEASURES,
	PART_OBJECTS,
	PART_PEAK,
	PART_BYTES,
	PART_REQUESTED,
	PART_LIVE,
	PART_PEAKED, /* of the peak, and of nothing else */
	PART_OF
};

static int read_path(struct reader *d, const struct query *q, struct stack_value *s)
{
	int rc = 0;

	s->first = d->v->path_len;
	if (!query_is_null(q, STACK))
		rc = append_stack(d, s, query_int(q, STACK),
				  query_is_null(q, CALL_SITE) ? -1 : query_int(q, CALL_SITE));
	if (rc == 0 && !s->depth && !query_is_null(q, CALL_SITE))
		rc = append_site(d, s, query_int(q, CALL_SITE));
	if (rc == 0 && !s->depth && !append_text(d, s, "(unknown)"))
		return d->err->code;
	for (int k = d->key_count; rc == 0 && k-- > 0;) {
		s->keys++;
		if (!append_text(d, s, query_text(q, KEY1 + d->keys[k])))
			return d->err->code;
	}
	return rc;
}

/* The totals, and so every sum of some stacks, fit in a number of SQL. */
static int read_values(struct reader *d, const struct query *q, struct stack_value *s)
{
	for (int m = 0; m < MEASURES; m++) {
		int64_t value = query_int(q, VALUES + m);
		uint64_t *total = &d->v->totals[m];

		if (value < 0)
			value = 0;
		if ((uint64_t)value > INT64_MAX - *total)
			return error_set(
				d->err, ERR_DAMAGED,
				"the sizes in the database add up to more than there can be;"
				" load its capture again with kmem-analyze load -f");
		s->values[m] += (uint64_t)value;
		*total += (uint64_t)value;
	}
	return 0;
}

static int read_part(struct reader *d, const struct query *q, struct stack_value *s)
{
	struct stack_values *v = d->v;
	int64_t bytes = query_int(q, PART_BYTES), peaked = query_int(q, PART_PEAKED), all = !peaked,
		live = all && query_int(q, PART_LIVE),
		waste = (int64_t)((uint64_t)bytes - (uint64_t)query_int(q, PART_REQUESTED));
	struct stack_part part = {
		.site = query_int(q, PART_SITE),
		.units = { [MEASURE_LIVE] = live * bytes,
			   [MEASURE_ALLOCATED] = all * bytes,
			   [MEASURE_WASTE] = live ? waste : 0,
			   [MEASURE_OBJECTS] = live,
			   [MEASURE_ALLOCS] = all,
			   [MEASURE_PEAK] = peaked * bytes },
	};

	for (int m = 0; m < MEASURES; m++)
		part.objects[m] = query_int(q, m == MEASURE_PEAK ? PART_PEAK : PART_OBJECTS);
	if (!array_room((void **)&v->parts, &v->part_cap, v->part_count, sizeof(part)))
		return error_nomem(d->err);
	if (!s->part_count++)
		s->first_part = v->part_count;
	v->parts[v->part_count++] = part;
	return 0;
}

/* Where stacks are estimated, all rows of one have its number behind them. */
static int query_stacks(struct reader *d, struct query *q)
{
	char *sql;
	int rc;

	if (!d->r->estimate)
		return query_init(q, d->r->db, schema_query_stack_values_sql, NULL, d->err);
	sql = sqlite3_mprintf("SELECT *, dense_rank() OVER (ORDER BY stack, call_site, key1, key2,"
			      " key3, key4, size, cache) AS number FROM (%s) ORDER BY number",
			      schema_query_stack_values_sql);
	rc = sql ? report_query(d->r, q, sql, NULL, d->err) : error_nomem(d->err);
	sqlite3_free(sql);
	return rc;
}

/* What was not seen at all has a part in the errors of others only. */
static void drop_empty(struct stack_values *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->count; i++) {
		uint64_t any = 0;

		for (int m = 0; m < MEASURES; m++)
			any |= v->stacks[i].values[m];
		if (any)
			v->stacks[kept++] = v->stacks[i];
	}
	v->count = kept;
}

static int read_stacks(struct reader *d)
{
	struct stack_values *v = d->v;
	struct query q = { 0 };
	int64_t number = 0;
	int rc = query_stacks(d, &q);

	if (rc == 0)
		query_bind_int(&q, ":labels", d->o->labels);
	while (rc == 0 && (rc = query_step(&q, d->err)) == 1) {
		if (d->r->estimate && query_int(&q, PART_OF) == number) {
			rc = read_values(d, &q, &v->stacks[v->count - 1]);
			if (rc == 0)
				rc = read_part(d, &q, &v->stacks[v->count - 1]);
			continue;
		}
		struct stack_value s = {
			.stack = query_is_null(&q, STACK) ? -1 : query_int(&q, STACK),
			.call_site = query_is_null(&q, CALL_SITE) ? -1 : query_int(&q, CALL_SITE),
			.bytes = query_int(&q, SIZE)
		};

		if (!array_room((void **)&v->stacks, &v->cap, v->count, sizeof(s))) {
			rc = error_nomem(d->err);
			break;
		}
		rc = read_values(d, &q, &s);
		if (rc == 0)
			rc = read_path(d, &q, &s);
		if (rc == 0 && !query_is_null(&q, CACHE) &&
		    !add_text(d, &s.cache, query_text(&q, CACHE)))
			rc = d->err->code;
		if (rc == 0 && d->r->estimate)
			rc = read_part(d, &q, &s);
		v->stacks[v->count++] = s;
		number++;
	}
	if (d->r->estimate)
		drop_empty(v);
	query_release(&q);
	return rc;
}

/* ---- what is read ---- */

static int choose_keys(struct reader *d)
{
	bool framed = false;

	for (size_t i = 0; i < d->r->by.count; i++) {
		const char *name = by_name(&d->r->by, i);
		int level = 0;

		if (by_is_stack(&d->r->by, i))
			return error_set(d->err, ERR_USAGE,
					 "--by stack: these are by stack already");
		while (level <= BY_MODULE && strcmp(name, level_keys[level]))
			level++;
		if (level > BY_MODULE) {
			d->v->keys[d->key_count] = name;
			d->keys[d->key_count++] = (int)i;
			continue;
		}
		if (framed)
			return error_set(
				d->err, ERR_USAGE,
				"--by: frames can be by one of function, file, directory and"
				" module");
		framed = true;
		d->level = (enum level)level;
	}
	return 0;
}

/* pair-like rows of what was live at the peak: the view temp.peak_pair, with keys temp.peak_by */
static int select_peak(struct reader *d)
{
	struct report *r = d->r;
	int rc;

	if (r->filtered || r->by.rows)
		return error_set(
			d->err, ERR_UNSUPPORTED,
			"the peak is known by call site and stack, not of single objects: it goes with"
			" neither --from, --to, --at, --only-..., a --where of objects nor --by comm, pid,"
			" cpu or initcall");
	rc = report_select_pairs_of(
		r, "peak_pair",
		"(SELECT alloc_site, 0 AS free_site, 1 AS end, self,"
		" peak_objects AS objects FROM site_total WHERE peak_objects > 0)",
		d->err);
	if (rc == 0 && r->by.count)
		rc = by_view(&r->by, r->db, "peak_by", "peak_pair", false, d->err);
	return rc;
}

static int make_pairs(struct reader *d)
{
	const char *keys = d->r->by.count ?
				   "key1, key2, key3, key4" :
				   "NULL AS key1, NULL AS key2, NULL AS key3, NULL AS key4";
	sqlite3_str *s = sqlite3_str_new(d->r->db);
	bool by = d->r->by.count > 0;
	char *sql;
	int rc = 0;

	sqlite3_str_appendall(s, "DROP VIEW IF EXISTS temp.stack_pair;");
	sqlite3_str_appendf(s,
			    "CREATE TEMP VIEW stack_pair AS SELECT alloc_site, end, objects,"
			    " 0 AS peak_objects, 0 AS peaked, %s FROM temp.\"%w%s\"",
			    keys,
			    d->o->pairs ? d->o->pairs :
			    by		? "alloc" :
					  "pair",
			    by ? "_by" : "");
	if (d->o->peak) {
		rc = select_peak(d);
		sqlite3_str_appendf(s,
				    " UNION ALL SELECT alloc_site, end, 0, objects, 1, %s FROM"
				    " temp.%s",
				    keys, d->r->by.count ? "peak_by" : "peak_pair");
	}
	sql = sqlite3_str_finish(s);
	if (rc == 0)
		rc = sql ? query_run(d->r->db, sql, d->err) : error_nomem(d->err);
	sqlite3_free(sql);
	return rc;
}

int stack_values_read(struct stack_values *v, struct report *r,
		      const struct stack_values_options *options, struct error *err)
{
	const struct option_list *more = &r->options->skip_frames;
	struct reader d = { .v = v, .r = r, .o = options, .err = err };
	int rc = choose_keys(&d);

	if (rc == 0)
		rc = make_pairs(&d);
	if (rc == 0)
		rc = skip_frames_init(&d.skip, more->items, more->count, err);
	if (rc == 0)
		rc = query_init(&d.stack, r->db,
				"SELECT frame FROM stack_frame WHERE stack = :stack"
				" ORDER BY position",
				NULL, err);
	if (rc == 0)
		rc = query_init(&d.frame, r->db, schema_query_frame_sql, NULL, err);
	if (rc == 0)
		rc = read_stacks(&d);
	query_release(&d.stack);
	query_release(&d.frame);
	skip_frames_release(&d.skip);
	free(d.known);
	free(d.known_ids);
	id_index_release(&d.known_index);
	id_index_release(&d.text_index);
	return rc;
}

void stack_values_release(struct stack_values *v)
{
	free(v->frames);
	free(v->path);
	free(v->stacks);
	free(v->parts);
	*v = (struct stack_values){ .pool = v->pool };
}
