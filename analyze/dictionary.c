#include "analyze/dictionary.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/capture_model.h"
#include "format/dict.h"

#define BYTES_PLAUSIBLE \
	(1ull << 48) /* no kernel allocation is larger: a damaged or hostile tuple */
#define ORDER_PLAUSIBLE 30
#define NO_DICTIONARY	UINT32_MAX
#define FRAMES_FREE	(1u << 26) /* of all stacks of a capture, and so many per byte of it: */
#define FRAMES_TIMES	32u
#define LATE_FRAMES_MAX (1u << 26) /* of one dictionary; as all frames of struct stacks */

struct dictionaries {
	const struct series *series;
	struct capture_scan *scan;
	const struct event_type *types;
	const struct role *roles;
	size_t type_count;
	struct sites *sites;
	const struct modules *modules;
	uint64_t page_size;
	struct dictionary *list;
	size_t count;
	uint32_t *of_block; /* per block of the scan: its place in list */
	uint32_t *blocks;   /* those of a dictionary side by side, in the order of the scan */
	struct block block;
	uint32_t unknown;
	/* a stack of 1024 frames may take 4 bytes: how many we are willing to see */
	uint64_t frames_left;
};

struct block_key {
	uint32_t file;
	uint16_t writer;
	uint32_t generation, block;
};

static bool same_dictionary(const struct block_key *a, const struct block_key *b)
{
	return a->file == b->file && a->writer == b->writer && a->generation == b->generation;
}

static int by_key(const void *a, const void *b)
{
	const struct block_key *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->writer != y->writer)
		return x->writer < y->writer ? -1 : 1;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return x->block < y->block ? -1 : 1;
}

/* Gives each (file, writer, generation) its struct dictionary, and each block its place among them. */
static bool group_blocks(struct dictionaries *d, enum block_type users)
{
	const struct capture_scan *scan = d->scan;
	struct block_key *keys = calloc(scan->count + 1, sizeof(*keys));
	size_t n = 0;

	d->of_block = malloc((scan->count + 1) * sizeof(*d->of_block));
	d->blocks = malloc((scan->count + 1) * sizeof(*d->blocks));
	d->list = calloc(scan->count + 1, sizeof(*d->list));
	if (!keys || !d->of_block || !d->blocks || !d->list) {
		free(keys);
		return false;
	}
	for (size_t i = 0; i < scan->count; i++) {
		const struct block_header *h = &scan->blocks[i];

		d->of_block[i] = NO_DICTIONARY;
		if (h->type == BLOCK_DICT || h->type == users)
			keys[n++] = (struct block_key){ h->file, h->writer, h->generation,
							(uint32_t)i };
	}
	qsort(keys, n, sizeof(*keys), by_key);
	for (size_t i = 0; i < n; i++) {
		bool first = !i || !same_dictionary(&keys[i], &keys[i - 1]);
		struct dictionary *dict;

		d->count += first;
		dict = &d->list[d->count - 1];
		if (first)
			*dict = (struct dictionary){ .writer = keys[i].writer,
						     .generation = keys[i].generation,
						     .next_block = i };
		dict->blocks_end = i + 1;
		d->blocks[i] = keys[i].block;
		dict->event_blocks_left += scan->blocks[keys[i].block].type == users;
		d->of_block[keys[i].block] = (uint32_t)(d->count - 1);
	}
	free(keys);
	return true;
}

int dictionaries_new(struct dictionaries **ret, const struct series *series,
		     struct capture_scan *scan, enum block_type users,
		     const struct event_type *types, size_t type_count, const struct role *roles,
		     struct sites *sites, const struct modules *modules, uint64_t page_size,
		     struct error *err)
{
	struct dictionaries *d = calloc(1, sizeof(*d));

	if (!d)
		return error_nomem(err);
	d->series = series;
	d->scan = scan;
	d->types = types;
	d->type_count = type_count;
	d->roles = roles;
	d->sites = sites;
	d->modules = modules;
	d->page_size = page_size;
	d->frames_left = FRAMES_FREE + FRAMES_TIMES * scan->length;
	if (!group_blocks(d, users)) {
		dictionaries_free(d);
		return error_nomem(err);
	}
	*ret = d;
	return 0;
}

