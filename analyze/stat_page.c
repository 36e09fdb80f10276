/* stat: pages, in the tables of perf kmem. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/gfp_table.h"
#include "analyze/stat.h"
#include "analyze/stat_scan.h"
#include "schema_sql.h"

/* clang-format off */
static const struct stat_key keys[] = {
	{ "page", NULL, "page" },
	{ "callsite", "callsite", "callsite" },
	{ "bytes", "bytes DESC", "bytes DESC" },
	{ "hit", "hit DESC", "hit DESC" },
	{ "order", "\"order\" DESC", "\"order\" DESC" },
	{ "migtype", "_migratetype", "_migratetype" },
	{ "gfp", "_gfp", "_gfp" },
	{ NULL, NULL, NULL },
};

/* The abbreviations of perf kmem, but that no two are the same. */
static const char *const abbreviations[][2] = {
	{ "GFP_TRANSHUGE", "THP" }, { "GFP_TRANSHUGE_LIGHT", "THL" }, { "GFP_HIGHUSER_MOVABLE", "HUM" },
	{ "GFP_HIGHUSER", "HU" }, { "GFP_USER", "U" }, { "GFP_KERNEL_ACCOUNT", "KAC" }, { "GFP_KERNEL", "K" },
	{ "GFP_NOFS", "NF" }, { "GFP_ATOMIC", "A" }, { "GFP_NOIO", "NI" }, { "GFP_NOWAIT", "NW" },
	{ "GFP_DMA", "D" }, { "GFP_DMA32", "D32" }, { "__GFP_HIGHMEM", "HM" }, { "__GFP_HIGH", "H" },
	{ "__GFP_ATOMIC", "_A" }, { "__GFP_IO", "I" }, { "__GFP_FS", "F" }, { "__GFP_NOWARN", "NWR" },
	{ "__GFP_RETRY_MAYFAIL", "R" }, { "__GFP_NOFAIL", "NFL" }, { "__GFP_NORETRY", "NR" },
	{ "__GFP_COMP", "C" }, { "__GFP_ZERO", "Z" }, { "__GFP_NOMEMALLOC", "NMA" },
	{ "__GFP_MEMALLOC", "MA" }, { "__GFP_HARDWALL", "HW" }, { "__GFP_THISNODE", "TN" },
	{ "__GFP_RECLAIMABLE", "RC" }, { "__GFP_MOVABLE", "M" }, { "__GFP_ACCOUNT", "AC" },
	{ "__GFP_WRITE", "WR" }, { "__GFP_RECLAIM", "RE" }, { "__GFP_DIRECT_RECLAIM", "DR" },
	{ "__GFP_KSWAPD_RECLAIM", "KR" },
};
/* clang-format on */

#define STANDARD "bytes,hit"

static const char *abbreviation(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(abbreviations) / sizeof(abbreviations[0]); i++)
		if (strlen(abbreviations[i][0]) == len && !memcmp(abbreviations[i][0], name, len))
			return abbreviations[i][1];
	return NULL;
}

/* "GFP_KERNEL|__GFP_ZERO" as "K|Z"; what has no abbreviation stays. Returns text. */
static const char *compact(const char *names, char *text, size_t room)
{
	size_t used = 0;

	text[0] = '\0';
	while (*names && used < room) {
		size_t len = strcspn(names, "|");
		const char *shorter = abbreviation(names, len);

		used += (size_t)snprintf(text + used, room - used, "%s%.*s", used ? "|" : "",
					 shorter ? (int)strlen(shorter) : (int)len,
					 shorter ? shorter : names);
		names += len + (names[len] == '|');
	}
	return text;
}

