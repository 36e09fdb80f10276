/*
 * text_line.h - one line of an ftrace text log (`trace`, `trace_pipe`) into its parts, in one pass and
 * without copying: everything points into the line.
 *
 *	struct text_line l;
 *
 *	text_line_parse(line, len, &l);
 *	if (l.kind == LINE_EVENT)
 *		use(l.type, l.cpu, l.pid, l.time_ns, l.args);
 *
 * What is understood around an event: the columns with and without irq information and tgid, times in
 * seconds or as plain counts, the prefix of a kernel log ("[   12.345678] ") and other text in front of
 * the task's name. Which of the events below it is, text_event_type says; their arguments are text_event.h's.
 * Nothing is trusted: a line may hold any bytes.
 */
#ifndef KMEM_ANALYZE_TEXT_LINE_H
#define KMEM_ANALYZE_TEXT_LINE_H

#include <stdbool.h>

#include "format/records.h"

/* Those whose arguments are read; text_event.c has their table in this order. */
enum text_type {
	TEXT_KMALLOC,
	TEXT_KMALLOC_NODE,
	TEXT_CACHE_ALLOC,
	TEXT_CACHE_ALLOC_NODE,
	TEXT_KFREE,
	TEXT_CACHE_FREE,
	TEXT_PAGE_ALLOC,
	TEXT_PAGE_FREE,
	TEXT_PERCPU_ALLOC,
	TEXT_PERCPU_FREE,
	TEXT_VMAP_ALLOC,
	TEXT_VMAP_FREE,
	TEXT_TYPES,
	TEXT_OTHER = TEXT_TYPES
};

enum line_kind {
	LINE_FOREIGN,	 /* nothing of ftrace */
	LINE_DAMAGED,	 /* nothing whole, but parts of an event of memory stand in it */
	LINE_BLANK,	 /* nothing, or a comment: "# ...", "##### CPU 1 buffer started ####" */
	LINE_ENTRIES,	 /* "# entries-in-buffer/entries-written: 10/20": entries, written */
	LINE_EVENT,	 /* type, or TEXT_OTHER: any other entry of the ring; name may be empty */
	LINE_STACK,	 /* "<stack trace>": the frames follow */
	LINE_USER_STACK, /* "<user stack trace>" */
	LINE_FRAME,	 /* " => vfs_open+0x12/0x30": args */
	LINE_LOST,	 /* "CPU:1 [LOST 12 EVENTS]": cpu, lost */
};

struct text_line {
	enum line_kind kind;
	enum text_type type;
	int32_t cpu, pid;
	int32_t tgid;	  /* -1: not said */
	struct text comm; /* "<...>": ftrace did not know it */
	bool has_flags;	  /* the irq columns are there: */
	uint8_t flags;	  /* as common_flags, of these TRACE_FLAG_HARDIRQ, _SOFTIRQ and _NMI */
	uint64_t time_ns; /* of the trace clock */
	uint8_t digits;	  /* behind the point; 0: the clock counts something else than seconds */
	struct text name,
		args;  /* of the event; name has no system; args is not set where name is empty */
	uint64_t lost; /* 0: the kernel did not say how many */
	uint64_t entries, written;
};

void text_line_parse(const char *p, size_t len, struct text_line *ret);

/* TEXT_OTHER: none that is read. */
enum text_type text_event_type(struct text name);

#endif
