#include "record/presets.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/near.h"
#include "format/event_spec.h"
#include "record/software_event.h"
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

/* clang-format off */
/* They end what others began, as the frees of presets do. */
static const struct preset_event more_frees[] = {
	{ "", "kmem", "mm_page_free_batched", false, NULL },
	{ "", "vmalloc", "purge_vmap_area_lazy", false, NULL },
};
/* clang-format on */

static const struct preset_event *find_event(const struct preset_event *list, size_t count,
					     const char *system, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].system, system) && !strcmp(list[i].name, name))
			return &list[i];
	return NULL;
}

#define FIND_EVENT(list, system, name) \
	find_event(list, sizeof(list) / sizeof((list)[0]), system, name)

/* Is a selection of tasks and CPUs for this event? Not for frees, which may come from anywhere. */
static bool is_selected(const char *system, const char *name)
{
	const struct preset_event *known = FIND_EVENT(preset_events, system, name);

	return known ? known->allocates :
		       !FIND_EVENT(more_frees, system, name) &&
			       !FIND_EVENT(name_events, system, name);
}

void event_list_release(struct event_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].system);
		free(list->items[i].name);
		free(list->items[i].filter);
		free(list->items[i].kernel_filter);
	}
	free(list->items);
	buf_release(&list->specs);
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

/* An event that is there already, asked for once more. */
static int list_merge(struct listed_event *old, const struct listed_event *e, struct error *err)
{
	if (e->rank < old->rank)
		return 0;
	if (e->rank == old->rank) {
		if (strcmp(e->filter ? e->filter : "", old->filter ? old->filter : ""))
			return error_set(err, ERR_USAGE,
					 "%s:%s is asked for with two filters, '%s' and '%s': make "
					 "them one with || or &&",
					 e->system, e->name, old->filter ? old->filter : "",
					 e->filter ? e->filter : "");
		/* whole stacks, if one wants them, or else the longer ones */
		if (old->stacks && e->stacks)
			old->max_stack = !old->max_stack || !e->max_stack ? 0 :
					 old->max_stack > e->max_stack	  ? old->max_stack :
									    e->max_stack;
		else if (e->stacks)
			old->max_stack = e->max_stack;
		old->stacks |= e->stacks;
		return 0;
	}
	free(old->filter);
	old->filter = e->filter ? strdup(e->filter) : NULL;
	old->stacks = e->stacks;
	old->max_stack = e->max_stack;
	old->rank = e->rank;
	return e->filter && !old->filter ? error_nomem(err) : 0;
}