static int print_legend(struct report *r, const struct stat_options *o, struct error *err)
{
	struct query q = { 0 };
	char text[GFP_TEXT_MAX], safe[GFP_TEXT_MAX];
	int rc = query_init(&q, r->db,
			    "SELECT DISTINCT g.gfp, g.names FROM temp.stat_site s JOIN gfp_name g"
			    " ON g.gfp = s.gfp WHERE NOT :live OR s.live ORDER BY 1",
			    NULL, err);

	query_bind_int(&q, ":live", o->live);
	fprintf(r->out, "#\n# GFP flags\n# ---------\n");
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		report_safe(safe, sizeof(safe), query_text(&q, 1));
		fprintf(r->out, "# %08" PRIx64 ": %20s: %s\n", (uint64_t)query_int(&q, 0),
			compact(safe, text, sizeof(text)), safe);
		rc = 0;
	}
	query_release(&q);
	fprintf(r->out, "\n");
	return rc;
}

static void print_title(FILE *out, bool addresses, bool live)
{
	stat_line(out);
	fprintf(out, "%s %-10s | Hits      | Order | Mig.type | GFP flags           | Callsite\n",
		addresses ? " PFN              |" : "", live ? "Live (KB)" : "Total (KB)");
	stat_line(out);
}

struct columns {
	int bytes, hit, order, migratetype, gfp_bits, gfp, callsite;
};

static void print_row(FILE *out, const struct query *q, const struct columns *c)
{
	static const char *const shorter[] = { "UNMOVABL", "MOVABLE", "RECLAIM",
					       "HIGHATOM", "CMA",     "ISOLATE" };
	char gfp[GFP_TEXT_MAX], safe[300], order[24] = "?", type[24] = "?";
	int64_t bits = query_int(q, c->gfp_bits), migratetype = query_int(q, c->migratetype);

	if (!query_is_null(q, c->order))
		snprintf(order, sizeof(order), "%" PRId64, query_int(q, c->order));
	if (!query_is_null(q, c->migratetype))
		snprintf(type, sizeof(type), "%" PRId64, migratetype);
	if (migratetype >= 0 && migratetype < 6 && !query_is_null(q, c->migratetype))
		snprintf(type, sizeof(type), "%s", shorter[migratetype]);
	if (!query_is_null(q, c->gfp))
		compact(query_text(q, c->gfp), gfp, sizeof(gfp));
	else if (!query_is_null(q, c->gfp_bits))
		snprintf(gfp, sizeof(gfp), "0x%" PRIx64, (uint64_t)bits);
	else
		snprintf(gfp, sizeof(gfp), "?");
	fprintf(out, " %10" PRId64 " | %9" PRId64 " | %5s | %8s | %-19s | %s\n",
		query_int(q, c->bytes) / 1024, query_int(q, c->hit), order, type, gfp,
		report_safe(safe, sizeof(safe), query_text(q, c->callsite)));
}

static int print_callers(struct report *r, const struct stat_options *o, bool first,
			 struct error *err)
{
	static const struct columns columns = { 1, 2, 3, 7, 5, 6, 0 };
	char order[400];
	uint64_t shown = 0, all = 0;
	struct query q = { 0 };
	int rc = stat_order(keys, false, o->report.sort, STANDARD,
			    "callsite, \"order\", _migratetype, _gfp", order, sizeof(order), err);

	if (rc == 0)
		rc = stat_query(&q, r, o, schema_query_stat_page_caller_sql, order, err);
	emit_section(r, "page_callers", first ? EMIT_TABLE : EMIT_PART);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		print_title(r->out, false, o->live);
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		rc = 0;
		if (!report_shows(r, &shown, &all))
			continue;
		print_row(r->out, &q, &columns);
	}
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		stat_line(r->out);
	query_release(&q);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		report_skipping(r, "lines", shown, all);
	return rc;
}

static int print_addresses(struct report *r, const struct stat_options *o, bool first,
			   struct error *err)
{
	static const struct columns columns = { 1, 2, 3, 8, 5, 6, 7 };
	char order[400];
	uint64_t shown = 0, all = 0;
	struct query q = { 0 };
	int rc = stat_order(keys, true, o->report.sort, STANDARD,
			    "page, callsite, \"order\", _migratetype, _gfp", order, sizeof(order),
			    err);

