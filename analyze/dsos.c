#include "analyze/dsos.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

#define PATH_BYTES_MAX 4096

struct lookup {
	const struct dsos *dsos;
	const struct dso_key *key;
};

static bool same_dso(const void *arg, uint32_t id)
{
	const struct lookup *l = arg;
	const struct dso_key *k = l->key;
	const struct dso *d = &l->dsos->list[id - 1];

	return d->tgid == k->tgid && d->program == k->program &&
	       d->build_id_len == k->build_id.len && strlen(d->path) == k->path.len &&
	       !memcmp(d->path, k->path.data, k->path.len) &&
	       !memcmp(d->build_id, k->build_id.data, k->build_id.len);
}

static uint64_t hash_of(struct text path, const void *build_id, size_t len, uint32_t program)
{
	return hash_bytes(hash_bytes(program, build_id, len), path.data, path.len);
}

static uint64_t rehash_dso(const void *arg, uint32_t id)
{
	const struct dsos *all = arg;
	const struct dso *d = &all->list[id - 1];

	return hash_of((struct text){ d->path, strlen(d->path) }, d->build_id, d->build_id_len,
		       d->program);
}

static bool begins(struct text t, const char *prefix)
{
	size_t len = strlen(prefix);

	return t.len >= len && !memcmp(t.data, prefix, len);
}

/* Names that the kernel gives to memory that no file backs look like paths at times. */
static bool names_a_file(struct text path)
{
	static const char *const memory[] = { "//", "/dev/zero", "/anon_hugepage",
					      "/memfd:", "/SYSV" };

	if (begins(path, "[vdso]") || begins(path, "[vsyscall]"))
		return true; /* the same for all, as a file is */
	if (!begins(path, "/"))
		return false;
	for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
		if (begins(path, memory[i]))
			return false;
	return true;
}

uint32_t dsos_add(struct dsos *d, const struct dso_key *wanted)
{
	struct dso_key key = *wanted;
	const struct lookup lookup = { d, &key };
	struct dso *new;
	uint64_t hash;
	uint32_t id;

	key.path.len = strnlen(key.path.data, key.path.len);
	if (key.path.len > PATH_BYTES_MAX)
		key.path.len = PATH_BYTES_MAX;
	if (key.build_id.len > BUILD_ID_MAX)
		key.build_id.len = 0;
	hash = hash_of(key.path, key.build_id.data, key.build_id.len, key.program);
	id = id_index_find(&d->index, hash, same_dso, &lookup);
	if (id)
		return id;
	if (d->count >= UINT32_MAX / 2 ||
	    !array_room((void **)&d->list, &d->cap, d->count, sizeof(*new)))
		return 0;
	new = &d->list[d->count];
	*new = (struct dso){ .path = strndup(key.path.data, key.path.len),
			     .build_id_len = (uint8_t)key.build_id.len,
			     .is_file = names_a_file(key.path),
			     .tgid = key.tgid,
			     .program = key.program };
	if (!new->path)
		return 0;
	memcpy(new->build_id, key.build_id.data, key.build_id.len);
	id = (uint32_t)d->count + 1;
	if (!id_index_add(&d->index, hash, id, rehash_dso, d)) {
		free(new->path);
		return 0;
	}
	d->count++;
	return id;
}

uint32_t dsos_in_program(struct dsos *d, uint32_t dso, int32_t tgid, uint32_t program)
{
	const struct dso *of = &d->list[dso - 1];
	/* the list may move: the key must not point into it, but paths stay where they are */
	const struct dso_key key = { .path = { of->path, strlen(of->path) },
				     .build_id = { "", 0 },
				     .tgid = tgid,
				     .program = program };

	return of->is_file ? dso : dsos_add(d, &key);
}

void dsos_release(struct dsos *d)
{
	for (size_t i = 0; i < d->count; i++) {
		free(d->list[i].path);
		free(d->list[i].symbols_from);
	}
	free(d->list);
	id_index_release(&d->index);
	*d = (struct dsos){ 0 };
}
