#include "analyze/modules.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/module_files.h"
#include "analyze/module_loaders.h"
#include "format/base/hash.h"

#define INIT_SPAN (1u << 20) /* initialisation code is smaller; its size is not recorded */
#define CODE_SPAN (1u << 20) /* of a module whose size is not known */
#define NEAR_SPAN (64u << 20)
#define WALK_MAX  4096	      /* sections near an address that are looked at; more are nobody's */
#define NO_MODULE UINT32_MAX  /* of frames that belong to none for certain */
#define ASSUMED	  0x80000000u /* in a frame's module: that the module was there is only assumed */

/* All readings of one name. Once each has been told that it is loaded, or not, only the last that was can be live. */
struct named {
	struct module **readings; /* in by_name, by moment */
	size_t count;
	struct module *last; /* loaded; NULL: none yet */
	bool freed, loaded;  /* was heard, so that each reading has been told */
};

struct modules {
	const struct symbols *symbols;
	struct stacks *stacks;
	uint64_t image_start, image_end; /* of the kernel itself; both 0: not known */
	struct module_files files;
	struct module **by_name; /* of files, by name and moment */
	struct named *named;
	size_t named_count;
	struct id_index names; /* of named */
	struct module_loaders loaders;
	uint64_t epoch, walks;
	bool has_start; /* what was loaded at the start is known, so that nothing need be assumed */
};

/* ---- by name ---- */

static int by_name_and_moment(const void *a, const void *b)
{
	const struct module *x = *(struct module *const *)a, *y = *(struct module *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->seen > y->seen) - (x->seen < y->seen);
}

struct name_key {
	const struct modules *modules;
	struct text name;
};

static bool same_name(const void *arg, uint32_t id)
{
	const struct name_key *k = arg;

	return module_has_name(k->modules->named[id - 1].readings[0], k->name);
}

static uint64_t rehash_name(const void *arg, uint32_t id)
{
	const char *name = ((const struct modules *)arg)->named[id - 1].readings[0]->name;

	return hash_bytes(0, name, strlen(name));
}

/* NULL: there is no module of that name. */
static struct named *named(const struct modules *m, struct text name)
{
	const struct name_key key = { m, name };
	uint32_t id = id_index_find(&m->names, hash_bytes(0, name.data, name.len), same_name, &key);

	return id ? &m->named[id - 1] : NULL;
}

/* From then on the list stays as it is. False: no memory. */
static bool group_by_name(struct modules *m)
{
	if (!m->files.count)
		return true;
	m->by_name = calloc(m->files.count, sizeof(*m->by_name));
	m->named = calloc(m->files.count, sizeof(*m->named));
	if (!m->by_name || !m->named)
		return false;
	for (size_t i = 0; i < m->files.count; i++)
		m->by_name[i] = &m->files.list[i];
	qsort(m->by_name, m->files.count, sizeof(*m->by_name), by_name_and_moment);
	for (size_t i = 0; i < m->files.count; i++) {
		const char *name = m->by_name[i]->name;
		struct named *new;

		if (i && !strcmp(name, m->by_name[i - 1]->name)) {
			m->named[m->named_count - 1].count++;
			continue;
		}
		new = &m->named[m->named_count++];
		*new = (struct named){ .readings = &m->by_name[i], .count = 1 };
		if (!id_index_add(&m->names, hash_bytes(0, name, strlen(name)),
				  (uint32_t)m->named_count, rehash_name, m))
			return false;
	}
	return true;
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
	int rc = m ? module_files_read(&m->files, model, err) : error_nomem(err);

	if (rc == 0 && !group_by_name(m))
		rc = error_nomem(err);
	if (rc < 0) {
		modules_free(m);
		return rc;
	}
	m->symbols = symbols;
	m->stacks = stacks;
	m->epoch = 1;
	m->has_start = capture_model_file(model, "/proc/modules", "start");
	find_image(m);
	*ret = m;
	return 0;
}

void modules_free(struct modules *m)
{
	if (!m)
		return;
	module_files_release(&m->files);
	free(m->by_name);
	free(m->named);
	id_index_release(&m->names);
	module_loaders_release(&m->loaders);
	free(m);
}

/* ---- addresses ---- */

/* Number of sections that start at address or below. */
static size_t sections_below(const struct modules *m, uint64_t address)
{
	size_t low = 0, high = m->files.section_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->files.sections[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether the section may reach that far. */
static bool reaches(const struct modules *m, const struct code_section *s, uint64_t address)
{
	const struct module *module = &m->files.list[s->module];

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

	if (!m->files.section_count || (inside >= m->image_start && inside < m->image_end))
		return false;
	for (size_t i = sections_below(m, inside); i--;) {
		const struct code_section *s = &m->files.sections[i];

		if (inside - s->start > NEAR_SPAN || !left--)
			break;
		if (reaches(m, s, inside))
			return !m->files.list[s->module].stable || s->init;
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
		const struct code_section *s = &m->files.sections[i];
		struct module *module = &m->files.list[s->module];
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
	const struct module *module = &m->files.list[s->module];
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
	key = (uint32_t)(s - m->files.sections) + 1;
	if (!m->files.list[s->module].heard)
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
		    m->files.list[m->files.sections[key - 1].module].was_not_there)
			f->known = false;
	}
}

/* All readings of a name: none of them is live. */
static void none_is_live(struct modules *m, struct named *n, bool loaded)
{
	bool told = n->loaded || (n->freed && !loaded);
	struct module **p = told ? &n->last : n->readings,
		      **end = p + (told ? n->last != NULL : n->count);

	for (; p < end; p++) {
		struct module *module = *p;

		if (loaded) {
			module->was_not_there |= !module->heard && !m->has_start;
			module->stable = false;
			module->order = 0;
		}
		module->live = false;
		module->heard = true;
	}
	n->freed |= !loaded;
	n->loaded |= loaded;
}

/* Its sections were read after it was loaded: the first reading since, or the last at all. */
static struct module *reading_since(const struct named *n, uint64_t time)
{
	size_t low = 0, high = n->count - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (n->readings[middle]->seen < time)
			low = middle + 1;
		else
			high = middle;
	}
	return n->readings[low];
}

bool modules_loaded(struct modules *m, struct text name, int32_t pid, uint64_t time)
{
	struct named *n = named(m, until_nul(name));

	m->epoch++;
	if (!n)
		return true;
	none_is_live(m, n, true);
	n->last = reading_since(n, time);
	n->last->live = true;
	n->last->loader = pid;
	n->last->order = m->epoch;
	return module_loaders_note(&m->loaders, pid, m->epoch);
}

void modules_freed(struct modules *m, struct text name)
{
	struct named *n = named(m, until_nul(name));

	m->epoch++;
	if (n)
		none_is_live(m, n, false);
}

uint64_t modules_epoch(const struct modules *m)
{
	return m->epoch;
}

/* ---- for the database ---- */

size_t modules_section_count(const struct modules *m)
{
	return m->files.section_count;
}

void modules_section(const struct modules *m, uint32_t number, struct module_section *ret)
{
	const struct code_section *s = &m->files.sections[number - 1];
	const struct module *module = &m->files.list[s->module];

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
		const struct code_section *s = &m->files.sections[i];

		if (inside - s->start > NEAR_SPAN || !left--)
			break;
		if (!s->init && m->files.list[s->module].stable && reaches(m, s, inside) &&
		    module_has_name(&m->files.list[s->module], frame->hit.module))
			return (uint32_t)i + 1;
	}
	return 0;
}
