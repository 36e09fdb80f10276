#include "analyze/stacks.h"

#include <string.h>

#include "format/base/hash.h"

#define PATH_MAX_FRAMES \
	(1u << 26) /* of all stacks: a few bytes of a hostile file can stand for 1024 frames */

struct frame_key {
	const struct stacks *stacks;
	uint64_t address;
};

static bool same_frame(const void *arg, uint32_t id)
{
	const struct frame_key *key = arg;

	return key->stacks->frames[id - 1].address == key->address;
}

static uint64_t rehash_frame(const void *arg, uint32_t id)
{
	const struct stacks *s = arg;

	return hash_u64(s->frames[id - 1].address);
}

uint32_t stacks_frame(struct stacks *s, uint64_t address)
{
	const struct frame_key key = { s, address };
	uint64_t hash = hash_u64(address);
	uint32_t id = id_index_find(&s->frame_index, hash, same_frame, &key);
	struct frame *f;

	if (id)
		return id;
	if (s->frame_count >= UINT32_MAX - 1 ||
	    !array_room((void **)&s->frames, &s->frame_cap, s->frame_count, sizeof(*f)))
		return 0;
	f = &s->frames[s->frame_count];
	*f = (struct frame){ .address = address };
	f->known = symbols_find(s->symbols, address - 1, &f->hit);
	f->machinery = f->known && symbol_is_machinery(f->hit.name);
	id = (uint32_t)s->frame_count + 1;
	if (!id_index_add(&s->frame_index, hash, id, rehash_frame, s))
		return 0;
	s->frame_count++;
	return id;
}

struct stack_key {
	const struct stacks *stacks;
	const uint32_t *path;
	uint32_t depth;
};

static bool same_stack(const void *arg, uint32_t id)
{
	const struct stack_key *key = arg;
	const struct stack *stack = &key->stacks->list[id - 1];

	return stack->depth == key->depth && !memcmp(key->stacks->path + stack->first, key->path,
						     key->depth * sizeof(*key->path));
}

static uint64_t rehash_stack(const void *arg, uint32_t id)
{
	const struct stacks *s = arg;
	const struct stack *stack = &s->list[id - 1];

	return hash_bytes(0, s->path + stack->first, stack->depth * sizeof(*s->path));
}

/* Appends the frames to the common path, where the stack stays if it turns out to be new. */
static bool append_path(struct stacks *s, const uint64_t *frames, uint32_t depth)
{
	for (uint32_t i = 0; i < depth; i++) {
		uint32_t id = stacks_frame(s, frames[i]);

		if (!id ||
		    !array_room((void **)&s->path, &s->path_cap, s->path_len + i, sizeof(*s->path)))
			return false;
		s->path[s->path_len + i] = id;
	}
	return true;
}

uint32_t stacks_add(struct stacks *s, const uint64_t *frames, uint32_t depth)
{
	struct stack_key key = { .stacks = s };
	struct stack stack;
	uint32_t id, trim = 0;
	uint64_t hash;

	if (!depth || s->path_len >= PATH_MAX_FRAMES || !append_path(s, frames, depth) ||
	    !array_room((void **)&s->list, &s->cap, s->count, sizeof(stack)))
		return 0;
	while (trim < depth && s->frames[s->path[s->path_len + trim] - 1].machinery)
		trim++;
	if (trim == depth) /* nothing else: better the machinery than a stack without frames */
		trim = 0;
	stack = (struct stack){ s->path_len + trim, depth - trim };
	key.path = s->path + stack.first;
	key.depth = stack.depth;
	hash = hash_bytes(0, key.path, key.depth * sizeof(*key.path));
	id = id_index_find(&s->stack_index, hash, same_stack, &key);
	if (id)
		return id;
	id = (uint32_t)s->count + 1;
	if (!id_index_add(&s->stack_index, hash, id, rehash_stack, s))
		return 0;
	s->list[s->count++] = stack;
	s->path_len += depth;
	return id;
}

void stacks_release(struct stacks *s)
{
	free(s->frames);
	free(s->list);
	free(s->path);
	id_index_release(&s->frame_index);
	id_index_release(&s->stack_index);
	*s = (struct stacks){ 0 };
}