/* Everything in e is copied. */
static int list_add(struct event_list *list, const struct listed_event *e, struct error *err)
{
	struct listed_event *p;

	for (size_t i = 0; i < list->count; i++) {
		p = &list->items[i];
		if (!strcmp(p->system, e->system) && !strcmp(p->name, e->name))
			return list_merge(p, e, err);
	}
	p = realloc(list->items, (list->count + 1) * sizeof(*p));
	if (!p)
		return error_nomem(err);
	list->items = p;
	p = &list->items[list->count++];
	*p = *e;
	p->system = strdup(e->system);
	p->name = strdup(e->name);
	p->filter = e->filter ? strdup(e->filter) : NULL;
	p->selected = is_selected(e->system, e->name);
	return p->system && p->name && (p->filter || !e->filter) ? 0 : error_nomem(err);
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
			rc = list_add(list,
				      &(struct listed_event){
					      .system = (char *)e->system,
					      .name = (char *)e->name,
					      .stacks = wants_stacks(stacks, e->allocates),
				      },
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

static void near_event(struct near_names *near, const char *system, const char *name,
		       const char *wanted)
{
	const char *bare = strchr(wanted, ':');
	char full[600];

	snprintf(full, sizeof(full), "%s:%s", system, name);
	bare = bare ? bare + 1 : wanted;
	/* the right name in the wrong system */
	near_add(near, full, strcmp(name, bare) ? near_distance(full, wanted) : 1);
}

static DIR *open_directory(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* Calls visit with every event of the kernel, until it returns less than 0. */
static int each_event(int top, int (*visit)(void *arg, const char *system, const char *name),
		      void *arg)
{
	DIR *systems = open_directory(top, "events"), *names;
	struct dirent *s, *n;
	int rc = 0;

	while (rc == 0 && systems && (s = readdir(systems))) {
		/* events/ftrace cannot be switched on */
		if (s->d_name[0] == '.' || !strcmp(s->d_name, "ftrace") ||
		    !(names = open_directory(dirfd(systems), s->d_name)))
			continue;
		while (rc == 0 && (n = readdir(names)))
			if (n->d_name[0] != '.' && kernel_has(top, s->d_name, n->d_name))
				rc = visit(arg, s->d_name, n->d_name);
		closedir(names);
	}
	if (systems)
		closedir(systems);
	return rc;
}

struct near_search {
	struct near_names near;
	const char *wanted;
};

static int visit_near(void *arg, const char *system, const char *name)
{
	struct near_search *search = arg;

	near_event(&search->near, system, name, search->wanted);
	return 0;
}

static int unknown_event(int top, const char *wanted, struct error *err)
{
	struct near_search search = { .wanted = wanted };
	char text[330];

	each_event(top, visit_near, &search);
	if (search.near.count)
		return error_set(err, ERR_USAGE, "there is no event '%s': did you mean %s?", wanted,
				 near_text(&search.near, text, sizeof(text)));
	return error_set(
		err, ERR_USAGE,
		"there is no event or preset '%s': presets are slab, page, percpu, vmalloc "
		"and all, and there are page-faults, minor-faults, major-faults; events are listed in available_events of the tracing directory",
		wanted);
}

/* ---- one spec ---- */

struct adding {
	struct event_list *list;
	const struct event_spec *spec;
	enum stacks_mode stacks;
	size_t found;
	struct error *err;
};

static int add_found(struct adding *a, const char *system, const char *name)
{
	const struct preset_event *known = FIND_EVENT(preset_events, system, name);
	const struct event_spec *spec = a->spec;
	struct listed_event e = {
		.system = (char *)system,
		.name = (char *)name,
		.stacks = spec->is_explicit ?
				  spec->stack :
				  wants_stacks(a->stacks, (known && known->allocates) ||
								  !strcmp(system, SOFTWARE_SYSTEM)),
		.max_stack = spec->max_stack,
		.filter = spec->filter,
		.rank = !spec->is_explicit	    ? RANK_SET :
			event_spec_is_pattern(spec) ? RANK_PATTERN :
						      RANK_EXACT,
	};

	a->found++;
	return list_add(a->list, &e, a->err);
}

static int visit_pattern(void *arg, const char *system, const char *name)
{
	struct adding *a = arg;
	char full[600];

	snprintf(full, sizeof(full), "%s:%s", system, name);
	return fnmatch(a->spec->name, full, 0) == 0 ? add_found(a, system, name) : 0;
}

static int add_pattern(struct adding *a, int top)
{
	int rc = each_event(top, visit_pattern, a);

	if (rc == 0 && !a->found)
		rc = error_set(
			a->err, ERR_USAGE,
			"no event matches '%s': events are listed in available_events of the "
			"tracing directory",
			a->spec->name);
	return rc;
}

static int add_event(struct adding *a, int top)
{
	char *spec = a->spec->name, *colon = strchr(spec, ':'), *name = colon ? colon + 1 : NULL;
	const struct preset_event *known;
	int rc = 0;

	if (!colon || strchr(name, ':') || !*name)
		return unknown_event(top, spec, a->err);
	*colon = '\0';
	known = FIND_EVENT(preset_events, spec, name);
	if (kernel_has(top, spec, name) && strcmp(spec, "ftrace")) {
		rc = add_found(a, spec, name);
	} else if (known) { /* a name of another kernel: no reason to fail */
		note_absent(a->list, spec, name, known->absent_since ? known->absent_since : "");
	} else {
		*colon = ':';
		rc = unknown_event(top, spec, a->err);
	}
	*colon = ':';
	return rc;
}

static int add_spec(struct event_list *list, int top, const struct event_spec *spec,
		    enum stacks_mode stacks, struct error *err)
{
	static const char *const all[] = { "slab", "page", "percpu", "vmalloc" };
	struct adding adding = { .list = list, .spec = spec, .stacks = stacks, .err = err };
	const struct software_event *software;
	bool known;
	int rc;

	text_add(&list->specs, list->specs.len ? "," : "");
	text_add(&list->specs, spec->text);
	software = software_event_find(spec->name);
	if (software && spec->filter)
		return error_set(err, ERR_USAGE, "%s: page faults have no filter", spec->text);
	if (software)
		return add_found(&adding, SOFTWARE_SYSTEM, software->name);
	if (!strcmp(spec->name, "all")) {
		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
			rc = add_preset(list, top, all[i], true, stacks, &known, err);
			if (rc < 0)
				return rc;
		}
		return 0;
	}
	rc = add_preset(list, top, spec->name, false, stacks, &known, err);
	if (rc < 0 || known)
		return rc;
	return event_spec_is_pattern(spec) ? add_pattern(&adding, top) : add_event(&adding, top);
}

static int add_specs(struct event_list *list, int top, const char *const *texts, size_t count,
		     enum stacks_mode stacks, struct error *err)
{
	struct event_specs specs = { 0 };
	int rc = 0;

	if (!count)
		rc = event_specs_parse(&specs, "slab", err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = event_specs_parse(&specs, texts[i], err);
	for (size_t i = 0; rc == 0 && i < specs.count; i++)
		rc = add_spec(list, top, &specs.items[i], stacks, err);
	event_specs_release(&specs);
	return rc;
}

int event_list_make(struct event_list *ret, int top, const char *const *specs, size_t count,
		    enum stacks_mode stacks, struct error *err)
{
	struct event_list list = { 0 };
	int rc = add_specs(&list, top, specs, count, stacks, err);

	buf_u8(&list.specs, '\0');
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
			rc = list_add(&list,
				      &(struct listed_event){
					      .system = (char *)name_events[i].system,
					      .name = (char *)name_events[i].name,
				      },
				      err);
	buf_u8(&list.absent, '\0');
	if (rc == 0 && (list.specs.oom || list.warnings.oom || list.absent.oom))
		rc = error_nomem(err);
	if (rc < 0)
		event_list_release(&list);
	else
		*ret = list;
	return rc;
}

/* ---- what is not whole ---- */

static bool same_filter(const struct listed_event *a, const struct listed_event *b)
{
	return a->filter && b->filter && !strcmp(a->filter, b->filter);
}

void event_list_filters(const struct event_list *list, struct buf *ret)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct listed_event *e = &list->items[i], *before = list->items;

		while (before < e && !same_filter(before, e))
			before++;
		if (!e->filter || before < e)
			continue;
		text_add(ret, ret->len ? "\n" : "");
		for (const struct listed_event *o = e; o < list->items + list->count; o++) {
			if (!same_filter(o, e))
				continue;
			text_add(ret, o == e ? "" : ",");
			text_add(ret, o->system);
			text_add(ret, ":");
			text_add(ret, o->name);
		}
		text_add(ret, " ");
		text_add(ret, e->filter);
	}
	buf_u8(ret, '\0');
}

void event_list_max_stacks(const struct event_list *list, struct buf *ret)
{
	char text[16];

	for (size_t i = 0; i < list->count; i++) {
		const struct listed_event *e = &list->items[i];

		if (!e->max_stack)
			continue;
		text_add(ret, ret->len ? " " : "");
		text_add(ret, e->system);
		text_add(ret, ":");
		text_add(ret, e->name);
		snprintf(text, sizeof(text), "=%u", e->max_stack);
		text_add(ret, text);
	}
	buf_u8(ret, '\0');
}