static void dictionary_release(struct dictionary *dict)
{
	free(dict->facts);
	free(dict->stacks);
	free(dict->late_stacks);
	free(dict->late_frames);
	free(dict->late_facts);
	buf_release(&dict->values);
	dict->facts = NULL;
	dict->stacks = NULL;
	dict->late_stacks = NULL;
	dict->late_frames = NULL;
	dict->late_facts = NULL;
	dict->late_stack_count = dict->late_stack_cap = 0;
	dict->late_frame_count = dict->late_frame_cap = 0;
	dict->late_fact_count = dict->late_fact_cap = 0;
	dict->fact_count = dict->fact_cap = dict->stack_count = dict->stack_cap = 0;
}

void dictionaries_free(struct dictionaries *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->count; i++)
		dictionary_release(&d->list[i]);
	block_release(&d->block);
	free(d->list);
	free(d->blocks);
	free(d->of_block);
	free(d);
}

struct decode_context {
	struct dictionaries *all;
	struct dictionary *dict;
};

/* Item n of a zero-filled array that grows to hold it. */
static void *item(void **array, size_t *count, size_t *cap, size_t n, size_t size)
{
	size_t want = *cap ? *cap : 256;

	if (n >= *cap) {
		void *p;

		while (want <= n)
			want *= 2;
		p = realloc(*array, want * size);
		if (!p)
			return NULL;
		*array = p;
		*cap = want;
	}
	if (n >= *count) {
		memset((char *)*array + *count * size, 0, (n + 1 - *count) * size);
		*count = n + 1;
	}
	return (char *)*array + n * size;
}

/* Keeps the addresses of a stack; frames[kernel] is the mark, or behind the end. 0: no memory. */
static uint32_t add_late_stack(struct dictionary *dict, const uint64_t *frames, uint32_t kernel,
			       uint32_t depth)
{
	struct late_stack late = { dict->late_frame_count, kernel,
				   kernel < depth ? depth - kernel - 1 : 0 };

	if (dict->late_frame_count >= LATE_FRAMES_MAX ||
	    !array_room((void **)&dict->late_stacks, &dict->late_stack_cap, dict->late_stack_count,
			sizeof(late)))
		return 0;
	for (uint32_t i = 0; i < depth; i++) {
		if (i == kernel)
			continue;
		if (!array_room((void **)&dict->late_frames, &dict->late_frame_cap,
				dict->late_frame_count, sizeof(*frames)))
			return 0;
		dict->late_frames[dict->late_frame_count++] = frames[i];
	}
	dict->late_stacks[dict->late_stack_count++] = late;
	return STACK_LATE | (uint32_t)(dict->late_stack_count - 1);
}

/* The number for dict->stacks; 0: no memory. */
static uint32_t add_stack(struct decode_context *c, const uint64_t *frames, uint32_t depth)
{
	uint32_t kernel = 0;
	bool late = false;

	while (kernel < depth && frames[kernel] != STACK_USER)
		late |= modules_is_late(c->all->modules, frames[kernel++]);
	if (kernel && kernel + 1 == depth) /* the mark, and nothing behind it */
		depth = kernel;
	if (late || kernel + 1 < depth)
		return add_late_stack(c->dict, frames, kernel, depth);
	return stacks_add(c->all->sites->stacks, frames, depth);
}

static int on_stack(void *arg, uint32_t number, const uint64_t *frames, uint32_t depth)
{
	struct decode_context *c = arg;
	struct dictionary *dict = c->dict;
	uint32_t *slot, id;

	if (depth > c->all->frames_left)
		return ERR_DAMAGED;
	c->all->frames_left -= depth;
	slot = item((void **)&dict->stacks, &dict->stack_count, &dict->stack_cap, number,
		    sizeof(*slot));
	id = add_stack(c, frames, depth);
	if (!slot || !id)
		return ERR_NOMEM;
	*slot = id;
	return 0;
}

static uint64_t number(const struct tuple *t, int16_t field)
{
	return field < 0 ? 0 : t->values[field].number;
}

/* Sets *ret to 0 where there is none; false: no memory. */
static bool call_site_frame(struct sites *sites, const struct role *role, const struct tuple *t,
			    uint32_t *ret)
{
	*ret = 0;
	if (!number(t, role->call_site))
		return true;
	*ret = stacks_frame(sites->stacks, number(t, role->call_site));
	return *ret != 0;
}

static bool cache_number(struct sites *sites, const struct role *role, const struct tuple *t,
			 uint32_t *ret)
{
	const struct value *name = role->cache < 0 ? NULL : &t->values[role->cache];

	*ret = 0;
	if (!name || !name->len)
		return true;
	*ret = sites_add_cache(sites, name->bytes, name->len);
	return *ret != 0;
}

