#include "record/found_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "record/ftrace_ring.h"
#include "record/tracefs.h"

#define SMALL_FILE	(1u << 20)
#define RECORDER_PREFIX "kmem-record."

const char *found_ring_path(const struct found_ring *ring, const char *file, char *room,
			    size_t size)
{
	snprintf(room, size, "%s%s", ring->prefix, file);
	return room;
}

const char *found_ring_cpu_path(const struct found_ring *ring, uint32_t cpu, const char *file,
				char *room, size_t size)
{
	snprintf(room, size, "%sper_cpu/cpu%u/%s", ring->prefix, cpu, file);
	return room;
}

const char *found_ring_title(const struct found_ring *ring, char *room, size_t size)
{
	if (ring->name[0])
		snprintf(room, size, "instance '%s'", ring->name);
	else
		snprintf(room, size, "the top instance");
	return room;
}

uint64_t found_ring_entries(const struct found_ring *ring)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < ring->cpu_count; i++)
		n += ring->cpus[i].before.entries;
	return n;
}

/* ---- which instances there are ---- */

static int add_ring(struct found_rings *rings, const char *name, struct error *err)
{
	struct found_ring *p = realloc(rings->items, (rings->count + 1) * sizeof(*p));

	if (!p)
		return error_nomem(err);
	rings->items = p;
	p = &rings->items[rings->count++];
	*p = (struct found_ring){ 0 };
	if (name) {
		snprintf(p->name, sizeof(p->name), "%s", name);
		snprintf(p->prefix, sizeof(p->prefix), "instances/%s/", p->name);
	}
	return 0;
}

/* A recorder that runs holds a lock on the directory of its instance (instance.h). */
static bool is_recorders(const struct tree *t, const char *name)
{
	char path[300];
	bool locked;
	int fd;

	if (t->saved || strncmp(name, RECORDER_PREFIX, strlen(RECORDER_PREFIX)) != 0)
		return false;
	snprintf(path, sizeof(path), "instances/%s", name);
	fd = tree_open_file(t, path, O_DIRECTORY, NULL);
	if (fd < 0)
		return true; /* gone by now */
	locked = flock(fd, LOCK_EX | LOCK_NB) < 0;
	close(fd);
	return locked;
}

static int compare_rings(const void *a, const void *b)
{
	const struct found_ring *x = a, *y = b;

	return strcmp(x->name, y->name); /* the top instance has the empty name */
}

static int list_all(struct found_rings *rings, const struct tree *t, struct error *err)
{
	DIR *dir = tree_list(t, "per_cpu");
	struct dirent *d;
	int rc = 0;

	if (dir || !t->saved) /* named instances only may have been saved */
		rc = add_ring(rings, NULL, err);
	if (dir)
		closedir(dir);
	dir = tree_list(t, "instances");

	while (dir && rc == 0 && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		if (is_recorders(t, d->d_name))
			rings->recorders++;
		else
			rc = add_ring(rings, d->d_name, err);
	}
	if (dir)
		closedir(dir);
	if (rc == 0 && !rings->count)
		rc = error_set(err, ERR_FORMAT,
			       "'%s' holds no ring buffer: no directory tracing/per_cpu", t->name);
	if (rc == 0)
		qsort(rings->items, rings->count, sizeof(*rings->items), compare_rings);
	return rc;
}

static int no_such_instance(const struct found_rings *all, const char *name, struct error *err)
{
	struct near_names near = { 0 };
	char text[400];

	for (size_t i = 0; i < all->count; i++)
		if (all->items[i].name[0])
			near_add(&near, all->items[i].name,
				 near_distance(all->items[i].name, name));
	near_text(&near, text, sizeof(text));
	return error_set(err, ERR_USAGE, "there is no tracing instance '%s'%s%s%s", name,
			 text[0]	? "; there is " :
			 all->count > 1 ? "" :
					  ", and no other either",
			 text, text[0] ? "; " TOP_INSTANCE " is the top instance" : "");
}

static const struct found_ring *find_ring(const struct found_rings *all, const char *name)
{
	if (!strcmp(name, TOP_INSTANCE))
		name = "";
	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(all->items[i].name, name))
			return &all->items[i];
	return NULL;
}

