#include "analyze/by.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "analyze/branch.h"
#include "analyze/query.h"
#include "analyze/report.h"
#include "schema_sql.h"

enum by_needs {
	NEEDS_NOTHING = 0,
	NEEDS_UNITS = 1, /* debug information */
	NEEDS_TASK = 2,	 /* of the single objects, as the next two */
	NEEDS_CPU = 4,
	NEEDS_INITCALL = 8,
};

/*
 * site: an expression over a site (alias s, of either kind) and what belongs to it (aliases in
 * make_site_keys). With of_object it is of allocation sites only, and holds for frees, too. alloc and
 * free instead: over the rows, who allocated and who freed.
 */
struct by_key {
	const char *name;
	const char *site;
	bool of_object;
	unsigned int needs;
	const char *alloc, *free;
};

/* In an interrupt nobody asked: the context stands for the task. -1 is what the recorder folded. */
#define IN_TASK(key, task, value) \
	"CASE " key \
	".context WHEN 1 THEN '(softirq)' WHEN 2 THEN '(irq)' WHEN 3 THEN '(nmi)' ELSE" \
	" CASE p." task " WHEN -1 THEN '(folded)' ELSE " value " END END"
#define COMM(task) "coalesce(" task ".comm, '<' || " task ".pid || '>', '(unknown)')"
#define PID(task)  "coalesce(" task ".pid, '(unknown)')"
#define CPU(cpu) \
	"CASE coalesce(p." cpu \
	", -2) WHEN -1 THEN '(folded)' WHEN -2 THEN '(unknown)' ELSE p." cpu " END"
#define INITCALL(name) \
	"coalesce((SELECT i.name FROM temp.initcall_name i WHERE i.id = p." name "), '(none)')"
#define UNIT(column) \
	"coalesce(u." column \
	", CASE WHEN f.frame IS NULL THEN '(unknown)' ELSE '(no debug information)' END)"
#define PAGE_SIZE_SQL \
	"(SELECT CAST(coalesce(max(value), 4096) AS INTEGER) FROM capture WHERE key = 'page_size')"

