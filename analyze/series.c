#define _GNU_SOURCE /* asprintf */
#include "analyze/series.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/buf.h"
#include "format/base/crc32.h"
#include "format/records.h"

#define NUMBER_DIGITS	  6 /* kmem-record writes so many; more when they do not suffice */
#define NUMBER_DIGITS_MAX 9

/* ---- which segment a file is ---- */

static int on_pair(void *arg, struct text key, struct text value)
{
	struct segment *f = arg;

	if (key.len == 14 && !memcmp(key.data, "segment.series", 14) &&
	    value.len < sizeof(f->series)) {
		memcpy(f->series, value.data, value.len);
		f->series[value.len] = '\0';
	} else if (key.len == 14 && !memcmp(key.data, "segment.number", 14)) {
		f->number = 0;
		for (size_t i = 0; i < value.len; i++) {
			if (value.data[i] < '0' || value.data[i] > '9' || i == NUMBER_DIGITS_MAX)
				return ERR_DAMAGED;
			f->number = f->number * 10 + (uint32_t)(value.data[i] - '0');
		}
	}
	return 0;
}

/* Its first block says it. A file whose first block is damaged is a capture of no series. */
static int find_place(struct segment *f, struct error *err)
{
	struct block block = { 0 };
	struct block_header h;
	int rc = capture_reader_first(f->reader, &h, &block, NULL);
	const struct section *s = rc == 0 && h.type == BLOCK_INFO ?
					  block_section(&block, SECTION_RECORDS) :
					  NULL;

	if (s && info_decode(s->data, s->len, on_pair, f, NULL) < 0)
		f->number = 0;
	block_release(&block);
	if (!f->number || !f->series[0]) {
		f->number = 0;
		f->series[0] = '\0';
	}
	return rc == ERR_NOMEM ? error_nomem(err) : 0;
}

static int segment_open(struct segment *f, const char *path, struct error *err)
{
	int rc;

	*f = (struct segment){ 0 };
	rc = capture_reader_open(&f->reader, path, err);
	if (rc == 0)
		rc = capture_reader_identity(f->reader, &f->identity, err);
	return rc < 0 ? rc : find_place(f, err);
}

/* ---- several files ---- */

static int by_number(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int check_together(const struct series *s, struct error *err)
{
	for (size_t i = 0; i < s->count && s->count > 1; i++) {
		const struct segment *f = &s->files[i], *before = i ? f - 1 : f;
		const char *path = capture_reader_path(f->reader);

		if (!f->number)
			return error_set(
				err, ERR_FORMAT,
				"'%s' is a capture of its own, no segment of a series: load "
				"it alone",
				path);
		if (strcmp(f->series, s->files[0].series))
			return error_set(err, ERR_FORMAT,
					 "'%s' and '%s' are not of one series: they were made by "
					 "different recordings",
					 capture_reader_path(s->files[0].reader), path);
		if (before != f && before->number == f->number)
			return error_set(err, ERR_FORMAT,
					 "'%s' and '%s' are both segment %" PRIu32
					 " of their series: name one of them",
					 capture_reader_path(before->reader), path, f->number);
	}
	return 0;
}

int series_open(struct series *s, char *const *paths, size_t count, struct error *err)
{
	int rc = 0;

	*s = (struct series){ .files = calloc(count, sizeof(*s->files)) };
	if (!s->files)
		return error_nomem(err);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = segment_open(&s->files[s->count++], paths[i], err);
	if (rc == 0) {
		qsort(s->files, s->count, sizeof(*s->files), by_number);
		rc = check_together(s, err);
	}
	if (rc < 0)
		series_release(s);
	return rc;
}

void series_release(struct series *s)
{
	for (size_t i = 0; i < s->count; i++)
		capture_reader_free(s->files[i].reader);
	free(s->files);
	*s = (struct series){ 0 };
}

static uint8_t hex_digit(char c)
{
	return (uint8_t)(c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= '0' && c <= '9' ? c - '0' : 0);
}

/* On any machine the same. */
static uint32_t crc_number(uint32_t crc, uint64_t n)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(n >> 8 * i);
	return crc32_update(crc, bytes, sizeof(bytes));
}