int found_rings_list(struct found_rings *ret, const struct tree *t, const char *const *names,
		     size_t count, struct error *err)
{
	struct found_rings all = { 0 }, chosen = { 0 };
	int rc = list_all(&all, t, err);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct found_ring *r = find_ring(&all, names[i]);

		if (!r)
			rc = no_such_instance(&all, names[i], err);
		else if (!find_ring(&chosen, r->name)) /* once is enough */
			rc = add_ring(&chosen, r->name[0] ? r->name : NULL, err);
	}
	chosen.recorders = all.recorders;
	found_rings_release(rc < 0 || count ? &all : &chosen);
	if (rc < 0)
		found_rings_release(&chosen);
	else
		*ret = count ? chosen : all;
	return rc;
}

void found_rings_release(struct found_rings *rings)
{
	for (size_t i = 0; i < rings->count; i++)
		free(rings->items[i].cpus);
	free(rings->items);
	*rings = (struct found_rings){ 0 };
}

/* ---- stop and go ---- */

static bool is_on(const struct found_ring *ring, const struct tree *t)
{
	char path[FOUND_PATH], text[16];

	/* a tree without facts is not of collect-ftrace.sh, and may say what it was after the stop */
	if (t->saved && !tree_fact(t, "machine", text, sizeof(text)))
		return true;
	return tree_line(t, found_ring_path(ring, "tracing_on", path, sizeof(path)), text,
			 sizeof(text)) &&
	       text[0] == '1';
}

int found_rings_freeze(struct found_rings *rings, const struct tree *t, struct error *err)
{
	char path[FOUND_PATH];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < rings->count; i++) {
		struct found_ring *r = &rings->items[i];

		r->was_on = is_on(r, t);
		if (!r->was_on || t->saved)
			continue;
		rc = tracefs_write(t->tracing, found_ring_path(r, "tracing_on", path, sizeof(path)),
				   "0", err);
		r->frozen = rc == 0;
	}
	return rc;
}

void found_rings_thaw(struct found_rings *rings, const struct tree *t)
{
	char path[FOUND_PATH];

	for (size_t i = 0; i < rings->count; i++) {
		struct found_ring *r = &rings->items[i];

		if (r->frozen)
			tracefs_write(t->tracing,
				      found_ring_path(r, "tracing_on", path, sizeof(path)), "1",
				      NULL);
		r->frozen = false;
	}
}

/* ---- what a ring is like ---- */

/* "[local] global counter ...": the one in brackets. */
static void look_at_clock(struct found_ring *ring, const struct tree *t)
{
	char path[FOUND_PATH], text[512];
	const char *open;

	tree_line(t, found_ring_path(ring, "trace_clock", path, sizeof(path)), text, sizeof(text));
	open = strchr(text, '[');
	if (open)
		snprintf(ring->clock, sizeof(ring->clock), "%.*s", (int)strcspn(open + 1, "]"),
			 open + 1);
}

static int look_at_layout(struct ring_layout *ret, const struct found_ring *ring,
			  const struct tree *t, bool big_endian, struct error *err)
{
	char path[FOUND_PATH];
	struct buf b = { 0 };
	int rc = -1;

	/* an instance has its own where sub-buffers can differ in size */
	if (ring->prefix[0])
		rc = tree_read(t, found_ring_path(ring, "events/header_page", path, sizeof(path)),
			       SMALL_FILE, &b, NULL);
	if (rc < 0)
		rc = tree_read(t, "events/header_page", SMALL_FILE, &b, err);
	if (rc == 0)
		rc = ring_layout_parse(ret, (char *)b.data, b.len, big_endian, err);
	buf_release(&b);
	return rc;
}

/* How many bytes of records the header of a page claims, its flags left out, in one byte order. */
static uint64_t claimed(const uint8_t *page, const struct ring_layout *layout, bool big_endian)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < layout->long_size; i++)
		v |= (uint64_t)page[layout->commit_offset + i]
		     << 8 * (big_endian ? layout->long_size - 1 - i : i);
	return v & ~(3ull << 30);
}

/* 1: big, 0: little, -1: the page does not tell. */
static int page_byte_order(const struct tree *t, const char *path, const struct ring_layout *layout)
{
	int fd = tree_open_file(t, path, 0, NULL);
	uint8_t page[64];
	ssize_t n = fd < 0 ? -1 : read(fd, page, sizeof(page));
	uint64_t little, big, most = layout->subbuf_size - layout->data_offset;

	if (fd >= 0)
		close(fd);
	if (n < (ssize_t)layout->data_offset)
		return -1;
	little = claimed(page, layout, false);
	big = claimed(page, layout, true);
	if ((little && little <= most) == (big && big <= most))
		return -1;
	return big && big <= most;
}

