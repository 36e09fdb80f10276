#include "analyze/modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "analyze/array_room.h"
#include "analyze/module_loaders.h"
#include "format/base/hash.h"

#define SECTIONS    "/sys/module/"
#define INIT_SPAN   (1u << 20) /* initialisation code is smaller; its size is not recorded */
#define CODE_SPAN   (1u << 20) /* of a module whose size is not known */
#define NEAR_SPAN   (64u << 20)
#define MODULES_MAX 65536
#define WALK_MAX    4096	/* sections near an address that are looked at; more are nobody's */
#define NO_MODULE   UINT32_MAX	/* of frames that belong to none for certain */
#define ASSUMED	    0x80000000u /* in a frame's module: that the module was there is only assumed */

/* A module at one place; the same module loaded elsewhere is another one. */
struct module {
	char *name;
	uint64_t
		seen; /* trace clock when its sections were read; 0 at the start, UINT64_MAX at the end */
	uint64_t text;		 /* start of .text: tells two places apart */
	uint64_t low;		 /* lowest start of its code */
	uint64_t size;		 /* 0: unknown */
	struct symbols *symbols; /* its own part of kallsyms; NULL: the capture's */
	bool stable;		 /* there all the time */
	bool live;
	bool heard;	/* that it is live, or not, is known and not assumed */
	int32_t loader; /* pid that loaded it, as far as heard */
	uint64_t order; /* of its load among all loads; 0: not heard of */
	uint64_t walk;	/* the last search that came by */
	uint32_t next;	/* another of that name: place in list + 1; 0: no more */
	struct text listed
		[2]; /* address in /proc/modules at the start and at the end; points into the file */
	bool was_not_there; /* before it was loaded, although that was assumed */
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_len; /* 0: unknown */
};

struct code_section {
	uint64_t start;
	uint32_t module; /* place in list */
	bool init;
	char name[48];
};

struct modules {
	const struct symbols *symbols;
	struct stacks *stacks;
	uint64_t image_start, image_end; /* of the kernel itself; both 0: not known */
	struct module *list;
	size_t count, cap;
	struct id_index index; /* by name and moment */
	struct id_index names; /* by name: the last of list that has it */
	struct module_loaders loaders;
	struct code_section *sections; /* code, by start */
	size_t section_count, section_cap;
	uint64_t epoch, walks;
	bool has_start; /* what was loaded at the start is known, so that nothing need be assumed */
};

/* ---- what the capture knows ---- */

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
	const struct modules *modules;
	struct text name;
	uint64_t seen;
};

static bool has_name(const struct module *module, struct text name)
{
	return strlen(module->name) == name.len && !memcmp(module->name, name.data, name.len);
}

static bool same_module(const void *arg, uint32_t id)
{
	const struct module_key *k = arg;
	const struct module *module = &k->modules->list[id - 1];

	return module->seen == k->seen && has_name(module, k->name);
}

static uint64_t rehash_module(const void *arg, uint32_t id)
{
	const struct module *module = &((const struct modules *)arg)->list[id - 1];

	return hash_bytes(module->seen, module->name, strlen(module->name));
}

/* As seen at that moment; NULL: it was not. */
static struct module *find(const struct modules *m, struct text name, uint64_t seen)
{
	const struct module_key key = { m, name, seen };
	uint32_t id = id_index_find(&m->index, hash_bytes(seen, name.data, name.len), same_module,
				    &key);

	return id ? &m->list[id - 1] : NULL;
}

static bool same_name(const void *arg, uint32_t id)
{
	const struct module_key *k = arg;

	return has_name(&k->modules->list[id - 1], k->name);
}

static uint64_t rehash_name(const void *arg, uint32_t id)
{
	const char *name = ((const struct modules *)arg)->list[id - 1].name;

	return hash_bytes(0, name, strlen(name));
}

/* All of that name are chained by `next`; place in list + 1, 0: none. */
static uint32_t named(const struct modules *m, struct text name)
{
	const struct module_key key = { m, name, 0 };

	return id_index_find(&m->names, hash_bytes(0, name.data, name.len), same_name, &key);
}

/* Module number id, the last of the list, becomes one that find and named know. */
static bool make_known(struct modules *m, uint32_t id)
{
	struct module *new = &m->list[id - 1];
	struct text name = { new->name, strlen(new->name) };
	uint32_t first = named(m, name);

	if (first) {
		new->next = m->list[first - 1].next;
		m->list[first - 1].next = id;
	} else if (!id_index_add(&m->names, hash_bytes(0, name.data, name.len), id, rehash_name,
				 m)) {
		return false;
	}
	return id_index_add(&m->index, hash_bytes(new->seen, name.data, name.len), id,
			    rehash_module, m);
}

/* The module of that name as seen at that moment, made if need be; NULL: no memory, or too many. */
static struct module *get(struct modules *m, struct text name, uint64_t seen)
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
	return make_known(m, (uint32_t)m->count) ? new : NULL;
}

static bool is_code(const char *section)
{
	return strstr(section, "text") || !strncmp(section, ".plt", 4);
}

