/* stat: the tables of perf kmem. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/callers.h"
#include "analyze/cpu_nodes.h"
#include "analyze/stat.h"
#include "schema_sql.h"

/* clang-format off */
static const struct option_row rows[] = {
	{ "caller", 0, NULL, "a table by caller", OPT_FLAG, offsetof(struct stat_options, caller), 0, 0, 0, NULL },
	{ "alloc", 0, NULL, "a table by address: of objects, or of pages by frame number", OPT_FLAG,
	  offsetof(struct stat_options, alloc), 0, 0, 0, NULL },
	{ "slab", 0, NULL, "slab memory (default)", OPT_FLAG, offsetof(struct stat_options, slab), 0, 0, 0, NULL },
	{ "page", 0, NULL, "pages; both with --slab --page", OPT_FLAG, offsetof(struct stat_options, page), 0, 0, 0, NULL },
	{ "live", 0, NULL, "tables of what was live at the end alone", OPT_FLAG, offsetof(struct stat_options, live),
	  0, 0, 0, NULL },
	{ "sort", 's', "KEY[,KEY]", "slab: frag,hit,bytes (default), pingpong, ptr, callsite; pages: bytes,hit (default), "
	  "order, migtype, gfp, page, callsite", OPT_STRING, offsetof(struct stat_options, report.sort), 0, 0, 0, NULL },
	{ "line", 'l', "N", "the first N lines of each table (default: all); as -n", OPT_NUMBER,
	  offsetof(struct stat_options, report.top), 0, 0, 0, NULL },
	{ "raw-ip", 0, NULL, "addresses of callers instead of their names", OPT_FLAG,
	  offsetof(struct stat_options, raw_ip), 0, 0, 0, NULL },
	{ "time", 0, "START,STOP", "only what was allocated in that time; either may be left out: as --from and --to",
	  OPT_STRING, offsetof(struct stat_options, time), 0, 0, 0, NULL },
	REPORT_ROWS(struct stat_options, report),
	TOP_ROW(struct stat_options, report),
	FORMAT_ROW(struct stat_options, report),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

void stat_line(FILE *out)
{
	for (int i = 0; i < STAT_COLUMNS; i++)
		fputc('-', out);
	fputc('\n', out);
}

static int unknown_key(const struct stat_key *keys, const char *name, size_t len, struct error *err)
{
	char all[120] = "";
	size_t used = 0;

	for (; keys->name && used < sizeof(all); keys++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "",
					 keys->name);
	return error_set(err, ERR_USAGE, "unknown sort key '%.*s'; the keys are: %s",
			 len < 40 ? (int)len : 40, name, all);
}

int stat_order(const struct stat_key *keys, bool addresses, const char *chosen,
	       const char *standard, const char *ties, char *text, size_t room, struct error *err)
{
	size_t used = (size_t)snprintf(text, room, "ORDER BY ");

	for (const char *p = chosen ? chosen : standard; used < room;) {
		const struct stat_key *key = keys;
		size_t len = strcspn(p, ",");
		const char *sql;

		while (key->name && (strlen(key->name) != len || memcmp(key->name, p, len)))
			key++;
		if (!key->name)
			return unknown_key(keys, p, len, err);
		sql = addresses ? key->addresses : key->callers;
		if (sql)
			used += (size_t)snprintf(text + used, room - used, "%s, ", sql);
		p += len;
		if (!*p++)
			break;
	}
	if (used < room)
		used += (size_t)snprintf(text + used, room - used, "%s", ties);
	return used < room ? 0 : error_set(err, ERR_USAGE, "too many sort keys");
}

int stat_query(struct query *q, struct report *r, const struct stat_options *o, const char *sql,
	       const char *order, struct error *err)
{
	char tail[500];
	int rc;

	if (order)
		snprintf(tail, sizeof(tail), "%s LIMIT %" PRId64, order, report_limit(r));
	rc = query_init(q, r->db, sql, order ? tail : NULL, err);
	if (rc < 0)
		return rc;
	query_bind_int(q, ":live", o->live);
	query_bind_int(q, ":raw", o->raw_ip);
	query_bind_int(q, ":part", r->filtered || report_selects_sites(r));
	query_bind_int(q, ":filtered", r->filtered);
	query_bind_int(q, ":include_self", o->report.include_self);
	query_bind_text(q, ":api", report_api(&o->report));
	return 0;
}

/* ---- what is counted ---- */

struct nodes {
	int count; /* 0: not known */
	int64_t only;
};

/* Whether any allocation asked for a node: if not, none got memory far away. */
static bool any_node(struct report *r)
{
	struct query q = { 0 };
	bool any = query_init(&q, r->db, "SELECT 1 FROM alloc_site WHERE node >= 0 LIMIT 1", NULL,
			      NULL) == 0 &&
		   query_step(&q, NULL) == 1;

	query_release(&q);
	return any;
}

/*
 * temp.stat_pair: the selected pairs, with how many of their objects were freed on another CPU, and how many had asked
 * for memory of a node that is not their CPU's (NULL: not known).
 */
static int make_pairs(struct report *r, const struct nodes *nodes, struct error *err)
{
	char crossed[160], *sql;
	int rc;

	if (!nodes->count)
		snprintf(crossed, sizeof(crossed), "CASE WHEN a.node >= 0 THEN NULL ELSE 0 END");
	else if (nodes->count == 1)
		snprintf(crossed, sizeof(crossed),
			 "p.objects * (coalesce(a.node, -1) >= 0 AND a.node <> %" PRId64 ")",
			 nodes->only);
	else
		snprintf(crossed, sizeof(crossed),
			 "p.objects * (coalesce(a.node, -1) >= 0 AND a.node <> (SELECT n.node FROM"
			 " temp.cpu_node n WHERE n.cpu = p.cpu))");
	if (r->by.rows || r->filtered)
		sql = sqlite3_mprintf(
			"CREATE TEMP VIEW stat_pair AS SELECT p.alloc_site, p.end, p.objects,"
			" p.objects * (coalesce(p.free_cpu, -1) >= 0 AND p.cpu >= 0 AND"
			" p.free_cpu <> p.cpu) AS moved, %s AS crossed"
			" FROM temp.pair p JOIN alloc_site a ON a.id = p.alloc_site",
			crossed);
	else
		sql = sqlite3_mprintf(
			"CREATE TEMP VIEW stat_pair AS SELECT p.alloc_site, p.end, p.objects,"
			" 0 AS moved, %s AS crossed"
			" FROM temp.pair p JOIN alloc_site a ON a.id = p.alloc_site"
			" UNION ALL SELECT t.alloc_site, 1, 0, t.moved, 0 FROM site_total t"
			" WHERE t.moved AND %s AND t.alloc_site IN (SELECT alloc_site FROM temp.pair)",
			crossed, r->options->include_self ? "1" : "t.self = 0");
	rc = sql ? query_run(r->db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	return rc;
}

static int make_orders(struct report *r, struct error *err)
{
	char sql[300];

	snprintf(sql, sizeof(sql),
		 "CREATE TEMP TABLE page_order (bytes INTEGER PRIMARY KEY, page_order);"
		 "INSERT INTO temp.page_order WITH p(b, o) AS (SELECT %" PRId64
		 ", 0 UNION ALL SELECT b * 2, o + 1 FROM p WHERE o < 30) SELECT b, o FROM p",
		 capture_int(r->db, "page_size", 4096));
	return query_run(r->db, sql, err);
}

/* temp.stat_site of the domain that the options name. */
static int select_domain(struct report *r, const struct nodes *nodes, struct error *err)
{
	int rc =
		query_run(r->db,
			  "DROP VIEW IF EXISTS temp.stat_pair; DROP VIEW IF EXISTS temp.pair;"
			  "DROP TABLE IF EXISTS temp.row_pair; DROP TABLE IF EXISTS temp.stat_site;"
			  "DROP TABLE IF EXISTS temp.stat_class;"
			  "DROP TABLE IF EXISTS temp.stat_address;",
			  err);

	if (rc == 0)
		rc = report_select_groups(r, err);
	if (rc == 0)
		rc = make_pairs(r, nodes, err);
	if (rc == 0)
		rc = query_materialise(r->db, "stat_site", schema_query_stat_site_sql, NULL, 0,
				       err);
	return rc;
}

/* ---- the command ---- */

static int prepare(struct report *r, const struct stat_options *o, struct nodes *nodes,
		   struct error *err)
{
	int rc = 0;

	if (r->by.count)
		return error_set(err, ERR_USAGE,
				 "stat has groups of its own: use account --by instead");
	if (o->report.domain && strcmp(o->report.domain, "slab") &&
	    strcmp(o->report.domain, "page"))
		return error_set(err, ERR_USAGE,
				 "stat knows slab memory and pages: use account --domain %s",
				 o->report.domain);
	if (!o->report.branch.dirs.count)
		rc = callers_select(r->db, o->report.skip_frames.items, o->report.skip_frames.count,
				    err);
	if (rc == 0)
		rc = make_orders(r, err);
	if (rc == 0)
		rc = nodes->count = cpu_nodes_prepare(r->db, &nodes->only, err);
	if (rc < 0)
		return rc;
	r->by.cpu = true;
	r->by.rows = nodes->count > 1 && any_node(r);
	r->rows_for = o->alloc ? "--alloc and ping-pong" : "ping-pong";
	return 0;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	struct stat_options *o = options;
	bool page = o->page || (o->report.domain && !strcmp(o->report.domain, "page")),
	     slab = o->slab || !page;
	struct nodes nodes = { 0 };
	int rc = prepare(r, o, &nodes, err);

	(void)order;
	o->report.domain = slab ? "slab" : "page";
	if (rc == 0)
		rc = select_domain(r, &nodes, err);
	if (rc == 0)
		rc = report_header(r, "stat", err);
	if (rc == 0 && slab)
		rc = stat_print_slab(r, o, true, err);
	if (rc == 0 && slab && page) {
		o->report.domain = "page";
		rc = select_domain(r, &nodes, err);
		if (rc == 0 && r->emit.format == EMIT_TEXT)
			fprintf(r->out, "\n");
	}
	if (rc == 0 && page)
		rc = stat_print_pages(r, o, !slab, err);
	return rc;
}

/* "START,STOP" as --from and --to. */
static int split_time(void *options, struct error *err)
{
	struct stat_options *o = options;
	char *comma;

	if (!o->time)
		return 0;
	o->times = strdup(o->time);
	if (!o->times)
		return error_nomem(err);
	comma = strchr(o->times, ',');
	if (!comma || strchr(comma + 1, ','))
		return error_set(err, ERR_USAGE,
				 "--time '%s': two times are wanted, such as 1.5,20 or 10%%,",
				 o->time);
	*comma = '\0';
	if (*o->times)
		o->report.from = o->times;
	if (comma[1])
		o->report.to = comma + 1;
	return 0;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct stat_options o = { .report.looks = LOOKS_AS_RECORDED, .report.check = split_time };
	int code = report_run(self, argc, argv, &o, &o.report, NULL, NULL, print);

	free(o.times);
	return code;
}

const struct command cmd_stat = {
	.name = "stat",
	.summary = "the tables of perf kmem: by caller, by address, pages by order and type",
	.operands = "CAPTURE...|DB",
	.description =
		"Sums of slab memory or of pages; with --caller and --alloc tables before them. Hit: allocations.\n"
		"Ping-pong: freed on another CPU than allocated on. Frag: the share of what was allocated that\n"
		"nobody asked for. Cross CPU: of another memory node than the CPU's.\n",
	.examples =
		"  kmem-analyze stat cap.kmem                          the sums\n"
		"  kmem-analyze stat --caller -s pingpong -l 20 cap.kmem\n"
		"  kmem-analyze stat --page --caller --live cap.kmem   who holds pages\n"
		"  kmem-analyze stat --alloc -s hit -l 10 cap.kmem     the addresses used most often\n",
	.options = rows,
	.run = run,
};
