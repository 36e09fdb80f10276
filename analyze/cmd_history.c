/* history: who owned an address, and when. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/direct_map.h"
#include "analyze/id_table.h"
#include "analyze/report.h"
#include "format/base/units.h"
#include "schema_sql.h"

struct history_options {
	struct report_options report;
	const char *ptr, *pfn;
};

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct history_options, report),
	TOP_ROW(struct history_options, report),
	FORMAT_ROW(struct history_options, report),
	{ "ptr", 0, "ADDRESS", "the address, hexadecimal: of an object, or anywhere in one", OPT_STRING,
	  offsetof(struct history_options, ptr), 0, 0, 0, NULL },
	{ "pfn", 0, "NUMBER", "a page frame number instead, decimal or 0x...", OPT_STRING,
	  offsetof(struct history_options, pfn), 0, 0, 0, NULL },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

struct history {
	struct report *r;
	bool by_ptr, by_pfn; /* what is looked for */
	bool pages;	     /* there are pages among what is looked at */
	uint64_t ptr, pfn;
	int64_t page_size;
	uint64_t owners, frees, objects; /* found, and looked at */
};

static int parse(const char *text, int base, const char *option, uint64_t *ret, struct error *err)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, base);
	/* strtoull takes signs and blanks */
	if (end == text || *end || errno || strchr("+- \t", *text))
		return error_set(err, ERR_USAGE, "%s: '%.40s' is no number such as %s", option,
				 text, base == 16 ? "ffff888003c41a40" : "262144 or 0x40000");
	return 0;
}

static int parse_options(struct history *h, const struct history_options *o, struct error *err)
{
	int rc = 0;

	if (!o->ptr == !o->pfn)
		return error_set(err, ERR_USAGE,
				 "name one address with --ptr, or a page with --pfn");
	h->by_ptr = o->ptr != NULL;
	h->by_pfn = o->pfn != NULL;
	if (o->ptr)
		rc = parse(o->ptr, 16, "--ptr", &h->ptr, err);
	else
		rc = parse(o->pfn, 0, "--pfn", &h->pfn, err);
	h->page_size = capture_int(h->r->db, "page_size", 4096);
	if (h->page_size <= 0)
		h->page_size = 4096;
	if (rc == 0 && h->by_ptr)
		h->by_pfn = direct_map_pfn(h->r->db, h->ptr, &h->pfn);
	return rc;
}

/* ---- finding them ---- */

struct site_extent {
	uint64_t length; /* in addresses; 0: not asked for */
	bool page;
};

struct extents {
	struct site_extent *sites;
	size_t count;
	int64_t most, most_pages; /* the longest of each kind */
};

/* How many addresses the objects of each site take. */
static int read_extents(const struct history *h, struct extents *x, struct error *err)
{
	sqlite3_str *s = sqlite3_str_new(h->r->db);
	struct query q = { 0 };
	char *sql;
	int rc = id_table_new(h->r->db, "main.alloc_site", (void **)&x->sites, &x->count,
			      sizeof(*x->sites), err);

	sqlite3_str_appendall(s, "SELECT a.id, a.bytes_alloc, e.domain = 'page' FROM alloc_site a"
				 " JOIN event e ON e.id = a.event WHERE 1");
	report_append_sites(h->r, s);
	sql = sqlite3_str_finish(s);
	if (rc == 0)
		rc = sql ? query_init(&q, h->r->db, sql, NULL, err) : error_nomem(err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		int64_t id = query_int(&q, 0), bytes = query_int(&q, 1);
		bool page = query_int(&q, 2) != 0;

		rc = 0;
		if (!id_table_has(id, x->count))
			continue;
		bytes = page ? bytes / h->page_size : bytes;
		bytes = bytes > 0 ? bytes : 1;
		x->sites[id] = (struct site_extent){ (uint64_t)bytes, page };
		if (page && bytes > x->most_pages)
			x->most_pages = bytes;
		else if (!page && bytes > x->most)
			x->most = bytes;
	}
	query_release(&q);
	sqlite3_free(sql);
	return rc;
}

static bool is_around(const struct history *h, const struct extents *x, int64_t site,
		      int64_t address)
{
	const struct site_extent *e = site > 0 && (uint64_t)site < x->count ? &x->sites[site] :
									      NULL;

	if (!e || !e->length)
		return false;
	if (e->page)
		return h->by_pfn && h->pfn - (uint64_t)address < e->length;
	return h->by_ptr && h->ptr - (uint64_t)address < e->length;
}

