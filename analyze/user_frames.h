/*
 * user_frames.h - user addresses of a process become frames: places in files, equal for all processes
 * that map the file; and places in memory, which are a program's own. Names come at the end, when
 * it is known which files have frames at all.
 *
 *	struct user_frames u = { .stacks = &stacks, .dsos = &dsos };
 *	uint32_t frame = user_frames_add(&u, process, tgid, address, exact);	// process may be NULL; 0: no memory
 *
 *	user_frames_name(&u, &symbol_files, &processes, model, &err);
 *
 * A file that has no build-id, or whose build-id no file here has, gives no names: never a guess.
 */
#ifndef KMEM_ANALYZE_USER_FRAMES_H
#define KMEM_ANALYZE_USER_FRAMES_H

#include "analyze/capture_model.h"
#include "analyze/processes.h"
#include "analyze/stacks.h"
#include "analyze/symbol_files.h"

struct user_frames {
	struct stacks *stacks;
	struct dsos *dsos;
};

/* exact: an instruction that ran; else a return address. */
uint32_t user_frames_add(struct user_frames *u, const struct process *process, int32_t tgid,
			 uint64_t address, bool exact);

/*
 * Gives names to all user frames, as far as there are any. processes: at the end of the capture, so
 * that a perf-PID.map names the frames of the last program of its process only.
 */
int user_frames_name(struct user_frames *u, struct symbol_files *files,
		     const struct processes *processes, const struct capture_model *model,
		     struct error *err);
/* How many distinct user frames there are, or how many of them have names. */
size_t user_frames_count(const struct user_frames *u, bool named);

#endif
