#include "analyze/source_table.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

struct lookup {
	const struct source_table *table;
	const char *path;
};

static bool same_path(const void *arg, uint32_t id)
{
	const struct lookup *l = arg;

	return !strcmp(l->table->paths[id - 1], l->path);
}

static uint64_t hash_of(const char *path)
{
	return hash_bytes(0, path, strlen(path));
}

static uint64_t rehash_path(const void *arg, uint32_t id)
{
	const struct source_table *t = arg;

	return hash_of(t->paths[id - 1]);
}

static int write_row(struct source_table *t, uint32_t id, const char *path, struct error *err)
{
	int rc = t->insert ? 0 :
			     db_prepare(t->writer, &t->insert, "INSERT INTO source VALUES (?,?,?)",
					err);

	return rc < 0 ? rc :
			db_put(t->writer, t->insert, err, "ist", (int64_t)id, path, path,
			       source_directory(path));
}

int64_t source_table_id(struct source_table *t, const struct source_tree *tree,
			const char *comp_dir, const char *name, struct error *err)
{
	char *path = name ? source_path(tree, comp_dir, name) : NULL;
	const struct lookup lookup = { t, path };
	uint32_t id;
	int rc;

	if (!name || (path && !*path)) {
		free(path);
		return 0;
	}
	if (!path)
		return error_nomem(err);
	id = id_index_find(&t->index, hash_of(path), same_path, &lookup);
	if (id) {
		free(path);
		return id;
	}
	if (!array_room((void **)&t->paths, &t->cap, t->count, sizeof(*t->paths))) {
		free(path);
		return error_nomem(err);
	}
	t->paths[t->count++] = path;
	id = (uint32_t)t->count;
	if (!id_index_add(&t->index, hash_of(path), id, rehash_path, t))
		return error_nomem(err);
	rc = write_row(t, id, path, err);
	return rc < 0 ? rc : (int64_t)id;
}

void source_table_release(struct source_table *t)
{
	sqlite3_finalize(t->insert);
	for (size_t i = 0; i < t->count; i++)
		free(t->paths[i]);
	free(t->paths);
	id_index_release(&t->index);
	*t = (struct source_table){ .writer = t->writer };
}
