/* diff: what changed from one capture to another. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/diff_condition.h"
#include "analyze/report.h"
#include "format/base/units.h"
#include "schema_sql.h"

#define CONDITIONS_MOST 16

struct diff_options {
	struct report_options report;
	struct option_list fail_if;
	bool all;
};

/* The first is the default. */
static const struct sort_key sort_keys[] = {
	{ "net", "abs(net) DESC" },	    { "total", "abs(total) DESC" },
	{ "waste", "abs(waste) DESC" },	    { "alloc", "abs(alloc) DESC" },
	{ "objects", "abs(objects) DESC" }, { NULL, NULL },
};

/* clang-format off */
static const struct option_row rows[] = {
	REPORT_ROWS(struct diff_options, report),
	TOP_ROW(struct diff_options, report),
	FORMAT_ROW(struct diff_options, report),
	SORT_ROW(struct diff_options, report, "change of net (default), total, waste, alloc, objects"),
	{ "all", 'a', NULL, "groups that did not change, too", OPT_FLAG, offsetof(struct diff_options, all), 0, 0, 0, NULL },
	{ "fail-if", 0, "CONDITION", "exit status 4 when it holds: net>1M, alloc>10%, group.net>=64k (repeatable)", OPT_LIST,
	  offsetof(struct diff_options, fail_if), 0, 0, 0, NULL },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

struct diff {
	struct report side[2]; /* before, after; what both make goes to the first one's output */
	struct report_options other; /* of the second */
	struct diff_condition conditions[CONDITIONS_MOST];
	size_t condition_count;
	const char *failed; /* the condition that held */
	const char *const *paths;
};

/* ---- groups that mean the same in two kernels ---- */

/* Offsets in functions are those of one build: "vfs_open+0x1f [ext4]" is "vfs_open [ext4]". */
static void strip_offsets(char *text)
{
	char *to = text;

	for (const char *p = text; *p;) {
		if (!strncmp(p, "+0x", 3) && strspn(p + 3, "0123456789abcdef"))
			p += 3 + strspn(p + 3, "0123456789abcdef");
		else
			*to++ = *p++;
	}
	*to = '\0';
}

/* The text of a key, heap; *ret NULL where there is no such key. */
static int key_text(struct report *r, const struct query *q, size_t key, struct query *stack,
		    char **ret, struct error *err)
{
	const char *text = NULL;
	int rc = 0;

	*ret = NULL;
	if (key >= r->by.count)
		return 0;
	if (by_is_stack(&r->by, key)) {
		query_reset(stack);
		query_bind_int(stack, ":stack", query_int(q, (int)key));
		while ((rc = query_step(stack, err)) == 1 && query_is_null(stack, 0))
			continue;
		text = rc == 1 ? query_text(stack, 0) : "(unknown)";
	} else {
		text = query_text(q, (int)key);
	}
	if (rc < 0)
		return rc;
	*ret = strdup(text);
	if (!*ret)
		return error_nomem(err);
	strip_offsets(*ret);
	return 0;
}

static int copy_row(struct report *r, int side, const struct query *q, struct query *stack,
		    struct query *insert, struct error *err)
{
	static const char *const keys[BY_KEYS_MAX] = { ":key1", ":key2", ":key3", ":key4" },
				 *const numbers[] = { ":total",	   ":waste",	 ":net",
						      ":alloc",	   ":objects",	 ":net_low",
						      ":net_high", ":total_low", ":total_high" };
	/* where a side does not estimate, what it says is both ends */
	static const int exact[] = { 0, 1, 2, 3, 4, 2, 2, 0, 0 };
	char *texts[BY_KEYS_MAX] = { NULL };
	int rc = 0;

	query_reset(insert);
	query_bind_int(insert, ":side", side);
	for (size_t i = 0; rc == 0 && i < BY_KEYS_MAX; i++) {
		rc = key_text(r, q, i, stack, &texts[i], err);
		query_bind_text(insert, keys[i], texts[i]);
	}
	for (int i = 0; i < 9; i++)
		query_bind_int(insert, numbers[i],
			       query_int(q, BY_KEYS_MAX + (r->estimate ? i : exact[i])));
	if (rc == 0)
		rc = query_step(insert, err);
	query_reset(insert);
	for (size_t i = 0; i < BY_KEYS_MAX; i++)
		free(texts[i]);
	return rc;
}

static int copy_side(struct diff *d, int side, struct error *err)
{
	struct report *r = &d->side[side];
	struct query q = { 0 }, stack = { 0 }, insert = { 0 };
	int rc = report_select_groups(r, err);

	if (rc == 0)
		rc = report_query(r, &q, schema_query_diff_side_sql, NULL, err);
	if (rc == 0)
		rc = query_init(&stack, r->db, schema_query_stack_text_sql, NULL, err);
	if (rc == 0)
		rc = query_init(&insert, d->side[0].db,
				"INSERT INTO temp.side VALUES (:side, :key1, :key2, :key3, :key4,"
				" :total, :waste, :net, :alloc, :objects, :net_low, :net_high,"
				" :total_low, :total_high)",
				NULL, err);
	while (rc == 0 && (rc = query_step(&q, err)) == 1)
		rc = copy_row(r, side, &q, &stack, &insert, err);
	query_release(&q);
	query_release(&stack);
	query_release(&insert);
	return rc;
}

/* ---- what is printed ---- */

static void print_change(FILE *out, const char *what, const struct query *q, int column, bool bytes)
{
	int64_t change = query_int(q, column), before = query_int(q, column + 1),
		after = query_int(q, column + 2);
	char text[3][UNITS_TEXT];
	const char *(*units)(char *, uint64_t) = bytes ? units_bytes : units_count;

	fprintf(out, "%-22s %s%s (%s to %s", what, change < 0 ? "-" : "+",
		units(text[0], (uint64_t)(change < 0 ? -change : change)),
		units(text[1], (uint64_t)before), units(text[2], (uint64_t)after));
	if (before)
		fprintf(out, ", %+.1f %%", 100.0 * (double)change / (double)before);
	fprintf(out, ")\n");
}

static void check_conditions(struct diff *d, const struct query *q, bool group)
{
	/* columns of diff.sql: five groups of three behind the keys, of which the sums have none */
	int first = group ? BY_KEYS_MAX : 0;
	struct diff_numbers n;

	for (int i = 0; i < DIFF_MEASURES; i++) {
		n.change[i] = query_int(q, first + 3 * i);
		n.before[i] = query_int(q, first + 3 * i + 1);
	}
	for (size_t i = 0; i < d->condition_count && !d->failed; i++)
		if (d->conditions[i].group == group && diff_condition_holds(&d->conditions[i], &n))
			d->failed = d->conditions[i].text;
}

#define SUMS(name) \
	"coalesce(sum(" name "), 0) AS " name ", coalesce(sum(" name "_before), 0) AS " name \
	"_before," \
	" coalesce(sum(" name "_after), 0) AS " name "_after"

static int print_sums(struct diff *d, struct error *err)
{
	struct report *r = &d->side[0];
	struct query q = { 0 };
	int rc = query_init(&q, r->db,
			    "SELECT " SUMS("net") ", " SUMS("total") ", " SUMS("waste") ", " SUMS(
				    "alloc") ", " SUMS("objects") " FROM temp.diff",
			    NULL, err);

	emit_section(r, "sums", EMIT_ONE);
	if (rc == 0)
		rc = query_step(&q, err);
	if (rc == 1) {
		check_conditions(d, &q, false);
		rc = emit_row(r, &q, err);
		if (rc == 0) {
			print_change(r->out, "live bytes:", &q, 0, true);
			print_change(r->out, "live objects:", &q, 12, false);
			print_change(r->out, "live, not asked for:", &q, 6, true);
			print_change(r->out, "allocated bytes:", &q, 3, true);
			print_change(r->out, "allocations:", &q, 9, false);
			fprintf(r->out, "\n");
		}
	}
	query_release(&q);
	return rc < 0 ? rc : 0;
}

static void print_names(struct report *r, const struct query *q)
{
	char safe[2000];

	for (size_t i = 0; i < r->by.count; i++)
		fprintf(r->out, "%s%s", i ? ", " : "",
			report_safe(safe, sizeof(safe), query_text(q, (int)i)));
	fprintf(r->out, "\n");
}

/* Behind a line: how far its changes may be off. */
static void print_error(struct report *r, const struct query *q)
{
	char net[ESTIMATE_TEXT], total[ESTIMATE_TEXT];

	if (!r->estimates)
		return;
	estimate_text(net, " live ", query_int(q, 19), query_int(q, 20), "");
	estimate_text(total, " allocated ", query_int(q, 21), query_int(q, 22), "");
	if (*net || *total)
		fprintf(r->out, "%66s 95 %%:%s%s%s\n", "", net, *net && *total ? "," : "", total);
}

static int print_groups(struct diff *d, const struct diff_options *o, const char *order,
			struct error *err)
{
	struct report *r = &d->side[0];
	uint64_t shown = 0, all = 0, same = 0;
	struct query q = { 0 };
	int rc = query_init(&q, r->db, "SELECT * FROM temp.diff", order, err);

	emit_section(r, "groups", EMIT_TABLE);
	if (r->emit.format == EMIT_TEXT) {
		fprintf(r->out,
			"      change       before        after  of allocated   of objects  ");
		by_print_names(r);
		fprintf(r->out, "\n%.*s\n", 80,
			"--------------------------------------------------------------------------------");
	}
	while (rc == 0 && (rc = query_step(&q, err)) == 1) {
		bool changed = query_int(&q, 4) || query_int(&q, 7) || query_int(&q, 10) ||
			       query_int(&q, 13) || query_int(&q, 16);

		check_conditions(d, &q, true);
		rc = 0;
		if (!changed && !o->all) {
			same++;
			continue;
		}
		all++;
		if (o->report.top && shown == o->report.top)
			continue;
		shown++;
		rc = emit_row(r, &q, err);
		if (rc != 0) {
			rc = rc < 0 ? rc : 0;
			continue;
		}
		fprintf(r->out,
			"%+12" PRId64 " %12" PRId64 " %12" PRId64 " %+13" PRId64 " %+12" PRId64
			"  ",
			query_int(&q, 4), query_int(&q, 5), query_int(&q, 6), query_int(&q, 7),
			query_int(&q, 16));
		print_names(r, &q);
		print_error(r, &q);
	}
	query_release(&q);
	if (rc == 0 && r->emit.format == EMIT_TEXT)
		report_skipping(r, "groups", shown, all);
	if (rc == 0 && r->emit.format == EMIT_TEXT && same)
		fprintf(r->out, "(%" PRIu64 " groups did not change)\n", same);
	return rc;
}

/* One side's facts, for data. */
static int emit_side(struct diff *d, int side, struct error *err)
{
	static const char facts[] =
		"SELECT :path AS capture, (SELECT value FROM capture WHERE key = 'kernel.release') AS kernel,"
		" (SELECT value FROM capture WHERE key = 'time.length_ns') AS length_ns,"
		" (SELECT value FROM capture WHERE key = 'events') AS events,"
		" (SELECT value FROM capture WHERE key = 'events.lost') AS lost, :complete AS complete";
	struct query q = { 0 };
	int rc = query_init(&q, d->side[side].db, facts, NULL, err);

	emit_section(&d->side[0], side ? "after" : "before", EMIT_ONE);
	if (rc == 0) {
		query_bind_text(&q, ":path", d->paths[side]);
		query_bind_int(&q, ":complete", d->side[side].complete);
		rc = query_step(&q, err);
	}
	if (rc == 1)
		rc = emit_row(&d->side[0], &q, err);
	query_release(&q);
	return rc < 0 ? rc : 0;
}

static int print_headers(struct diff *d, struct error *err)
{
	struct report *a = &d->side[0], *b = &d->side[1];
	char safe[300];
	int rc;

	if (a->emit.format != EMIT_TEXT) {
		rc = report_header(a, "diff", err);
		if (rc == 0)
			rc = emit_side(d, 0, err);
		return rc < 0 ? rc : emit_side(d, 1, err);
	}
	b->out = a->out;
	fprintf(a->out, "# before: %s\n", report_safe(safe, sizeof(safe), d->paths[0]));
	rc = report_header(a, "diff", err);
	fprintf(a->out, "# after: %s\n", report_safe(safe, sizeof(safe), d->paths[1]));
	if (rc == 0)
		rc = report_header(b, "diff", err);
	b->out = NULL;
	if (rc == 0 && a->length_ns && b->length_ns &&
	    (a->length_ns > b->length_ns + b->length_ns / 10 ||
	     b->length_ns > a->length_ns + a->length_ns / 10))
		fprintf(a->out,
			"# the captures are not of one length: allocated bytes and allocations grow with it\n\n");
	return rc;
}

static int compare(struct diff *d, const struct diff_options *o, const char *order,
		   struct error *err)
{
	int rc = query_run(
		d->side[0].db,
		"CREATE TEMP TABLE side (side, key1, key2, key3, key4, total, waste, net, alloc, objects,"
		" net_low, net_high, total_low, total_high)",
		err);

	if (rc == 0)
		rc = print_headers(d, err);
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = copy_side(d, i, err);
	d->side[0].estimates |= d->side[1].estimates; /* from here on they are of both */
	if (rc == 0)
		rc = report_materialise(&d->side[0], "diff", schema_query_diff_sql, NULL, 0, err);
	if (rc == 0)
		rc = print_sums(d, err);
	if (rc == 0)
		rc = print_groups(d, o, order, err);
	if (rc == 0)
		emit_end(&d->side[0]);
	return rc;
}

static int read_conditions(struct diff *d, const struct option_list *list, struct error *err)
{
	if (list->count > CONDITIONS_MOST)
		return error_set(err, ERR_USAGE, "--fail-if: at most %d", CONDITIONS_MOST);
	for (size_t i = 0; i < list->count; i++)
		if (diff_condition_parse(&d->conditions[d->condition_count++], list->items[i],
					 err) < 0)
			return err->code;
	return 0;
}

static int open_sides(struct diff *d, const struct diff_options *o, char *const *paths,
		      struct error *err)
{
	struct by by;
	int rc = by_parse(&by, o->report.by ? o->report.by : "function", err);

	d->paths = (const char *const *)paths;
	d->other = o->report;
	d->other.output = NULL;
	d->side[0].by = d->side[1].by = by;
	if (rc == 0 && o->report.db)
		rc = error_set(
			err, ERR_USAGE,
			"--db: diff has two databases; load -o DB makes one where it should be");
	if (rc == 0)
		rc = report_open(&d->side[0], &o->report, paths, 1, err);
	if (rc == 0)
		rc = report_open(&d->side[1], &d->other, paths + 1, 1, err);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct diff_options o = { .report.looks = LOOKS_AT_CALL_SITES, .report.top = 30 };
	int first = command_parse(self, &o, argc, argv, 2, 2), rc, code, other;
	struct error err = { 0 }, none = { 0 };
	struct diff d = { .condition_count = 0 };
	char order[256] = "";

	if (first < 0)
		return command_exit_code(first);
	rc = report_order(order, sizeof(order), sort_keys, o.report.sort, BY_COLUMNS, &err);
	if (rc == 0)
		rc = read_conditions(&d, &o.fail_if, &err);
	if (rc == 0)
		rc = open_sides(&d, &o, argv + first, &err);
	if (rc == 0)
		compare(&d, &o, order, &err);
	d.side[1].out = NULL;
	other = d.side[1].db ? report_close(&d.side[1], &none) : EXIT_DONE;
	code = report_close(&d.side[0], &err);
	if (code == EXIT_DONE)
		code = other;
	if (d.failed && (code == EXIT_DONE || code == EXIT_INCOMPLETE)) {
		fprintf(stderr, "kmem-analyze: --fail-if '%s' holds\n", d.failed);
		code = EXIT_CONDITION;
	}
	option_list_release(&o.fail_if);
	report_options_release(&o.report);
	return code;
}

const struct command cmd_diff = {
	.name = "diff",
	.summary = "what changed from one capture to another, group by group",
	.operands = "BEFORE AFTER",
	.description =
		"Live bytes, objects, allocated bytes and waste of two captures, by function that allocates or any\n"
		"other key of --by, those that changed most first. Groups match by name, also between different\n"
		"kernels: offsets in functions do not count. Options that choose objects choose them in both.\n",
	.examples =
		"  kmem-analyze diff before.kmem after.kmem\n"
		"  kmem-analyze diff --by directory -s total old.db new.db\n"
		"  kmem-analyze diff --by cache --fail-if 'net>1M' --fail-if 'group.net>100%' good.db new.db\n",
	.options = rows,
	.run = run,
};
