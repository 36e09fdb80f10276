#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/export.h"
#include "analyze/flame_tree.h"
#include "analyze/id_table.h"
#include "schema_sql.h"

#define SNAPSHOTS 60 /* besides the peak */
#define DETAILED  10 /* every so many has a tree */
#define THRESHOLD 1.0
#define NO_STACK  UINT32_MAX

struct snapshot {
	int64_t time;
	int64_t bytes, extra; /* live then: requested, and what is beyond */
	int tree;	      /* which of the trees; -1: none */
	bool peak;
};

struct site {
	uint32_t stack; /* of the values; NO_STACK: not selected */
	int64_t bytes, extra;
	bool in_task;
};

struct massif {
	const struct export_input *in;
	const struct stack_values *v;
	struct snapshot list[SNAPSHOTS + 2];
	size_t count, trees;
	struct site *sites;
	size_t site_count;
	bool *self; /* by task: the recorder's */
	size_t task_count;
	int64_t *
		by_stack; /* [stack][tree]: what begins less what ends between this tree and the one before */
	struct error *err;
};

/* Numbers of a damaged database stay within their bounds. */
static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN + 1 : INT64_MAX;
	return sum;
}

static int64_t size_of(const struct query *q, int column)
{
	return query_int(q, column) > 0 ? query_int(q, column) : 0;
}

/* ---- when ---- */

/* The moment of the peak, where the database knows it for what is selected; -1: it does not. */
static int64_t peak_time(const struct massif *m)
{
	struct report *r = m->in->r;
	struct query q = { 0 };
	int64_t time = -1;

	if (r->filtered || report_selects_sites(r) || report_api(r->options) ||
	    r->options->include_self)
		return -1;
	if (query_init(&q, r->db, "SELECT time FROM domain_peak WHERE domain = :domain", NULL,
		       NULL) == 0) {
		query_bind_text(&q, ":domain", report_domain(r->options));
		if (query_step(&q, NULL) == 1)
			time = query_int(&q, 0);
	}
	query_release(&q);
	return time;
}

static void choose_times(struct massif *m)
{
	int64_t end = m->in->r->end_ns, peak = peak_time(m), last = -1;

	for (int i = 0; i <= SNAPSHOTS; i++) {
		int64_t time = end / SNAPSHOTS * i + end % SNAPSHOTS * i / SNAPSHOTS;

		if (peak > last && peak <= time) {
			m->list[m->count++] = (struct snapshot){ .time = peak,
								 .tree = 0,
								 .peak = true };
			last = peak;
		}
		if (time > last) {
			m->list[m->count++] = (struct snapshot){
				.time = time,
				.tree = i == SNAPSHOTS || (i && i % DETAILED == 0) ? 0 : -1
			};
			last = time;
		}
	}
	for (size_t i = 0; i < m->count; i++)
		if (m->list[i].tree == 0)
			m->list[i].tree = (int)m->trees++;
}

/* The first snapshot at or after a time; count where there is none. */
static size_t first_from(const struct massif *m, int64_t time)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (m->list[middle].time < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- what the rows refer to ---- */

static int64_t or_none(const struct query *q, int column)
{
	return query_is_null(q, column) ? -1 : query_int(q, column);
}

/* The stacks are in the order of stack and call site, NULL first. */
static uint32_t stack_of(const struct stack_values *v, int64_t stack, int64_t call_site)
{
	size_t low = 0, high = v->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct stack_value *s = &v->stacks[middle];

		if (s->stack == stack && s->call_site == call_site)
			return (uint32_t)middle;
		if (s->stack < stack || (s->stack == stack && s->call_site < call_site))
			low = middle + 1;
		else
			high = middle;
	}
	return NO_STACK;
}

