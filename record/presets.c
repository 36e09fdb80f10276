#include "record/presets.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/tracefs.h"

struct preset_event {
	const char *preset, *system, *name;
	bool allocates;
	const char *absent_since; /* why a kernel may lack it; NULL: every kernel has it */
};

/* clang-format off */
static const struct preset_event preset_events[] = {
	{ "slab", "kmem", "kmalloc", true, NULL },
	{ "slab", "kmem", "kmalloc_node", true, "since 6.1 kmem:kmalloc says the node" },
	{ "slab", "kmem", "kmem_cache_alloc", true, NULL },
	{ "slab", "kmem", "kmem_cache_alloc_node", true, "since 6.1 kmem:kmem_cache_alloc says the node" },
	{ "slab", "kmem", "kfree", false, NULL },
	{ "slab", "kmem", "kmem_cache_free", false, NULL },
	{ "page", "kmem", "mm_page_alloc", true, NULL },
	{ "page", "kmem", "mm_page_free", false, NULL },
	{ "percpu", "percpu", "percpu_alloc_percpu", true, NULL },
	{ "percpu", "percpu", "percpu_free_percpu", false, NULL },
	{ "vmalloc", "vmalloc", "alloc_vmap_area", true, "kernels before 6.2 have no vmalloc events" },
	{ "vmalloc", "vmalloc", "free_vmap_area_noflush", false, "kernels before 6.2 have no vmalloc events" },
};
/* clang-format on */
#define PRESET_EVENTS (sizeof(preset_events) / sizeof(preset_events[0]))

/* clang-format off */
/* Recorded always, where the kernel has them: who a pid is, and whose code an address is. */
static const struct preset_event name_events[] = {
	{ "task", "task", "task_newtask", false, NULL },
	{ "task", "task", "task_rename", false, NULL },
	{ "module", "module", "module_load", false, NULL },
	{ "module", "module", "module_free", false, NULL },
};
/* clang-format on */

void event_list_release(struct event_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].system);
		free(list->items[i].name);
	}
	free(list->items);
	buf_release(&list->warnings);
	buf_release(&list->absent);
	*list = (struct event_list){ 0 };
}

static bool kernel_has(int top, const char *system, const char *name)
{
	char path[600];

	snprintf(path, sizeof(path), "events/%s/%s/format", system, name);
	return tracefs_has(top, path);
}

static int list_add(struct event_list *list, const char *system, const char *name, bool stacks,
		    struct error *err)
{
	struct listed_event *p;

	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i].system, system) || strcmp(list->items[i].name, name))
			continue;
		list->items[i].stacks |= stacks;
		return 0;
	}
	p = realloc(list->items, (list->count + 1) * sizeof(*p));
	if (!p)
		return error_nomem(err);
	list->items = p;
	p = &list->items[list->count];
	*p = (struct listed_event){ strdup(system), strdup(name), stacks };
	if (!p->system || !p->name) {
		free(p->system);
		free(p->name);
		return error_nomem(err);
	}
	list->count++;
	return 0;
}

static void text_add(struct buf *b, const char *text)
{
	buf_bytes(b, text, strlen(text));
}

static void note_absent(struct event_list *list, const char *system, const char *name,
			const char *why)
{
	if (list->absent.len)
		text_add(&list->absent, " ");
	text_add(&list->absent, system);
	text_add(&list->absent, ":");
	text_add(&list->absent, name);
	if (!why)
		return;
	text_add(&list->warnings, "this kernel has no event ");
	text_add(&list->warnings, system);
	text_add(&list->warnings, ":");
	text_add(&list->warnings, name);
	if (*why) {
		text_add(&list->warnings, " (");
		text_add(&list->warnings, why);
		text_add(&list->warnings, ")");
	}
	text_add(&list->warnings, ": left out\n");
}

static bool wants_stacks(enum stacks_mode mode, bool allocates)
{
	return mode == STACKS_ALL || (mode == STACKS_ALLOC && allocates);
}

/*
 * One preset. An event that the kernel is known to lack is left out silently if others of the
 * preset are there.
 */
static int add_preset(struct event_list *list, int top, const char *preset, bool quiet,
		      enum stacks_mode stacks, bool *ret_known, struct error *err)
{
	bool some = false;
	int rc = 0;

	*ret_known = false;
	for (size_t i = 0; i < PRESET_EVENTS; i++)
		if (!strcmp(preset_events[i].preset, preset))
			some |= kernel_has(top, preset_events[i].system, preset_events[i].name);
	for (size_t i = 0; rc == 0 && i < PRESET_EVENTS; i++) {
		const struct preset_event *e = &preset_events[i];

		if (strcmp(e->preset, preset))
			continue;
		*ret_known = true;
		if (kernel_has(top, e->system, e->name))
			rc = list_add(list, e->system, e->name, wants_stacks(stacks, e->allocates),
				      err);
		else
			note_absent(list, e->system, e->name,
				    e->absent_since && (some || quiet) ? NULL :
				    e->absent_since		       ? e->absent_since :
									 "");
	}
	return rc;
}

/* ---- single events, and what else the user may have meant ---- */

