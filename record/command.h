/*
 * command.h - the workload that a recording is made of: started early, held until events are on.
 *
 *	command_prepare(&c, argv, &signal_mask, &err);	// forks; the child waits
 *	command_go(&c);					// exec
 *	if (command_ended(&c)) puts(c.status);		// after SIGCHLD
 *	command_release(&c);				// one that still waits ends; one that runs is left alone
 */
#ifndef KMEM_RECORD_COMMAND_H
#define KMEM_RECORD_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "format/base/error.h"

struct command {
	pid_t pid; /* 0: none */
	int go_fd; /* -1 once it was let go */
	bool ended;
	char status[32]; /* "exit 0", "signal 9"; "" while it runs */
};

/*
 * mask: the signals blocked in the child. ERR_USAGE if there is no such program: found out before
 * anything is changed anywhere.
 */
int command_prepare(struct command *c, char **argv, const sigset_t *mask, struct error *err);
void command_go(struct command *c);
bool command_ended(struct command *c);
void command_release(struct command *c);

#endif
