/*
 * serve.c - in front of main() of a program: runs it once per line of standard input, in a process of its own each time.
 * What tries a program ten thousand times need not start and link it as often.
 *
 *	kmem-analyze-serve SECONDS
 *
 * A line has words with tabs between them: the files for standard output and standard error, then the arguments.
 * The answer is a line: the exit status, or minus the signal that ended it (SIGXCPU: it took SECONDS of processor time, SIGALRM: ten times
 * as long by the clock); and its largest size in kB.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 64
#define PATIENCE  10 /* by the clock, which goes on while others have the processors */

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static void redirect(const char *path, int to)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || dup2(fd, to) < 0)
		die(path);
	close(fd);
}

static _Noreturn void run(int argc, char **argv, unsigned int seconds)
{
	char *out = argv[0], *err = argv[1];
	char name[] = "kmem-analyze";
	struct rlimit no_core = { 0, 0 }, limit = { seconds, seconds + 1 };

	redirect(err, STDERR_FILENO);
	redirect(out, STDOUT_FILENO);
	if (!freopen("/dev/null", "r", stdin))
		die("/dev/null");
	if (setrlimit(RLIMIT_CORE, &no_core) || setrlimit(RLIMIT_CPU, &limit))
		die("setrlimit");
	alarm(seconds * PATIENCE);
	argv[1] = name;
	exit(__real_main(argc - 1, argv + 1));
}

int __wrap_main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	while ((len = getline(&line, &room, stdin)) > 0) {
		char *words[WORDS_MAX + 1] = { 0 }, *rest = line;
		struct rusage used;
		int count = 0, status;
		pid_t child;

		line[len - 1] = '\0'; /* its newline */
		while (count < WORDS_MAX && (words[count] = strsep(&rest, "\t")))
			count++;
		if (count < 2 || rest) {
			fprintf(stderr, "serve: %d words\n", count);
			return 2;
		}
		child = fork();
		if (child < 0)
			die("fork");
		if (!child)
			run(count, words, seconds);
		while (wait4(child, &status, 0, &used) < 0)
			if (errno != EINTR)
				die("wait4");
		dprintf(STDOUT_FILENO, "%d %ld\n",
			WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
			used.ru_maxrss);
	}
	free(line);
	return 0;
}
