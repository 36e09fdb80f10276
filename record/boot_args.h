/*
 * boot_args.h - the kernel command line that records the allocations of boot, sized for a machine.
 *
 *	struct boot_machine m = { .memory = bytes, .cpus = 4 };
 *	boot_kernel_parse(&m, "6.1.0-13-amd64", &err);
 *	boot_args_line(&m, line, sizeof(line));
 */
#ifndef KMEM_RECORD_BOOT_ARGS_H
#define KMEM_RECORD_BOOT_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

struct boot_machine {
	uint64_t memory; /* bytes */
	uint64_t cpus;	 /* possible */
	unsigned int major, minor;
};

/* "6.12", "5.10.0-28-amd64"; ERR_USAGE. */
int boot_kernel_parse(struct boot_machine *m, const char *release, struct error *err);

/*
 * Bytes of ring per CPU, whole MB: all together at most a tenth of memory, and what memory there is when
 * CPUs start.
 */
uint64_t boot_ring_bytes(const struct boot_machine *m);

/* Allocations alone can carry stacks (boot parameter trace_trigger). */
bool boot_has_triggers(const struct boot_machine *m);

/* Returns room; 2 kB are enough. */
const char *boot_args_line(const struct boot_machine *m, char *room, size_t size);

#endif