/* clang-format off */
static const struct by_key keys[] = {
	{ .name = "call-site", .site = "coalesce(cf.text, '(unknown)')" },
	{ .name = "caller", .site = "coalesce(f.text, '(unknown)')" },
	{ .name = "function", .site = "coalesce(f.function, f.text, '(unknown)')" },
	{ .name = "file", .site = UNIT("path"), .needs = NEEDS_UNITS },
	{ .name = "directory", .site = UNIT("directory"), .needs = NEEDS_UNITS },
	{ .name = "module", .site = "coalesce(f.module, CASE WHEN f.function IS NULL THEN '(unknown)' ELSE '(kernel)' END)" },
	{ .name = "cache", .of_object = true,
	  .site = "coalesce(c.name, CASE WHEN e.api = 'malloc' THEN '(kmalloc)' WHEN e.domain = 'slab' THEN '(unknown)'"
		  " ELSE '(none)' END)" },
	{ .name = "comm", .needs = NEEDS_TASK, .alloc = IN_TASK("ak", "task", COMM("t")),
	  .free = IN_TASK("fk", "free_task", COMM("ft")) },
	{ .name = "pid", .needs = NEEDS_TASK, .alloc = IN_TASK("ak", "task", PID("t")),
	  .free = IN_TASK("fk", "free_task", PID("ft")) },
	{ .name = "cpu", .needs = NEEDS_CPU, .alloc = CPU("cpu"), .free = CPU("free_cpu") },
	{ .name = "node", .of_object = true,
	  .site = "CASE coalesce(s.node, -2) WHEN -2 THEN '(unknown)' WHEN -1 THEN 'any' ELSE s.node END" },
	{ .name = "gfp", .of_object = true,
	  .site = "CASE WHEN s.gfp IS NULL THEN '(unknown)' ELSE coalesce((SELECT names FROM gfp_name n WHERE n.gfp = s.gfp),"
		  " printf('0x%x', s.gfp)) END" },
	/* slab objects of more than two pages are kmalloc's large ones, pages of their own: mm/slab_common.c */
	{ .name = "order", .of_object = true,
	  .site = "CASE WHEN e.domain = 'page' OR (e.api = 'malloc' AND s.bytes_alloc > 2 * " PAGE_SIZE_SQL ")"
		  " THEN coalesce((SELECT exponent FROM temp.power WHERE bytes * " PAGE_SIZE_SQL " = s.bytes_alloc),"
		  " '(unknown)') WHEN e.domain = 'slab' THEN '(in slab pages)' ELSE '(none)' END" },
	/* the buckets of kmalloc_info, mm/slab_common.c; everything else by powers of two */
	{ .name = "size-class", .of_object = true,
	  .site = "CASE WHEN e.api = 'malloc' AND s.bytes_alloc IN (8, 16, 32, 64, 96, 128, 192, 256, 512)"
		  " THEN 'kmalloc-' || s.bytes_alloc"
		  " WHEN e.api = 'malloc' AND s.bytes_alloc IN (1024, 2048, 4096, 8192)"
		  " THEN 'kmalloc-' || (s.bytes_alloc / 1024) || 'k'"
		  " ELSE coalesce((SELECT CASE WHEN bytes > 2 THEN (bytes / 2 + 1) || '..' || bytes ELSE bytes END"
		  " FROM temp.power WHERE bytes >= s.bytes_alloc ORDER BY bytes LIMIT 1), '(unknown)') END" },
	{ .name = "context",
	  .site = "CASE s.context WHEN 0 THEN 'task' WHEN 1 THEN 'softirq' WHEN 2 THEN 'irq' ELSE 'nmi' END" },
	{ .name = "initcall", .needs = NEEDS_TASK | NEEDS_INITCALL,
	  .alloc = IN_TASK("ak", "task", INITCALL("initcall")),
	  .free = IN_TASK("fk", "free_task", INITCALL("free_initcall")) },
	{ .name = "stack", .site = "coalesce(s.stack, -s.call_site, 0)" },
};
/* clang-format on */

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static const struct by_key *find(const char *name, size_t len)
{
	for (size_t i = 0; i < KEYS; i++)
		if (strlen(keys[i].name) == len && !strncmp(keys[i].name, name, len))
			return &keys[i];
	return NULL;
}

int by_parse(struct by *by, const char *text, struct error *err)
{
	*by = (struct by){ .count = 0 };
	while (text) {
		size_t len = strcspn(text, ",");
		const struct by_key *key = find(text, len);

		if (!key)
			return error_set(err, ERR_USAGE,
					 "--by: unknown key '%.*s'; the keys are: " BY_KEYS,
					 len < 40 ? (int)len : 40, text);
		if (by->count == BY_KEYS_MAX)
			return error_set(err, ERR_USAGE, "--by: at most %d keys", BY_KEYS_MAX);
		for (size_t i = 0; i < by->count; i++)
			if (by->keys[i] == key)
				return error_set(err, ERR_USAGE, "--by: '%s' is there twice",
						 key->name);
		by->keys[by->count++] = key;
		by->task |= (key->needs & NEEDS_TASK) != 0;
		by->cpu |= (key->needs & NEEDS_CPU) != 0;
		by->initcall |= (key->needs & NEEDS_INITCALL) != 0;
		text = text[len] ? text + len + 1 : NULL;
	}
	by->rows = by->task || by->cpu || by->initcall;
	return 0;
}

const char *by_name(const struct by *by, size_t key)
{
	return by->keys[key]->name;
}

bool by_is_stack(const struct by *by, size_t key)
{
	return !strcmp(by->keys[key]->name, "stack");
}

static bool has_key(const struct by *by, const char *name)
{
	for (size_t i = 0; i < by->count; i++)
		if (!strcmp(by->keys[i]->name, name))
			return true;
	return false;
}

