/* domains: where memory is, by how it was allocated, without counting any of it twice. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/page_backing.h"
#include "analyze/report.h"
#include "analyze/row_pairs.h"
#include "schema_sql.h"

struct domains_options {
	struct report_options report;
};

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct domains_options, report),
	FORMAT_ROW(struct domains_options, report),
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

/* ---- the sums ---- */

static int add_domain(struct report *r, const char *source, const char *domain, struct error *err)
{
	char *sql;
	int rc = query_run(r->db, "DROP VIEW IF EXISTS temp.domain_pair", err);

	if (rc == 0)
		rc = report_select_pairs_of(r, "domain_pair", source, err);
	if (rc < 0)
		return rc;
	sql = sqlite3_mprintf("INSERT INTO temp.domain_sum SELECT %Q, * FROM (%.*s)", domain,
			      (int)strcspn(schema_query_domain_sum_sql, ";"),
			      schema_query_domain_sum_sql);
	rc = sql ? query_run(r->db, sql, err) : error_nomem(err);
	sqlite3_free(sql);
	return rc;
}

/* temp.domain_sum: one row per domain, of pages one for each of what they back. */
static int make_sums(struct report *r, struct report_options *o, struct error *err)
{
	const struct row_pairs how = { .source = report_rows(r), .length = r->end_ns };
	const char *domain = o->domain;
	int rc = page_backing_prepare(r->db, err);

	if (rc == 0)
		rc = query_run(r->db,
			       "CREATE TEMP TABLE domain_sum (domain, backs, live_bytes,"
			       " live_objects, bytes, allocations, untraced)",
			       err);
	if (rc == 0 && r->filtered)
		rc = row_pairs_select(r->db, &how, "row_pair", err);
	for (const char *const *d = report_domains; rc == 0 && *d; d++) {
		o->domain = *d;
		rc = add_domain(r, r->filtered ? "temp.row_pair" : "pair_total", *d, err);
	}
	o->domain = domain;
	return rc;
}

static int print_table(struct report *r, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, r->db, schema_query_domain_list_sql, NULL, err);

	query_bind_int(&q, ":part", r->filtered || report_selects_sites(r));
	query_bind_int(&q, ":include_self", r->options->include_self);
	emit_section(r, "domains", EMIT_TABLE);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		fprintf(r->out, "%-14s %15s %12s %17s %12s %9s %12s\n", "domain", "live bytes",
			"live objects", "all bytes", "allocations", "untraced", "other frees");
	while (rc == 0 && (rc = emit_step(r, &q, err)) == 1) {
		char name[40], frees[24] = "";

		rc = 0;
		if (query_is_null(&q, 1))
			snprintf(name, sizeof(name), "%s", query_text(&q, 0));
		else
			snprintf(name, sizeof(name),
				 strcmp(query_text(&q, 0), "page") ? "  %s" : "  for %s",
				 query_text(&q, 1));
		if (!query_is_null(&q, 9))
			snprintf(frees, sizeof(frees), "%" PRId64, query_int(&q, 9));
		if (query_is_null(&q, 2))
			fprintf(r->out, "%-14s    not recorded (kmem-record -e %s)\n", name, name);
		else
			fprintf(r->out,
				"%-14s %15" PRId64 " %12" PRId64 " %17" PRId64 " %12" PRId64
				" %9" PRId64 " %12s\n",
				name, query_int(&q, 4), query_int(&q, 5), query_int(&q, 6),
				query_int(&q, 7), query_int(&q, 8), frees);
	}
	query_release(&q);
	return rc;
}

/* ---- what it comes to ---- */

/* Why the domains cannot be added up; NULL: they can. */
static const char *no_sum(struct report *r)
{
	struct query q = { 0 };
	const char *why = NULL;
	char text[8];
	int rc = query_init(&q, r->db,
			    "SELECT count(*), coalesce(min(has_stack), 0), (SELECT coalesce("
			    "min(backs = 'unknown'), 0) FROM temp.domain_sum WHERE domain = 'page')"
			    " FROM event WHERE domain = 'page' AND role = 'alloc'",
			    NULL, NULL);

	if (rc < 0 || query_step(&q, NULL) != 1)
		why = "the database does not say what was recorded";
	else if (!query_int(&q, 0))
		why = "pages were not recorded (kmem-record -e slab,page), and the others are made of them";
	else if (!query_int(&q, 1) || query_int(&q, 2))
		why = "pages have no stacks (kmem-record --stacks alloc): nothing tells what they are for";
	else if (estimate_sampled(r->db))
		why = "stacks are a sample (kmem-record --stack-sample): nothing tells what most pages are for";
	else if (capture_text(r->db, "events.max_stack", text, sizeof(text)))
		why = "stacks were cut when recorded: nothing tells what pages are for";
	query_release(&q);
	return why;
}