void series_identity(const struct series *s, struct capture_identity *ret)
{
	const char *series = s->files[0].series;
	struct capture_identity all = s->files[0].identity;

	if (s->count > 1) {
		memset(&all, 0, sizeof(all));
		for (size_t i = 0; i < strlen(series); i++)
			all.uuid[i / 2] |= (uint8_t)(hex_digit(series[i]) << (i % 2 ? 0 : 4));
	}
	for (size_t i = 0; i < s->count && s->count > 1; i++) {
		const struct capture_identity *one = &s->files[i].identity;

		all.length += one->length;
		all.tail_crc = crc32_update(all.tail_crc, one->uuid, sizeof(one->uuid));
		all.tail_crc = crc_number(all.tail_crc, one->length);
		all.tail_crc = crc_number(all.tail_crc, one->tail_crc);
	}
	*ret = all;
}

/* ---- one list of blocks ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Which file a text is about stands in front of it. */
static void name_file(struct capture_damage *d, const char *path)
{
	char text[sizeof(d->text)];

	memcpy(text, d->text, sizeof(text));
	snprintf(d->text, sizeof(d->text), "%.60s: %.*s", base_name(path), (int)sizeof(text) - 63,
		 text);
}

static bool append_scan(struct capture_scan *all, const struct capture_scan *one)
{
	struct block_header *blocks = realloc(all->blocks,
					      (all->count + one->count + 1) * sizeof(*blocks));
	uint32_t *lens;

	if (blocks)
		all->blocks = blocks;
	lens = realloc(all->header_len, (all->count + one->count + 1) * sizeof(*lens));
	if (lens)
		all->header_len = lens;
	if (!blocks || !lens)
		return false;
	if (one->count) {
		memcpy(blocks + all->count, one->blocks, one->count * sizeof(*blocks));
		memcpy(lens + all->count, one->header_len, one->count * sizeof(*lens));
	}
	all->count += one->count;
	for (size_t i = 0; i < one->damage_count; i++)
		if (capture_scan_add_damage(all, &one->damage[i]) < 0)
			return false;
	all->clean_end = one->clean_end;
	all->length += one->length;
	return true;
}

struct part_progress {
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	void *arg;
	uint64_t before, all;
};

static void on_progress(void *arg, uint64_t done, uint64_t all)
{
	const struct part_progress *p = arg;

	(void)all;
	if (p->progress)
		p->progress(p->arg, p->before + done, p->all);
}

int series_scan(const struct series *s, struct capture_scan *ret,
		void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg,
		struct error *err)
{
	struct part_progress part = { .progress = progress, .arg = arg };
	struct capture_scan all = { 0 };
	int rc = 0;

	for (size_t i = 0; i < s->count; i++)
		part.all += s->files[i].identity.length;
	for (size_t i = 0; i < s->count && rc == 0; i++) {
		struct capture_scan one = { 0 };

		if (s->trusted)
			capture_reader_trust(s->files[i].reader);
		rc = capture_reader_scan(s->files[i].reader, &one, on_progress, &part, err);
		for (size_t k = 0; k < one.count; k++)
			one.blocks[k].file = (uint32_t)i;
		for (size_t k = 0; k < one.damage_count; k++) {
			one.damage[k].file = (uint32_t)i;
			if (s->count > 1)
				name_file(&one.damage[k], capture_reader_path(s->files[i].reader));
		}
		if (rc == 0 && !append_scan(&all, &one))
			rc = error_nomem(err);
		part.before += one.length;
		capture_scan_release(&one);
	}
	if (rc < 0)
		capture_scan_release(&all);
	else
		*ret = all;
	return rc;
}

int series_load(const struct series *s, const struct capture_scan *scan, size_t i,
		struct block *ret, struct error *err)
{
	return capture_reader_load(s->files[scan->blocks[i].file].reader, scan, i, ret, err);
}

/* ---- names ---- */

void path_list_release(struct path_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct path_list){ 0 };
}

/* Takes over the path. */
static int path_list_add(struct path_list *list, char *path, struct error *err)
{
	char **p = path ? realloc(list->items, (list->count + 1) * sizeof(*p)) : NULL;

	if (!p) {
		free(path);
		return error_nomem(err);
	}
	list->items = p;
	p[list->count++] = path;
	return 0;
}

