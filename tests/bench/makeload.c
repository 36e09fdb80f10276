/*
 * makeload SHAPE SEED EVENTS OUT.kmem [LIVE] - makes a capture of any size that is like a real one: the stacks, sizes,
 * lifetimes, tasks and interleavings of SHAPE, which learn_shape.py took from a capture. EVENTS may end in k, M or G.
 *
 * Every CPU runs tasks in turn; a task allocates what the task that was learned from allocated next, as soon after as
 * there. Each object gets a lifetime and a place where it is freed. Addresses come from slabs, and those freed last on a
 * CPU are allocated first there. Objects that were live at the end are held, LIVE at a time (as many as in the learned
 * capture if it is left out): the place of a new one is made by freeing another. Most are there after a quarter of the events.
 *
 * The same SHAPE, SEED, EVENTS and LIVE make the same events. Memory is that of the live objects, however many events.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/dict.h"
#include "format/events.h"
#include "format/records.h"
#include "format/writer.h"
#include "tests/bench/shape.h"

#define CPUS_MAX	 64
#define BLOCK_ROWS	 65000
#define GENERATION_BYTES (16u << 20)
#define SLOTS		 4 /* tasks of one name at a time, at most */
#define START		 1000000000ull
#define FIRST_PID	 1000 /* 1 is the recorder */
#define SLAB_BASE	 0xffff888000000000ull
#define SLAB_OBJECTS	 16
#define SLAB_BYTES	 8192
#define TAKE_FROM	 64 /* free objects of another CPU, from which on some are fetched */

enum type { KMALLOC, CACHE_ALLOC, KFREE, CACHE_FREE, NEWTASK, RENAME, TYPES };

static struct event_field fields[TYPES][8] = {
	[KMALLOC] = { { "call_site", "unsigned long", 8, 8, FIELD_UNSIGNED, PLACE_TUPLE },
		      { "ptr", "const void *", 16, 8, FIELD_UNSIGNED, PLACE_ADDRESS },
		      { "bytes_req", "size_t", 24, 8, FIELD_UNSIGNED, PLACE_TUPLE },
		      { "bytes_alloc", "size_t", 32, 8, FIELD_UNSIGNED, PLACE_TUPLE },
		      { "gfp_flags", "unsigned long", 40, 8, FIELD_UNSIGNED, PLACE_TUPLE },
		      { "node", "int", 48, 4, FIELD_SIGNED, PLACE_TUPLE } },
	[CACHE_ALLOC] = { { "call_site", "unsigned long", 8, 8, FIELD_UNSIGNED, PLACE_TUPLE },
			  { "ptr", "const void *", 16, 8, FIELD_UNSIGNED, PLACE_ADDRESS },
			  { "name", "__data_loc char[]", 24, 4, FIELD_STRING, PLACE_TUPLE },
			  { "bytes_req", "size_t", 32, 8, FIELD_UNSIGNED, PLACE_TUPLE },
			  { "bytes_alloc", "size_t", 40, 8, FIELD_UNSIGNED, PLACE_TUPLE },
			  { "gfp_flags", "unsigned long", 48, 8, FIELD_UNSIGNED, PLACE_TUPLE },
			  { "node", "int", 56, 4, FIELD_SIGNED, PLACE_TUPLE } },
	[KFREE] = { { "call_site", "unsigned long", 8, 8, FIELD_UNSIGNED, PLACE_TUPLE },
		    { "ptr", "const void *", 16, 8, FIELD_UNSIGNED, PLACE_ADDRESS } },
	[CACHE_FREE] = { { "call_site", "unsigned long", 8, 8, FIELD_UNSIGNED, PLACE_TUPLE },
			 { "ptr", "const void *", 16, 8, FIELD_UNSIGNED, PLACE_ADDRESS },
			 { "name", "__data_loc char[]", 24, 4, FIELD_STRING, PLACE_TUPLE } },
	[NEWTASK] = { { "pid", "pid_t", 8, 4, FIELD_SIGNED, PLACE_COLUMN },
		      { "comm", "char[16]", 12, 16, FIELD_FIXED_STRING, PLACE_COLUMN },
		      { "clone_flags", "unsigned long", 32, 8, FIELD_UNSIGNED, PLACE_COLUMN },
		      { "oom_score_adj", "short", 40, 2, FIELD_SIGNED, PLACE_COLUMN } },
	[RENAME] = { { "pid", "pid_t", 8, 4, FIELD_SIGNED, PLACE_COLUMN },
		     { "oldcomm", "char[16]", 12, 16, FIELD_FIXED_STRING, PLACE_COLUMN },
		     { "newcomm", "char[16]", 28, 16, FIELD_FIXED_STRING, PLACE_COLUMN },
		     { "oom_score_adj", "short", 44, 2, FIELD_SIGNED, PLACE_COLUMN } },
};

