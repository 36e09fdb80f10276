#include "analyze/processes.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

#define MAPS_MAX   (16u << 20) /* of all spaces: bounds memory on hostile input */
#define ENDED_KEPT 4096	       /* a leader's exit may come before that of its other threads */
/* maps copied, moved and stepped over; a recording takes some millions, a hostile one 16384 for each record */
#define WORK_MAX (1ull << 31)

/* Maps by address, none overlapping. Shared by the processes that forked it, until one changes it. */
struct space {
	uint32_t users;
	uint32_t count, cap;
	struct map *maps;
};

/* ---- spaces ---- */

static void space_put(struct processes *p, struct space *s)
{
	if (!s || --s->users)
		return;
	p->maps -= s->count;
	free(s->maps);
	free(s);
}

/* The process's own space, to be changed; NULL: no memory. */
static struct space *space_own(struct processes *p, struct process *process)
{
	struct space *old = process->space, *s;

	if (old && old->users == 1)
		return old;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->users = 1;
	if (old && old->count && p->maps + old->count <= MAPS_MAX && p->work < WORK_MAX) {
		p->work += old->count;
		s->maps = malloc(old->count * sizeof(*s->maps));
		if (!s->maps) {
			free(s);
			return NULL;
		}
		memcpy(s->maps, old->maps, old->count * sizeof(*s->maps));
		s->count = s->cap = old->count;
		p->maps += s->count;
	} else if (old && old->count) {
		p->refused += old->count;
	}
	space_put(p, old);
	process->space = s;
	return s;
}

