/*
 * report.h - what all reports share: the common options, opening the database, the output file, the
 * header that says what the data can bear, frames, and the exit code.
 *
 *	struct account_options { struct report_options report; bool classic; };
 *	static const struct option_row rows[] = { REPORT_ROWS(struct account_options, report), ... };
 *
 *	static int print(struct report *r, void *options, const char *order, struct error *err)
 *	{
 *		report_header(r, "account", err);
 *		fprintf(r->out, ...);
 *	}
 *	static int run(const struct command *self, int argc, char **argv)
 *	{
 *		struct account_options o = { 0 };
 *
 *		return report_run(self, argc, argv, &o, &o.report, sort_keys, "caller", print);
 *	}
 */
#ifndef KMEM_ANALYZE_REPORT_H
#define KMEM_ANALYZE_REPORT_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "analyze/branch.h"
#include "analyze/by.h"
#include "analyze/command.h"
#include "analyze/emit.h"
#include "analyze/estimate.h"
#include "analyze/event_pairs.h"
#include "analyze/object_filter.h"
#include "analyze/query.h"
#include "format/base/error.h"
#include "format/base/options.h"
#include "format/base/units.h"

/* What of a stack a report looks at, which matters where stacks are a sample (estimate.h). */
enum report_looks {
	LOOKS_AT_NOTHING,
	LOOKS_AT_CALL_SITES, /* or where the event has none the innermost frame */
	LOOKS_AT_CALLERS,
	LOOKS_AT_STACKS_OR_BY, /* without --by at all of it */
	LOOKS_AT_STACKS,
	LOOKS_AT_ROWS,	  /* single objects have no estimate: by call site, which is exact */
	LOOKS_AS_RECORDED /* no estimate: what has no stack is nobody's, and the header says so */
};

struct report_options {
	enum report_looks looks;
	const char *output;	      /* -o */
	bool force;		      /* -f */
	const char *sort;	      /* -s */
	uint64_t top;		      /* -n, of those with a TOP_ROW; 0: all */
	bool malloc_only, cache_only; /* both: no restriction, as in the older tool */
	bool include_self;
	const char *domain;		/* --domain; NULL: slab */
	const char *from, *to;		/* --from, --to: moments.h; NULL: no limit */
	const char *at;			/* --at; NULL: the end */
	struct object_filter filter;	/* --where, --only-* */
	const char *format;		/* --format; NULL: text */
	const char *db;			/* --db */
	const char *by;			/* --by; NULL: the report's own groups */
	struct branch branch;		/* -b, --any-frame */
	struct option_list skip_frames; /* --skip-frame */
	int (*check)(
		void *options, struct
		error *err); /* before anything is opened or made, may be NULL: checks options, and sets what follows from them */
	int64_t moments_ns; /* the report calls report_move, to the multiples of it and the end; 0: it does not */
	const char *on_loss; /* --on-loss; NULL: keep */
	/* event pairs of the user's (event_pairs.h); alloc.count 0: those of the database */
	struct pair_request pairs;
};