static int add_section(struct modules *m, const struct model_file *f)
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

static void take_sizes(struct modules *m, const struct model_file *f)
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

static int take_symbols(struct modules *m, const struct model_file *f, struct error *err)
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
static void take_build_id(struct modules *m, const struct model_file *f)
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
static struct module *twin_at_end(const struct modules *m, const struct module *module)
{
	struct module *twin = find(m, (struct text){ module->name, strlen(module->name) },
				   UINT64_MAX);

	return twin && twin->text == module->text ? twin : NULL;
}

/* Where /proc/modules lists the modules that were there at the start. which: 0 its copy at the start, 1 at the end. */
static void take_listed(struct modules *m, const struct model_file *f, int which)
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

static void find_stable(struct modules *m, const struct capture_model *model)
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

static void find_image(struct modules *m)
{
	static const char *const ends[] = { "_etext", "_einittext", "_end" };
	uint64_t address;

	if (!symbols_named(m->symbols, "_stext", &m->image_start))
		return;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (symbols_named(m->symbols, ends[i], &address) && address > m->image_end)
			m->image_end = address;
}

int modules_new(struct modules **ret, const struct capture_model *model,
		const struct symbols *symbols, struct stacks *stacks, struct error *err)
{
	struct modules *m = calloc(1, sizeof(*m));
	int rc = m ? 0 : ERR_NOMEM;

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
	if (rc < 0) {
		modules_free(m);
		return rc == ERR_NOMEM ? error_nomem(err) : rc;
	}
	m->symbols = symbols;
	m->stacks = stacks;
	m->epoch = 1;
	m->has_start = capture_model_file(model, "/proc/modules", "start");
	find_stable(m, model);
	find_image(m);
	if (m->section_count)
		qsort(m->sections, m->section_count, sizeof(*m->sections), by_start);
	*ret = m;
	return 0;
}

void modules_free(struct modules *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->count; i++) {
		free(m->list[i].name);
		symbols_free(m->list[i].symbols);
	}
	free(m->list);
	id_index_release(&m->index);
	id_index_release(&m->names);
	module_loaders_release(&m->loaders);
	free(m->sections);
	free(m);
}

/* ---- addresses ---- */

