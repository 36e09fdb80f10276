#include "analyze/module_loaders.h"

#include "analyze/array_room.h"
#include "format/base/hash.h"

struct loader_key {
	const struct module_loaders *loaders;
	int32_t pid;
};

static bool same_loader(const void *arg, uint32_t id)
{
	const struct loader_key *k = arg;

	return k->loaders->list[id - 1].pid == k->pid;
}

static uint64_t pid_hash(int32_t pid)
{
	return hash_u64((uint32_t)pid);
}

static uint64_t rehash_loader(const void *arg, uint32_t id)
{
	return pid_hash(((const struct module_loaders *)arg)->list[id - 1].pid);
}

static struct module_loader *find(const struct module_loaders *l, int32_t pid)
{
	const struct loader_key key = { l, pid };
	uint32_t id = id_index_find(&l->index, pid_hash(pid), same_loader, &key);

	return id ? &l->list[id - 1] : NULL;
}

bool module_loaders_note(struct module_loaders *l, int32_t pid, uint64_t order)
{
	struct module_loader *known = find(l, pid);

	if (known) {
		known->order = order;
		return true;
	}
	if (!array_room((void **)&l->list, &l->cap, l->count, sizeof(*l->list)))
		return false;
	l->list[l->count++] = (struct module_loader){ pid, order };
	return id_index_add(&l->index, pid_hash(pid), (uint32_t)l->count, rehash_loader, l);
}

uint64_t module_loaders_last(const struct module_loaders *l, int32_t pid)
{
	const struct module_loader *known = find(l, pid);

	return known ? known->order : 0;
}

void module_loaders_release(struct module_loaders *l)
{
	free(l->list);
	id_index_release(&l->index);
}
