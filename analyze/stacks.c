#include "analyze/stacks.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

#define PATH_MAX_FRAMES \
	(1u << 26) /* of all stacks: a few bytes of a hostile file can stand for 1024 frames */

struct frame_key {
	const struct stacks *stacks;
	uint64_t address;
	uint32_t dso, module;
	bool exact;
};

static bool same_frame(const void *arg, uint32_t id)
{
	const struct frame_key *key = arg;
	const struct frame *f = &key->stacks->frames[id - 1];

	return f->address == key->address && f->dso == key->dso && f->module == key->module &&
	       f->exact == key->exact;
}

static uint64_t frame_hash(uint64_t address, uint32_t dso, uint32_t module)
{
	return hash_mix(address, (uint64_t)dso << 32 | module);
}

static uint64_t rehash_frame(const void *arg, uint32_t id)
{
	const struct stacks *s = arg;
	const struct frame *f = &s->frames[id - 1];

	return frame_hash(f->address, f->dso, f->module);
}

/* *ret_new: the frame was not there, and has no name yet. 0: no memory. */
static uint32_t add_frame(struct stacks *s, const struct frame_key *key, bool *ret_new)
{
	uint64_t hash = frame_hash(key->address, key->dso, key->module);
	uint32_t id = id_index_find(&s->frame_index, hash, same_frame, key);

	*ret_new = !id;
	if (id)
		return id;
	if (s->frame_count >= UINT32_MAX - 1 ||
	    !array_room((void **)&s->frames, &s->frame_cap, s->frame_count, sizeof(*s->frames)))
		return 0;
	s->frames[s->frame_count] = (struct frame){
		.address = key->address, .dso = key->dso, .module = key->module, .exact = key->exact
	};
	id = (uint32_t)s->frame_count + 1;
	if (!id_index_add(&s->frame_index, hash, id, rehash_frame, s))
		return 0;
	s->frame_count++;
	return id;
}

uint32_t stacks_frame(struct stacks *s, uint64_t address)
{
	bool is_new;
	uint32_t id = add_frame(s, &(struct frame_key){ .stacks = s, .address = address }, &is_new);

	if (id && is_new) {
		struct frame *f = &s->frames[id - 1];

		f->known = symbols_find(s->symbols, address - 1, &f->hit);
		f->machinery = f->known && symbol_is_machinery(f->hit.name);
	}
	return id;
}

uint32_t stacks_user_frame(struct stacks *s, uint32_t dso, uint64_t address, bool exact)
{
	bool is_new;

	return add_frame(s, &(struct frame_key){ s, address, dso, 0, exact }, &is_new);
}

uint32_t stacks_module_frame(struct stacks *s, uint32_t module, uint64_t address,
			     const struct symbol_hit *hit, bool extra)
{
	bool is_new;
	uint32_t id = add_frame(s, &(struct frame_key){ s, address, 0, module, false }, &is_new);

	if (id && is_new && hit) {
		s->frames[id - 1].known = true;
		s->frames[id - 1].hit = *hit;
		s->frames[id - 1].extra = extra;
	}
	return id;
}

uint32_t stacks_named_frame(struct stacks *s, const struct frame_name *name)
{
	uint32_t symbol = extra_symbols_add(&s->extra, EXTRA_MODULE | name->module_number,
					    name->function, name->module);
	uint32_t offset = name->has_offset ? name->offset : UINT32_MAX, id;
	struct frame_key key = { .stacks = s, .address = name->address };
	struct frame *f;
	bool is_new;

	if (!symbol)
		return 0;
	if (!key.address) {
		key.address = (uint64_t)symbol << 32 | offset;
		key.module = FRAME_BY_NAME;
	}
	id = add_frame(s, &key, &is_new);
	if (!id || !is_new)
		return id;
	f = &s->frames[id - 1];
	f->known = f->extra = true;
	f->no_offset = !name->has_offset;
	f->machinery = symbol_is_machinery(name->function);
	f->hit.index = symbol - 1;
	f->hit.start = key.address - offset;
	f->hit.name = (struct text){ s->extra.list[symbol - 1].name, name->function.len };
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

/* The stack whose frames were appended to the common path, where they stay if it is new. */
static uint32_t intern_appended(struct stacks *s, uint32_t depth)
{
	struct stack_key key = { .stacks = s };
	struct stack stack;
	uint32_t id, trim = 0;
	uint64_t hash;

	if (!array_room((void **)&s->list, &s->cap, s->count, sizeof(stack)))
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

static bool append(struct stacks *s, uint32_t at, uint32_t frame)
{
	if (!frame ||
	    !array_room((void **)&s->path, &s->path_cap, s->path_len + at, sizeof(*s->path)))
		return false;
	s->path[s->path_len + at] = frame;
	return true;
}

uint32_t stacks_add(struct stacks *s, const uint64_t *frames, uint32_t depth)
{
	if (!depth || s->path_len >= PATH_MAX_FRAMES)
		return 0;
	for (uint32_t i = 0; i < depth; i++)
		if (!append(s, i, stacks_frame(s, frames[i])))
			return 0;
	return intern_appended(s, depth);
}

uint32_t stacks_add_path(struct stacks *s, const uint32_t *path, uint32_t depth)
{
	if (!depth || s->path_len >= PATH_MAX_FRAMES)
		return 0;
	for (uint32_t i = 0; i < depth; i++)
		if (!append(s, i, path[i]))
			return 0;
	return intern_appended(s, depth);
}

void stacks_release(struct stacks *s)
{
	free(s->frames);
	free(s->list);
	free(s->path);
	extra_symbols_release(&s->extra);
	id_index_release(&s->frame_index);
	id_index_release(&s->stack_index);
	*s = (struct stacks){ 0 };
}
