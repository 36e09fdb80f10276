/*
 * cgroup.h - control groups of version 2: finding one by the name that a person gives, and the
 * threads that are in it.
 *
 *	char *dir;
 *	cgroup_find(&dir, "nginx.service", &err);	// "/sys/fs/cgroup/system.slice/nginx.service"
 *	cgroup_threads(dir, &list, &err);		// of it and all below it
 */
#ifndef KMEM_RECORD_CGROUP_H
#define KMEM_RECORD_CGROUP_H

#include "record/number_list.h"

/*
 * name: a directory, a path below the mount of cgroup v2, or the name of a unit or group anywhere
 * below it. ERR_USAGE: there is none (near names are told), several, or one of cgroup v1;
 * ERR_UNSUPPORTED: cgroup v2 is not mounted. The caller frees *ret.
 */
int cgroup_find(char **ret, const char *name, struct error *err);

/* Adds the thread ids; groups that vanish meanwhile have none. ERR_IO when dir itself is gone. */
int cgroup_threads(const char *dir, struct number_list *list, struct error *err);

#endif