/* Levenshtein distance of short names; a long one is simply far away. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[65], n = (unsigned int)strlen(b);

	if (n > 64)
		return 64;
	for (unsigned int j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned int i = 1; *a; a++, i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (unsigned int j = 1; j <= n; j++) {
			unsigned int best = diagonal + (*a != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

#define NEAR_MAX 5

struct near_names {
	char names[NEAR_MAX][64];
	unsigned int far[NEAR_MAX];
	size_t count;
};

static void near_add(struct near_names *near, const char *system, const char *name,
		     const char *wanted)
{
	const char *bare = strchr(wanted, ':');
	char full[600];
	unsigned int d;
	size_t i;

	snprintf(full, sizeof(full), "%s:%s", system, name);
	d = distance(full, wanted);
	bare = bare ? bare + 1 : wanted;
	if (!strcmp(name, bare))
		d = 1;
	else if (d > 4)
		return;
	if (strlen(full) >= sizeof(near->names[0]))
		return;
	for (i = near->count; i > 0 && near->far[i - 1] > d; i--)
		;
	if (i == NEAR_MAX)
		return;
	if (near->count < NEAR_MAX)
		near->count++;
	for (size_t k = near->count - 1; k > i; k--) {
		near->far[k] = near->far[k - 1];
		memcpy(near->names[k], near->names[k - 1], sizeof(near->names[k]));
	}
	near->far[i] = d;
	memcpy(near->names[i], full, strlen(full) + 1);
}

static DIR *open_directory(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static void near_search(struct near_names *near, int top, const char *wanted)
{
	DIR *systems = open_directory(top, "events"), *names;
	struct dirent *s, *n;

	while (systems && (s = readdir(systems))) {
		if (s->d_name[0] == '.' || !(names = open_directory(dirfd(systems), s->d_name)))
			continue;
		while ((n = readdir(names)))
			if (n->d_name[0] != '.' && kernel_has(top, s->d_name, n->d_name))
				near_add(near, s->d_name, n->d_name, wanted);
		closedir(names);
	}
	if (systems)
		closedir(systems);
}

static int unknown_event(int top, const char *wanted, struct error *err)
{
	struct near_names near = { 0 };
	char text[320] = "";
	size_t used = 0;

	near_search(&near, top, wanted);
	for (size_t i = 0; i < near.count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
					 near.names[i]);
	if (near.count)
		return error_set(err, ERR_USAGE, "there is no event '%s': did you mean %s?", wanted,
				 text);
	return error_set(
		err, ERR_USAGE,
		"there is no event or preset '%s': presets are slab, page, percpu, vmalloc "
		"and all; events are listed in available_events of the tracing directory",
		wanted);
}

static int add_event(struct event_list *list, int top, char *spec, enum stacks_mode stacks,
		     struct error *err)
{
	char *colon = strchr(spec, ':'), *name = colon ? colon + 1 : NULL;
	const struct preset_event *known = NULL;

	if (!colon || strchr(name, ':') || strchr(spec, '/') || !*name)
		return unknown_event(top, spec, err);
	*colon = '\0';
	for (size_t i = 0; i < PRESET_EVENTS; i++)
		if (!strcmp(preset_events[i].system, spec) && !strcmp(preset_events[i].name, name))
			known = &preset_events[i];
	if (kernel_has(top, spec, name) && strcmp(spec, "ftrace"))
		return list_add(list, spec, name, wants_stacks(stacks, known && known->allocates),
				err);
	if (known) { /* a name of another kernel: no reason to fail */
		note_absent(list, spec, name, known->absent_since ? known->absent_since : "");
		return 0;
	}
	*colon = ':';
	return unknown_event(top, spec, err);
}

static int add_spec(struct event_list *list, int top, char *spec, enum stacks_mode stacks,
		    struct error *err)
{
	static const char *const all[] = { "slab", "page", "percpu", "vmalloc" };
	bool known;
	int rc;

	if (!strcmp(spec, "all")) {
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			rc = add_preset(list, top, all[i], true, stacks, &known, err);
			if (rc < 0)
				return rc;
		}
		return 0;
	}
	rc = add_preset(list, top, spec, false, stacks, &known, err);
	return rc < 0 || known ? rc : add_event(list, top, spec, stacks, err);
}

static int add_spec_list(struct event_list *list, int top, const char *specs,
			 enum stacks_mode stacks, struct error *err)
{
	char *copy = strdup(specs), *save = NULL, *spec;
	int rc = copy ? 0 : error_nomem(err);
	bool any = false;

	for (spec = copy ? strtok_r(copy, ",", &save) : NULL; rc == 0 && spec;
	     spec = strtok_r(NULL, ",", &save)) {
		any = true;
		rc = add_spec(list, top, spec, stacks, err);
	}
	if (rc == 0 && !any)
		rc = error_set(err, ERR_USAGE, "-e wants the name of a preset or an event");
	free(copy);
	return rc;
}

int event_list_make(struct event_list *ret, int top, const char *const *specs, size_t count,
		    enum stacks_mode stacks, struct error *err)
{
	struct event_list list = { 0 };
	int rc = 0;

	if (!count)
		rc = add_spec_list(&list, top, "slab", stacks, err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = add_spec_list(&list, top, specs[i], stacks, err);
	buf_u8(&list.warnings, '\0');
	if (rc == 0 && !list.count)
		rc = error_set(
			err, ERR_UNSUPPORTED,
			"nothing is left to record: this kernel has none of the events that "
			"were asked for (kmem:kmalloc, kmem:kfree and the others it has are in the presets "
			"slab and page)");
	/* their stacks interest nobody */
	for (size_t i = 0; rc == 0 && i < sizeof(name_events) / sizeof(name_events[0]); i++)
		if (kernel_has(top, name_events[i].system, name_events[i].name))
			rc = list_add(&list, name_events[i].system, name_events[i].name, false,
				      err);
	buf_u8(&list.absent, '\0');
	if (rc == 0 && (list.warnings.oom || list.absent.oom))
		rc = error_nomem(err);
	if (rc < 0)
		event_list_release(&list);
	else
		*ret = list;
	return rc;
}
