/*
 * pair_names.h - what event pairs look up while they go over the events of a database: tasks, frames and caches by
 * their numbers, and names of addresses and processes for ksymbol() and comm_get().
 *
 *	struct pair_names names = { 0 };
 *
 *	pair_names_read(&names, db, &err);
 *	scope.symbol = pair_names_symbol, scope.comm = pair_names_comm, scope.arg = &names;
 *	pair_names_release(&names);		// also after a failure
 *
 * Numbers of a database are not to be trusted: pair_task and its likes give NULL for one that is not there.
 */
#ifndef KMEM_ANALYZE_PAIR_NAMES_H
#define KMEM_ANALYZE_PAIR_NAMES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

struct pair_task {
	bool there, self;
	int64_t pid;
	char *comm; /* NULL: unknown */
};

struct pair_frame {
	bool there;
	uint64_t address;
	int64_t offset; /* in its function */
	char *function; /* NULL: unknown */
};

struct pair_names {
	struct pair_task *tasks; /* by id, as the others */
	struct pair_frame *frames;
	char **caches;
	size_t task_count, frame_count, cache_count;
	struct pair_frame *by_address; /* those that have a function, sorted */
	size_t address_count;
};

int pair_names_read(struct pair_names *n, sqlite3 *db, struct error *err);
void pair_names_release(struct pair_names *n);

const struct pair_task *pair_task(const struct pair_names *n, int64_t id);
const struct pair_frame *pair_frame(const struct pair_names *n, int64_t id);
const char *pair_cache(const struct pair_names *n, int64_t id);

/*
 * For struct expr_scope; arg: struct pair_names. The function of an address that occurs in a stack or as a call site,
 * or that begins a function that does (of two modules that had it one after the other, neither); the last name that a pid had.
 */
const char *pair_names_symbol(void *arg, uint64_t address);
const char *pair_names_comm(void *arg, uint64_t pid);

#endif
