/*
 * replay_speed CAPTURE - decodes and replays a capture without making a database, and prints its events, its
 * allocations and the CPU seconds of both threads.
 */
#include <stdio.h>
#include <time.h>

#include "analyze/load.h"

int main(int argc, char **argv)
{
	struct load_result result = { 0 };
	struct error err = { 0 };
	struct timespec used;

	if (argc != 2) {
		fprintf(stderr, "usage: replay_speed CAPTURE\n");
		return 2;
	}
	if (load_rows_only(argv[1], &result, &err) < 0) {
		fprintf(stderr, "replay_speed: %s\n", err.text);
		return 1;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	printf("%llu %llu %.6f\n", (unsigned long long)result.events,
	       (unsigned long long)result.allocations,
	       (double)used.tv_sec + (double)used.tv_nsec / 1e9);
	return 0;
}
