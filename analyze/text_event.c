#include "analyze/text_event.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/gfp_names.h"

#define BYTES_PLAUSIBLE (1ull << 48) /* as in dictionary.c */
#define ORDER_PLAUSIBLE 30

/* What stands in the arguments of an event. */
struct event_text {
	const char *system, *name;
	const char *cut;       /* where what differs begins; not there: at the beginning */
	const char *address;   /* what stands in front of its value, at or behind the cut */
	const char *size;      /* the key of what was asked for; NULL: a free */
	const char *fields[8]; /* of the event's type, for roles.h; the address first */
	bool pointer;	       /* the address is printed by %p */
	bool call_site;	       /* it must have one */
	bool tail;	       /* what stands behind the address repeats */
};

#define ALLOC_FIELDS "ptr", "call_site", "bytes_req", "bytes_alloc", "gfp_flags", "node", "name"

/* clang-format off */
static const struct event_text events[TEXT_TYPES] = {
	[TEXT_KMALLOC] = { "kmem", "kmalloc", "ptr=", "ptr=", "bytes_req", { ALLOC_FIELDS }, true, true, true },
	[TEXT_KMALLOC_NODE] = { "kmem", "kmalloc_node", "ptr=", "ptr=", "bytes_req", { ALLOC_FIELDS },
				true, true, true },
	[TEXT_CACHE_ALLOC] = { "kmem", "kmem_cache_alloc", "ptr=", "ptr=", "bytes_req", { ALLOC_FIELDS },
			       true, true, true },
	[TEXT_CACHE_ALLOC_NODE] = { "kmem", "kmem_cache_alloc_node", "ptr=", "ptr=", "bytes_req",
				    { ALLOC_FIELDS }, true, true, true },
	[TEXT_KFREE] = { "kmem", "kfree", "ptr=", "ptr=", NULL, { "ptr", "call_site" }, true, true, true },
	[TEXT_CACHE_FREE] = { "kmem", "kmem_cache_free", "ptr=", "ptr=", NULL, { "ptr", "call_site", "name" },
			      true, true, true },
	[TEXT_PAGE_ALLOC] = { "kmem", "mm_page_alloc", "page=", "pfn=", "order",
			      { "pfn", "order", "gfp_flags" }, false, false, true },
	[TEXT_PAGE_FREE] = { "kmem", "mm_page_free", "page=", "pfn=", NULL, { "pfn", "order" }, false, false, true },
	[TEXT_PERCPU_ALLOC] = { "percpu", "percpu_alloc_percpu", "base_addr=", "ptr=", "size",
				{ "ptr", "call_site", "size", "bytes_alloc", "gfp_flags" }, true, false, true },
	[TEXT_PERCPU_FREE] = { "percpu", "percpu_free_percpu", "base_addr=", "ptr=", NULL, { "ptr" },
			       true, false, true },
	[TEXT_VMAP_ALLOC] = { "vmalloc", "alloc_vmap_area", "va_start: ", "va_start: ", "size",
			      { "addr", "size", "failed" }, false, false, true },
	[TEXT_VMAP_FREE] = { "vmalloc", "free_vmap_area_noflush", "va_start=", "va_start=", NULL,
			     { "va_start" }, false, false, false },
};
/* clang-format on */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Where the key stands, at a beginning or behind a blank; NULL: nowhere. */
static const char *find_key(const char *p, const char *end, const char *key)
{
	size_t len = strlen(key);

	while ((size_t)(end - p) >= len) {
		if (!memcmp(p, key, len))
			return p;
		p = memchr(p, ' ', (size_t)(end - p));
		if (!p)
			return NULL;
		p++;
	}
	return NULL;
}

/* "0x1f", or decimal; *p comes to stand behind it. */
static bool number(const char **p, const char *end, uint64_t *ret)
{
	const char *start = *p;
	uint64_t n = 0;
	int digit;

	if (end - *p > 2 && (*p)[0] == '0' && (*p)[1] == 'x') {
		for (start = *p += 2; *p < end && (digit = hex_digit(**p)) >= 0; ++*p)
			n = n << 4 | (unsigned int)digit;
		*ret = n;
		return *p > start && *p - start <= 16;
	}
	for (; *p < end && **p >= '0' && **p <= '9'; ++*p) {
		unsigned int add = (unsigned int)(**p - '0');

		if (n > (UINT64_MAX - add) / 10)
			return false;
		n = n * 10 + add;
	}
	*ret = n;
	return *p > start;
}