/* STEM.NUMBER.EXTENSION: where ".NUMBER" stands in a base name, and how long it is; NULL: it has none. */
static const char *number_part(const char *base, size_t *ret_len)
{
	for (const char *dot = strchr(base, '.'); dot; dot = strchr(dot + 1, '.')) {
		size_t digits = strspn(dot + 1, "0123456789");
		const char *rest = dot + 1 + digits;

		if (digits < NUMBER_DIGITS || digits > NUMBER_DIGITS_MAX || dot == base ||
		    (*rest && *rest != '.') || (*rest && strchr(rest + 1, '.')))
			continue;
		*ret_len = digits + 1;
		return dot;
	}
	return NULL;
}

char *series_name(const char *path)
{
	size_t len;
	const char *number = number_part(base_name(path), &len);
	char *name;

	if (!number)
		return strdup(path);
	return asprintf(&name, "%.*s%s", (int)(number - path), path, number + len) < 0 ? NULL :
											 name;
}

struct finder {
	struct path_list *list;
	char *name;			       /* of the series: its path without a number */
	char series[2 * CAPTURE_UUID_LEN + 1]; /* "": the first that is found decides */
	void (*note)(void *arg, const char *text);
	void *arg;
};

static void left_out(const struct finder *f, const char *path, const char *why)
{
	char text[700];

	snprintf(text, sizeof(text), "left out: %s%s%s", why, path ? " " : "", path ? path : "");
	if (f->note)
		f->note(f->arg, text);
}

/* A file that is called like a segment. One that cannot be read is told of and left out. */
static int consider(struct finder *f, char *path, struct error *err)
{
	struct segment segment;
	struct error why = { 0 };
	int rc = segment_open(&segment, path, &why);

	if (rc == 0 && segment.number && !f->series[0])
		snprintf(f->series, sizeof(f->series), "%s", segment.series);
	if (rc == ERR_NOMEM)
		rc = error_nomem(err);
	else if (rc < 0)
		rc = 0, left_out(f, NULL, why.text);
	else if (strcmp(segment.series, f->series) || !segment.number)
		left_out(f, path, "of another recording:");
	else {
		rc = path_list_add(f->list, path, err);
		path = NULL;
	}
	capture_reader_free(segment.reader);
	free(path);
	return rc;
}

static int by_name_down(const struct dirent **a, const struct dirent **b)
{
	return -alphasort(a, b);
}

/* All files in the directory that are called like the series, the newest first. */
static int look_around(struct finder *f, struct error *err)
{
	size_t dir_len = (size_t)(base_name(f->name) - f->name);
	char *dir = dir_len ? strndup(f->name, dir_len) : strdup(".");
	struct dirent **found = NULL;
	int count = dir ? scandir(dir, &found, NULL, by_name_down) : -1, rc = 0;

	if (!dir)
		return error_nomem(err);
	for (int i = 0; i < count; i++) {
		char *path = NULL, *name = NULL;
		size_t len;

		if (rc == 0 && number_part(found[i]->d_name, &len)) {
			if (asprintf(&path, "%.*s%s", (int)dir_len, f->name, found[i]->d_name) < 0)
				path = NULL;
			name = path ? series_name(path) : NULL;
			if (!name)
				rc = error_nomem(err);
			else if (!strcmp(name, f->name)) {
				rc = consider(f, path, err);
				path = NULL;
			}
		}
		free(name);
		free(path);
		free(found[i]);
	}
	free(found);
	free(dir);
	return rc;
}

int series_find(struct path_list *ret, const char *path, void (*note)(void *arg, const char *text),
		void *arg, struct error *err)
{
	struct finder f = { .list = ret, .note = note, .arg = arg };
	bool there = access(path, F_OK) == 0;
	struct segment named = { 0 };
	int rc = 0;

	*ret = (struct path_list){ 0 };
	if (there) {
		rc = segment_open(&named, path, err);
		snprintf(f.series, sizeof(f.series), "%s", named.series);
		capture_reader_free(named.reader);
	}
	f.name = series_name(path);
	if (rc == 0 && !f.name)
		rc = error_nomem(err);
	/* a segment, or a name without a number that is not there */
	if (rc == 0 && there == (strcmp(f.name, path) != 0) && (!there || f.series[0]))
		rc = look_around(&f, err);
	/* under a name of its own, or none was found: let the caller fail on it */
	if (rc == 0 && !ret->count)
		rc = path_list_add(ret, strdup(path), err);
	free(f.name);
	if (rc < 0)
		path_list_release(ret);
	return rc;
}