static void print_sum_text(FILE *out, const struct query *q)
{
	static const char *const names[] = { "slab objects", "percpu objects",
					     "vmalloc areas of memory", "other pages" };

	fprintf(out, "\nlive bytes, none of them counted twice:\n");
	for (int i = 0; i < 4; i++)
		fprintf(out, "  %-28s %15" PRId64 "\n", names[i], query_int(q, i));
	if (query_int(q, 4))
		fprintf(out, "  %-28s %15" PRId64 "   may be counted twice, as slabs for one\n",
			"pages and areas, no stack", query_int(q, 4));
	fprintf(out, "  %-28s %15" PRId64 "%s\n", "sum", query_int(q, 5),
		query_int(q, 4) ? "   at most" : "");
	fprintf(out,
		"pages that are live: %" PRId64 ", of them slabs %" PRId64
		", per-CPU chunks %" PRId64 ", vmalloc areas %" PRId64 "\n",
		query_int(q, 6), query_int(q, 7), query_int(q, 8), query_int(q, 9));
	fprintf(out,
		"  (slabs may have room left, and objects may lie in slabs from before; pages that are"
		" taken in\n  bulk, as vmalloc does, leave no trace in the kernel, only their frees do)\n");
}

static int print_sum(struct report *r, struct error *err)
{
	const char *why = no_sum(r);
	struct query q = { 0 };
	int rc;

	emit_section(r, "sum", EMIT_ONE);
	if (why && r->emit.format == EMIT_TEXT) {
		fprintf(r->out, "\nthe domains are not added up:\n  %s\n", why);
		return 0;
	}
	rc = query_init(&q, r->db,
			why ? "SELECT :why AS not_summed" : schema_query_domain_total_sql, NULL,
			err);
	if (rc == 0 && why)
		query_bind_text(&q, ":why", why);
	if (rc == 0)
		query_bind_int(&q, ":page", capture_int(r->db, "page_size", 4096));
	if (rc == 0)
		rc = emit_step(r, &q, err);
	if (rc == 1) {
		print_sum_text(r->out, &q);
		rc = 0;
	}
	query_release(&q);
	return rc;
}

/* ---- what the kernel itself said ---- */

/* Bytes of a line of /proc/meminfo; -1: not there. */
static int64_t meminfo(sqlite3 *db, const char *moment, const char *key)
{
	struct query q = { 0 };
	int64_t bytes = -1;
	int rc = query_init(&q, db,
			    "SELECT CAST(content AS TEXT) FROM file WHERE name = '/proc/meminfo'"
			    " AND moment = :moment",
			    NULL, NULL);

	query_bind_text(&q, ":moment", moment);
	if (rc == 0 && query_step(&q, NULL) == 1) {
		const char *line = query_text(&q, 0);
		size_t len = strlen(key);

		while (line && (strncmp(line, key, len) || line[len] != ':')) {
			line = strchr(line, '\n');
			line += line != NULL;
		}
		if (line)
			bytes = (int64_t)strtoull(line + len + 1, NULL, 10) * 1024;
	}
	query_release(&q);
	return bytes;
}

/* Live bytes of pages for that; of all pages less all that were freed, whenever they were allocated, where NULL. */
static int64_t captured(struct report *r, const char *backs)
{
	struct query q = { 0 };
	int64_t bytes = 0;
	int rc = query_init(
		&q, r->db,
		backs ? "SELECT coalesce(sum(live_bytes - CASE WHEN domain = 'vmalloc' THEN live_objects"
			" * :page ELSE 0 END), 0) FROM temp.domain_sum WHERE backs = :backs" :
			"SELECT (SELECT coalesce(sum(p.objects * a.bytes_alloc), 0) FROM pair_total p"
			" JOIN alloc_site a ON a.id = p.alloc_site JOIN event e ON e.id = a.event"
			" WHERE e.domain = 'page' AND p.end & 3 = 0)"
			" - (SELECT coalesce(sum(t.unmatched * f.bytes), 0) FROM free_total t"
			" JOIN free_site f ON f.id = t.free_site)",
		NULL, NULL);

	if (rc == 0)
		query_bind_int(&q, ":page", capture_int(r->db, "page_size", 4096));
	if (rc == 0 && backs)
		query_bind_text(&q, ":backs", backs);
	if (rc == 0 && query_step(&q, NULL) == 1)
		bytes = query_int(&q, 0);
	query_release(&q);
	return bytes;
}