/* clang-format off */
#define REPORT_ROWS(type, member) \
	{ "output", 'o', "FILE", "write the report to FILE (mode 0600)", OPT_STRING, \
	  offsetof(type, member.output), 0, 0, 0, NULL }, \
	{ "force", 'f', NULL, "overwrite FILE, or a database that is in the way", OPT_FLAG, \
	  offsetof(type, member.force), 0, 0, 0, NULL }, \
	{ "malloc", 0, NULL, "only what came from kmalloc", OPT_FLAG, \
	  offsetof(type, member.malloc_only), 0, 0, 0, NULL }, \
	{ "cache", 0, NULL, "only what came from kmem_cache_alloc", OPT_FLAG, \
	  offsetof(type, member.cache_only), 0, 0, 0, NULL }, \
	{ "domain", 0, "WHICH", "slab (default), page, percpu or vmalloc", OPT_CHOICE, \
	  offsetof(type, member.domain), 0, 0, 0, report_domains }, \
	{ "from", 0, "TIME", "only objects allocated from TIME on: 10s, 5ms, 25%, 14:05:30, mark:TEXT (a bare number: s)", \
	  OPT_STRING, offsetof(type, member.from), 0, 0, 0, NULL }, \
	{ "to", 0, "TIME", "only objects allocated before TIME, whatever became of them later", \
	  OPT_STRING, offsetof(type, member.to), 0, 0, 0, NULL }, \
	{ "at", 0, "TIME", "what was live at TIME, and nothing of what came later", OPT_STRING, \
	  offsetof(type, member.at), 0, 0, 0, NULL }, \
	{ "where", 0, "SQL", "only objects that meet the condition, on columns of the view object: " \
	  "\"cache = 'dentry' AND lifetime > 1e9\"", OPT_STRING, offsetof(type, member.filter.where), 0, 0, 0, NULL }, \
	{ "only-comm", 0, "NAME", "only what tasks of that name allocated, whoever freed it (repeatable)", OPT_LIST, \
	  offsetof(type, member.filter.comms), 0, 0, 0, NULL }, \
	{ "only-pid", 0, "PIDS", "only what these processes allocated: 17 or 17,20-29", OPT_STRING, \
	  offsetof(type, member.filter.pids), 0, 0, 0, NULL }, \
	{ "only-tid", 0, "TIDS", "only what these threads allocated", OPT_STRING, \
	  offsetof(type, member.filter.tids), 0, 0, 0, NULL }, \
	{ "only-cpu", 0, "CPUS", "only what was allocated on these CPUs: 0-3,8", OPT_STRING, \
	  offsetof(type, member.filter.cpus), 0, 0, 0, NULL }, \
	{ "by", 0, "KEY[,KEY]", "group by " BY_KEYS, OPT_STRING, offsetof(type, member.by), 0, 0, 0, NULL }, \
	{ "start-branch", 'b', "DIR", "only what is allocated from functions of that source directory, as fs/ext4 " \
	  "(repeatable)", OPT_LIST, offsetof(type, member.branch.dirs), 0, 0, 0, NULL }, \
	{ "any-frame", 0, NULL, "-b: not the caller alone, but any frame of the stack may be from there", OPT_FLAG, \
	  offsetof(type, member.branch.any_frame), 0, 0, 0, NULL }, \
	{ "skip-frame", 0, "PATTERN", "a function that is nobody's caller, besides the allocator's own and its " \
	  "wrappers: my_alloc* (repeatable)", OPT_LIST, offsetof(type, member.skip_frames), 0, 0, 0, NULL }, \
	{ "include-self", 0, NULL, "count what kmem-record itself allocated, too", OPT_FLAG, \
	  offsetof(type, member.include_self), 0, 0, 0, NULL }, \
	{ "db", 0, "FILE", "keep the database of the capture in FILE (default: CAPTURE.db)", OPT_STRING, \
	  offsetof(type, member.db), 0, 0, 0, NULL }

#define TOP_ROW(type, member) \
	{ "top", 'n', "N", "the first N entries (0: all)", OPT_NUMBER, offsetof(type, member.top), 0, 0, 0, NULL }

#define FORMAT_ROW(type, member) \
	{ "format", 0, "FORMAT", "text (default), json, ndjson (an object per line) or csv (the main table)", OPT_CHOICE, \
	  offsetof(type, member.format), 0, 0, 0, emit_formats }

#define ON_LOSS_ROW(type, member) \
	{ "on-loss", 0, "WHAT", "of what was live while events were lost: keep it, in doubt (default), or reset: " \
	  "forget it, as perf-prof does", OPT_CHOICE, offsetof(type, member.on_loss), 0, 0, 0, report_on_loss }

#define SORT_ROW(type, member, keys) \
	{ "sort", 's', "KEY[,KEY]", "sort by: " keys, OPT_STRING, offsetof(type, member.sort), 0, 0, 0, NULL }
/* clang-format on */

extern const char *const report_domains[], *const report_on_loss[];

