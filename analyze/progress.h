/*
 * progress.h - one line on a terminal that says how far a long task is. Silent where stderr is no
 * terminal.
 *
 *	struct progress p;
 *
 *	progress_init(&p, "loading", wanted);
 *	progress_show(&p, done, all);		// as often as you like: it draws at most ten times a second
 *	progress_clear(&p);
 */
#ifndef KMEM_ANALYZE_PROGRESS_H
#define KMEM_ANALYZE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;
	bool on, drawn;
	uint64_t last_ns;
};

void progress_init(struct progress *p, const char *what, bool wanted);
void progress_show(struct progress *p, uint64_t done, uint64_t all);
void progress_clear(struct progress *p);

#endif
