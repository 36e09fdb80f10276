/*
 * load.h - from a capture, or from an ftrace text log, to a finished database: scan, metadata, one stream
 * per CPU, merge by time (of a log: its lines as they stand), replay, SQLite, summaries. Reports are not made here, and nothing is printed but the
 * progress line.
 *
 *	struct load_options options = { .capture = "cap.kmem", .progress = true };
 *	struct load_result result;
 *
 *	if (load_capture(&options, &result, &err) < 0)
 *		...				// nothing was left behind
 *
 * The database appears under its name only when it is complete: it is built in a new file beside it
 * (mode 0600), reaches the disk and is renamed. On failure and on SIGINT or SIGTERM
 * (ERR_INTERRUPTED) that file is removed; what a load leaves that is killed, the next one into that name removes. Memory is bounded by the objects live at one time and by
 * the distinct stacks, not by the number of events.
 *
 * Keys of the table `capture`, besides the INFO keys of the capture as they are (FORMAT.md).
 * Numbers are INTEGER.
 *	identity.uuid		hex; with identity.length (bytes) and identity.tail_crc: the capture this belongs to
 *	created_ns		wall clock at which the capture was made, ns since 1970
 *	time.base_ns		trace clock at 0 of all times: INFO time.start_ns, else the first event
 *	time.length_ns		from there to INFO time.end_ns, or to the last event if that is later
 *	events			all events read
 *	events.alloc		allocations that returned memory, in all domains
 *	events.free		frees, of NULL and of unknown addresses included
 *	events.failed_alloc	allocations that returned NULL
 *	events.zero_size	allocations of 0 bytes (the kernel's ZERO_SIZE_PTR): no object
 *	events.null_free	frees of NULL or ZERO_SIZE_PTR
 *	events.unmatched_free	frees of addresses that no event allocated
 *	events.out_of_order	events whose time is before that of one that came before them: times of a CPU step back
 *	events.out_of_order_ns	by how much at most
 *	events.lost		records lost (stack records included); a lower bound where blocks are missing
 *	events.overwritten	records that a flight recorder overwrote, before the capture begins
 *	objects.reused		allocations on a live address: the free of the old object was not traced
 *	folded.pairs		objects that the recorder counted instead of writing, from the FOLDED blocks here (an INFO
 *				key, too: what was counted in all); they are in events, .alloc, .free, pair_total and
 *				free_total, not in allocation
 *	folded.null_frees	frees of NULL, likewise
 *	objects.live		objects live at the end, and their bytes_alloc: objects.live_bytes
 *	first_live_id		rows of `allocation` from this id on are live at the end
 *	loss.intervals		rows of `loss`
 *	stacks.lost		events whose stack was asked for and is not there
 *	tuples.lost		events whose dictionary entry is gone or makes no sense: they count with 0 bytes
 *	clean_end		1: the recorder ended in order; 0: cut off, or still recording
 *	damage.count		rows of `damage`
 *	segments.count		files that were loaded, of a series only (FORMAT.md, Segments); with it:
 *	segments.first segments.last	their lowest and highest number
 *	segments.missing	numbers between these that were not there: a row of `loss` for each gap
 *	segments.more		1: the recording went on in later segments
 *	blocks.unknown		blocks and sections of kinds that this version does not know, stepped over
 *	symbols			symbols in the capture's kallsyms; symbols.hidden 1: its addresses are all zero
 *				(kptr_restrict), so that no name could be given
 *	kernel._stext kernel._etext	addresses of these symbols in kallsyms, where it has them
 *	user.frames		distinct user frames; user.frames.named: those that have a symbol
 *	user.maps_refused	maps of processes left out because there were too many
 *	text.*			of a text log only: text_facts.h
 *	load.version		of the loader that made the database
 * And with debug information those of symbolize.h.
 */
#ifndef KMEM_ANALYZE_LOAD_H
#define KMEM_ANALYZE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/symbolize.h"
#include "analyze/text_log.h"
#include "format/base/error.h"

struct load_options {
	const char *capture;   /* one file; or: */
	char *const *captures; /* segments of one series, in any order */
	size_t count;	       /* of these; 0: capture counts */
	const char *db; /* NULL: the capture's name with ".db" added, of several the series' name */
	bool force;	/* replace a file of that name; a directory or device is refused anyway */
	bool progress;	/* a line on stderr, if that is a terminal */
	bool trust;	/* load what unpacks to more than recorders write, too */
	const char *const
		*debug_dirs; /* where symbols of user programs are looked for, besides here */
	size_t debug_dir_count;
	struct symbolize_options symbols; /* count 0: no source lines; of a text log also what
					   * names its addresses: kernel_names.h */
};

struct load_result {
	uint64_t events, allocations, lost, damage;
	uint64_t capture_bytes, db_bytes;
	double seconds;
	bool clean_end;
	struct symbolize_result symbols;
	bool is_text; /* an ftrace text log: */
	struct text_counts text;
};

/* The default name of the database of a capture, or of several segments; heap, NULL: no memory. */
char *load_db_name(const char *capture);
char *load_series_db_name(const char *segment);

/* ERR_EXISTS when the database is there and force is not set. ret may be NULL. */
int load_capture(const struct load_options *options, struct load_result *ret, struct error *err);

/*
 * Decodes and replays a capture, and throws its rows away: for measuring what that costs (make bench). Of *ret
 * only events and allocations are set.
 */
int load_rows_only(const char *capture, struct load_result *ret, struct error *err);

#endif