static int64_t before(uint64_t address, int64_t length)
{
	int64_t low;

	return __builtin_sub_overflow((int64_t)address, length, &low) ? INT64_MIN : low;
}

/* temp.history_id: the rows of objects around the address. */
static int find_owners(struct history *h, const struct extents *x, struct error *err)
{
	struct query q = { 0 }, insert = { 0 };
	char *sql = sqlite3_mprintf(
		"SELECT id, alloc_site, address FROM %s WHERE (address <= :ptr AND address > :low)"
		" OR (address <= :pfn AND address > :low_pfn)",
		report_rows(h->r));
	int rc = sql ? query_init(&q, h->r->db, sql, NULL, err) : error_nomem(err);

	if (rc == 0)
		rc = query_init(&insert, h->r->db, "INSERT INTO temp.history_id VALUES (:id)", NULL,
				err);
	if (rc == 0) {
		query_bind_int(&q, ":ptr", h->by_ptr ? (int64_t)h->ptr : INT64_MIN);
		query_bind_int(&q, ":low", h->by_ptr ? before(h->ptr, x->most) : 0);
		query_bind_int(&q, ":pfn", h->by_pfn ? (int64_t)h->pfn : INT64_MIN);
		query_bind_int(&q, ":low_pfn", h->by_pfn ? before(h->pfn, x->most_pages) : 0);
	}
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		rc = 0;
		if (!is_around(h, x, query_int(&q, 1), query_int(&q, 2)))
			continue;
		query_reset(&insert);
		query_bind_int(&insert, ":id", query_int(&q, 0));
		rc = query_step(&insert, err);
		h->owners++;
	}
	query_release(&q);
	query_release(&insert);
	sqlite3_free(sql);
	return rc;
}

/* temp.history_free: frees of the address, or of the start of an owner, that had no object. */
static int find_frees(struct history *h, struct error *err)
{
	static const char sql[] =
		"INSERT INTO temp.history_free SELECT u.id FROM unmatched_free u JOIN free_site s ON"
		" s.id = u.free_site JOIN event e ON e.id = s.event WHERE (:domain IS NULL OR"
		" e.domain = :domain) AND (:api IS NULL OR e.api = :api) AND CASE e.domain WHEN 'page'"
		" THEN (:by_pfn AND u.address = :pfn) ELSE (:by_ptr AND u.address = :ptr) END"
		" UNION SELECT u.id FROM unmatched_free u JOIN free_site s ON s.id = u.free_site"
		" JOIN event e ON e.id = s.event JOIN (SELECT DISTINCT o.address, oe.domain FROM"
		" temp.history_owner o JOIN alloc_site oa ON oa.id = o.alloc_site JOIN event oe ON"
		" oe.id = oa.event) o ON o.address = u.address AND o.domain = e.domain"
		" WHERE :api IS NULL OR e.api = :api";
	struct query q = { 0 };
	int rc = query_init(&q, h->r->db, sql, NULL, err);

	if (rc == 0) {
		query_bind_text(&q, ":domain", report_one_domain(h->r));
		query_bind_text(&q, ":api", report_api(h->r->options));
		query_bind_int(&q, ":by_ptr", h->by_ptr);
		query_bind_int(&q, ":by_pfn", h->by_pfn);
		query_bind_int(&q, ":ptr", (int64_t)h->ptr);
		query_bind_int(&q, ":pfn", (int64_t)h->pfn);
		rc = query_step(&q, err);
	}
	if (rc == 0)
		h->frees = (uint64_t)sqlite3_changes(h->r->db);
	query_release(&q);
	return rc;
}

static int find(struct history *h, struct error *err)
{
	struct extents x = { 0 };
	char *sql = sqlite3_mprintf("CREATE TEMP TABLE history_id (id INTEGER PRIMARY KEY);"
				    "CREATE TEMP TABLE history_free (id INTEGER PRIMARY KEY);"
				    "CREATE TEMP VIEW history_owner AS SELECT * FROM %s WHERE id IN"
				    " (SELECT id FROM temp.history_id)",
				    report_rows(h->r));
	int rc = sql ? query_run(h->r->db, sql, err) : error_nomem(err);

	if (rc == 0)
		rc = read_extents(h, &x, err);
	h->pages = x.most_pages > 0;
	if (rc == 0)
		rc = find_owners(h, &x, err);
	if (rc == 0 && !h->r->filtered && !report_selects_sites(h->r))
		rc = find_frees(h, err);
	free(x.sites);
	sqlite3_free(sql);
	return rc;
}

/* ---- telling of them ---- */

