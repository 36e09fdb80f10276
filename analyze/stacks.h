/*
 * stacks.h - every distinct address and every distinct stack of a capture, once, over all
 * dictionaries.
 *
 * The recorder's numbers begin anew with each writer and generation; here each frame and stack gets
 * one number for the database. Frames of the tracing machinery are cut off the top of a stack on
 * the way in, so that position 0 is the function that allocates.
 *
 * A user frame is a place in a dso (dsos.h): the caller says which, and names it when all are known.
 *
 *	struct stacks s = { .symbols = symbols };
 *	uint32_t stack = stacks_add(&s, frames, depth);		// from 1; 0: no memory
 *	uint32_t frame = stacks_frame(&s, call_site);
 *	uint32_t user = stacks_user_frame(&s, dso, offset, false);
 *	uint32_t both = stacks_add_path(&s, (uint32_t[]){ frame, user }, 2);
 *	stacks_release(&s);
 */
#ifndef KMEM_ANALYZE_STACKS_H
#define KMEM_ANALYZE_STACKS_H

#include "analyze/extra_symbols.h"
#include "analyze/id_index.h"
#include "analyze/symbols.h"

struct frame {
	uint64_t address; /* a return address, as the kernel gave it; in a file: its offset there */
	struct symbol_hit hit; /* of address - 1, or of address if exact; meaningful when known */
	uint32_t dso;	       /* 0: of the kernel */
	uint32_t module; /* 0: whatever kallsyms says; else of one module at one time: modules.h */
	bool known, machinery;
	bool extra;	/* hit.index counts extra symbols, not those of kallsyms */
	bool exact;	/* an instruction that ran, no return address */
	bool no_offset; /* only its function is known */
};

/* The module of frames of which a text log told the name, and no address. */
#define FRAME_BY_NAME 0x7fffffffu

/* A frame as text tells of it: "vfs_open+0x12/0x30 [mod]". */
struct frame_name {
	struct text function;
	const char *module;	/* NULL: of the kernel itself; outlives the stacks */
	uint32_t module_number; /* keeps modules apart; 0: none */
	bool has_offset;
	uint32_t offset;
	uint64_t address; /* 0: not told */
};

struct stack {
	size_t first;	/* of its frames in stacks.path */
	uint32_t depth; /* 1 to STACK_FRAMES_MAX */
};

struct stacks {
	const struct symbols *symbols; /* outlives the stacks */
	struct frame *frames;	       /* number n is frames[n - 1] */
	size_t frame_count, frame_cap;
	struct stack *list;
	size_t count, cap;
	uint32_t *path; /* frame numbers of all stacks, innermost first */
	size_t path_len, path_cap;
	struct extra_symbols extra;
	struct id_index frame_index, stack_index;
};

uint32_t stacks_frame(struct stacks *s, uint64_t address);
uint32_t stacks_user_frame(struct stacks *s, uint32_t dso, uint64_t address, bool exact);
/* hit: NULL for a frame without a name; extra as in struct frame. */
uint32_t stacks_module_frame(struct stacks *s, uint32_t module, uint64_t address,
			     const struct symbol_hit *hit, bool extra);
/* A frame without an address has FRAME_BY_NAME and a made-up one, of which only the offset means something. */
uint32_t stacks_named_frame(struct stacks *s, const struct frame_name *name);
uint32_t stacks_add(struct stacks *s, const uint64_t *frames, uint32_t depth);
/* path: frame numbers. depth: 1 to STACK_FRAMES_MAX. */
uint32_t stacks_add_path(struct stacks *s, const uint32_t *path, uint32_t depth);
void stacks_release(struct stacks *s);

#endif
