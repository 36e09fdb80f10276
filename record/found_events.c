#include "record/found_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_FILE_MAX (1u << 20)
#define LIST_FILE_MAX	(4u << 20)

int found_events_init(struct found_events *e, const struct tree *tree, struct event_plan *plan,
		      struct error *err)
{
	*e = (struct found_events){
		.tree = tree,
		.plan = plan,
		.tried = calloc((UINT16_MAX + 1) / 8, 1),
	};
	return e->tried ? 0 : error_nomem(err);
}

void found_events_release(struct found_events *e)
{
	for (size_t i = 0; i < e->number_count; i++) {
		free(e->numbers[i].system);
		free(e->numbers[i].name);
	}
	free(e->numbers);
	free(e->tried);
	buf_release(&e->specs);
	buf_release(&e->filters);
	*e = (struct found_events){ 0 };
}

static bool in_plan(const struct event_plan *plan, const char *system, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (!strcmp(plan->types[i].system, system) && !strcmp(plan->types[i].name, name))
			return true;
	return false;
}

/* options/stacktrace gives every event of the instance a stack, a trigger those of one type. */
static bool stacks_are_on(const struct tree *t, const struct found_ring *ring, const char *system,
			  const char *name)
{
	char path[FOUND_PATH], file[FOUND_PATH], text[16];
	struct buf b = { 0 };
	bool on = false;

	if (tree_line(t, found_ring_path(ring, "options/stacktrace", path, sizeof(path)), text,
		      sizeof(text)) &&
	    text[0] == '1')
		return true;
	snprintf(file, sizeof(file), "events/%.128s/%.128s/trigger", system, name);
	if (tree_read(t, found_ring_path(ring, file, path, sizeof(path)), FORMAT_FILE_MAX, &b,
		      NULL) == 0)
		for (char *line = (char *)b.data; line && *line; line = strchr(line, '\n')) {
			line += *line == '\n';
			on |= !strncmp(line, "stacktrace", strlen("stacktrace"));
		}
	buf_release(&b);
	return on;
}

bool found_events_asked(const struct found_events *e, const struct found_ring *ring, size_t index)
{
	const struct event_type *type = &e->plan->types[index];

	return stacks_are_on(e->tree, ring, type->system, type->name);
}

static int add_to_plan(struct found_events *e, const struct found_ring *ring, const char *system,
		       const char *name, struct error *err)
{
	char path[FOUND_PATH];
	struct buf b = { 0 };
	int rc;

	snprintf(path, sizeof(path), "events/%.128s/%.128s/format", system, name);
	rc = tree_read(e->tree, path, FORMAT_FILE_MAX, &b, err);
	if (rc == 0)
		rc = event_plan_add(e->plan, system, (char *)b.data, b.len,
				    stacks_are_on(e->tree, ring, system, name), err);
	buf_release(&b);
	return rc;
}

/* ---- what is switched on ---- */

static void note_filter(struct found_events *e, const struct found_ring *ring, const char *system,
			const char *name)
{
	char path[FOUND_PATH], file[FOUND_PATH], filter[4096];

	snprintf(file, sizeof(file), "events/%.128s/%.128s/filter", system, name);
	if (!tree_line(e->tree, found_ring_path(ring, file, path, sizeof(path)), filter,
		       sizeof(filter)) ||
	    !strcmp(filter, "none") || !filter[0])
		return;
	if (e->filters.len)
		buf_u8(&e->filters, '\n');
	buf_bytes(&e->filters, system, strlen(system));
	buf_u8(&e->filters, ':');
	buf_bytes(&e->filters, name, strlen(name));
	buf_u8(&e->filters, ' ');
	buf_bytes(&e->filters, filter, strlen(filter));
}

/* One line of set_event: "kmem:kmalloc". */
static int add_enabled(struct found_events *e, const struct found_ring *ring, const char *system,
		       const char *name, struct error *err)
{
	note_filter(e, ring, system, name);
	if (in_plan(e->plan, system, name)) {
		struct event_type *type = NULL;

		for (size_t i = 0; i < e->plan->count; i++)
			if (!strcmp(e->plan->types[i].system, system) &&
			    !strcmp(e->plan->types[i].name, name))
				type = &e->plan->types[i];
		if (type)
			type->has_stack |= stacks_are_on(e->tree, ring, system, name);
		return 0;
	}
	if (e->specs.len)
		buf_u8(&e->specs, ',');
	buf_bytes(&e->specs, system, strlen(system));
	buf_u8(&e->specs, ':');
	buf_bytes(&e->specs, name, strlen(name));
	/* a format that a saved directory lacks is missed when a record needs it, not before */
	if (add_to_plan(e, ring, system, name, NULL) == ERR_NOMEM)
		return error_nomem(err);
	return 0;
}

