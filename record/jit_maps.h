/*
 * jit_maps.h - saves the files in which programs name the code that they make themselves, as Python
 * and other run-time compilers write them: /tmp/perf-PID.map, when the process ends and, of those
 * that still run, at the end. In the capture they are files of that name, PID as /proc has it.
 *
 * Files are not trusted: no link is followed, only regular files that nobody else can write are
 * read, of at most JIT_MAP_MAX bytes, and of a process that still runs only its own or root's. Of a
 * process that is gone its own file system is, too: then /tmp is looked at.
 *
 *	jit_maps_new(&maps, &err);
 *	write(jit_maps_fd(maps), &tgid, sizeof(int32_t))	// a process has ended
 *	jit_maps_start(maps, writer, &err);			// a thread
 *	jit_maps_finish(maps, &err);
 *	jit_maps_free(maps);
 */
#ifndef KMEM_RECORD_JIT_MAPS_H
#define KMEM_RECORD_JIT_MAPS_H

#include "format/writer.h"

#define JIT_MAP_MAX (64u << 20)

struct jit_maps;

int jit_maps_new(struct jit_maps **ret, struct error *err);
int jit_maps_fd(const struct jit_maps *maps); /* does not block */
int jit_maps_start(struct jit_maps *maps, struct capture_writer *writer, struct error *err);
int jit_maps_finish(struct jit_maps *maps, struct error *err);
void jit_maps_free(struct jit_maps *maps); /* NULL is allowed */

#endif