static const struct event_type types[TYPES] = {
	{ 101, "kmem", "kmalloc", true, 6, fields[KMALLOC] },
	{ 102, "kmem", "kmem_cache_alloc", true, 7, fields[CACHE_ALLOC] },
	{ 103, "kmem", "kfree", false, 2, fields[KFREE] },
	{ 104, "kmem", "kmem_cache_free", false, 3, fields[CACHE_FREE] },
	{ 105, "task", "task_newtask", false, 4, fields[NEWTASK] },
	{ 106, "task", "task_rename", false, 4, fields[RENAME] },
};

struct free_list {
	uint64_t *address;
	size_t count, cap;
};

/* Where objects of one cache and size come from. */
struct address_heap {
	const char *cache;
	uint64_t size;
	struct free_list list[CPUS_MAX];
};

struct task {
	int32_t pid;
	uint64_t left; /* allocations until it ends */
};

struct pending {
	uint64_t time, address;
	uint32_t pair, site;
	uint16_t cpu;
};

struct held {
	uint64_t address;
	uint32_t site;
};

/* A CPU: its ring, the one who writes it, and what runs there. */
struct cpu {
	struct event_block block;
	struct block_body body;
	struct stack_encoder stacks;
	struct tuple_encoder tuples;
	uint32_t generation, stack_total, tuple_total;
	uint64_t generation_start;
	uint32_t *stack_of; /* by stack of the shape: number + 1 in this generation */
	uint32_t *tuple_of; /* by kind: allocs, frees, newtask, rename */
	uint64_t next, events, with_stack;
	int32_t pid;
	uint32_t comm;
	struct task *task;
	uint64_t run_left;
	uint32_t last_site;
};

struct load {
	struct shape shape;
	struct dice dice;
	struct capture_writer *writer;
	struct events_encoder encoder;
	struct cpu cpus[CPUS_MAX];
	struct task (*tasks)[SLOTS]; /* by comm */
	struct address_heap *heaps;
	size_t heap_count;
	struct pending *pending; /* a heap, earliest first */
	size_t pending_count, pending_cap;
	struct held *held;
	size_t held_count, live;
	double fill; /* how much more often than learned objects are held while there is room */
	uint64_t now, events, goal, brk;
	int32_t next_pid;
};

static void die(const char *what)
{
	fprintf(stderr, "makeload: %s\n", what);
	exit(1);
}

static void check(int rc, const struct error *err)
{
	if (rc < 0)
		die(err->text);
}

static void *grown(void *array, size_t *cap, size_t size)
{
	*cap = *cap ? *cap * 2 : 64;
	array = realloc(array, *cap * size);
	if (!array)
		die("out of memory");
	return array;
}

static void *zeroed(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		die("out of memory");
	return p;
}

/* ---- the file ---- */

static void put(struct load *l, struct block_header *header, struct block_body *body)
{
	struct error err = { 0 };

	check(capture_writer_put(l->writer, header, body, &err), &err);
	block_body_clear(body);
}

static void put_record(struct load *l, enum block_type type, struct buf *b)
{
	struct block_body *body = &l->cpus[0].body;

	if (b->oom)
		die("out of memory");
	block_body_add(body, SECTION_RECORDS, 0, 0, b->data, b->len);
	put(l, &(struct block_header){ .type = (uint8_t)type, .cpu = CPU_NONE }, body);
	buf_release(b);
}

static int by_address(const void *a, const void *b)
{
	const struct shape_frame *x = a, *y = b;
	uint64_t p = x->address - x->offset, q = y->address - y->offset;

	return (p > q) - (p < q);
}