/* The first map that ends above address. */
static uint32_t first_above(const struct space *s, uint64_t address)
{
	uint32_t low = 0, high = s->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->maps[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Puts n maps where `gone` maps stood from `at` on. */
static bool splice(struct processes *p, struct space *s, uint32_t at, uint32_t gone,
		   const struct map *maps, uint32_t n)
{
	if (s->count - gone + n > s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 16;
		struct map *more;

		while (cap < s->count - gone + n)
			cap *= 2;
		more = realloc(s->maps, cap * sizeof(*more));
		if (!more)
			return false;
		s->maps = more;
		s->cap = cap;
	}
	memmove(s->maps + at + n, s->maps + at + gone, (s->count - at - gone) * sizeof(*s->maps));
	if (n)
		memcpy(s->maps + at, maps, n * sizeof(*maps));
	p->maps += n;
	p->maps -= gone;
	s->count = s->count - gone + n;
	return true;
}

/* The part of a map from `start` on. */
static struct map tail_of(const struct map *m, uint64_t start)
{
	struct map tail = *m;

	tail.offset += start - m->start;
	tail.start = start;
	return tail;
}

static bool space_map(struct processes *p, struct space *s, const struct map *map)
{
	struct map parts[3];
	uint32_t first = first_above(s, map->start), last = first, n = 0;

	while (last < s->count && s->maps[last].start < map->end)
		last++;
	if (last > first && s->maps[first].start < map->start) {
		parts[n] = s->maps[first];
		parts[n++].end = map->start;
	}
	parts[n++] = *map;
	if (last > first && s->maps[last - 1].end > map->end)
		parts[n++] = tail_of(&s->maps[last - 1], map->end);
	if (s->count - (last - first) + n > SPACE_MAPS_MAX || p->maps + n > MAPS_MAX ||
	    p->work >= WORK_MAX) {
		p->refused++;
		return true;
	}
	p->work += s->count - first;
	return splice(p, s, first, last - first, parts, n);
}

/* Only where nothing is mapped. */
static bool space_fill(struct processes *p, struct space *s, const struct map *map)
{
	uint32_t next = first_above(s, map->start);

	if (s->count >= SPACE_MAPS_MAX || p->work >= WORK_MAX) {
		p->refused++;
		return true;
	}
	for (uint64_t at = map->start; at < map->end; p->work++) {
		struct map hole = tail_of(map, at);
		uint32_t count = s->count;

		if (next < s->count && s->maps[next].start <= at) {
			at = s->maps[next++].end;
			continue;
		}
		if (next < s->count && s->maps[next].start < hole.end)
			hole.end = s->maps[next].start;
		at = hole.end;
		if (!space_map(p, s, &hole))
			return false;
		next += s->count - count;
	}
	return true;
}

/* ---- processes ---- */

struct tgid_key {
	const struct processes *processes;
	int32_t tgid;
};

static uint64_t tgid_hash(int32_t tgid)
{
	return hash_u64((uint32_t)tgid);
}

static bool same_tgid(const void *arg, uint32_t id)
{
	const struct tgid_key *key = arg;

	return key->processes->list[id - 1].tgid == key->tgid;
}

static uint64_t rehash_tgid(const void *arg, uint32_t id)
{
	const struct processes *p = arg;

	return tgid_hash(p->list[id - 1].tgid);
}

static uint32_t find(const struct processes *p, int32_t tgid)
{
	const struct tgid_key key = { p, tgid };

	return id_index_find(&p->index, tgid_hash(tgid), same_tgid, &key);
}

static void changed(struct processes *p, struct process *process)
{
	process->epoch = ++p->epochs;
}

/* The process of that tgid, made if need be; NULL: no memory. */
static struct process *get(struct processes *p, int32_t tgid)
{
	uint32_t id = find(p, tgid);

	if (id)
		return &p->list[id - 1];
	if (!array_room((void **)&p->list, &p->cap, p->count, sizeof(*p->list)))
		return NULL;
	p->list[p->count] = (struct process){ .tgid = tgid, .program = ++p->programs };
	changed(p, &p->list[p->count]);
	id = (uint32_t)p->count + 1;
	if (!id_index_add(&p->index, tgid_hash(tgid), id, rehash_tgid, p))
		return NULL;
	return &p->list[p->count++];
}

/* Another program with the maps of that space (NULL: none). */
static void begin(struct processes *p, struct process *process, struct space *space)
{
	if (space)
		space->users++;
	space_put(p, process->space);
	process->space = space;
	process->program = ++p->programs;
	process->has_history = true;
	process->exited = false;
	changed(p, process);
}

static bool on_map(struct processes *p, const struct process_event *e)
{
	struct process *process = get(p, e->tgid);
	struct space *s = process ? space_own(p, process) : NULL;
	const struct map map = { e->map.start, e->map.start + e->map.length, e->map.offset,
				 e->dso };

	if (!s)
		return false;
	changed(p, process);
	if (map.start == map.end)
		return true;
	return e->flags & PROCESS_SNAPSHOT ? space_fill(p, s, &map) : space_map(p, s, &map);
}

static bool on_fork(struct processes *p, const struct process_event *e)
{
	struct process *parent, *child;

	if (e->tgid == e->parent.tgid)
		return true;
	/* both before either is used: making one may move the other */
	if (!get(p, e->parent.tgid) || !get(p, e->tgid))
		return false;
	parent = &p->list[find(p, e->parent.tgid) - 1];
	child = &p->list[find(p, e->tgid) - 1];
	begin(p, child, parent->space);
	return true;
}

/* The spaces of processes that ended are kept for a while, then given back. */
static void on_exit_of(struct processes *p, const struct process_event *e)
{
	uint32_t id = e->pid == e->tgid ? find(p, e->tgid) : 0, *slot, old;

	if (!id || p->list[id - 1].exited)
		return;
	p->list[id - 1].exited = true;
	slot = &p->ended[p->ended_next++ % ENDED_KEPT];
	old = *slot;
	*slot = id;
	if (!old || old == id || !p->list[old - 1].exited)
		return;
	space_put(p, p->list[old - 1].space);
	p->list[old - 1].space = NULL;
	changed(p, &p->list[old - 1]);
}

static bool apply(struct processes *p, const struct process_event *e)
{
	struct process *process;

	switch (e->kind) {
	case PROCESS_MAP: return on_map(p, e);
	case PROCESS_FORK: return on_fork(p, e);
	case PROCESS_EXIT: on_exit_of(p, e); return true;
	default:
		if (!(e->flags & PROCESS_EXEC))
			return true;
		process = get(p, e->tgid);
		if (process)
			begin(p, process, NULL);
		return process;
	}
}

static void note_next(struct processes *p)
{
	p->next_time = p->next < p->log->count ? process_log_at(p->log, p->next)->time : UINT64_MAX;
}

int processes_init(struct processes *p, struct error *err)
{
	p->ended = calloc(ENDED_KEPT, sizeof(*p->ended));
	if (!p->ended)
		return error_nomem(err);
	for (size_t i = 0; i < p->log->count; i++) {
		const struct process_event *e = process_log_at(p->log, i);
		bool begins = (e->kind == PROCESS_FORK && e->tgid != e->parent.tgid) ||
			      (e->kind == PROCESS_COMM && e->flags & PROCESS_EXEC);
		bool snapshot = e->kind == PROCESS_MAP && e->flags & PROCESS_SNAPSHOT;
		struct process *process = begins || snapshot ? get(p, e->tgid) : NULL;

		if ((begins || snapshot) && !process)
			return error_nomem(err);
		if (begins)
			process->has_history = true;
		else if (snapshot && !process->has_history && !on_map(p, e))
			return error_nomem(err);
	}
	note_next(p);
	return 0;
}

int processes_advance(struct processes *p, uint64_t time,
		      int (*task)(void *arg, const struct process_event *e), void *arg,
		      struct error *err)
{
	for (; p->next < p->log->count; p->next++) {
		const struct process_event *e = process_log_at(p->log, p->next);

		if (e->time > time)
			break;
		if (task && e->kind != PROCESS_MAP && task(arg, e) < 0)
			return error_nomem(err);
		if (!apply(p, e))
			return error_nomem(err);
	}
	note_next(p);
	return 0;
}

const struct process *processes_find(const struct processes *p, int32_t tgid)
{
	uint32_t id = find(p, tgid);

	return id ? &p->list[id - 1] : NULL;
}

const struct map *process_map(const struct process *process, uint64_t address)
{
	const struct space *s = process ? process->space : NULL;
	uint32_t at = s ? first_above(s, address) : 0;

	return s && at < s->count && s->maps[at].start <= address ? &s->maps[at] : NULL;
}

void processes_release(struct processes *p)
{
	for (size_t i = 0; i < p->count; i++)
		space_put(p, p->list[i].space);
	free(p->list);
	free(p->ended);
	id_index_release(&p->index);
	*p = (struct processes){ 0 };
}