#define NAME_OF_TASK "coalesce(comm, '<' || pid || '>')"

const char *by_tasks(const struct by *by, bool comms)
{
	bool comm = comms || has_key(by, "comm"), pid = has_key(by, "pid");

	if (comm && pid)
		return NAME_OF_TASK ", pid";
	if (comm || pid)
		return comm ? NAME_OF_TASK : "pid";
	return by->task ? "1" : NULL;
}

static int check_needs(const struct by *by, sqlite3 *db, struct error *err)
{
	for (size_t i = 0; i < by->count; i++)
		if (by->keys[i]->needs & NEEDS_UNITS && !debug_information(db)) {
			char what[40];

			snprintf(what, sizeof(what), "--by %s", by->keys[i]->name);
			return no_debug_information(what, err);
		}
	return 0;
}

/* "EXPRESSION AS keyN" for every key of sites, the others NULL; site keys only of that kind. */
static char *site_columns(const struct by *by, bool frees)
{
	sqlite3_str *s = sqlite3_str_new(NULL);

	for (size_t i = 0; i < BY_KEYS_MAX; i++) {
		const struct by_key *k = i < by->count ? by->keys[i] : NULL;
		bool here = k && k->site && !(frees && k->of_object);

		sqlite3_str_appendf(s, ", %s AS key%d", here ? k->site : "NULL", (int)i + 1);
	}
	return sqlite3_str_finish(s);
}

static int make_site_keys(const struct by *by, sqlite3 *db, bool frees, struct error *err)
{
	const char *kind = frees ? "free" : "alloc";
	char *columns = site_columns(by, frees);
	char *sql = columns ?
			    sqlite3_mprintf(
				    "DROP TABLE IF EXISTS temp.%s_key;"
				    "CREATE TEMP TABLE %s_key (site INTEGER PRIMARY KEY, context,"
				    " key1, key2, key3, key4);"
				    "INSERT INTO temp.%s_key SELECT s.id, s.context%s"
				    " FROM %s_site s JOIN event e ON e.id = s.event"
				    " LEFT JOIN cache c ON c.id = s.cache"
				    " LEFT JOIN frame_text cf ON cf.frame = coalesce(s.call_site,"
				    " (SELECT sf.frame FROM stack_frame sf WHERE sf.stack = s.stack"
				    " AND sf.position = 0))"
				    " LEFT JOIN temp.%s_caller k ON k.site = s.id"
				    " LEFT JOIN frame_text f ON f.frame = k.caller"
				    " LEFT JOIN frame g ON g.id = k.caller"
				    " LEFT JOIN source u ON u.id = g.unit",
				    kind, kind, kind, columns, kind, kind) :
			    NULL;
	int rc = sql ? query_run(db, sql, err) : error_nomem(err);

	sqlite3_free(columns);
	sqlite3_free(sql);
	return rc;
}

int by_prepare(const struct by *by, sqlite3 *db, struct error *err)
{
	int rc = check_needs(by, db, err);

	if (rc < 0 || !by->count)
		return rc;
	rc = query_run(db,
		       "CREATE TEMP TABLE power (bytes INTEGER PRIMARY KEY, exponent);"
		       "INSERT INTO temp.power WITH p(b, e) AS (SELECT 1, 0 UNION ALL"
		       " SELECT b * 2, e + 1 FROM p WHERE e < 62) SELECT b, e FROM p;",
		       err);
	return rc < 0 ? rc : make_site_keys(by, db, false, err);
}

int by_sites(const struct by *by, sqlite3 *db, struct error *err)
{
	return by->count ? make_site_keys(by, db, false, err) : 0;
}

/* Whether some key is one of these names. */
static bool has_one(const struct by *by, const char *const *names)
{
	bool has = false;

	for (; *names; names++)
		has |= has_key(by, *names);
	return has;
}