static void put_symbols(struct load *l)
{
	struct shape_frame *order = zeroed(l->shape.frame_count + 1, sizeof(*order));
	struct buf text = { 0 }, file = { 0 };
	uint64_t last = 0;
	char line[512];

	memcpy(order, l->shape.frames, l->shape.frame_count * sizeof(*order));
	qsort(order, l->shape.frame_count, sizeof(*order), by_address);
	for (size_t i = 0; i < l->shape.frame_count; i++) {
		const struct shape_frame *f = &order[i];
		uint64_t start = f->address - f->offset;

		if (!f->symbol || start == last)
			continue;
		last = start;
		snprintf(line, sizeof(line), "%016llx T %s%s%s%s\n", (unsigned long long)start,
			 f->symbol, f->module ? "\t[" : "", f->module ? f->module : "",
			 f->module ? "]" : "");
		buf_bytes(&text, line, strlen(line));
	}
	file_encode(&file, &(struct file_part){ .name = { "/proc/kallsyms", 14 },
						.moment = { "start", 5 },
						.last = true,
						.bytes = { (const char *)text.data, text.len } });
	put_record(l, BLOCK_FILE, &file);
	buf_release(&text);
	free(order);
}

static void put_metadata(struct load *l)
{
	struct buf info = { 0 }, list = { 0 };

	info_encode(&info, "page_size", "4096");
	info_encode(&info, "long_size", "8");
	info_encode(&info, "endian", "little");
	info_encode(&info, "clock", "mono");
	info_encode(&info, "command", "makeload");
	info_encode(&info, "recorder.tgid", "1");
	info_encode(&info, "recorder.stacks", "alloc");
	info_encode_u64(&info, "time.start_ns", START);
	put_record(l, BLOCK_INFO, &info);
	for (int i = 0; i < TYPES; i++)
		type_encode(&list, &types[i]);
	put_record(l, BLOCK_TYPES, &list);
	put_symbols(l);
}

/* The dictionary first, then the events that need it. */
static void flush_cpu(struct load *l, unsigned int number)
{
	struct cpu *c = &l->cpus[number];
	struct block_header h = { .type = BLOCK_DICT,
				  .cpu = CPU_NONE,
				  .writer = (uint16_t)(number + 1),
				  .generation = c->generation };
	struct error err = { 0 };

	if (c->stacks.count) {
		block_body_add(&c->body, SECTION_STACKS, c->stack_total - c->stacks.count,
			       c->stacks.count, c->stacks.bytes.data, c->stacks.bytes.len);
		put(l, &h, &c->body);
		stack_encoder_clear(&c->stacks);
	}
	if (c->tuples.count) {
		block_body_add(&c->body, SECTION_TUPLES, c->tuple_total - c->tuples.count,
			       c->tuples.count, c->tuples.bytes.data, c->tuples.bytes.len);
		put(l, &h, &c->body);
		tuple_encoder_clear(&c->tuples);
	}
	if (!c->block.count)
		return;
	h.type = BLOCK_EVENTS;
	h.cpu = (int32_t)number;
	h.event_count = c->block.count;
	h.first_time = c->block.rows[0].time;
	h.last_time = c->block.rows[c->block.count - 1].time;
	check(events_encode(&l->encoder, &c->block, types, &c->body, &err), &err);
	put(l, &h, &c->body);
	event_block_clear(&c->block);
	if (capture_writer_bytes(l->writer) - c->generation_start < GENERATION_BYTES)
		return;
	c->generation++;
	c->generation_start = capture_writer_bytes(l->writer);
	c->stack_total = c->tuple_total = 0;
	memset(c->stack_of, 0, l->shape.stack_count * sizeof(*c->stack_of));
	memset(c->tuple_of, 0,
	       (l->shape.alloc_count + l->shape.free_count + 2) * sizeof(*c->tuple_of));
}

static uint32_t stack_number(struct load *l, struct cpu *c, uint32_t stack)
{
	const struct shape_stack *k = &l->shape.stacks[stack - 1];
	uint32_t *number = &c->stack_of[stack - 1];

	if (!*number) {
		stack_encode(&c->stacks, k->frames, k->depth);
		*number = ++c->stack_total;
	}
	return STACK_FIRST + *number - 1;
}

static uint8_t flags_of(uint8_t context)
{
	static const uint8_t flags[] = { 0, 0x10, 0x08,
					 0x40 }; /* TRACE_FLAG_SOFTIRQ, _HARDIRQ, _NMI */

	return flags[context];
}

static enum type type_of(const char *event)
{
	if (!strncmp(event, "kmalloc", 7))
		return KMALLOC;
	if (!strncmp(event, "kmem_cache_alloc", 16))
		return CACHE_ALLOC;
	return strcmp(event, "kfree") ? CACHE_FREE : KFREE;
}