struct report {
	const struct report_options *options;
	sqlite3 *db;
	FILE *out;
	int64_t base_wall_ns; /* wall clock at time 0 of the database; if !has_wall the trace clock */
	bool has_wall;	      /* the wall clock of the events is known */
	int64_t length_ns;
	int64_t end_ns; /* the moment that the report is about: --at, or the end of the capture */
	bool at_end;	/* --at is later than the end, which it is taken for */
	bool windowed;	/* --from or --to was given: */
	int64_t from_ns, to_ns; /* objects allocated in [from_ns, to_ns) */
	bool filtered;	   /* --from, --to, --at or a filter: only the single objects can tell */
	bool filter_sites; /* --where chooses allocation sites: temp.filter_site */
	struct emit emit;  /* --format */
	bool complete;	   /* nothing lost, damaged or cut off */
	struct by by;	   /* --by; count 0: none */
	bool live_only;	   /* the report is about what is live at the end alone */
	bool levels; /* set before report_header: what was live when, which losses put in doubt from then on */
	bool all_domains; /* set before report_header and all that selects: not one domain, but each by itself */
	struct event_pairs pairs;  /* of options->pairs */
	struct estimate *estimate; /* NULL: every stack that is looked at is known */
	bool estimates;		   /* there are such, so that queries have their columns */
	bool forget;		   /* --on-loss reset, and something was lost: */
	int64_t forgotten;	   /* objects, where that is known: not with --at */
	const char *
		rows_for; /* set before report_header: what needs the single objects besides the options */
};

/*
 * Lines that start with '#': the capture, its length, its events and its losses, what they do to
 * the numbers, and what was left out.
 */
int report_header(struct report *r, const char *name, struct error *err);

/*
 * What the recorder folded (--survivors) has no rows in `allocation` and unmatched_free, and no
 * tasks, CPUs and times. Says so, as a line of the header, for an option whose numbers come from
 * there; prints nothing if the capture has no folded pairs.
 */
void report_without_folded(struct report *r, const char *option);

/* Allocations were left out when recording, by a filter or a selection: FORMAT.md. */
bool report_is_partial(struct report *r);

const char *report_domain(const struct report_options *options);
/* The one that the report is about; NULL: all_domains. */
const char *report_one_domain(const struct report *r);

/*
 * What the recorder noted that the capture cannot show (INFO warning.N), in lines of 100 columns that
 * begin with `first` and go on with `next`.
 */
int report_notes(struct report *r, const char *first, const char *next, struct error *err);

/* "malloc", "cache" or NULL: which allocations the options select. */
const char *report_api(const struct report_options *options);

/*
 * The rows of `allocation` that --from, --to, --at and the filters leave, with the same columns: a table or a view.
 * Of --at what had not ended then is live. What --domain, --malloc, --cache, -b, --include-self and a --where of
 * sites say is not in it: report_select_pairs_of.
 */
const char *report_rows(const struct report *r);
/* Makes what report_rows names; sets filtered and filter_sites. */
int report_prepare_selection(struct report *r, struct error *err);

/* The summaries that the loader made tell all that the options select, but for tasks, CPUs and initcalls. */
bool report_has_sums(const struct report *r);

/*
 * From here on the report is about another moment, as with --at: of options->moments_ns. What report_select_groups made is gone, and
 * so are those temporary views and tables (a list of names that NULL ends) that the caller made from it.
 */
int report_move(struct report *r, int64_t at_ns, const char *const *made, struct error *err);

/*
 * Makes the temporary view `pair`: pairs as in pair_total that the options select, from the summaries where they can tell, else
 * from the rows, with what the keys of --by need of the single objects (row_pairs.h). Where there is --by also the
 * view alloc_by of them. Stock reports are queries on these.
 */
int report_select_groups(struct report *r, struct error *err);
/*
 * The pairs that the options select of another source: a table, or a query in parentheses; as the view `name`. Where stacks
 * are a sample and the report looks at them these are split over stacks (estimate.h), and temporary table NAME_chosen has
 * them as they were before, without -b.
 */
int report_select_pairs_of(struct report *r, const char *name, const char *source,
			   struct error *err);
/*
 * SQL of schema/query with its columns of estimates: lines that begin with "--+" count where there are any, else they are comments. As
 * query_materialise, and query_init.
 */
int report_materialise(struct report *r, const char *name, const char *sql, const char *parameter,
		       int64_t value, struct error *err);
int report_query(struct report *r, struct query *q, const char *sql, const char *tail,
		 struct error *err);