/* Sizes of an allocation; false when no kernel would say that. */
static bool sizes(const struct role *role, const struct tuple *t, uint64_t page_size,
		  struct alloc_site *site)
{
	if (role->order >= 0) {
		if (number(t, role->order) > ORDER_PLAUSIBLE)
			return false;
		site->order = (uint8_t)number(t, role->order);
		site->bytes_req = site->bytes_alloc = page_size << site->order;
		return true;
	}
	site->bytes_req = number(t, role->bytes_req);
	site->bytes_alloc = number(t, role->bytes_alloc);
	return site->bytes_req <= BYTES_PLAUSIBLE && site->bytes_alloc <= BYTES_PLAUSIBLE;
}

/* The address of a call site whose frame depends on the event; 0: it does not. */
static uint64_t late_call_site(const struct dictionaries *d, const struct role *role,
			       const struct tuple *t)
{
	uint64_t address = number(t, role->call_site);

	return address && modules_is_late(d->modules, address) ? address : 0;
}

/* Keeps what a late tuple is, for the events to complete. */
static int add_late_fact(struct dictionary *dict, struct tuple_fact *fact, uint32_t stack,
			 const struct late_fact *what)
{
	if (!array_room((void **)&dict->late_facts, &dict->late_fact_cap, dict->late_fact_count,
			sizeof(*what)))
		return ERR_NOMEM;
	fact->flags |= FACT_LATE;
	fact->site = (uint32_t)dict->late_fact_count;
	dict->late_facts[dict->late_fact_count] = *what;
	dict->late_facts[dict->late_fact_count++].stack = stack;
	return 0;
}

static int alloc_fact(struct dictionaries *d, struct dictionary *dict, const struct tuple *t,
		      uint32_t stack, struct tuple_fact *fact)
{
	const struct role *role = &d->roles[t->type];
	uint64_t call_site = late_call_site(d, role, t);
	struct alloc_site site;

	memset(&site, 0, sizeof(site));
	site.event = t->type;
	site.stack = stack & STACK_LATE ? 0 : stack;
	site.domain = (uint8_t)role->domain;
	site.context = (uint8_t)context_of(t->flags);
	site.gfp = number(t, role->gfp);
	site.node = (int32_t)number(t, role->node);
	site.migratetype = (int32_t)number(t, role->migratetype);
	site.flags = (uint8_t)((fact->flags & FACT_STACK_LOST ? SITE_STACK_LOST : 0) |
			       (role->gfp >= 0 ? SITE_HAS_GFP : 0) |
			       (role->node >= 0 ? SITE_HAS_NODE : 0) |
			       (role->migratetype >= 0 ? SITE_HAS_MIGRATETYPE : 0));
	if (!sizes(role, t, d->page_size, &site))
		return 0;
	if ((!call_site && !call_site_frame(d->sites, role, t, &site.call_site)) ||
	    !cache_number(d->sites, role, t, &site.cache))
		return ERR_NOMEM;
	if (number(t, role->failed))
		fact->flags |= FACT_FAILED;
	fact->kind = FACT_ALLOC;
	if (stack & STACK_LATE || call_site)
		return add_late_fact(dict, fact, stack,
				     &(struct late_fact){ .call_site = call_site, .alloc = site });
	fact->site = sites_add_alloc(d->sites, &site);
	return fact->site ? 0 : ERR_NOMEM;
}

static int free_fact(struct dictionaries *d, struct dictionary *dict, const struct tuple *t,
		     uint32_t stack, struct tuple_fact *fact)
{
	const struct role *role = &d->roles[t->type];
	uint64_t call_site = late_call_site(d, role, t);
	struct free_site site;

	memset(&site, 0, sizeof(site));
	site.event = t->type;
	site.stack = stack & STACK_LATE ? 0 : stack;
	site.domain = (uint8_t)role->domain;
	site.context = (uint8_t)context_of(t->flags);
	site.flags = fact->flags & FACT_STACK_LOST ? SITE_STACK_LOST : 0;
	if (role->order >= 0 && number(t, role->order) <= ORDER_PLAUSIBLE) {
		site.order = (uint8_t)number(t, role->order);
		site.flags |= SITE_HAS_ORDER;
	}
	if ((!call_site && !call_site_frame(d->sites, role, t, &site.call_site)) ||
	    !cache_number(d->sites, role, t, &site.cache))
		return ERR_NOMEM;
	fact->kind = FACT_FREE;
	if (stack & STACK_LATE || call_site)
		return add_late_fact(dict, fact, stack,
				     &(struct late_fact){ .call_site = call_site, .free = site });
	fact->site = sites_add_free(d->sites, &site);
	return fact->site ? 0 : ERR_NOMEM;
}

