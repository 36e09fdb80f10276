#include "record/modules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MODULES_TEXT_MAX (4u << 20)
#define KALLSYMS_MAX	 (256u << 20)

/* ---- /proc/modules ---- */

static struct loaded_module *find(const struct loaded_list *l, const char *name)
{
	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(l->items[i].name, name))
			return &l->items[i];
	return NULL;
}

static bool is_file_name(const char *name)
{
	return name[0] != '.' && !strchr(name, '/');
}

/* "name size users dependents state 0xaddress ..."; false: nothing to be saved by. */
static bool parse_line(const char *line, size_t len, struct loaded_module *ret)
{
	char text[LOADED_NAME_MAX + 512], state[16];
	const char *tail;
	size_t name_len = strcspn(line, " \n");

	*ret = (struct loaded_module){ 0 };
	if (name_len >= len || !name_len || name_len >= sizeof(ret->name))
		return false;
	memcpy(ret->name, line, name_len);
	if (!is_file_name(ret->name))
		return false;
	/* dependents make lines long; state and address stand at the end of the line */
	tail = len < sizeof(text) ? line + name_len : line + len - (sizeof(text) - 1);
	len = (size_t)(line + len - tail);
	memcpy(text, tail, len);
	text[len] = '\0';
	tail = strstr(text, " 0x");
	if (!tail)
		return false;
	ret->base = strtoull(tail, NULL, 16);
	len = (size_t)(tail - text);
	while (len && text[len - 1] != ' ')
		len--;
	snprintf(state, sizeof(state), "%.*s", (int)(tail - text - len), text + len);
	ret->live = !strcmp(state, "Live");
	ret->loading = !strcmp(state, "Loading");
	return true;
}

static bool add(struct loaded_list *l, const struct loaded_module *module)
{
	if (l->count >= l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct loaded_module *items = realloc(l->items, cap * sizeof(*items));

		if (!items)
			return false;
		l->items = items;
		l->cap = cap;
	}
	l->items[l->count++] = *module;
	return true;
}

/* False: no memory. text: NUL-terminated. */
static bool parse(struct loaded_list *ret, const struct buf *text)
{
	const char *line = (const char *)text->data, *end = line + text->len;
	struct loaded_module module;

	while (line < end && ret->count < LOADED_MAX) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));

		if (!eol)
			eol = end;
		if (parse_line(line, (size_t)(eol - line), &module) && !find(ret, module.name) &&
		    !add(ret, &module))
			return false;
		line = eol + 1;
	}
	return true;
}

/* ---- saving ---- */

/* The lines of /proc/kallsyms that end in "[name]". */
static void own_symbols(struct buf *ret, const struct buf *all, const char *name)
{
	const char *line = (const char *)all->data, *end = line + all->len, *eol;
	char tag[LOADED_NAME_MAX + 4];
	size_t n = (size_t)snprintf(tag, sizeof(tag), "\t[%s]\n", name);

	buf_clear(ret);
	for (; line < end && (eol = memchr(line, '\n', (size_t)(end - line))); line = eol + 1)
		if ((size_t)(eol + 1 - line) > n && !memcmp(eol + 1 - n, tag, n))
			buf_bytes(ret, line, (size_t)(eol + 1 - line));
}

static int save_symbols(struct meta *meta, const struct buf *all, const char *name,
			const char *moment, struct error *err)
{
	char path[LOADED_NAME_MAX + 32];
	struct buf own = { 0 };
	int rc = 0;

	own_symbols(&own, all, name);
	snprintf(path, sizeof(path), "/sys/module/%s/kallsyms", name);
	if (own.oom)
		rc = error_nomem(err);
	else if (own.len)
		rc = meta_put_bytes(meta, path, moment, own.data, own.len, err);
	buf_release(&own);
	return rc;
}

static bool is_due(const struct module_watch *w, const struct loaded_module *module, bool last)
{
	if (module->saved)
		return false;
	return module->live || (module->loading && (last || find(&w->known, module->name)));
}

/* w->fresh is /proc/modules with the modules in `now`. */
static int save_new(struct module_watch *w, struct loaded_list *now, struct meta *meta, bool last,
		    struct error *err)
{
	struct buf kallsyms = { 0 };
	struct timespec t;
	char moment[32] = "";
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < now->count; i++) {
		struct loaded_module *module = &now->items[i];

		if (!is_due(w, module, last))
			continue;
		if (!moment[0]) {
			clock_gettime(meta->clock, &t);
			snprintf(moment, sizeof(moment), "%" PRIu64,
				 (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
			rc = meta_put_bytes(meta, "/proc/modules", moment, w->fresh.data,
					    w->fresh.len, err);
			tree_read(&meta->tree, "/proc/kallsyms", KALLSYMS_MAX, &kallsyms, NULL);
		}
		if (rc == 0)
			rc = meta_put_module(meta, module->name, moment, err);
		if (rc == 0 && kallsyms.len)
			rc = save_symbols(meta, &kallsyms, module->name, moment, err);
		module->saved = true;
	}
	if (rc == 0 && kallsyms.oom)
		rc = error_nomem(err);
	buf_release(&kallsyms);
	return rc;
}

/* ---- watching ---- */

/* What was just read is what is known. */
static void keep(struct module_watch *w, const struct loaded_list *now)
{
	struct buf text = w->text;

	w->text = w->fresh;
	w->fresh = text;
	free(w->known.items);
	w->known = *now;
	w->undecided = false;
	for (size_t i = 0; i < now->count; i++)
		w->undecided |= now->items[i].loading && !now->items[i].saved;
}

static bool read_modules(struct module_watch *w, const struct tree *tree)
{
	return tree_read(tree, "/proc/modules", MODULES_TEXT_MAX, &w->fresh, NULL) == 0;
}

void module_watch_start(struct module_watch *w, const struct tree *tree)
{
	struct loaded_list now = { 0 };

	w->present = read_modules(w, tree) && parse(&now, &w->fresh);
	for (size_t i = 0; i < now.count; i++)
		now.items[i].saved = !now.items[i].loading;
	keep(w, &now);
}

/* Nothing has changed. */
static bool is_known(const struct module_watch *w)
{
	return w->fresh.len == w->text.len && !memcmp(w->fresh.data, w->text.data, w->text.len);
}

int module_watch_look(struct module_watch *w, struct meta *meta, bool last, struct error *err)
{
	struct loaded_list now = { 0 };
	int rc;

	if (!w->present || !read_modules(w, &meta->tree) || (is_known(w) && !w->undecided))
		return 0;
	if (!parse(&now, &w->fresh)) {
		free(now.items);
		return error_nomem(err);
	}
	for (size_t i = 0; i < now.count; i++) {
		const struct loaded_module *before = find(&w->known, now.items[i].name);

		now.items[i].saved = before && before->base == now.items[i].base && before->saved;
	}
	rc = save_new(w, &now, meta, last, err);
	keep(w, &now);
	return rc;
}

void module_watch_release(struct module_watch *w)
{
	buf_release(&w->text);
	buf_release(&w->fresh);
	free(w->known.items);
	*w = (struct module_watch){ 0 };
}