static struct value text_value(const char *text)
{
	return (struct value){ .bytes = (const uint8_t *)(text ? text : ""),
			       .len = text ? strlen(text) : 0 };
}

static uint32_t alloc_tuple(struct load *l, struct cpu *c, uint32_t site, enum type type)
{
	const struct shape_alloc *a = &l->shape.allocs[site - 1];
	uint32_t *number = &c->tuple_of[site - 1];
	struct value values[8];
	int n = 0;

	if (*number)
		return *number - 1;
	values[n++].number = a->call_site;
	if (type == CACHE_ALLOC)
		values[n++] = text_value(a->cache);
	values[n++].number = a->req;
	values[n++].number = a->alloc;
	values[n++].number = a->gfp;
	values[n++].number = (uint64_t)a->node;
	tuple_encode(&c->tuples, &types[type],
		     &(struct tuple){ .type = (uint16_t)type,
				      .flags = flags_of(a->context),
				      .stack = a->stack ? stack_number(l, c, a->stack) : STACK_LOST,
				      .values = values });
	*number = ++c->tuple_total;
	return *number - 1;
}

static uint32_t free_tuple(struct load *l, struct cpu *c, uint32_t site, enum type type)
{
	const struct shape_free *f = &l->shape.frees[site - 1];
	uint32_t *number = &c->tuple_of[l->shape.alloc_count + site - 1];
	struct value values[2] = { { .number = f->call_site }, text_value(f->cache) };

	if (*number)
		return *number - 1;
	tuple_encode(&c->tuples, &types[type],
		     &(struct tuple){ .type = (uint16_t)type,
				      .flags = flags_of(f->context),
				      .stack = f->stack ? stack_number(l, c, f->stack) : STACK_NONE,
				      .values = values });
	*number = ++c->tuple_total;
	return *number - 1;
}

static uint32_t task_tuple(struct load *l, struct cpu *c, enum type type)
{
	uint32_t *number =
		&c->tuple_of[l->shape.alloc_count + l->shape.free_count + (size_t)(type - NEWTASK)];

	if (!*number) {
		tuple_encode(&c->tuples, &types[type], &(struct tuple){ .type = (uint16_t)type });
		*number = ++c->tuple_total;
	}
	return *number - 1;
}

static void add_row(struct load *l, unsigned int cpu, enum type type, uint32_t tuple,
		    uint64_t address)
{
	struct cpu *c = &l->cpus[cpu];
	struct event_row *row = event_block_add(&c->block);

	if (!row)
		die("out of memory");
	*row = (struct event_row){ .time = START + l->now,
				   .address = address,
				   .tuple = tuple,
				   .pid = c->pid,
				   .type = (uint16_t)type };
	c->events++;
	l->events++;
	l->now++; /* no two events at one time: their order is the same for everybody */
	if (c->block.count >= BLOCK_ROWS)
		flush_cpu(l, cpu);
}

/* ---- addresses ---- */

static void give_address(struct load *l, uint32_t heap, unsigned int cpu, uint64_t address)
{
	struct free_list *f = &l->heaps[heap].list[cpu];

	if (f->count == f->cap)
		f->address = grown(f->address, &f->cap, sizeof(*f->address));
	f->address[f->count++] = address;
}

/* What another CPU has freed and not used again. */
static bool fetch_addresses(struct load *l, uint32_t heap, unsigned int cpu)
{
	for (unsigned int i = 0; i < l->shape.cpus; i++) {
		struct free_list *f = &l->heaps[heap].list[i];

		if (i == cpu || f->count < TAKE_FROM)
			continue;
		for (size_t n = f->count / 2; n; n--)
			give_address(l, heap, cpu, f->address[--f->count]);
		return true;
	}
	return false;
}

static void new_slab(struct load *l, uint32_t heap, unsigned int cpu)
{
	uint64_t size = (l->heaps[heap].size + 7) & ~(uint64_t)7, count;
	uint64_t bytes;

	size = size ? size : 8;
	count = size > SLAB_BYTES / SLAB_OBJECTS ? SLAB_OBJECTS : SLAB_BYTES / size;
	bytes = (count * size + 4095) & ~(uint64_t)4095;
	for (uint64_t i = count; i--;)
		give_address(l, heap, cpu, SLAB_BASE + l->brk + i * size);
	l->brk += bytes;
}