/* Keeps the values of a tuple for when its events are written out. */
static int other_fact(struct dictionaries *d, struct dictionary *dict, const struct tuple *t,
		      uint32_t stack, struct tuple_fact *fact)
{
	const struct event_type *type = &d->types[t->type];
	size_t at = 0;

	fact->kind = FACT_OTHER;
	fact->site = stack;
	if (stack & STACK_LATE && add_late_fact(dict, fact, stack, &(struct late_fact){ 0 }) < 0)
		return ERR_NOMEM;
	fact->address = dict->values.len;
	for (uint16_t i = 0; i < type->field_count; i++) {
		const struct event_field *f = &type->fields[i];
		const struct value *v = &t->values[at];

		if (f->place != PLACE_TUPLE)
			continue;
		at++;
		if (f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED) {
			buf_u64(&dict->values, v->number);
		} else {
			buf_u32(&dict->values, (uint32_t)v->len);
			buf_bytes(&dict->values, v->bytes, v->len);
		}
	}
	return dict->values.oom ? ERR_NOMEM : 0;
}

static int on_tuple(void *arg, uint32_t n, const struct tuple *t)
{
	struct decode_context *c = arg;
	struct dictionaries *d = c->all;
	struct dictionary *dict = c->dict;
	const struct role *role = &d->roles[t->type];
	struct tuple_fact fact = { .type = t->type }, *slot;
	uint32_t stack = 0;
	int rc;

	slot = item((void **)&dict->facts, &dict->fact_count, &dict->fact_cap, n, sizeof(*slot));
	if (!slot)
		return ERR_NOMEM;
	if (t->stack >= STACK_FIRST && t->stack - STACK_FIRST < dict->stack_count)
		stack = dict->stacks[t->stack - STACK_FIRST];
	if (t->stack != STACK_NONE && !stack)
		fact.flags |= FACT_STACK_LOST;
	if (context_of(t->flags) == CONTEXT_TASK)
		fact.flags |= FACT_IN_TASK;
	if (role->kind == ROLE_ALLOC)
		rc = alloc_fact(d, dict, t, stack, &fact);
	else if (role->kind == ROLE_FREE)
		rc = free_fact(d, dict, t, stack, &fact);
	else
		rc = other_fact(d, dict, t, stack, &fact);
	if ((fact.kind == FACT_ALLOC || fact.kind == FACT_FREE) && role->address >= 0) {
		fact.flags |= FACT_HAS_ADDRESS;
		fact.address = number(t, role->address);
	}
	*slot = fact;
	return rc;
}

static int read_dict_block(struct dictionaries *d, struct dictionary *dict, size_t block,
			   struct error *err)
{
	struct decode_context c = { d, dict };
	struct error why = { 0 };
	int rc = series_load(d->series, d->scan, block, &d->block, &why);

	for (size_t i = 0; rc == 0 && i < d->block.section_count; i++) {
		const struct section *s = &d->block.sections[i];

		if (s->kind == SECTION_STACKS)
			rc = stacks_decode(s, on_stack, &c, &why);
		else if (s->kind == SECTION_TUPLES)
			rc = tuples_decode(s, d->types, d->type_count, on_tuple, &c, &why);
	}
	d->unknown += rc == 0 ? d->block.unknown_sections : 0;
	if (rc == ERR_NOMEM)
		return error_nomem(err);
	if (rc < 0 && !why.text[0])
		error_set(&why, ERR_DAMAGED, "more frames in its stacks than any recorder writes");
	return rc < 0 ? capture_model_note_damage(d->scan, block, &why, err) : 0;
}

int dictionaries_get(struct dictionaries *d, size_t block, struct dictionary **ret,
		     struct error *err)
{
	struct dictionary *dict = &d->list[d->of_block[block]];

	for (; dict->next_block < dict->blocks_end; dict->next_block++) {
		size_t i = d->blocks[dict->next_block];
		int rc = 0;

		if (i >= block)
			break;
		if (d->scan->blocks[i].type == BLOCK_DICT)
			rc = read_dict_block(d, dict, i, err);
		if (rc < 0)
			return rc;
	}
	*ret = dict;
	return 0;
}

void dictionary_put(struct dictionary *dictionary)
{
	if (dictionary && dictionary->event_blocks_left && --dictionary->event_blocks_left == 0)
		dictionary_release(dictionary);
}

uint32_t dictionaries_unknown(const struct dictionaries *d)
{
	return d->unknown;
}