	if (rc == 0)
		rc = query_run(
			r->db,
			"CREATE TEMP TABLE stat_group (id INTEGER PRIMARY KEY, caller, page_order,"
			" migratetype, gfp);"
			"INSERT INTO temp.stat_group (caller, page_order, migratetype, gfp)"
			" SELECT DISTINCT caller, own_order, migratetype, gfp FROM temp.stat_site;"
			"CREATE TEMP TABLE stat_class AS SELECT s.site, g.id AS grp FROM"
			" temp.stat_site s JOIN temp.stat_group g ON g.caller IS s.caller AND"
			" g.page_order IS s.own_order AND g.migratetype IS s.migratetype AND"
			" g.gfp IS s.gfp",
			err);
	if (rc == 0)
		rc = stat_scan(r, o->live, err);
	if (rc == 0)
		rc = stat_query(&q, r, o, schema_query_stat_page_ptr_sql, order, err);
	emit_section(r, "page_addresses", first ? EMIT_TABLE : EMIT_PART);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		print_title(r->out, true, o->live);
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		rc = 0;
		if (!report_shows(r, &shown, &all))
			continue;
		fprintf(r->out, " %16" PRId64 " |", query_int(&q, 0));
		print_row(r->out, &q, &columns);
	}
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		stat_line(r->out);
	query_release(&q);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		report_skipping(r, "lines", shown, all);
	return rc;
}

/* Columns `at` and `at` + 1: a count and bytes. */
static void print_sum(FILE *out, const char *what, const struct query *q, int at)
{
	if (query_is_null(q, at))
		fprintf(out, "%-32s: %14s\n", what, "-");
	else
		fprintf(out, "%-32s: %14" PRId64 "   [ %14" PRId64 " KB ]\n", what,
			query_int(q, at), query_int(q, at + 1) / 1024);
}

static void print_total(struct report *r, const struct query *q)
{
	FILE *out = r->out;

	fprintf(out, "\nSUMMARY (page allocator)\n========================\n");
	print_sum(out, "Total allocation requests", q, 0);
	print_sum(out, "Total free requests", q, 2);
	fprintf(out, "\n");
	print_sum(out, "Total alloc+freed requests", q, 4);
	print_sum(out, "Total alloc-only requests: live", q, 6);
	print_sum(out, "  freed without a trace", q, 8);
	print_sum(out, "Total free-only requests", q, 10);
	fprintf(out, "\n");
	print_sum(out, "Total allocation failures", q, 12);
}

/* ---- the matrix of orders and migratetypes ---- */

#define TYPES 7 /* the last: others, and unknown ones */

struct matrix_row {
	int64_t order, requests[TYPES];
};

static void print_matrix_row(FILE *out, const struct matrix_row *row, const bool *used)
{
	if (row->order < 0)
		fprintf(out, "    ?");
	else
		fprintf(out, "%5" PRId64, row->order);
	for (int i = 0; i < TYPES; i++) {
		if (!used[i])
			continue;
		if (row->requests[i])
			fprintf(out, "  %12" PRId64, row->requests[i]);
		else
			fprintf(out, "  %12s", ".");
	}
	fprintf(out, "\n");
}

