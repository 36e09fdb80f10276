#define _GNU_SOURCE /* pipe2 */
#include "record/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* As execvp would look for it. */
static bool program_exists(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char full[4096];

	if (strchr(name, '/'))
		return is_program(name);
	for (path = path ? path : "/bin:/usr/bin"; path; path = *end ? end + 1 : NULL) {
		end = strchrnul(path, ':');
		snprintf(full, sizeof(full), "%.*s/%s", (int)(end - path), end == path ? "." : path,
			 name);
		if (end == path)
			snprintf(full, sizeof(full), "./%s", name);
		if (is_program(full))
			return true;
	}
	return false;
}

static void child(int go_fd, char **argv, const sigset_t *mask)
{
	char c;

	if (read(go_fd, &c, 1) != 1)
		_exit(0); /* the recorder gave up before it began */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	_exit(errno == ENOENT ? 127 : 126);
}

int command_prepare(struct command *c, char **argv, const sigset_t *mask, struct error *err)
{
	int fds[2];
	pid_t pid;

	if (!program_exists(argv[0]))
		return error_set(err, ERR_USAGE, "cannot run '%s': there is no such program",
				 argv[0]);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_errno(err, "cannot make a pipe");
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return error_errno(err, "cannot start '%s'", argv[0]);
	}
	if (pid == 0) {
		close(fds[1]);
		child(fds[0], argv, mask);
	}
	close(fds[0]);
	*c = (struct command){ .pid = pid, .go_fd = fds[1] };
	return 0;
}

static void let_go(struct command *c, bool run)
{
	if (c->go_fd < 0)
		return;
	if (run && write(c->go_fd, "", 1) < 0) {
		/* it was killed while it waited: waitpid will tell */
	}
	close(c->go_fd);
	c->go_fd = -1;
}

void command_go(struct command *c)
{
	if (c->pid)
		let_go(c, true);
}

bool command_ended(struct command *c)
{
	int status;

	if (!c->pid || c->ended || waitpid(c->pid, &status, WNOHANG) != c->pid)
		return c->ended;
	c->ended = true;
	if (WIFSIGNALED(status))
		snprintf(c->status, sizeof(c->status), "signal %d", WTERMSIG(status));
	else
		snprintf(c->status, sizeof(c->status), "exit %d", WEXITSTATUS(status));
	return true;
}

void command_release(struct command *c)
{
	if (!c->pid)
		return;
	if (c->go_fd >= 0) {
		let_go(c, false);
		waitpid(c->pid, NULL, 0);
	}
	*c = (struct command){ .go_fd = -1 };
}
