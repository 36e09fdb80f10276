/*
 * object_files.h - the object files of a build tree that are built into the kernel: those that its archives (built-in.a, lib.a,
 * vmlinux.a, thin or not) name, or where there is none, all that lie there.
 *
 * For a linked kernel without debug information they tell which object a symbol comes from; a tree without a linked
 * kernel is the sum of them. A name stands for the source where that is found in the tree, or in `source` of an O= build: "fs/open.c",
 * otherwise for the object: "fs/open.o".
 *
 *	struct object_files *o;
 *
 *	if (object_files_new(&o, "/src/linux", &err) == 0) {
 *		path = object_files_global(o, "vfs_open");		// "fs/open.c"; NULL: not known
 *		path = object_files_local(o, "open.c", names, count);	// local symbols of one object
 *		object_files_free(o);
 *	}
 */
#ifndef KMEM_ANALYZE_OBJECT_FILES_H
#define KMEM_ANALYZE_OBJECT_FILES_H

#include <stddef.h>

#include "format/base/error.h"

struct object_files;

int object_files_new(struct object_files **ret, const char *tree, struct error *err);
void object_files_free(struct object_files *o);

size_t object_files_count(const struct object_files *o);
/* Path below the tree, and what it is called in reports. They live as long as o. */
const char *object_files_path(const struct object_files *o, size_t index);
const char *object_files_unit(const struct object_files *o, size_t index);

/* Reads the symbols of all of them, once, for the questions below. ERR_FORMAT names the object. */
int object_files_read(struct object_files *o, struct error *err);

/* The unit that defines a global symbol; NULL where none does, or several do. */
const char *object_files_global(const struct object_files *o, const char *name);
/*
 * The unit whose object has that STT_FILE name and local symbols as these. NULL where none has one of
 * them, or where several fit alike.
 */
const char *object_files_local(const struct object_files *o, const char *file,
			       const char *const *names, size_t count);

#endif