static int print_matrix(struct report *r, const struct stat_options *o, struct error *err)
{
	static const char *const names[TYPES] = { "Unmovable",	"Movable", "Reclaimable",
						  "HighAtomic", "CMA",	   "Isolate",
						  "Other" };
	struct matrix_row rows[64];
	bool used[TYPES] = { true, true, true };
	struct query q = { 0 };
	size_t count = 0;
	int rc = stat_query(&q, r, o, schema_query_stat_page_order_sql, NULL, err);

	emit_section(r, "page_orders", EMIT_PART);
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		int64_t order = query_is_null(&q, 0) ? -1 : query_int(&q, 0),
			type = query_is_null(&q, 3) ? TYPES - 1 : query_int(&q, 3);

		rc = 0;
		type = type < 0 || type >= TYPES ? TYPES - 1 : type;
		if (!count || rows[count - 1].order != order) {
			if (count == sizeof(rows) / sizeof(rows[0]))
				break;
			rows[count++] = (struct matrix_row){ .order = order };
		}
		rows[count - 1].requests[type] += query_int(&q, 2);
		used[type] = true;
	}
	query_release(&q);
	if (rc < 0 || r->emit.format != EMIT_TEXT)
		return rc;
	fprintf(r->out, "\nOrder");
	for (int i = 0; i < TYPES; i++)
		if (used[i])
			fprintf(r->out, "  %12s", names[i]);
	fprintf(r->out, "\n-----");
	for (int i = 0; i < TYPES; i++)
		if (used[i])
			fprintf(r->out, "  ------------");
	fprintf(r->out, "\n");
	for (size_t i = 0; i < count; i++)
		print_matrix_row(r->out, &rows[i], used);
	return 0;
}

static int make_failed(struct report *r, struct error *err)
{
	sqlite3_str *s = sqlite3_str_new(r->db);
	char *sql;
	int rc;

	/* a failed allocation is no object: it has no time, task and CPU to select by */
	sqlite3_str_appendf(s,
			    "CREATE TEMP TABLE stat_failed AS SELECT sum(t.failed) AS failed,"
			    " a.bytes_alloc AS bytes FROM site_total t JOIN alloc_site a"
			    " ON a.id = t.alloc_site JOIN event e ON e.id = a.event"
			    " WHERE t.failed > 0 AND %s AND %s",
			    r->filtered ? "0" : "1", r->options->include_self ? "1" : "t.self = 0");
	report_append_sites(r, s);
	sqlite3_str_appendall(s, " GROUP BY 2");
	sql = sqlite3_str_finish(s);
	rc = sql ? query_run(r->db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	return rc;
}

/*
 * enum migratetype, include/linux/mmzone.h, as it is since Linux 4.4. CMA is there where the kernel has it, and moves
 * ISOLATE.
 */
static int make_migratetypes(struct report *r, struct error *err)
{
	return query_run(
		r->db,
		"CREATE TEMP TABLE migratetype (id INTEGER PRIMARY KEY, name);"
		"INSERT INTO temp.migratetype VALUES (0, 'Unmovable'), (1, 'Movable'),"
		" (2, 'Reclaimable'), (3, 'HighAtomic'), (4, CASE WHEN EXISTS (SELECT 1 FROM file"
		" WHERE name = '/proc/meminfo' AND instr(CAST(content AS TEXT), 'CmaTotal:'))"
		" THEN 'CMA' ELSE 'Isolate' END), (5, 'Isolate')",
		err);
}

int stat_print_pages(struct report *r, const struct stat_options *o, bool first, struct error *err)
{
	struct query q = { 0 };
	int rc = make_failed(r, err);

	if (rc == 0)
		rc = make_migratetypes(r, err);
	if (rc == 0 && (o->caller || o->alloc) && r->emit.format == EMIT_TEXT)
		rc = print_legend(r, o, err);
	if (rc == 0 && o->caller)
		rc = print_callers(r, o, first, err);
	if (rc == 0 && o->alloc)
		rc = print_addresses(r, o, first && !o->caller, err);
	emit_section(r, "page_summary", first && !o->caller && !o->alloc ? EMIT_TABLE : EMIT_ONE);
	if (rc == 0)
		rc = stat_query(&q, r, o, schema_query_stat_page_total_sql, NULL, err);
	if (rc == 0)
		rc = emit_step(r, &q, err);
	if (rc == 1) {
		print_total(r, &q);
		rc = 0;
	}
	query_release(&q);
	return rc < 0 ? rc : print_matrix(r, o, err);
}