/* Number of sections that start at address or below. */
static size_t sections_below(const struct modules *m, uint64_t address)
{
	size_t low = 0, high = m->section_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->sections[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether the section may reach that far. */
static bool reaches(const struct modules *m, const struct code_section *s, uint64_t address)
{
	const struct module *module = &m->list[s->module];

	if (s->init)
		return address - s->start < INIT_SPAN;
	return address - module->low < (module->size ? module->size : CODE_SPAN);
}

/* Whether kallsyms, asked without regard to time and sizes, would name a function of a module known here. */
static bool would_be_named(const struct modules *m, uint64_t inside)
{
	struct symbol_hit hit;

	return symbols_find(m->symbols, inside, &hit) && hit.module.len && named(m, hit.module);
}

bool modules_is_late(const struct modules *m, uint64_t address)
{
	uint64_t inside = address - 1;
	int left = WALK_MAX;

	if (!m->section_count || (inside >= m->image_start && inside < m->image_end))
		return false;
	for (size_t i = sections_below(m, inside); i--;) {
		const struct code_section *s = &m->sections[i];

		if (inside - s->start > NEAR_SPAN || !left--)
			break;
		if (reaches(m, s, inside))
			return !m->list[s->module].stable || s->init;
	}
	return would_be_named(m, inside);
}

/* Whether no other module was loaded by that task since. */
static bool is_loading(const struct modules *m, const struct module *module, int32_t pid)
{
	return module->order && module->loader == pid &&
	       module_loaders_last(&m->loaders, pid) == module->order;
}

/*
 * The section that holds a byte of code, or NULL. Sections that exist at one time do not overlap:
 * a module does not reach beyond the start of one that was loaded after it, nor one of its
 * sections beyond the start of another.
 */
static const struct code_section *section_of(struct modules *m, uint64_t inside, int32_t pid,
					     bool *ret_by_pid)
{
	const struct code_section *assumed = NULL, *other_init = NULL;
	uint64_t latest = 0;
	size_t other_inits = 0;
	int left = WALK_MAX;

	*ret_by_pid = false;
	m->walks++;
	for (size_t i = sections_below(m, inside); i--;) {
		const struct code_section *s = &m->sections[i];
		struct module *module = &m->list[s->module];
		bool passed = module->walk == m->walks;

		if (inside - s->start > NEAR_SPAN || !left--)
			break;
		module->walk = m->walks;
		if (passed || module->order < latest)
			continue;
		latest = module->order;
		if (!reaches(m, s, inside))
			continue;
		if (!s->init && module->heard && module->live)
			return s;
		*ret_by_pid |= s->init;
		if (s->init && module->live && is_loading(m, module, pid))
			return s;
		if (!s->init && !module->heard && !m->has_start && !assumed)
			assumed = s;
		if (s->init && module->live && module->order) {
			other_init = s;
			other_inits++;
		}
	}
	if (assumed)
		return assumed;
	return other_inits == 1 ? other_init : NULL;
}

/* The function's name where kallsyms has it, else the section's. */
static bool name_of(const struct modules *m, const struct code_section *s, uint64_t inside,
		    struct symbol_hit *ret, bool *ret_extra)
{
	const struct module *module = &m->list[s->module];
	const struct symbols *symbols = module->symbols ? module->symbols : m->symbols;
	bool found = !s->init && symbols_find(symbols, inside, ret) && ret->start >= s->start &&
		     ret->module.len == strlen(module->name) &&
		     !memcmp(ret->module.data, module->name, ret->module.len);
	uint32_t id;

	if (!found) {
		ret->start = s->start;
		ret->name = (struct text){ s->name, strlen(s->name) };
	}
	*ret_extra = !found || module->symbols;
	if (!*ret_extra)
		return true;
	id = extra_symbols_add(&m->stacks->extra, EXTRA_MODULE | s->module, ret->name,
			       module->name);
	if (!id)
		return false;
	ret->index = id - 1;
	return true;
}

uint32_t modules_frame(struct modules *m, uint64_t address, int32_t pid, bool *ret_by_pid)
{
	const struct code_section *s = section_of(m, address - 1, pid, ret_by_pid);
	struct symbol_hit hit = { 0 };
	bool extra = false;
	uint32_t key;

	if (!s)
		return modules_unknown_frame(m, address);
	if (!name_of(m, s, address - 1, &hit, &extra))
		return 0;
	key = (uint32_t)(s - m->sections) + 1;
	if (!m->list[s->module].heard)
		key |= ASSUMED;
	return stacks_module_frame(m->stacks, key, address, &hit, extra);
}

uint32_t modules_unknown_frame(struct modules *m, uint64_t address)
{
	return stacks_module_frame(m->stacks, NO_MODULE, address, NULL, false);
}

/* ---- time ---- */

static struct text until_nul(struct text t)
{
	return (struct text){ t.data, t.len ? strnlen(t.data, t.len) : 0 };
}

/* Frames lose the names that they got by modules that were not there, although that was assumed. */
void modules_settle(struct modules *m)
{
	for (size_t i = 0; i < m->stacks->frame_count; i++) {
		struct frame *f = &m->stacks->frames[i];
		uint32_t key = f->module & ~ASSUMED;

		if (f->module != NO_MODULE && f->module & ASSUMED &&
		    m->list[m->sections[key - 1].module].was_not_there)
			f->known = false;
	}
}

/* Its sections were read after it was loaded: the first reading since, or the last at all. */
bool modules_loaded(struct modules *m, struct text name, int32_t pid, uint64_t time)
{
	struct module *best = NULL;

	m->epoch++;
	for (uint32_t id = named(m, until_nul(name)); id; id = m->list[id - 1].next) {
		struct module *module = &m->list[id - 1];

		module->was_not_there |= !module->heard && !m->has_start;
		module->live = module->stable = false;
		module->heard = true;
		module->order = 0;
		if (!best ||
		    (module->seen >= time && (best->seen < time || module->seen < best->seen)) ||
		    (best->seen < time && module->seen > best->seen))
			best = module;
	}
	if (!best)
		return true;
	best->live = true;
	best->loader = pid;
	best->order = m->epoch;
	return module_loaders_note(&m->loaders, pid, m->epoch);
}

void modules_freed(struct modules *m, struct text name)
{
	m->epoch++;
	for (uint32_t id = named(m, until_nul(name)); id; id = m->list[id - 1].next) {
		m->list[id - 1].live = false;
		m->list[id - 1].heard = true;
	}
}

uint64_t modules_epoch(const struct modules *m)
{
	return m->epoch;
}

/* ---- for the database ---- */

size_t modules_section_count(const struct modules *m)
{
	return m->section_count;
}

void modules_section(const struct modules *m, uint32_t number, struct module_section *ret)
{
	const struct code_section *s = &m->sections[number - 1];
	const struct module *module = &m->list[s->module];

	*ret = (struct module_section){ .module = module->name,
					.name = s->name,
					.address = s->start,
					.build_id_len = module->build_id_len };
	memcpy(ret->build_id, module->build_id, module->build_id_len);
}

uint32_t modules_section_of(const struct modules *m, const struct frame *frame)
{
	uint64_t inside = frame->address - 1;
	int left = WALK_MAX;

	if (frame->dso || frame->module == FRAME_BY_NAME ||
	    (inside >= m->image_start && inside < m->image_end))
		return 0;
	if (frame->module)
		return frame->known ? frame->module & ~ASSUMED : 0;
	if (!frame->known || !frame->hit.module.len)
		return 0;
	for (size_t i = sections_below(m, inside); i--;) {
		const struct code_section *s = &m->sections[i];

		if (inside - s->start > NEAR_SPAN || !left--)
			break;
		if (!s->init && m->list[s->module].stable && reaches(m, s, inside) &&
		    has_name(&m->list[s->module], frame->hit.module))
			return (uint32_t)i + 1;
	}
	return 0;
}
