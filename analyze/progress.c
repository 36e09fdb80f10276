#include "analyze/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_NS 100000000ull

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void progress_init(struct progress *p, const char *what, bool wanted)
{
	*p = (struct progress){ .what = what,
				.on = wanted && isatty(STDERR_FILENO),
				.last_ns = now_ns() };
}

void progress_show(struct progress *p, uint64_t done, uint64_t all)
{
	uint64_t now;

	if (!p->on)
		return;
	now = now_ns();
	if (now - p->last_ns < INTERVAL_NS)
		return;
	p->last_ns = now;
	p->drawn = true;
	fprintf(stderr, "\r%s: %3.0f %% ", p->what, all ? 100.0 * (double)done / (double)all : 0.0);
	fflush(stderr);
}

void progress_clear(struct progress *p)
{
	if (p->drawn)
		fprintf(stderr, "\r\033[K");
	p->drawn = false;
}
