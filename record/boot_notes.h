/*
 * boot_notes.h - what went wrong with a tracing that the kernel command line started, found out
 * afterwards: from that command line, the kernel log, and the rings as they were found and read.
 *
 * Each trap has a code that never changes (notes.h):
 *
 *	overrun		records were overwritten before they were saved
 *	refused		records were refused by a full ring, at the end
 *	clock-switched	late start-up changed the trace clock and emptied the rings
 *	no-trace-clock	no trace_clock= on the command line: the same may happen the next time
 *	clock-unit	the clock counts no time
 *	starts-late	the first event comes late, and nothing above explains it
 *	begins		when recording began: what was allocated before is not seen
 *	read-before	someone has read (and thereby removed) records before
 *	stopped-before	tracing had been stopped before
 *	cpus-offline	CPUs did not start, for lack of memory for their rings
 *	cpu-silent	CPUs that run have no record
 *	ring-small	the ring is smaller than the command line asked for
 *	early-stacks	stacks came before the events that they belong to were on
 *	stacks-of-frees	frees carry stacks, too: the ring holds less than it could
 *
 * and of its own
 *
 *	memory-short	dump lacked memory: what it could not read is missing
 *
 *	boot_notes_find(&notes, &facts);
 */
#ifndef KMEM_RECORD_BOOT_NOTES_H
#define KMEM_RECORD_BOOT_NOTES_H

#include "record/found_ring.h"
#include "record/notes.h"

struct boot_facts {
	const char *cmdline; /* "" where it is not known; so the others */
	const char *dmesg;
	const char *cpus_online, *cpus_present;
	const struct found_rings *rings; /* those that were saved, read already */
	bool frees_have_stacks;
	uint64_t early_stacks; /* stream.h */
};

void boot_notes_find(struct notes *notes, const struct boot_facts *facts);

/* The kernel command line began the tracing of this ring. */
bool boot_started_ring(const char *cmdline, const struct found_ring *ring);

/* The clock counts ns from about the start of the kernel. */
bool boot_clock_is_uptime(const char *clock);

/*
 * KEY=VALUE of a kernel command line, the first one. False, and an empty text, where there is none.
 */
bool cmdline_value(const char *cmdline, const char *key, char *text, size_t room);

/* "0-3,8": whether cpu is in the list. */
bool cpu_list_has(const char *list, uint32_t cpu);

/* Events that the kernel was to switch on at boot and did not have: "kmem:a kmem:b". Returns room. */
const char *boot_absent_events(const char *dmesg, char *room, size_t size);

/* Why there may be nothing in the rings, and what to do, as one sentence. Returns room. */
const char *boot_why_empty(const struct boot_facts *facts, char *room, size_t size);

#endif