static uint64_t take_address(struct load *l, uint32_t heap, unsigned int cpu)
{
	struct free_list *f = &l->heaps[heap].list[cpu];

	if (!f->count && !fetch_addresses(l, heap, cpu))
		new_slab(l, heap, cpu);
	return f->address[--f->count];
}

static void prepare_heaps(struct load *l)
{
	struct shape *s = &l->shape;

	l->heaps = zeroed(s->alloc_count, sizeof(*l->heaps));
	for (size_t i = 0; i < s->alloc_count; i++) {
		struct shape_alloc *a = &s->allocs[i];
		const char *cache = a->cache ? a->cache : "";
		uint32_t h = 0;

		while (h < l->heap_count &&
		       (l->heaps[h].size != a->alloc || strcmp(l->heaps[h].cache, cache)))
			h++;
		if (h == l->heap_count)
			l->heaps[l->heap_count++] = (struct address_heap){ .cache = cache,
									   .size = a->alloc };
		a->heap = h;
	}
}

/* ---- frees to come ---- */

static void push_pending(struct load *l, struct pending p)
{
	size_t i = l->pending_count++;

	if (l->pending_count > l->pending_cap)
		l->pending = grown(l->pending, &l->pending_cap, sizeof(*l->pending));
	for (; i && l->pending[(i - 1) / 2].time > p.time; i = (i - 1) / 2)
		l->pending[i] = l->pending[(i - 1) / 2];
	l->pending[i] = p;
}

static struct pending pop_pending(struct load *l)
{
	struct pending first = l->pending[0], p = l->pending[--l->pending_count];
	size_t i = 0;

	for (;;) {
		size_t k = 2 * i + 1;

		if (k + 1 < l->pending_count && l->pending[k + 1].time < l->pending[k].time)
			k++;
		if (k >= l->pending_count || l->pending[k].time >= p.time)
			break;
		l->pending[i] = l->pending[k];
		i = k;
	}
	l->pending[i] = p;
	return first;
}

static void free_event(struct load *l, unsigned int cpu, uint32_t site, uint64_t address)
{
	enum type type = type_of(l->shape.frees[site - 1].event);

	add_row(l, cpu, type, free_tuple(l, &l->cpus[cpu], site, type), address);
}

/* Where the objects of that allocation usually are freed; nowhere, where none was seen. */
static void object_ends(struct load *l, unsigned int cpu, uint32_t site, uint32_t free_site,
			uint64_t address)
{
	if (free_site)
		free_event(l, cpu, free_site, address);
	give_address(l, l->shape.allocs[site - 1].heap, cpu, address);
}

static void free_next(struct load *l)
{
	struct pending p = pop_pending(l);

	if (p.time > l->now)
		l->now = p.time;
	object_ends(l, p.cpu, p.site, l->shape.pairs[p.pair].free_site, p.address);
}

/* ---- tasks ---- */

/* Around the mean, never 0: as often as not less than 0.7 of it. */
static uint64_t about(struct load *l, uint64_t sum, uint64_t count)
{
	uint64_t n = 1;
	double stay = 1.0 - (double)count / (double)sum;

	while (roll_chance(&l->dice, stay) && n < sum)
		n++;
	return n;
}

static void new_task(struct load *l, unsigned int cpu, uint32_t comm, struct task *task)
{
	struct cpu *c = &l->cpus[cpu];
	const char *name = l->shape.comms[comm].name;

	task->pid = l->next_pid = l->next_pid % 4000000 + 1;
	task->left = about(l, l->shape.comms[comm].allocs, l->shape.comms[comm].tasks);
	event_block_put_number(&c->block, NEWTASK, 0, (uint64_t)task->pid);
	event_block_put_bytes(&c->block, NEWTASK, 1, "sh", 2);
	event_block_put_number(&c->block, NEWTASK, 2, 0x1200000);
	event_block_put_number(&c->block, NEWTASK, 3, 0);
	add_row(l, cpu, NEWTASK, task_tuple(l, c, NEWTASK), 0);
	c->pid = task->pid;
	event_block_put_number(&c->block, RENAME, 0, (uint64_t)task->pid);
	event_block_put_bytes(&c->block, RENAME, 1, "sh", 2);
	event_block_put_bytes(&c->block, RENAME, 2, name, strlen(name));
	event_block_put_number(&c->block, RENAME, 3, 0);
	add_row(l, cpu, RENAME, task_tuple(l, c, RENAME), 0);
}