/*
 * "95 %: 192..1152 bytes, 1..6 objects" between `before` and `behind`, of four columns of a row from `column` on: objects_low,
 * objects_high, bytes_low, bytes_high; nothing where the row is exact, or nothing is estimated. sized: bytes are known.
 */
void report_error(struct report *r, const struct query *q, int column, bool sized,
		  const char *before, const char *behind);
/* Groups by stack are by call site, as nothing tells how to split single objects over stacks. */
bool report_by_call_site(const struct report *r);
/* Whether sites are selected by directory or by condition, so that frees of unknown addresses belong to none. */
bool report_selects_sites(const struct report *r);
/* " AND ..." of the options over alias a of alloc_site and e of its event. */
void report_append_sites(const struct report *r, sqlite3_str *sql);

/* One sort key of a report; sql is a column of its query with its direction. */
struct sort_key {
	const char *name, *sql;
};

/* "ORDER BY KEYS, ties" of what was chosen with -s, NULL for the first; ERR_USAGE lists the keys. */
int report_order(char *text, size_t room, const struct sort_key *keys, const char *chosen,
		 const char *ties, struct error *err);

/*
 * For commands that need more than one database, or none of what follows: opens the database of these captures and the
 * output; and closes both, prints the failure, if there is one, and returns the exit code. r is closed in any case.
 */
int report_open(struct report *r, const struct report_options *options, char *const *paths,
		size_t count, struct error *err);
int report_close(struct report *r, const struct error *err);
void report_options_release(struct report_options *options); /* the lists of REPORT_ROWS */

/*
 * The life of a report: options, sort order, database (loaded on first use), output file, print, and
 * the exit code: EXIT_DONE, EXIT_INCOMPLETE when the capture is, or a failure, whose text is printed.
 * common points into options, and its lists are released. The first of keys is the default, names of
 * one order may be several, { NULL } ends them; keys may be NULL. order is "ORDER BY KEYS, ties".
 */
int report_run(const struct command *self, int argc, char **argv, void *options,
	       struct report_options *common, const struct sort_key *keys, const char *ties,
	       int (*print)(struct report *r, void *options, const char *order, struct error *err));

/*
 * The same for commands that also take a vmlinux or a build tree (static_input.h), as their only operand: r->db is
 * then a database in memory that has only source and static_symbol, and the report is complete.
 */
int report_run_on(const struct command *self, int argc, char **argv, void *options,
		  struct report_options *common, const struct sort_key *keys, const char *ties,
		  int (*print)(struct report *r, void *options, const char *order,
			       struct error *err));

/*
 * Another capture or database under the same options, to compare with: o->report has its rows and facts, and its `out`
 * is not to be written to. --db is of the first alone.
 */
struct report_other {
	struct report report;
	struct report_options options;
};
int report_other_open(struct report_other *o, const struct report *like, const char *path,
		      struct error *err);
void report_other_close(struct report_other *o);

/* The line that perf-prof puts before a section: local date and time, microseconds, a blank. */
void report_timestamp(struct report *r, int64_t time_ns);

/*
 * The frames of a stack, one line each, four blanks in front; for a stack of NULL (none recorded)
 * the call site alone.
 */
int report_stack(struct report *r, bool has_stack, int64_t stack, bool has_call_site,
		 int64_t call_site, struct error *err);

/* Behind it, where stacks are estimated: that nothing is known beyond the call site. */
void report_stack_unknown(const struct report *r, bool has_stack);

/* For LIMIT: -n, or -1. All of text, too, as what is not shown is counted there. */
int64_t report_limit(const struct report *r);
/* Counts a row, and whether it is one of the first -n, which are shown. */
bool report_shows(const struct report *r, uint64_t *shown, uint64_t *all);
/* "Skipping callers numbered 7..26 (-n 0 shows all)", where not all of a table were shown. */
void report_skipping(struct report *r, const char *what, uint64_t shown, uint64_t all);

/* A number of a row, "?" for NULL. */
const char *report_number(char room[UNITS_TEXT], const struct query *q, int column);

/*
 * Text from a capture (task names, symbols, paths) as it may go to a terminal: control characters
 * and bytes that are no UTF-8 become \xNN. Returns room.
 */
const char *report_safe(char *room, size_t size, const char *text);

#endif