static int read_sites(struct massif *m)
{
	sqlite3_str *s = sqlite3_str_new(m->in->r->db);
	struct query q = { 0 };
	char *sql;
	int rc = id_table_new(m->in->r->db, "alloc_site", (void **)&m->sites, &m->site_count,
			      sizeof(*m->sites), m->err);

	for (size_t i = 0; rc == 0 && i < m->site_count; i++)
		m->sites[i].stack = NO_STACK;
	sqlite3_str_appendall(s, schema_query_massif_site_sql);
	report_append_sites(m->in->r, s);
	sql = sqlite3_str_finish(s);
	if (rc == 0)
		rc = sql ? query_init(&q, m->in->r->db, sql, NULL, m->err) : error_nomem(m->err);
	while (rc == 0 && (rc = query_step(&q, m->err)) == 1) {
		int64_t id = query_int(&q, 0), req = size_of(&q, 4);

		rc = 0;
		if (id_table_has(id, m->site_count))
			m->sites[id] = (struct site){
				.stack = stack_of(m->v, or_none(&q, 1), or_none(&q, 2)),
				.in_task = query_int(&q, 3) == 0,
				.bytes = req,
				.extra = size_of(&q, 5) - req,
			};
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

static int read_tasks(struct massif *m)
{
	struct query q = { 0 };
	int rc = id_table_new(m->in->r->db, "task", (void **)&m->self, &m->task_count,
			      sizeof(*m->self), m->err);

	if (rc == 0)
		rc = query_init(&q, m->in->r->db, "SELECT id FROM task WHERE self", NULL, m->err);
	while (rc == 0 && (rc = query_step(&q, m->err)) == 1) {
		rc = 0;
		if (id_table_has(query_int(&q, 0), m->task_count))
			m->self[query_int(&q, 0)] = true;
	}
	query_release(&q);
	return rc;
}

/* ---- the pass ---- */

/* Sums up what changes from each snapshot on. */
static void change(struct massif *m, const struct site *site, int64_t time, int sign)
{
	size_t from = first_from(m, time), tree = from;
	int64_t *in_tree;

	if (from == m->count)
		return;
	m->list[from].bytes = add(m->list[from].bytes, sign * site->bytes);
	m->list[from].extra = add(m->list[from].extra, sign * site->extra);
	while (m->list[tree].tree < 0) /* the last has one */
		tree++;
	in_tree = &m->by_stack[site->stack * m->trees + (size_t)m->list[tree].tree];
	*in_tree = add(*in_tree, sign * site->bytes);
}

static void count_row(struct massif *m, const struct query *q)
{
	int64_t id = query_int(q, 0), task = query_int(q, 1), time = query_int(q, 2);
	const struct site *site = id > 0 && id < (int64_t)m->site_count ? &m->sites[id] : NULL;

	if (!site || site->stack == NO_STACK)
		return;
	if (!m->in->r->options->include_self && site->in_task && task > 0 &&
	    task < (int64_t)m->task_count && m->self[task])
		return;
	change(m, site, time, 1);
	if (!query_is_null(q, 3))
		change(m, site, add(time, query_int(q, 3)), -1);
}

static int read_rows(struct massif *m)
{
	struct query q = { 0 };
	char *sql = sqlite3_mprintf("SELECT alloc_site, task, time, lifetime FROM %s",
				    report_rows(m->in->r));
	int rc = sql ? query_init(&q, m->in->r->db, sql, NULL, m->err) : error_nomem(m->err);

	while (rc == 0 && (rc = query_step(&q, m->err)) == 1) {
		count_row(m, &q);
		rc = 0;
	}
	query_release(&q);
	sqlite3_free(sql);
	for (size_t i = 1; i < m->count; i++) {
		m->list[i].bytes = add(m->list[i].bytes, m->list[i - 1].bytes);
		m->list[i].extra = add(m->list[i].extra, m->list[i - 1].extra);
	}
	for (size_t s = 0; s < m->v->count; s++)
		for (size_t t = 1; t < m->trees; t++)
			m->by_stack[s * m->trees + t] = add(m->by_stack[s * m->trees + t],
							    m->by_stack[s * m->trees + t - 1]);
	return rc;
}

/* Where the database does not tell, the peak is the highest of the snapshots that have a tree. */
static void find_peak(struct massif *m)
{
	struct snapshot *most = NULL;

	for (size_t i = 0; i < m->count; i++) {
		struct snapshot *s = &m->list[i];

		if (s->peak)
			return;
		if (s->tree >= 0 &&
		    (!most || add(s->bytes, s->extra) > add(most->bytes, most->extra)))
			most = s;
	}
	if (most)
		most->peak = true;
}

/* ---- the file ---- */

struct ranked {
	uint64_t value;
	uint32_t node;
};

static int by_value(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static void write_place(const struct massif *m, uint32_t name, FILE *out)
{
	const struct value_frame *f = &m->v->frames[name - 1];
	const char *file = text_pool_get(m->v->pool, f->file);

	fprintf(out, "0x%" PRIX64 ": %s", f->address, text_pool_get(m->v->pool, f->name));
	if (*file && f->line > 0)
		fprintf(out, " (%s:%" PRId64 ")", file, f->line);
	else if (*file)
		fprintf(out, " (in %s)", file);
	fputc('\n', out);
}

static int write_node(const struct massif *m, const struct flame_tree *t, uint32_t node,
		      uint64_t least, FILE *out)
{
	const struct flame_node *n = &t->nodes[node];
	struct ranked *list;
	size_t count = 0, below = 0;
	uint64_t rest = 0;
	int rc = 0;

	for (uint32_t c = n->child; c; c = t->nodes[c].next)
		count++;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return error_nomem(m->err);
	count = 0;
	for (uint32_t c = n->child; c; c = t->nodes[c].next)
		if (t->nodes[c].value < least) {
			below++;
			rest += t->nodes[c].value;
		} else {
			list[count++] = (struct ranked){ t->nodes[c].value, c };
		}
	qsort(list, count, sizeof(*list), by_value);
	fprintf(out, "%*sn%zu: %" PRIu64 " ", (int)n->depth, "", count + (below > 0), n->value);
	if (node)
		write_place(m, n->name, out);
	else
		fputs("(requested of the kernel's allocators)\n", out);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = write_node(m, t, list[i].node, least, out);
	if (below)
		fprintf(out,
			"%*sn0: %" PRIu64 " in %zu place%s, %sbelow massif's threshold (%.2f%%)\n",
			(int)n->depth + 1, "", rest, below, below > 1 ? "s" : "",
			below > 1 ? "all " : "", THRESHOLD);
	free(list);
	return rc;
}

static int write_tree(const struct massif *m, const struct snapshot *s, FILE *out)
{
	uint64_t *values = calloc(m->v->count + 1, sizeof(*values));
	int64_t total = add(s->bytes, s->extra);
	uint64_t least = total > 0 ? (uint64_t)((double)total * THRESHOLD / 100) : 0;
	struct flame_tree t = { 0 };
	int rc = values ? flame_tree_init(&t, m->err) : error_nomem(m->err);

	for (size_t i = 0; rc == 0 && i < m->v->count; i++) {
		int64_t value = m->by_stack[i * m->trees + (size_t)s->tree];

		values[i] = value > 0 ? (uint64_t)value : 0;
	}
	if (rc == 0)
		rc = flame_tree_add_inverted(&t, m->v, values, m->err);
	if (rc == 0)
		rc = write_node(m, &t, 0, least, out);
	flame_tree_release(&t);
	free(values);
	return rc;
}

static int write_snapshot(const struct massif *m, size_t i, FILE *out)
{
	const struct snapshot *s = &m->list[i];

	fprintf(out,
		"#-----------\nsnapshot=%zu\n#-----------\ntime=%" PRId64 "\nmem_heap_B=%" PRId64
		"\nmem_heap_extra_B=%" PRId64 "\nmem_stacks_B=0\nheap_tree=%s\n",
		i, s->time / 1000000, s->bytes > 0 ? s->bytes : 0, s->extra > 0 ? s->extra : 0,
		s->peak	     ? "peak" :
		s->tree >= 0 ? "detailed" :
			       "empty");
	return s->tree >= 0 ? write_tree(m, s, out) : 0;
}

static int write_all(const struct massif *m, FILE *out)
{
	char command[1000] = "", safe[1100];
	int rc = 0;

	capture_text(m->in->r->db, "command", command, sizeof(command));
	fputs("desc:", out);
	for (size_t i = 0; m->in->notes[i]; i++)
		fprintf(out, "%s %s", i ? ";" : "", m->in->notes[i]);
	fprintf(out, "\ncmd: %s\ntime_unit: ms\n",
		*command ? report_safe(safe, sizeof(safe), command) : "kmem-record");
	for (size_t i = 0; rc == 0 && i < m->count; i++)
		rc = write_snapshot(m, i, out);
	return rc;
}

int export_massif(const struct export_input *in, FILE *out, struct error *err)
{
	struct massif m = { .in = in, .v = in->v, .err = err };
	int rc;

	if (in->v->keys[0])
		return error_set(err, ERR_USAGE,
				 "massif has functions, files, directories or modules, no --by %s",
				 in->v->keys[0]);
	choose_times(&m);
	m.by_stack = calloc(in->v->count * m.trees + 1, sizeof(*m.by_stack));
	rc = m.by_stack ? read_sites(&m) : error_nomem(err);
	if (rc == 0)
		rc = read_tasks(&m);
	if (rc == 0)
		rc = read_rows(&m);
	if (rc == 0)
		find_peak(&m);
	if (rc == 0)
		rc = write_all(&m, out);
	free(m.sites);
	free(m.self);
	free(m.by_stack);
	return rc;
}