static bool runs_elsewhere(const struct load *l, const struct task *task)
{
	for (unsigned int i = 0; i < l->shape.cpus; i++)
		if (l->cpus[i].task == task)
			return true;
	return false;
}

static void switch_task(struct load *l, unsigned int cpu)
{
	struct cpu *c = &l->cpus[cpu];
	const struct shape_comm *comm;
	uint64_t slots;
	struct task *task;

	c->task = NULL;
	do {
		c->comm = draw(&l->shape.runs, &l->dice);
		comm = &l->shape.comms[c->comm];
		slots = comm->tasks < SLOTS ? comm->tasks : SLOTS;
		task = &l->tasks[c->comm][roll_below(&l->dice, slots)];
	} while (runs_elsewhere(l, task));
	c->task = task;
	if (!task->pid || (!task->left && comm->tasks > SLOTS))
		new_task(l, cpu, c->comm, task);
	c->pid = task->pid;
	c->run_left = about(l, comm->allocs, comm->runs);
	c->last_site = 0;
}

static uint32_t next_site(struct load *l, struct cpu *c)
{
	const struct shape_alloc *a = c->last_site ? &l->shape.allocs[c->last_site - 1] : NULL;
	uint32_t site;

	do
		site = draw(a && a->next.count ? &a->next : &l->shape.comms[c->comm].begins,
			    &l->dice);
	while (!site || !l->shape.allocs[site - 1].pairs.count);
	return site;
}

/* ---- allocations ---- */

static void hold(struct load *l, unsigned int cpu, uint32_t site, uint64_t address)
{
	struct held *place = &l->held[l->held_count];

	if (l->held_count < l->live) {
		l->held_count++;
	} else {
		place = &l->held[roll_below(&l->dice, l->live)];
		object_ends(l, cpu, place->site, l->shape.allocs[place->site - 1].usual_free,
			    place->address);
	}
	*place = (struct held){ address, site };
}

/* Whether an object that would be freed is held, so that there are as many as asked for: those that tend to live first. */
static bool fills(struct load *l, const struct shape_alloc *a)
{
	double chance = a->live * l->fill;

	if (l->held_count >= l->live)
		return false;
	if (l->events > l->goal / 4 && l->events < l->goal)
		chance += (double)(l->live - l->held_count) / ((double)(l->goal - l->events) / 8);
	return roll_chance(&l->dice, chance);
}

static void new_object(struct load *l, unsigned int cpu, uint32_t site, uint64_t address)
{
	uint32_t n = draw(&l->shape.allocs[site - 1].pairs, &l->dice);
	const struct shape_pair *pair = &l->shape.pairs[n];

	if (l->live && (pair->live || fills(l, &l->shape.allocs[site - 1]))) {
		hold(l, cpu, site, address);
		return;
	}
	if (roll_chance(&l->dice, pair->moved))
		cpu = (cpu + 1 + (unsigned int)roll_below(&l->dice, l->shape.cpus - 1)) %
		      l->shape.cpus;
	push_pending(l, (struct pending){ .time = l->now + draw_time(&pair->lifetime, &l->dice),
					  .address = address,
					  .pair = n,
					  .site = site,
					  .cpu = (uint16_t)cpu });
}

/* Frees of no object, and of objects from before the capture. */
static void odd_frees(struct load *l, unsigned int cpu)
{
	const struct shape *s = &l->shape;

	if (roll_chance(&l->dice, (double)s->null_count / (double)s->objects))
		free_event(l, cpu, draw(&s->nulls, &l->dice), 0);
	if (roll_chance(&l->dice, (double)s->unmatched_count / (double)s->objects))
		free_event(l, cpu, draw(&s->unmatched, &l->dice),
			   SLAB_BASE + ((uint64_t)1 << 44) + (roll_below(&l->dice, 1 << 24) << 6));
}

static void allocate_next(struct load *l, unsigned int cpu)
{
	struct cpu *c = &l->cpus[cpu];
	const struct shape_alloc *a;
	uint64_t address;
	enum type type;
	uint32_t site;

	if (c->next > l->now)
		l->now = c->next;
	if (!c->run_left)
		switch_task(l, cpu);
	site = next_site(l, c);
	a = &l->shape.allocs[site - 1];
	type = type_of(a->event);
	address = take_address(l, a->heap, cpu);
	c->with_stack += a->stack != 0;
	add_row(l, cpu, type, alloc_tuple(l, c, site, type), address);
	new_object(l, cpu, site, address);
	odd_frees(l, cpu);
	c->last_site = site;
	c->task->left -= c->task->left > 0;
	c->next = l->now +
		  draw_time(--c->run_left && a->gaps.count ? &a->gaps : &l->shape.turns, &l->dice);
}