enum column {
	KIND,
	DOMAIN,
	TIME,
	EVENT,
	ADDRESS,
	BYTES_REQ,
	BYTES_ALLOC,
	CACHE,
	COMM,
	PID,
	CPU,
	CONTEXT,
	STACK,
	CALL_SITE,
	STATE,
	IN_DOUBT,
	LIFETIME,
	FREE_EVENT,
	FREE_COMM,
	FREE_PID,
	FREE_CPU,
	FREE_CONTEXT,
	FREE_STACK,
	FREE_CALL_SITE
};

static void print_time(FILE *out, int64_t ns)
{
	uint64_t n = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

	fprintf(out, "%s%" PRIu64 ".%09" PRIu64 " s: ", ns < 0 ? "-" : "", n / 1000000000,
		n % 1000000000);
}

/* In an interrupt the task that ran did not ask. */
static void print_who(FILE *out, const struct query *q, int comm, int cpu, int context)
{
	char safe[80];

	if (strcmp(query_text(q, context), "task"))
		fprintf(out, "in %s", query_text(q, context));
	else
		fprintf(out, "by %s/%" PRId64,
			report_safe(safe, sizeof(safe),
				    query_is_null(q, comm) ? "<...>" : query_text(q, comm)),
			query_int(q, comm + 1));
	fprintf(out, " on CPU %" PRId64, query_int(q, cpu));
}

static int print_stack(struct report *r, const struct query *q, int stack, struct error *err)
{
	return report_stack(r, !query_is_null(q, stack), query_int(q, stack),
			    !query_is_null(q, stack + 1), query_int(q, stack + 1), err);
}

static void print_object(const struct history *h, const struct query *q)
{
	bool page = !strcmp(query_text(q, DOMAIN), "page");
	uint64_t address = (uint64_t)query_int(q, ADDRESS),
		 inside = (page ? h->pfn : h->ptr) - address;
	FILE *out = h->r->out;
	char safe[100];

	fprintf(out, "%" PRId64 " bytes (%" PRId64 " asked for) at %s0x%" PRIx64,
		query_int(q, BYTES_ALLOC), query_int(q, BYTES_REQ), page ? "page frame " : "",
		address);
	if (inside)
		fprintf(out, " (+0x%" PRIx64 ")", inside);
	if (!query_is_null(q, CACHE))
		fprintf(out, ", cache %s", report_safe(safe, sizeof(safe), query_text(q, CACHE)));
	fprintf(out, ", %s\n", report_safe(safe, sizeof(safe), query_text(q, EVENT)));
}

static int print_end(const struct history *h, const struct query *q, struct error *err)
{
	const char *state = query_text(q, STATE);
	char text[UNITS_TEXT], safe[100];
	FILE *out = h->r->out;
	int64_t time = query_int(q, TIME), lifetime = query_int(q, LIFETIME), end;

	if (query_int(q, IN_DOUBT))
		fprintf(out, "    in doubt: events are missing from its life\n");
	if (!strcmp(state, "live")) {
		if (__builtin_sub_overflow(h->r->end_ns, time, &lifetime) || lifetime < 0)
			lifetime = 0;
		fprintf(out, "  live since then, for %s\n\n",
			units_duration(text, (uint64_t)lifetime));
		return 0;
	}
	fprintf(out, "  ");
	if (__builtin_add_overflow(time, lifetime, &end))
		end = INT64_MAX;
	print_time(out, end);
	units_duration(text, (uint64_t)lifetime);
	if (strcmp(state, "freed")) {
		fprintf(out, "allocated again, after %s: its free before that was not traced\n\n",
			text);
		return 0;
	}
	fprintf(out, "freed after %s ", text);
	print_who(out, q, FREE_COMM, FREE_CPU, FREE_CONTEXT);
	fprintf(out, ", %s\n", report_safe(safe, sizeof(safe), query_text(q, FREE_EVENT)));
	if (print_stack(h->r, q, FREE_STACK, err) < 0)
		return err->code;
	fprintf(out, "\n");
	return 0;
}

static int print_row(const struct history *h, const struct query *q, struct error *err)
{
	bool owner = !strcmp(query_text(q, KIND), "owner");
	FILE *out = h->r->out;
	char safe[100];
	int rc;

	print_time(out, query_int(q, TIME));
	fprintf(out, owner ? "allocated " : "FREED without an owner ");
	print_who(out, q, COMM, CPU, CONTEXT);
	fprintf(out, ": ");
	if (owner)
		print_object(h, q);
	else
		fprintf(out, "0x%" PRIx64 ", %s\n", (uint64_t)query_int(q, ADDRESS),
			report_safe(safe, sizeof(safe), query_text(q, EVENT)));
	rc = print_stack(h->r, q, STACK, err);
	if (rc == 0 && owner)
		return print_end(h, q, err);
	fprintf(out, "\n");
	return rc;
}

