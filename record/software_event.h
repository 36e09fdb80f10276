/*
 * software_event.h - events that perf makes and tracefs does not know: page faults, with the address
 * that was touched. They are recorded like tracepoints, as system "software", in a record that this
 * file lays out.
 *
 *	e = software_event_find("page-faults");
 *	software_event_format(&text, e, long_size);		// as a format file of tracefs
 *	software_event_record(bytes, e, long_size, tid, address, ip);
 */
#ifndef KMEM_RECORD_SOFTWARE_EVENT_H
#define KMEM_RECORD_SOFTWARE_EVENT_H

#include <stdint.h>

#include "format/base/buf.h"

#define SOFTWARE_SYSTEM	     "software"
#define SOFTWARE_RECORD_SIZE 24 /* bytes, of the larger layout */

struct software_event {
	const char *name;
	uint64_t config; /* PERF_COUNT_SW_... */
	uint16_t id;	 /* its number in a recording, above all that tracefs gives out */
};

/* name: with or without "software:". NULL: there is no such event. */
const struct software_event *software_event_find(const char *name);

/* NUL-terminated behind ret->len. */
void software_event_format(struct buf *ret, const struct software_event *e, unsigned int long_size);

/* Returns the length, in bytes. tid: of the task that faulted. */
uint32_t software_event_record(uint8_t *ret, const struct software_event *e, unsigned int long_size,
			       int32_t tid, uint64_t address, uint64_t ip);

#endif
