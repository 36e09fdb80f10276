#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif
#include "analyze/static_input.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/query.h"
#include "analyze/static_load.h"
#include "schema_sql.h"

struct input {
	sqlite3 *db;
	const char *path;
	struct source_tree tree;
	struct object_files *objects;
};

enum static_input_kind static_input_kind(const char *path)
{
	enum static_input_kind kind = STATIC_INPUT_NONE;
	char magic[4] = "";
	struct stat st;
	int fd;

	if (stat(path, &st))
		return kind;
	if (S_ISDIR(st.st_mode))
		return STATIC_INPUT_TREE;
	if (!S_ISREG(st.st_mode))
		return kind;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, magic, 4) == 4 && !memcmp(magic, "\177ELF", 4))
		kind = STATIC_INPUT_ELF;
	if (fd >= 0)
		close(fd);
	return kind;
}

static int put_fact(struct input *in, const char *key, const char *value, struct error *err)
{
	struct query q = { 0 };
	int rc = query_init(&q, in->db, "INSERT OR REPLACE INTO capture VALUES (:key, :value)",
			    NULL, err);

	if (rc == 0) {
		query_bind_text(&q, ":key", key);
		query_bind_text(&q, ":value", value);
		rc = query_step(&q, err);
	}
	query_release(&q);
	return rc < 0 ? rc : 0;
}

static int load_linked(struct input *in, const char *path, struct error *err)
{
	struct static_file file = { .tree = &in->tree, .objects = in->objects };
	char release[80];
	int rc = debug_file_open(&file.debug, path, err);

	if (rc == 0 && debug_file_release(file.debug, release, sizeof(release)))
		rc = put_fact(in, "static.kernel", release, err);
	if (rc == 0 && static_load(in->db, &file, err) < 0)
		rc = error_prefix(err, "'%s'", path);
	debug_file_close(file.debug);
	return rc;
}

static int load_object(struct input *in, size_t index, struct error *err)
{
	struct static_file file = { .tree = &in->tree,
				    .unit = object_files_unit(in->objects, index) };
	char *path;
	int rc;

	if (asprintf(&path, "%s/%s", in->path, object_files_path(in->objects, index)) < 0)
		return error_nomem(err);
	rc = debug_file_open(&file.debug, path, err);
	if (rc == 0 && static_load(in->db, &file, err) < 0)
		rc = error_prefix(err, "'%s'", path);
	debug_file_close(file.debug);
	free(path);
	return rc;
}

static int load_tree(struct input *in, struct error *err)
{
	char *vmlinux, how[100];
	int rc;

	if (asprintf(&vmlinux, "%s/vmlinux", in->path) < 0)
		return error_nomem(err);
	rc = object_files_new(&in->objects, in->path, err);
	if (rc == 0 && static_input_kind(vmlinux) == STATIC_INPUT_ELF) {
		rc = object_files_read(in->objects, err);
		if (rc == 0)
			rc = load_linked(in, vmlinux, err);
	} else if (rc == 0) {
		size_t count = object_files_count(in->objects);

		if (!count)
			rc = error_set(
				err, ERR_FORMAT,
				"'%s' has neither a vmlinux nor object files: no built kernel tree",
				in->path);
		for (size_t i = 0; i < count && rc == 0; i++)
			rc = load_object(in, i, err);
		snprintf(how, sizeof(how), "the sum of %zu object files, as no vmlinux is there",
			 count);
		if (rc == 0)
			rc = put_fact(in, "static.how", how, err);
	}
	free(vmlinux);
	return rc;
}

static int fill(struct input *in, enum static_input_kind kind, struct error *err)
{
	int rc = query_run(in->db, schema_tables_sql, err);

	if (rc == 0)
		rc = query_run(in->db, "BEGIN", err);
	if (rc == 0)
		rc = put_fact(in, "static.from", in->path, err);
	if (rc == 0)
		rc = kind == STATIC_INPUT_TREE ? load_tree(in, err) :
						 load_linked(in, in->path, err);
	return rc < 0 ? rc : query_run(in->db, "COMMIT", err);
}

int static_input_open(sqlite3 **ret, const char *path, enum static_input_kind kind,
		      struct error *err)
{
	struct input in = { .path = path };
	int rc;

	if (sqlite3_open(":memory:", &in.db) != SQLITE_OK)
		rc = error_nomem(err);
	else
		rc = fill(&in, kind, err);
	source_tree_release(&in.tree);
	object_files_free(in.objects);
	if (rc < 0)
		sqlite3_close(in.db);
	else
		*ret = in.db;
	return rc;
}