enum estimate_depth by_looks(const struct by *by)
{
	static const char *const callers[] = { "caller",    "function", "file",
					       "directory", "module",	NULL };

	if (has_key(by, "stack"))
		return ESTIMATE_STACKS;
	if (has_one(by, callers))
		return ESTIMATE_CALLERS;
	return has_key(by, "call-site") ? ESTIMATE_CALL_SITES : ESTIMATE_NOTHING;
}

static void append_key(sqlite3_str *s, const struct by_key *k, int n, bool frees)
{
	if (!k)
		sqlite3_str_appendf(s, ", NULL AS key%d", n);
	else if (!k->site)
		sqlite3_str_appendf(s, ", %s AS key%d", frees ? k->free : k->alloc, n);
	else
		sqlite3_str_appendf(s, ", %s.key%d AS key%d", frees && !k->of_object ? "fk" : "ak",
				    n, n);
}

int by_view(const struct by *by, sqlite3 *db, const char *name, const char *pairs, bool frees,
	    struct error *err)
{
	int rc = frees ? make_site_keys(by, db, true, err) : 0;
	sqlite3_str *s;
	char *sql;

	if (rc < 0)
		return rc;
	s = sqlite3_str_new(NULL);
	sqlite3_str_appendf(s, "CREATE TEMP VIEW \"%w\" AS SELECT p.*", name);
	for (size_t i = 0; i < BY_KEYS_MAX; i++)
		append_key(s, i < by->count ? by->keys[i] : NULL, (int)i + 1, frees);
	sqlite3_str_appendf(s,
			    " FROM temp.\"%w\" p JOIN temp.alloc_key ak ON ak.site = p.alloc_site",
			    pairs);
	if (frees)
		sqlite3_str_appendall(s, " JOIN temp.free_key fk ON fk.site = p.free_site");
	if (by->task)
		sqlite3_str_appendf(s, " LEFT JOIN task %s ON %s.id = p.%s", frees ? "ft" : "t",
				    frees ? "ft" : "t", frees ? "free_task" : "task");
	sql = sqlite3_str_finish(s);
	rc = sql ? query_run(db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	return rc;
}

static int print_stack_text(struct report *r, int64_t stack, struct error *err)
{
	struct query q = { 0 };
	char safe[4096];
	int rc = query_init(&q, r->db, schema_query_stack_text_sql, NULL, err);

	if (rc == 0) {
		query_bind_int(&q, ":stack", stack);
		while ((rc = query_step(&q, err)) == 1 && query_is_null(&q, 0))
			continue;
	}
	if (rc >= 0)
		fprintf(r->out, "%s",
			rc ? report_safe(safe, sizeof(safe), query_text(&q, 0)) : "(unknown)");
	query_release(&q);
	return rc < 0 ? rc : 0;
}

int by_print_line(struct report *r, const struct query *q, int column, struct error *err)
{
	char safe[600];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->by.count; i++) {
		fprintf(r->out, "%s", i ? ", " : "");
		if (by_is_stack(&r->by, i))
			rc = print_stack_text(r, query_int(q, column + (int)i), err);
		else
			fprintf(r->out, "%s",
				report_safe(safe, sizeof(safe), query_text(q, column + (int)i)));
	}
	fprintf(r->out, "\n");
	return rc;
}

int by_print_block(struct report *r, const struct query *q, int column, struct error *err)
{
	char safe[600];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->by.count; i++) {
		int64_t stack = query_int(q, column + (int)i);

		if (by_is_stack(&r->by, i))
			rc = report_stack(r, stack > 0, stack, stack < 0, -stack, err);
		else
			fprintf(r->out, "    %s: %s\n", by_name(&r->by, i),
				report_safe(safe, sizeof(safe), query_text(q, column + (int)i)));
	}
	return rc;
}

void by_print_names(struct report *r)
{
	for (size_t i = 0; i < r->by.count; i++)
		fprintf(r->out, "%s%s", i ? ", " : "", by_name(&r->by, i));
}