/* Over " (-131386735694368)", the second form that the option `fields` prints of a number. */
static const char *skip_second_form(const char *p, const char *end)
{
	const char *q = p;

	if (end - q < 4 || q[0] != ' ' || q[1] != '(')
		return p;
	for (q += q[2] == '-' ? 3 : 2; q < end && *q >= '0' && *q <= '9';)
		q++;
	return q < end && *q == ')' ? q + 1 : p;
}

static bool word(const char **p, const char *end, const char *what)
{
	size_t len = strlen(what);

	if ((size_t)(end - *p) < len || memcmp(*p, what, len))
		return false;
	*p += len;
	return true;
}

/* What %p prints: 8 or 16 digits, "(null)" or "(____ptrval____)" right in that width; or "0x...". */
static bool pointer(const char **p, const char *end, struct text_split *ret)
{
	const char *start;
	int digit;

	while (*p < end && **p == ' ')
		++*p;
	ret->pointer = POINTER_NULL;
	ret->address = 0;
	ret->digits = 0;
	if (word(p, end, "(null)"))
		return true;
	if (word(p, end, "(____ptrval____)") || word(p, end, "(ptrval)")) {
		ret->pointer = POINTER_HIDDEN;
		return true;
	}
	start = *p;
	if (end - start > 2 && start[1] == 'x') {
		if (!number(p, end, &ret->address))
			return false;
		*p = skip_second_form(*p, end);
	} else {
		for (; *p < end && (digit = hex_digit(**p)) >= 0; ++*p)
			ret->address = ret->address << 4 | (unsigned int)digit;
		ret->digits = (uint8_t)(*p - start);
		if (*p - start != 16 && *p - start != 8)
			return false;
	}
	if (ret->address)
		ret->pointer = POINTER_NUMBER;
	return true;
}

/* "page=          (null) pfn=0": there was none. */
static bool no_page(const char *p, const char *pfn, uint64_t address)
{
	struct text_split page;

	return !address && word(&p, pfn, "page=") && pointer(&p, pfn, &page) &&
	       page.pointer == POINTER_NULL;
}

bool text_event_split(enum text_type type, struct text args, struct text_split *ret)
{
	const struct event_text *e = &events[type];
	const char *end = args.data + args.len, *cut, *at, *p, *key = e->address;

	cut = find_key(args.data, end, e->cut);
	if (!cut) /* the option `fields` prints no pages, and calls va_start addr */
		cut = args.data;
	at = find_key(cut, end, key);
	if (!at && type == TEXT_VMAP_ALLOC)
		at = find_key(cut, end, key = "addr=");
	if (!at)
		return false;
	p = at + strlen(key);
	if (e->pointer) {
		if (!pointer(&p, end, ret))
			return false;
	} else {
		if (!number(&p, end, &ret->address))
			return false;
		p = skip_second_form(p, end);
		ret->pointer = POINTER_NUMBER;
		ret->digits = 0;
		if (type == TEXT_PAGE_ALLOC && no_page(cut, at, ret->address))
			ret->address = UINT64_MAX;
	}
	if (p < end && *p != ' ')
		return false;
	ret->parts[0] = (struct text){ args.data, (size_t)(cut - args.data) };
	ret->parts[1] = (struct text){ p, e->tail ? (size_t)(end - p) : 0 };
	return true;
}

/* ---- what repeats ---- */

/* How long the key is that stands at p ("node="), without its sign; 0: none does. */
static size_t key_length(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && ((*q >= 'a' && *q <= 'z') || *q == '_'))
		q++;
	return q > p && q < end && *q == '=' ? (size_t)(q - p) : 0;
}

/* Takes the next "key=value" off; a value may have blanks, as far as no key follows them. */
static bool next_field(const char **p, const char *end, struct text *key, struct text *value)
{
	const char *stop;

	while (*p < end && **p == ' ')
		++*p;
	key->len = key_length(*p, end);
	if (!key->len)
		return false;
	key->data = *p;
	value->data = stop = *p + key->len + 1;
	while (stop < end && !(*stop == ' ' && key_length(stop + 1, end)))
		stop++;
	*p = stop;
	while (stop > value->data && stop[-1] == ' ')
		stop--;
	value->len = (size_t)(stop - value->data);
	return true;
}

static bool is(struct text t, const char *what)
{
	return strlen(what) == t.len && !memcmp(t.data, what, t.len);
}

/* The whole of a value is a number, of the option `fields` twice. */
static bool whole_number(struct text value, uint64_t *ret)
{
	const char *p = value.data, *end = p + value.len;

	return number(&p, end, ret) && skip_second_form(p, end) == end;
}

