#define _GNU_SOURCE /* memrchr */
#include "analyze/text_names.h"

#include <string.h>

#include "analyze/array_room.h"
#include "format/base/hash.h"

#define DIGITS_LEAST 5 /* of a plain address: "face" and "add" are functions */

struct text_name {
	size_t at; /* in texts */
	uint32_t len, frame;
};

struct lookup {
	const struct text_names *names;
	struct text text;
};

static bool same_text(const void *arg, uint32_t id)
{
	const struct lookup *l = arg;
	const struct text_name *n = &l->names->list[id - 1];

	return n->len == l->text.len && !memcmp(l->names->texts.data + n->at, l->text.data, n->len);
}

static uint64_t rehash_text(const void *arg, uint32_t id)
{
	const struct text_names *n = arg;

	return hash_bytes(0, n->texts.data + n->list[id - 1].at, n->list[id - 1].len);
}

/* ---- reading ---- */

/* Hex digits, all of the text, behind "0x" or not. */
static bool hex(const char *p, const char *end, uint64_t *ret)
{
	uint64_t n = 0;

	if (end - p > 2 && p[0] == '0' && p[1] == 'x')
		p += 2;
	if (p == end || end - p > 16)
		return false;
	for (; p < end; p++) {
		if (*p >= '0' && *p <= '9')
			n = n << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			n = n << 4 | (uint64_t)(*p - 'a' + 10);
		else
			return false;
	}
	*ret = n;
	return true;
}

static bool is_plain_address(struct text t, uint64_t *ret)
{
	return t.len >= DIGITS_LEAST && hex(t.data, t.data + t.len, ret);
}

/* Takes " <ffffffff81234567>" or " (-2125992723)" off the end; what the second means is not sure. */
static void take_address(struct text *t, uint64_t *ret)
{
	const char *end = t->data + t->len, *open = memrchr(t->data, ' ', t->len);
	uint64_t address;

	if (!open || end - open < 4)
		return;
	if (open[1] == '<' && end[-1] == '>' && hex(open + 2, end - 1, &address))
		*ret = address;
	else if (open[1] != '(' || end[-1] != ')')
		return;
	t->len = (size_t)(open - t->data);
}

/* The number of a module's name, which is_name; 0: no memory. */
static uint32_t module_number(struct text_names *n, struct text name)
{
	char text[SYMBOL_NAME_MAX + 1];

	memcpy(text, name.data, name.len);
	text[name.len] = '\0';
	return text_pool_add(&n->modules, text);
}

static bool is_name(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.data[i] <= ' ' || t.data[i] == 0x7f)
			return false;
	return t.len > 0 && t.len <= SYMBOL_NAME_MAX;
}

/* "+0x12/0x30" at the end of a name. False: something like it that makes no sense. */
static bool take_offset(struct text *t, struct frame_name *name, uint64_t *size)
{
	const char *plus = memrchr(t->data, '+', t->len), *end = t->data + t->len, *slash;
	uint64_t offset;

	if (!plus)
		return true;
	slash = memchr(plus, '/', (size_t)(end - plus));
	if (!hex(plus + 1, slash ? slash : end, &offset) || offset >= UINT32_MAX ||
	    (slash && (!hex(slash + 1, end, size) || offset > *size)))
		return false;
	name->has_offset = true;
	name->offset = (uint32_t)offset;
	t->len = (size_t)(plus - t->data);
	return true;
}

/* *ret stays 0 where the text makes no sense. */
static int read_frame(struct text_names *n, struct text t, uint32_t *ret)
{
	struct frame_name name = { .address = 0 };
	uint64_t address, size = 0;

	if (is_plain_address(t, &address)) {
		*ret = stacks_frame(n->stacks, address);
		n->plain++;
		n->plain_named += *ret && n->stacks->frames[*ret - 1].known;
		return *ret ? 0 : ERR_NOMEM;
	}
	take_address(&t, &name.address);
	if (t.len > 3 && t.data[t.len - 1] == ']') {
		const char *open = memrchr(t.data, ' ', t.len);
		struct text module;

		if (!open || open[1] != '[')
			return 0;
		module = (struct text){ open + 2, (size_t)(t.data + t.len - open) - 3 };
		if (!is_name(module))
			return 0;
		name.module_number = module_number(n, module);
		if (!name.module_number)
			return ERR_NOMEM;
		name.module = text_pool_get(&n->modules, name.module_number);
		t.len = (size_t)(open - t.data);
	}
	if (!take_offset(&t, &name, &size) || !is_name(t))
		return 0;
	/* with the symbols of its kernel it has an address, and with that its source line */
	if (!name.address && !name.module_number && name.has_offset && size &&
	    symbols_only_named(n->stacks->symbols, t, size, &address)) {
		*ret = stacks_frame(n->stacks, address + name.offset);
		return *ret ? 0 : ERR_NOMEM;
	}
	name.function = t;
	*ret = stacks_named_frame(n->stacks, &name);
	return *ret ? 0 : ERR_NOMEM;
}

int text_names_frame(struct text_names *n, struct text text, uint32_t *ret)
{
	const struct lookup lookup = { n, text };
	uint64_t hash = hash_bytes(0, text.data, text.len);
	uint32_t id = id_index_find(&n->index, hash, same_text, &lookup);
	struct text_name name = { .at = n->texts.len, .len = (uint32_t)text.len };
	int rc;

	if (id) {
		*ret = n->list[id - 1].frame;
		return 0;
	}
	rc = read_frame(n, text, &name.frame);
	if (rc < 0)
		return rc;
	buf_bytes(&n->texts, text.data, text.len);
	if (n->texts.oom || n->count >= UINT32_MAX / 2 ||
	    !array_room((void **)&n->list, &n->cap, n->count, sizeof(name)))
		return ERR_NOMEM;
	n->list[n->count] = name;
	if (!id_index_add(&n->index, hash, (uint32_t)n->count + 1, rehash_text, n))
		return ERR_NOMEM;
	n->count++;
	*ret = name.frame;
	return 0;
}

void text_names_release(struct text_names *n)
{
	text_pool_release(&n->modules);
	free(n->list);
	buf_release(&n->texts);
	id_index_release(&n->index);
	*n = (struct text_names){ 0 };
}