static bool pages_recorded(struct report *r)
{
	struct query q = { 0 };
	bool there = query_init(&q, r->db,
				"SELECT 1 FROM event WHERE domain = 'page' AND role = 'alloc'",
				NULL, NULL) == 0 &&
		     query_step(&q, NULL) == 1;

	query_release(&q);
	return there;
}

static int print_meminfo(struct report *r, struct error *err)
{
	static const struct {
		const char *key, *backs, *what;
	} lines[] = {
		{ "MemFree", NULL, "pages allocated less pages freed" },
		{ "Slab", "slab", "live pages of slabs" },
		{ "Percpu", "percpu", "live pages of per-CPU chunks" },
		{ "VmallocUsed", "memory", "live vmalloc areas of memory" },
	};
	bool stacks = !no_sum(r), any = false;
	int rc = 0;

	emit_section(r, "meminfo", EMIT_PART);
	if (!pages_recorded(r))
		return 0;
	for (size_t i = 0; rc >= 0 && i < sizeof(lines) / sizeof(lines[0]); i++) {
		int64_t start = meminfo(r->db, "start", lines[i].key),
			end = meminfo(r->db, "end", lines[i].key);
		struct query q = { 0 };

		if (start < 0 || end < 0 || (lines[i].backs && !stacks))
			continue;
		rc = query_init(&q, r->db,
				"SELECT :key AS name, :grown AS grown, :captured AS captured", NULL,
				err);
		if (rc < 0)
			break;
		query_bind_text(&q, ":key", lines[i].key);
		query_bind_int(&q, ":grown", end - start);
		query_bind_int(&q, ":captured", captured(r, lines[i].backs));
		rc = emit_step(r, &q, err);
		if (rc == 1) {
			if (!any)
				fprintf(r->out,
					"\nfor comparison, by how much /proc/meminfo grew while recording:\n");
			any = true;
			fprintf(r->out, "  %-12s %15" PRId64 "   %s: %" PRId64 "\n", lines[i].key,
				end - start, lines[i].what, query_int(&q, 2));
			rc = 0;
		}
		query_release(&q);
	}
	if (any)
		fprintf(r->out,
			"  (what was there before and was freed is in the growth, but in none of the live"
			" pages)\n");
	return rc < 0 ? rc : 0;
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	struct domains_options *o = options;
	int rc;

	(void)order;
	if (r->by.count || o->report.domain || o->report.malloc_only || o->report.cache_only)
		return error_set(
			err, ERR_USAGE,
			"domains is about all of them: use account for --by, --domain, --malloc"
			" or --cache");
	rc = make_sums(r, &o->report, err);
	r->all_domains = true; /* from here on */
	if (rc == 0)
		rc = report_header(r, "domains", err);
	if (rc == 0)
		rc = print_table(r, err);
	if (rc == 0)
		rc = print_sum(r, err);
	if (rc == 0 && !r->filtered && !report_selects_sites(r))
		rc = print_meminfo(r, err);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct domains_options o = { .report.looks = LOOKS_AS_RECORDED };

	return report_run(self, argc, argv, &o, &o.report, NULL, NULL, print);
}

const struct command cmd_domains = {
	.name = "domains",
	.summary = "where memory is: slab, percpu, vmalloc, pages, and their sum",
	.operands = "CAPTURE...|DB",
	.description =
		"A line per way to allocate, and what the pages were taken for. Slabs, per-CPU chunks and vmalloc\n"
		"areas are made of pages: the sum counts them once, where stacks of pages tell which are which.\n",
	.examples = "  kmem-record -e slab,page,percpu,vmalloc -o cap.kmem -- make\n"
		    "  kmem-analyze domains cap.kmem                  the picture at the end\n"
		    "  kmem-analyze domains --at 10s cap.kmem         and after ten seconds\n",
	.options = rows,
	.run = run,
};
