/*
 * verify.h - reads a whole capture and says what is damaged and what survives. No database, no
 * replay.
 *
 *	struct verify_result result;
 *
 *	if (verify_capture("cap.kmem", print_line, stdout, &result, &err) < 0)
 *		...
 *	complete = result.damage == 0;
 */
#ifndef KMEM_ANALYZE_VERIFY_H
#define KMEM_ANALYZE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "format/base/error.h"

struct verify_result {
	uint64_t length; /* bytes of the file */
	uint64_t blocks, bad_blocks, unknown;
	uint64_t event_blocks, events; /* that decode */
	uint64_t folded;	       /* events that FOLDED blocks stand for */
	uint64_t lost_events;	       /* in blocks that do not decode: from their headers */
	uint64_t lost_records;	       /* by the rings while recording */
	uint64_t stacks, tuples;
	uint64_t dangling; /* events whose dictionary entry is not there */
	uint64_t damage;   /* pieces of damage, each of them was reported */
	bool clean_end;
};

/*
 * Checks every block. problem is called with one sentence for each piece of damage. Fails only when
 * the file is no capture, cannot be read or memory ends.
 */
int verify_capture(const char *path, void (*problem)(void *arg, const char *text), void *arg,
		   struct verify_result *ret, struct error *err);

#endif