/* The stack of the free, as a list of one. */
static int emit_row_of(struct report *r, struct query *q, struct error *err)
{
	struct query f = { 0 };
	int rc = emit_row_open(r, q, err);

	if (rc < 0)
		return rc;
	rc = query_init(&f, r->db, "SELECT :stack AS stack, :call_site AS call_site WHERE :known",
			NULL, err);
	emit_list(r, "freed_from");
	if (rc == 0) {
		sqlite3_bind_value(f.stmt, 1, sqlite3_column_value(q->stmt, FREE_STACK));
		sqlite3_bind_value(f.stmt, 2, sqlite3_column_value(q->stmt, FREE_CALL_SITE));
		query_bind_int(&f, ":known", !query_is_null(q, FREE_EVENT));
		rc = emit_step(r, &f, err);
	}
	emit_list_end(r);
	emit_row_close(r);
	query_release(&f);
	return rc;
}

static int print_rows(const struct history *h, struct error *err)
{
	struct report *r = h->r;
	struct query q = { 0 };
	char tail[80];
	int rc;

	snprintf(tail, sizeof(tail), "ORDER BY time, kind, _id LIMIT %" PRId64,
		 r->options->top ? (int64_t)r->options->top : INT64_C(-1));
	emit_section(r, "history", EMIT_TABLE);
	rc = query_init(&q, r->db, schema_query_history_sql, tail, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1)
		rc = r->emit.format == EMIT_TEXT ? print_row(h, &q, err) : emit_row_of(r, &q, err);
	query_release(&q);
	if (rc == 0 && r->options->top && h->owners + h->frees > r->options->top &&
	    r->emit.format == EMIT_TEXT)
		fprintf(r->out, "Skipping numbers %" PRIu64 "..%" PRIu64 " (-n 0 shows all)\n",
			r->options->top + 1, h->owners + h->frees);
	return rc;
}

static void print_title(const struct history *h)
{
	FILE *out = h->r->out;

	fprintf(out, "HISTORY of ");
	if (h->by_ptr)
		fprintf(out, "0x%" PRIx64, h->ptr);
	if (h->by_pfn)
		fprintf(out, "%spage frame 0x%" PRIx64, h->by_ptr ? ", " : "", h->pfn);
	fprintf(out, ": %" PRIu64 " owner%s, %" PRIu64 " free%s without an owner\n", h->owners,
		h->owners == 1 ? "" : "s", h->frees, h->frees == 1 ? "" : "s");
	if (h->by_ptr && !h->by_pfn && h->pages)
		fprintf(out,
			"# its page is not known: the address is not in the direct map that the"
			" capture tells of\n");
	fprintf(out, "\n");
}

static int print(struct report *r, void *options, const char *order, struct error *err)
{
	struct history_options *o = options;
	struct history h = { .r = r };
	int rc = parse_options(&h, o, err);

	(void)order;
	if (rc == 0 && r->by.count)
		rc = error_set(err, ERR_USAGE, "--by: a history has no groups");
	o->report.include_self = true; /* who it was is the question */
	r->all_domains = !r->options->domain;
	r->rows_for = "history";
	if (rc == 0)
		rc = find(&h, err);
	if (rc == 0)
		rc = report_header(r, "history", err);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		print_title(&h);
	return rc < 0 ? rc : print_rows(&h, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct history_options o = { .report.top = 0 };

	return report_run(self, argc, argv, &o, &o.report, NULL, NULL, print);
}

const struct command cmd_history = {
	.name = "history",
	.summary = "every owner of an address, in time: for use after free",
	.operands = "CAPTURE...|DB",
	.description =
		"Who allocated and who freed each object that the address lay in, with stacks and times; and frees of\n"
		"it that no allocation is known for: a double free, or of an object from before the capture. Where\n"
		"the capture knows the direct map and pages were recorded, the owners of its page, too.\n",
	.examples =
		"  kmem-analyze history --ptr ffff888003c41a48 cap.kmem    the address that an oops names\n"
		"  kmem-analyze history --ptr ffff888003c41a48 --at 12.5s cap.kmem    who owned it then\n"
		"  kmem-analyze history --pfn 0x3c41 cap.kmem              a page\n",
	.options = rows,
	.run = run,
};
