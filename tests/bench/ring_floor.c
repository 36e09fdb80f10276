/*
 * ring_floor INSTANCE BYTES - the least that a reader of a tracing ring can do: a thread on each CPU waits for its ring and
 * reads it, sub-buffers of BYTES, and throws away what it has read. At the end of standard input it reads what is left, and
 * prints the CPU time of its threads and the bytes they read. What kmem-record takes beyond that, it spends on events.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CPUS_MAX 1024
#define POLL_MS	 200

struct ring {
	pthread_t thread;
	int cpu, fd;
	size_t subbuf;
	unsigned long long bytes;
	double seconds;
};

static bool stopping;

static void drain(struct ring *r, char *page)
{
	ssize_t n;

	while ((n = read(r->fd, page, r->subbuf)) > 0)
		r->bytes += (unsigned long long)n;
}

static void *ring_main(void *arg)
{
	struct ring *r = arg;
	char *page = aligned_alloc(4096, r->subbuf);
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	struct timespec used;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(r->cpu, &cpus);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	while (page && !__atomic_load_n(&stopping, __ATOMIC_ACQUIRE)) {
		poll(&p, 1, POLL_MS);
		drain(r, page);
	}
	drain(r, page);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	r->seconds = (double)used.tv_sec + (double)used.tv_nsec / 1e9;
	free(page);
	return NULL;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	static struct ring rings[CPUS_MAX];
	unsigned long long bytes = 0;
	double seconds = 0;
	char path[512], byte;

	if (argc != 3 || cpus < 1 || cpus > CPUS_MAX || atoi(argv[2]) % 4096 ||
	    atoi(argv[2]) < 4096) {
		fprintf(stderr, "usage: ring_floor INSTANCE BYTES\n");
		return 2;
	}
	for (int i = 0; i < cpus; i++) {
		snprintf(path, sizeof(path), "%s/per_cpu/cpu%d/trace_pipe_raw", argv[1], i);
		rings[i] = (struct ring){ .cpu = i,
					  .fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
					  .subbuf = (size_t)atoi(argv[2]) };
		if (rings[i].fd < 0 ||
		    pthread_create(&rings[i].thread, NULL, ring_main, &rings[i])) {
			perror(path);
			return 1;
		}
	}
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	__atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
	for (int i = 0; i < cpus; i++) {
		pthread_join(rings[i].thread, NULL);
		bytes += rings[i].bytes;
		seconds += rings[i].seconds;
	}
	printf("%.6f %llu\n", seconds, bytes);
	return 0;
}
