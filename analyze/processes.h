/*
 * processes.h - which program each process runs and what it has mapped, at the moment that the
 * replay has come to.
 *
 * A fork copies the parent's maps (they are shared until one of the two changes), an exec begins
 * with none, a map replaces what was at its addresses. Unmapping is not recorded, so that a map may
 * outlive the truth, until something else is mapped there. What /proc showed (a snapshot) is taken as
 * true from the beginning of the process, and never replaces what the kernel told.
 *
 *	struct processes p = { .log = &log };
 *
 *	processes_init(&p, &err);			// snapshots become the state at the beginning
 *	if (event_time >= p.next_time)			// UINT64_MAX when there is no more to come
 *		processes_advance(&p, event_time, on_task, arg, &err);
 *	process = processes_find(&p, tgid);		// NULL: nothing is known
 *	map = process_map(process, address);		// NULL: nothing is mapped there
 *	processes_release(&p);
 */
#ifndef KMEM_ANALYZE_PROCESSES_H
#define KMEM_ANALYZE_PROCESSES_H

#include "analyze/process_log.h"

#define SPACE_MAPS_MAX 16384 /* of one process; further ones are left out */

struct map {
	uint64_t start, end; /* addresses, end exclusive */
	uint64_t offset;     /* of start in the file */
	uint32_t dso;
};

struct space;

struct process {
	int32_t tgid;
	uint32_t
		program; /* counts the programs of the capture: another one after fork, exec, reuse */
	uint64_t epoch; /* another one, never seen before, after every change */
	struct space *space;
	bool has_history; /* its beginning was recorded: /proc can only repeat what is known */
	bool exited;
};

struct processes {
	const struct process_log *log; /* sorted; outlives this */
	uint64_t next_time;	       /* of the record that comes next */
	/* from here on its own */
	size_t next;
	struct process *list;
	size_t count, cap;
	struct id_index index; /* tgid -> list */
	uint32_t programs;
	uint64_t epochs;
	size_t maps;	 /* of all spaces */
	size_t refused;	 /* maps left out because there were too many */
	uint64_t work;	 /* done for them so far */
	uint32_t *ended; /* processes that exited, the oldest first: a ring */
	size_t ended_next;
};

int processes_init(struct processes *p, struct error *err);

/*
 * Applies all records up to and including time. task (may be NULL) is called for each COMM, FORK
 * and EXIT, before it is applied; it returns 0 or ERR_NOMEM.
 */
int processes_advance(struct processes *p, uint64_t time,
		      int (*task)(void *arg, const struct process_event *e), void *arg,
		      struct error *err);
const struct process *processes_find(const struct processes *p, int32_t tgid);
const struct map *process_map(const struct process *process, uint64_t address);
void processes_release(struct processes *p);

#endif
