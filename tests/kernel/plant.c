/*
 * plant PIPES SOCKETPAIRS EPOLLS [--half]: opens so many of each and holds them, so that a
 * recording that stops now has exactly these objects alive. With --half it closes the second half
 * of each kind again.
 *
 * It prints one line when all is in place, "planted PID PIPES SOCKETPAIRS EPOLLS", and then waits
 * until its standard input ends. The number of open objects is what it prints, whatever the limits
 * of the shell are.
 *
 *	mkfifo hold; plant 100 50 20 <hold >ready &
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum kind { PIPE, SOCKETPAIR, EPOLL, KINDS };

static int open_one(enum kind kind, int fds[2])
{
	fds[1] = -1;
	switch (kind) {
	case PIPE: return pipe(fds);
	case SOCKETPAIR: return socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
	default: fds[0] = epoll_create1(0); return fds[0] < 0 ? -1 : 0;
	}
}

/* Opens count objects and closes those from keep on. */
static int plant(enum kind kind, long count, long keep)
{
	int(*fds)[2] = calloc((size_t)count + 1, sizeof(*fds)), rc = 0;

	if (!fds)
		return -1;
	for (long i = 0; rc == 0 && i < count; i++)
		rc = open_one(kind, fds[i]);
	for (long i = keep; rc == 0 && i < count; i++) {
		close(fds[i][0]);
		if (fds[i][1] >= 0)
			close(fds[i][1]);
	}
	free(fds);
	return rc;
}

int main(int argc, char **argv)
{
	long counts[KINDS], kept[KINDS];
	struct rlimit limit;
	char c;

	if (argc < 4) {
		fprintf(stderr, "usage: plant PIPES SOCKETPAIRS EPOLLS [--half]\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (int k = 0; k < KINDS; k++) {
		counts[k] = atol(argv[1 + k]);
		kept[k] = argc > 4 && !strcmp(argv[4], "--half") ? counts[k] / 2 : counts[k];
		if (plant((enum kind)k, counts[k], kept[k]) < 0) {
			perror("plant");
			return 1;
		}
	}
	sleep(1); /* some of what was closed is freed after a grace period */
	printf("planted %d %ld %ld %ld\n", (int)getpid(), kept[PIPE], kept[SOCKETPAIR],
	       kept[EPOLL]);
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	return 0;
}