static bool take_node(struct text value, struct text_fields *f)
{
	bool negative = value.len && value.data[0] == '-';
	uint64_t n;

	if (negative)
		value = (struct text){ value.data + 1, value.len - 1 };
	if (!whole_number(value, &n) || n > UINT32_MAX)
		return false;
	f->has_node = true;
	f->node = (int32_t)(negative ? 0 - n : n);
	return true;
}

/* Names of flags that are not known leave the gfp unknown; other bytes make the line none. */
static bool take_gfp(struct text value, struct text_fields *f)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (c == ' ' && whole_number(value, &f->gfp))
			return f->has_gfp = true;
		if (c != '|' && c != '_' && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    !(c >= '0' && c <= '9'))
			return false;
	}
	f->has_gfp = gfp_from_names(value, &f->gfp);
	return value.len > 0;
}

struct seen {
	bool call_site, size, bytes_alloc, gfp;
};

static bool take_field(const struct event_text *e, struct text key, struct text value,
		       struct text_fields *f, struct seen *seen)
{
	uint64_t n;

	if (is(key, "call_site")) {
		f->call_site = value;
		return seen->call_site = value.len > 0;
	}
	if (e->size && is(key, e->size))
		return seen->size = whole_number(value, &f->bytes_req);
	if (is(key, "bytes_alloc"))
		return seen->bytes_alloc = whole_number(value, &f->bytes_alloc);
	if (is(key, "gfp_flags"))
		return seen->gfp = take_gfp(value, f);
	if (is(key, "migratetype")) {
		f->has_migratetype = whole_number(value, &n) && n <= INT8_MAX;
		f->migratetype = f->has_migratetype ? (int32_t)n : 0;
		return true;
	}
	if (is(key, "order")) {
		f->has_order = whole_number(value, &n) && n <= ORDER_PLAUSIBLE;
		f->order = f->has_order ? (uint8_t)n : 0;
		return true;
	}
	if (is(key, "node"))
		return take_node(value, f);
	if (is(key, "failed")) {
		if (!whole_number(value, &n))
			return false;
		f->failed = n != 0;
	}
	if (is(key, "name"))
		f->cache = value;
	if (is(key, "accounted"))
		return is(value, "true") || is(value, "false") || is(value, "(0)") ||
		       is(value, "(1)");
	return true;
}

bool text_event_fields(enum text_type type, const struct text_split *split, struct text_fields *ret)
{
	const struct event_text *e = &events[type];
	struct text_fields f = { .bytes_req = 0 };
	struct seen seen = { 0 };

	for (int i = 0; i < 2; i++) {
		const char *p = split->parts[i].data, *end = p + split->parts[i].len;
		struct text key, value;

		while (next_field(&p, end, &key, &value))
			if (!take_field(e, key, value, &f, &seen))
				return false;
		if (p < end) /* no field */
			return false;
	}
	if (e->call_site && !seen.call_site)
		return false;
	if (e->size && !seen.size)
		return false;
	if (e->size && e->pointer && (!seen.gfp || (e->call_site && !seen.bytes_alloc)))
		return false;
	if (!seen.bytes_alloc)
		f.bytes_alloc = f.bytes_req;
	if (type == TEXT_PAGE_ALLOC && f.bytes_req > ORDER_PLAUSIBLE)
		return false;
	if (f.bytes_req > BYTES_PLAUSIBLE || f.bytes_alloc > BYTES_PLAUSIBLE)
		return false;
	*ret = f;
	return true;
}

/* ---- types ---- */

static bool add_field(struct event_type *t, const char *name, bool address)
{
	struct event_field *f = &t->fields[t->field_count++];

	f->name = strdup(name);
	f->type = strdup("");
	f->kind = strcmp(name, "name") ? FIELD_UNSIGNED : FIELD_STRING;
	f->place = address ? PLACE_ADDRESS : PLACE_TUPLE;
	return f->name && f->type;
}

int text_event_types(struct capture_model *m, struct error *err)
{
	m->types = calloc(TEXT_TYPES, sizeof(*m->types));
	if (!m->types)
		return error_nomem(err);
	m->type_cap = TEXT_TYPES;
	while (m->type_count < TEXT_TYPES) {
		const struct event_text *e = &events[m->type_count];
		struct event_type *t = &m->types[m->type_count++];
		size_t n = 0;

		while (n < sizeof(e->fields) / sizeof(e->fields[0]) && e->fields[n])
			n++;
		t->id = (uint16_t)m->type_count;
		t->system = strdup(e->system);
		t->name = strdup(e->name);
		t->fields = calloc(n, sizeof(*t->fields));
		if (!t->system || !t->name || !t->fields)
			return error_nomem(err);
		for (size_t i = 0; i < n; i++)
			if (!add_field(t, e->fields[i], i == 0))
				return error_nomem(err);
	}
	return 0;
}
