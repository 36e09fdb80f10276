#include "analyze/module_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

#define SECTIONS    "/sys/module/"
#define MODULES_MAX 65536

static bool parse_hex(const char *p, const char *end, uint64_t *ret)
{
	char text[32] = "";
	size_t n = 0;
	char *stop;

	for (; p < end && n < sizeof(text) - 1 && *p != '\n' && *p != ' '; n++)
		text[n] = *p++;
	errno = 0;
	*ret = strtoull(text, &stop, 16);
	return n && !*stop && !errno;
}

static uint64_t moment_time(const char *moment)
{
	if (!strcmp(moment, "start"))
		return 0;
	return *moment >= '0' && *moment <= '9' ? strtoull(moment, NULL, 10) : UINT64_MAX;
}

/* "/sys/module/NAME/sections/SECTION" taken apart; false: another file. */
static bool section_file(const char *path, struct text *ret_module, const char **ret_section)
{
	const char *name = path + strlen(SECTIONS), *slash;

	if (strncmp(path, SECTIONS, strlen(SECTIONS)))
		return false;
	slash = strchr(name, '/');
	if (!slash || strncmp(slash, "/sections/", 10) || !slash[10])
		return false;
	*ret_module = (struct text){ name, (size_t)(slash - name) };
	*ret_section = slash + 10;
	return true;
}

struct module_key {
	const struct module_files *files;
	struct text name;
	uint64_t seen;
};

bool module_has_name(const struct module *module, struct text name)
{
	return strlen(module->name) == name.len && !memcmp(module->name, name.data, name.len);
}

static bool same_module(const void *arg, uint32_t id)
{
	const struct module_key *k = arg;
	const struct module *module = &k->files->list[id - 1];

	return module->seen == k->seen && module_has_name(module, k->name);
}

static uint64_t rehash_module(const void *arg, uint32_t id)
{
	const struct module *module = &((const struct module_files *)arg)->list[id - 1];

	return hash_bytes(module->seen, module->name, strlen(module->name));
}

/* As seen at that moment; NULL: it was not. */
static struct module *find(const struct module_files *m, struct text name, uint64_t seen)
{
	const struct module_key key = { m, name, seen };
	uint32_t id = id_index_find(&m->index, hash_bytes(seen, name.data, name.len), same_module,
				    &key);

	return id ? &m->list[id - 1] : NULL;
}

/* The module of that name as seen at that moment, made if need be; NULL: no memory, or too many. */
static struct module *get(struct module_files *m, struct text name, uint64_t seen)
{
	struct module *new = find(m, name, seen);

	if (new)
		return new;
	if (m->count >= MODULES_MAX ||
	    !array_room((void **)&m->list, &m->cap, m->count, sizeof(*new)))
		return NULL;
	new = &m->list[m->count];
	*new = (struct module){ .name = strndup(name.data, name.len),
				.seen = seen,
				.low = UINT64_MAX };
	if (!new->name)
		return NULL;
	m->count++;
	return id_index_add(&m->index, hash_bytes(seen, name.data, name.len), (uint32_t)m->count,
			    rehash_module, m) ?
		       new :
		       NULL;
}

static bool is_code(const char *section)
{
	return strstr(section, "text") || !strncmp(section, ".plt", 4);
}

static int add_section(struct module_files *m, const struct model_file *f)
{
	const char *text = (const char *)f->content.data, *name;
	struct text module_name;
	struct code_section section = { 0 };
	struct module *module;

	if (!section_file(f->name, &module_name, &name) || !is_code(name) || !f->content.len ||
	    !parse_hex(text, text + f->content.len, &section.start) || !section.start)
		return 0;
	module = get(m, module_name, moment_time(f->moment));
	if (!module ||
	    !array_room((void **)&m->sections, &m->section_cap, m->section_count, sizeof(section)))
		return ERR_NOMEM;
	section.module = (uint32_t)(module - m->list);
	section.init = !strncmp(name, ".init", 5);
	snprintf(section.name, sizeof(section.name), "%s", name);
	if (!strcmp(name, ".text"))
		module->text = section.start;
	if (!section.init && section.start < module->low)
		module->low = section.start;
	m->sections[m->section_count++] = section;
	return 0;
}

/*
 * A line of /proc/modules, "name size users dependents state 0xaddress"; false at the end. What cannot be
 * read of it is left 0.
 */
static bool next_module_line(const char **p, const char *end, struct text *name, uint64_t *size)
{
	const char *eol, *blank;

	if (*p >= end)
		return false;
	eol = memchr(*p, '\n', (size_t)(end - *p));
	if (!eol)
		eol = end;
	blank = memchr(*p, ' ', (size_t)(eol - *p));
	*name = (struct text){ *p, (size_t)((blank ? blank : eol) - *p) };
	*size = 0;
	for (const char *d = blank ? blank + 1 : eol; d < eol && *d >= '0' && *d <= '9'; d++)
		*size = *size * 10 + (unsigned int)(*d - '0');
	*p = eol + 1;
	return true;
}