static void make_events(struct load *l)
{
	while (l->events < l->goal) {
		unsigned int least = 0;

		for (unsigned int i = 1; i < l->shape.cpus; i++)
			if (l->cpus[i].next < l->cpus[least].next)
				least = i;
		if (l->pending_count && l->pending[0].time <= l->cpus[least].next)
			free_next(l);
		else
			allocate_next(l, least);
	}
}

/* ---- begin and end ---- */

static void finish(struct load *l)
{
	struct buf info = { 0 }, stats = { 0 };
	struct error err = { 0 };

	stats_encode_moment(&stats, STATS_END);
	for (unsigned int i = 0; i < l->shape.cpus; i++) {
		const struct cpu *c = &l->cpus[i];

		flush_cpu(l, i);
		stats_encode(&stats, &(struct ring_stats){ .cpu = i,
							   .read = c->events + c->with_stack,
							   .decoded = c->events + c->with_stack,
							   .events = c->events,
							   .stacks = c->with_stack });
	}
	put_record(l, BLOCK_STATS, &stats);
	info_encode_u64(&info, "time.end_ns", START + l->now);
	info_encode(&info, "end.reason", "command");
	put_record(l, BLOCK_INFO, &info);
	check(capture_writer_end(l->writer, 0, &err), &err);
}

static void prepare(struct load *l, const char *path)
{
	struct error err = { 0 };
	struct shape *s = &l->shape;
	int fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		die(strerror(errno));
	check(capture_writer_new(&l->writer, fd, path, 0, &err), &err);
	prepare_heaps(l);
	l->held = zeroed(l->live + 1, sizeof(*l->held));
	l->tasks = zeroed(s->comm_count, sizeof(*l->tasks));
	/* of all events about half are allocations; a quarter of them has to do */
	l->fill = (double)l->live / ((double)l->goal / 8) /
		  ((double)(s->live ? s->live : 1) / (double)s->objects);
	for (unsigned int i = 0; i < s->cpus; i++) {
		l->cpus[i].stack_of = zeroed(s->stack_count + 1, sizeof(uint32_t));
		l->cpus[i].tuple_of = zeroed(s->alloc_count + s->free_count + 2, sizeof(uint32_t));
	}
	put_metadata(l);
}

static void release(struct load *l)
{
	capture_writer_free(l->writer);
	events_encoder_release(&l->encoder);
	for (unsigned int i = 0; i < l->shape.cpus; i++) {
		struct cpu *c = &l->cpus[i];

		event_block_release(&c->block);
		block_body_release(&c->body);
		stack_encoder_release(&c->stacks);
		tuple_encoder_release(&c->tuples);
		free(c->stack_of);
		free(c->tuple_of);
		for (size_t h = 0; h < l->heap_count; h++)
			free(l->heaps[h].list[i].address);
	}
	free(l->heaps);
	free(l->held);
	free(l->pending);
	free(l->tasks);
	shape_release(&l->shape);
	free(l);
}

static uint64_t count_of(const char *text)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (end == text || errno || (*end && (end[1] || !strchr("kMG", *end))))
		die("not a number");
	return n * (*end == 'k' ? 1000 : *end == 'M' ? 1000000 : *end == 'G' ? 1000000000 : 1);
}

int main(int argc, char **argv)
{
	struct load *l = zeroed(1, sizeof(*l));

	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: makeload SHAPE SEED EVENTS OUT.kmem [LIVE]\n");
		return 2;
	}
	shape_read(&l->shape, argv[1]);
	l->dice.state = count_of(argv[2]);
	l->goal = count_of(argv[3]);
	l->next_pid = FIRST_PID;
	l->live = argc > 5 ? count_of(argv[5]) : l->shape.live;
	if (argc < 6 && l->live > l->goal / 2 * l->shape.live / l->shape.objects)
		l->live = l->goal / 2 * l->shape.live / l->shape.objects;
	prepare(l, argv[4]);
	make_events(l);
	finish(l);
	if (l->held_count < l->live)
		die("too few events for so many live objects");
	release(l);
	return 0;
}
