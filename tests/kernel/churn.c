/*
 * churn ROUNDS [CPU]: a load of kernel allocations that repeats exactly. One round opens and closes
 * a pipe, a socket pair and a file. Pinned to CPU if one is given. Prints what it did, how long
 * that took, and how much CPU.
 *
 *	churn 50000 0 & churn 50000 1 & wait
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int round_once(void)
{
	int pipes[2], sockets[2], file;

	if (pipe(pipes) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
		return -1;
	file = open("/proc/self/stat", O_RDONLY);
	if (file < 0)
		return -1;
	return close(pipes[0]) | close(pipes[1]) | close(sockets[0]) | close(sockets[1]) |
	       close(file);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 0, cpu = argc > 2 ? atol(argv[2]) : -1;
	struct timespec from, to;
	struct rusage used;
	cpu_set_t set;

	if (rounds <= 0) {
		fprintf(stderr, "usage: churn ROUNDS [CPU]\n");
		return 2;
	}
	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET((size_t)cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set) < 0) {
			perror("churn: cannot pin to this CPU");
			return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (long i = 0; i < rounds; i++) {
		if (round_once() < 0) {
			perror("churn");
			return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	getrusage(RUSAGE_SELF, &used);
	printf("churn: %ld rounds of pipe, socketpair, open in %.3f s, %.6f s of CPU\n", rounds,
	       (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
	       seconds(used.ru_utime) + seconds(used.ru_stime));
	return 0;
}
