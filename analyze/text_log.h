/*
 * text_log.h - an ftrace text log as a stream of events for the replay, in the order of the file.
 *
 *	struct text_log *log;
 *
 *	text_log_open(&log, "kmem.log", &err);
 *	text_log_start(log, &targets, &err);			// up to the first events: its time base is known
 *	while ((rc = text_log_next(log, &stream, &count, &err)) > 0)
 *		replay_run(&replay, stream, count, &err);	// moves the stream on over exactly these
 *	counts = text_log_counts(log);
 *	text_log_free(log);
 *
 * One thread, one pass, no allocation per event; memory is bounded by what is distinct (texts without
 * their pointers, frames, tasks).
 *
 * Times are those of the text, mostly whole microseconds. Events of one microsecond count up from it in
 * ns, so that they stay in the order of the file; a time that steps back is taken as the one before it.
 *
 * A stack trace belongs to the last event before it of its CPU and task whose call site is in it (an interrupt
 * may come between the two); one that belongs to no event of the last thousands is counted.
 *
 * Losses ("[LOST n EVENTS]", and what the header says was overwritten) go to targets.losses when the next
 * event of that CPU tells their end: objects that ended in between are not marked as live in a loss.
 *
 * What cannot be understood is counted. Lines that show parts of an event are damage: events are missing
 * there. All others (the console's) are not.
 */
#ifndef KMEM_ANALYZE_TEXT_LOG_H
#define KMEM_ANALYZE_TEXT_LOG_H

#include "analyze/cpu_stream.h"
#include "analyze/tasks.h"

#define TEXT_EXAMPLES	  3
#define TEXT_EXAMPLE_ROOM 160
#define TEXT_OTHER_NAMES  16
#define TEXT_OTHER_ROOM	  48

struct text_log;

struct text_example {
	uint64_t line;		      /* from 1 */
	char text[TEXT_EXAMPLE_ROOM]; /* cut, control characters as \xNN */
};

/* Events of memory are in the replay's counts. */
struct text_counts {
	uint64_t lines;
	uint64_t entries; /* of the ring: events of all kinds and stacks */
	uint64_t stacks, orphan_stacks, user_stacks;
	uint64_t foreign, damaged; /* lines */
	struct text_example foreign_lines[TEXT_EXAMPLES], damaged_lines[TEXT_EXAMPLES];
	uint64_t others; /* events that are left out, by name: */
	struct {
		char name[TEXT_OTHER_ROOM];
		uint64_t events;
	} other[TEXT_OTHER_NAMES];
	uint64_t hidden;	     /* events whose pointer was not printed: left out */
	uint64_t back, back_most;    /* times that step back, and the longest step in ns */
	uint64_t no_flags;	     /* events without irq columns */
	uint64_t pages;		     /* allocations of pages, whose size is a guess */
	uint64_t plain, plain_named; /* distinct plain addresses of call sites and frames */
	uint64_t header_entries;     /* in the log, as its headers say; 0: they do not */
	uint64_t header_lost;	     /* records overwritten before it begins */
	uint64_t lost;		     /* by "[LOST n EVENTS]", a lower bound where n is not told */
	bool ticks;		     /* the clock did not count seconds */
	bool hashed;		     /* pointers are hashes */
	bool nanoseconds;	     /* times have nine digits */
	const char *cut;	     /* why its end is not there, a half sentence; NULL: it is */
};

struct text_targets {
	struct event_type *types; /* of text_event_types; has_stack is set where stacks come */
	struct sites *sites;	  /* with its stacks */
	struct tasks *tasks;
	struct losses *losses;
};

int text_log_open(struct text_log **ret, const char *path, struct error *err);
void text_log_free(struct text_log *log);

/* ERR_FORMAT: the file has no event of memory. The targets outlive the log. */
int text_log_start(struct text_log *log, const struct text_targets *targets, struct error *err);

/* 1: the next *count events, all of one CPU; 0: there are no more. */
int text_log_next(struct text_log *log, struct cpu_stream **ret, uint32_t *count,
		  struct error *err);

/* Reads all of a log that was not started, for its counts alone; *ret_events: those of memory. */
int text_log_count(struct text_log *log, uint64_t *ret_events, struct error *err);

uint64_t text_log_base(const struct text_log *log); /* the clock at the first entry */
uint64_t text_log_end(const struct text_log *log);  /* at the last one so far */
uint64_t text_log_read(const struct text_log *log); /* bytes of the file, for progress */
uint64_t text_log_length(const struct text_log *log);
const struct text_counts *text_log_counts(const struct text_log *log); /* whole at the end */

/*
 * 1 if a file may be such a log: its first megabyte has an entry or the header of one; 0 if not, or if it cannot be
 * read, of which whoever reads it next will tell; ERR_NOMEM.
 */
int text_log_is_one(const char *path, struct error *err);

#endif