static int ring_byte_order(const struct found_ring *ring, const struct tree *t)
{
	char path[FOUND_PATH];
	struct ring_layout layout;
	struct dirent *d;
	int order = -1;
	DIR *dir;

	if (look_at_layout(&layout, ring, t, false, NULL) < 0)
		return -1;
	dir = tree_list(t, found_ring_path(ring, "per_cpu", path, sizeof(path)));
	while (dir && order < 0 && (d = readdir(dir))) {
		unsigned int cpu;

		if (sscanf(d->d_name, "cpu%u", &cpu) == 1)
			order = page_byte_order(t,
						found_ring_cpu_path(ring, cpu, "trace_pipe_raw",
								    path, sizeof(path)),
						&layout);
	}
	if (dir)
		closedir(dir);
	return order;
}

bool found_rings_big_endian(const struct found_rings *rings, const struct tree *t)
{
	char text[16];
	int order = -1;

	for (size_t i = 0; t->saved && order < 0 && i < rings->count; i++)
		order = ring_byte_order(&rings->items[i], t);
	if (order >= 0)
		return order;
	if (tree_fact(t, "endian", text, sizeof(text)))
		return !strcmp(text, "big");
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
}

static int compare_cpus(const void *a, const void *b)
{
	const struct found_cpu *x = a, *y = b;

	return (x->cpu > y->cpu) - (x->cpu < y->cpu);
}

static int add_cpu(struct found_ring *ring, const struct tree *t, uint32_t cpu, struct error *err)
{
	struct found_cpu *p = realloc(ring->cpus, (ring->cpu_count + 1) * sizeof(*p));
	char path[FOUND_PATH];
	int fd, rc;

	if (!p)
		return error_nomem(err);
	ring->cpus = p;
	p = &ring->cpus[ring->cpu_count++];
	*p = (struct found_cpu){ .cpu = cpu,
				 .before = { .cpu = cpu, .ring = ring->number },
				 .after = { .cpu = cpu, .ring = ring->number } };
	found_ring_cpu_path(ring, cpu, "stats", path, sizeof(path));
	fd = tree_open_file(t, path, 0, err);
	if (fd < 0)
		return fd;
	rc = ring_counts_read(fd, &p->before, err);
	close(fd);
	return rc < 0 ? error_prefix(err, "%s", path) : 0;
}

static int look_at_cpus(struct found_ring *ring, const struct tree *t, struct error *err)
{
	char path[FOUND_PATH];
	DIR *dir = tree_list(t, found_ring_path(ring, "per_cpu", path, sizeof(path)));
	struct dirent *d;
	int rc = 0;

	while (dir && rc == 0 && (d = readdir(dir))) {
		unsigned int cpu;
		int end = 0;

		if (sscanf(d->d_name, "cpu%u%n", &cpu, &end) == 1 && !d->d_name[end] &&
		    cpu < CPU_MAX)
			rc = add_cpu(ring, t, cpu, err);
	}
	if (dir)
		closedir(dir);
	if (rc == 0 && !ring->cpu_count)
		rc = error_set(err, ERR_FORMAT, "%s: there is no CPU in the directory '%s'",
			       t->saved ? t->name : "the tracing directory", path);
	if (rc == 0)
		qsort(ring->cpus, ring->cpu_count, sizeof(*ring->cpus), compare_cpus);
	return rc;
}

int found_ring_look(struct found_ring *ring, const struct tree *t, bool big_endian,
		    struct error *err)
{
	char path[FOUND_PATH], text[64];
	int rc;

	look_at_clock(ring, t);
	/* "1408", "7 (expanded: 1408)" before anything was recorded, "X" where CPUs differ */
	if (tree_line(t, found_ring_path(ring, "buffer_size_kb", path, sizeof(path)), text,
		      sizeof(text)))
		ring->ring_bytes = strtoull(text, NULL, 10) << 10;
	rc = look_at_layout(&ring->layout, ring, t, big_endian, err);
	return rc < 0 ? rc : look_at_cpus(ring, t, err);
}