static void take_sizes(struct module_files *m, const struct model_file *f)
{
	const char *p = (const char *)f->content.data, *end = p + f->content.len;
	uint64_t seen = moment_time(f->moment), size;
	struct text name;

	while (f->content.len && next_module_line(&p, end, &name, &size)) {
		struct module *module = find(m, name, seen);

		if (module)
			module->size = size;
	}
}

static int take_symbols(struct module_files *m, const struct model_file *f, struct error *err)
{
	const char *name = f->name + strlen(SECTIONS), *slash = strchr(name, '/');
	struct module *module = find(m, (struct text){ name, (size_t)(slash - name) },
				     moment_time(f->moment));

	if (!module || module->symbols)
		return 0;
	return symbols_new(&module->symbols, f->content.data, f->content.len, err);
}

static bool is_module_kallsyms(const char *path)
{
	const char *slash = strncmp(path, SECTIONS, strlen(SECTIONS)) ?
				    NULL :
				    strchr(path + strlen(SECTIONS), '/');

	return slash && !strcmp(slash, "/kallsyms");
}

/* The file is one ELF note: three lengths and numbers of four bytes, "GNU", the id. */
static void take_build_id(struct module_files *m, const struct model_file *f)
{
	const char *name = f->name + strlen(SECTIONS), *slash;
	const size_t head = 16;
	struct module *module;

	if (strncmp(f->name, SECTIONS, strlen(SECTIONS)))
		return;
	slash = strchr(name, '/');
	if (!slash || strcmp(slash, "/notes/.note.gnu.build-id") || f->content.len <= head ||
	    f->content.len - head > BUILD_ID_MAX || memcmp(f->content.data + 12, "GNU", 4))
		return;
	module = find(m, (struct text){ name, (size_t)(slash - name) }, moment_time(f->moment));
	if (!module)
		return;
	module->build_id_len = f->content.len - head;
	memcpy(module->build_id, f->content.data + head, module->build_id_len);
}

/* ---- what stays as it is ---- */

/* The same module at the same place, as seen at the end; NULL: it was not there, or not looked at. */
static struct module *twin_at_end(const struct module_files *m, const struct module *module)
{
	struct module *twin = find(m, (struct text){ module->name, strlen(module->name) },
				   UINT64_MAX);

	return twin && twin->text == module->text ? twin : NULL;
}

/* Where /proc/modules lists the modules that were there at the start. which: 0 its copy at the start, 1 at the end. */
static void take_listed(struct module_files *m, const struct model_file *f, int which)
{
	const char *p = f ? (const char *)f->content.data : NULL;
	const char *stop = p ? p + f->content.len : NULL, *from = p;
	uint64_t size;
	struct text word;

	for (; p && next_module_line(&p, stop, &word, &size); from = p) {
		const char *eol = p - 1, *at = eol;
		struct module *module = find(m, word, 0);

		if (!module)
			continue;
		while (at > from && at[-1] != ' ')
			at--;
		/* flags may follow the address in brackets */
		if (at > from && *at == '(')
			for (eol = --at; at > from && at[-1] != ' '; at--)
				;
		module->listed[which] = (struct text){ at, (size_t)(eol - at) };
	}
}

/* Whether /proc/modules lists it at the end, at the address where it was at the start. */
static bool listed_at_end(const struct module *module)
{
	const struct text *start = &module->listed[0], *end = &module->listed[1];
	static const char hidden[] = "0x0000000000000000";

	return start->len && start->len == end->len && !memcmp(start->data, end->data, end->len) &&
	       (start->len != strlen(hidden) || memcmp(start->data, hidden, start->len) != 0);
}

static void find_stable(struct module_files *m, const struct capture_model *model)
{
	take_listed(m, capture_model_file(model, "/proc/modules", "start"), 0);
	take_listed(m, capture_model_file(model, "/proc/modules", "end"), 1);
	for (size_t i = 0; i < m->count; i++) {
		struct module *module = &m->list[i], *twin;

		if (module->seen)
			continue;
		twin = twin_at_end(m, module);
		module->live = module->heard = true;
		module->stable = twin || listed_at_end(module);
		if (twin)
			twin->live = twin->heard = twin->stable = true;
	}
}

static int by_start(const void *a, const void *b)
{
	const struct code_section *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->module > y->module) - (x->module < y->module);
}

int module_files_read(struct module_files *m, const struct capture_model *model, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < model->file_count; i++)
		rc = add_section(m, &model->files[i]);
	for (size_t i = 0; rc == 0 && i < model->file_count; i++) {
		const struct model_file *f = &model->files[i];

		if (!strcmp(f->name, "/proc/modules"))
			take_sizes(m, f);
		take_build_id(m, f);
		if (is_module_kallsyms(f->name))
			rc = take_symbols(m, f, err);
	}
	if (rc < 0)
		return rc == ERR_NOMEM ? error_nomem(err) : rc;
	find_stable(m, model);
	if (m->section_count)
		qsort(m->sections, m->section_count, sizeof(*m->sections), by_start);
	return 0;
}

void module_files_release(struct module_files *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->list[i].name);
		symbols_free(m->list[i].symbols);
	}
	free(m->list);
	id_index_release(&m->index);
	free(m->sections);
	*m = (struct module_files){ 0 };
}