int found_events_enabled(struct found_events *e, const struct found_ring *ring, struct error *err)
{
	char path[FOUND_PATH], *save = NULL;
	struct buf b = { 0 };
	int rc = 0;

	if (tree_read(e->tree, found_ring_path(ring, "set_event", path, sizeof(path)),
		      LIST_FILE_MAX, &b, NULL) == 0)
		for (char *line = strtok_r((char *)b.data, "\n", &save); line && rc == 0;
		     line = strtok_r(NULL, "\n", &save)) {
			char *name = strchr(line, ':');

			if (!name || strchr(line, '/'))
				continue;
			*name++ = '\0';
			rc = add_enabled(e, ring, line, name, err);
		}
	buf_release(&b);
	return rc;
}

/* ---- what turns up ---- */

/* Systems that are looked at first; the scan of all (over 1,300 files) is for the rest. */
static const char *const likely_systems[] = { "kmem", "task", "module", "initcall", "ftrace" };
#define LIKELY (sizeof(likely_systems) / sizeof(likely_systems[0]))

static bool is_likely(const char *system)
{
	for (size_t i = 0; i < LIKELY; i++)
		if (!strcmp(system, likely_systems[i]))
			return true;
	return false;
}

/* The number of an event: the file id, or where there is none what its format says; 0: none. */
static unsigned int read_number(const struct tree *t, const char *system, const char *name)
{
	char path[FOUND_PATH], text[400];
	const char *id = text;

	snprintf(path, sizeof(path), "events/%.128s/%.128s/id", system, name);
	if (!tree_line(t, path, text, sizeof(text))) {
		struct buf b = { 0 };

		snprintf(path, sizeof(path), "events/%.128s/%.128s/format", system, name);
		text[0] = '\0';
		if (tree_read(t, path, FORMAT_FILE_MAX, &b, NULL) == 0)
			snprintf(text, sizeof(text), "%s", (char *)b.data);
		buf_release(&b);
		id = strstr(text, "\nID: ");
		if (!id)
			return 0;
		id += strlen("\nID: ");
	}
	return (unsigned int)strtoul(id, NULL, 10);
}

static void scan_system(struct found_events *e, const char *system)
{
	char path[300];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "events/%.250s", system);
	dir = tree_list(e->tree, path);
	while (dir && (d = readdir(dir))) {
		struct event_number *p;
		unsigned int id;

		if (d->d_name[0] == '.' || strlen(d->d_name) > 128)
			continue;
		id = read_number(e->tree, system, d->d_name);
		if (!id || id > UINT16_MAX)
			continue;
		p = realloc(e->numbers, (e->number_count + 1) * sizeof(*p));
		if (!p)
			break;
		e->numbers = p;
		p = &e->numbers[e->number_count];
		*p = (struct event_number){ (uint16_t)id, strdup(system), strdup(d->d_name) };
		e->number_count++;
		if (!p->system || !p->name)
			break;
	}
	if (dir)
		closedir(dir);
}

static void scan_unlikely(struct found_events *e)
{
	DIR *dir = tree_list(e->tree, "events");
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.' && strlen(d->d_name) <= 128 && !is_likely(d->d_name))
			scan_system(e, d->d_name);
	if (dir)
		closedir(dir);
}

static const struct event_number *find_number(const struct found_events *e, uint16_t id)
{
	for (size_t i = 0; i < e->number_count; i++)
		if (e->numbers[i].id == id && e->numbers[i].system && e->numbers[i].name)
			return &e->numbers[i];
	return NULL;
}

bool found_events_learn(struct found_events *e, uint16_t id, const struct found_ring *ring)
{
	const struct event_number *n;
	uint8_t bit = (uint8_t)(1u << id % 8);

	if (e->tried[id / 8] & bit)
		return false;
	e->tried[id / 8] |= bit;
	while (!(n = find_number(e, id)) && e->scanned <= LIKELY) {
		if (e->scanned < LIKELY)
			scan_system(e, likely_systems[e->scanned]);
		else
			scan_unlikely(e);
		e->scanned++;
	}
	return n && add_to_plan(e, ring, n->system, n->name, NULL) == 0;
}
