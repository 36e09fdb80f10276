#define _GNU_SOURCE /* qsort_r */
#include "analyze/symbols.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1u << 30)

struct symbol {
	uint64_t address;
	uint32_t name, module; /* offsets in text */
	uint16_t name_len, module_len;
	uint32_t order; /* line in the file: ties go to the first */
};

struct symbols {
	const char *text;
	struct symbol *list;
	uint32_t *by_name; /* of the list; NULL: not made */
	size_t count, cap, bad_lines, zero;
	bool unsorted; /* the kernel's are sorted, those of modules by module */
};

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* The value of a hexadecimal digit, plus 1; 0: it is none. There are millions of them. */
static const uint8_t hex_digits[256] = {
	['0'] = 1,  ['1'] = 2,	['2'] = 3,  ['3'] = 4,	['4'] = 5,  ['5'] = 6,
	['6'] = 7,  ['7'] = 8,	['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12,
	['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12,
	['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* ARM marks stretches of code and data with $a $d $t $x, alone or followed by a dot. */
static bool is_mapping_symbol(const char *name, size_t len)
{
	return len >= 2 && name[0] == '$' && strchr("adtx", name[1]) &&
	       (len == 2 || name[2] == '.');
}

static size_t word(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && *p != ' ' && *p != '\t')
		p++;
	return (size_t)(p - start);
}

/* "ffffffff81000000 T name" or "ffffffffc0001000 t name\t[module]". False: no symbol. */
static bool parse_line(const struct symbols *s, const char *p, const char *end, struct symbol *sym,
		       char *kind)
{
	unsigned int digits = 0, value;
	size_t len;

	for (; p < end && (value = hex_digits[(uint8_t)*p]); p++, digits++)
		sym->address = sym->address << 4 | (value - 1);
	if (!digits || digits > 16 || end - p < 4 || p[0] != ' ' || p[2] != ' ')
		return false;
	*kind = p[1];
	p += 3;
	sym->name = (uint32_t)(p - s->text);
	len = word(p, end);
	sym->name_len = (uint16_t)(len < SYMBOL_NAME_MAX ? len : SYMBOL_NAME_MAX);
	p += len;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (end - p > 2 && *p == '[' && end[-1] == ']') {
		len = (size_t)(end - p - 2);
		sym->module = (uint32_t)(p + 1 - s->text);
		sym->module_len = (uint16_t)(len < SYMBOL_NAME_MAX ? len : SYMBOL_NAME_MAX);
	}
	return sym->name_len > 0;
}

static int add_line(struct symbols *s, const char *p, const char *end)
{
	struct symbol sym = { .order = (uint32_t)s->count };
	char kind;

	if (p == end)
		return 0;
	if (!parse_line(s, p, end, &sym, &kind)) {
		s->bad_lines++;
		return 0;
	}
	/* Code only: a data symbol between two functions must not take their return addresses. */
	if ((kind != 't' && kind != 'T' && kind != 'w' && kind != 'W') ||
	    is_mapping_symbol(s->text + sym.name, sym.name_len))
		return 0;
	if (s->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 4096;
		struct symbol *list = realloc(s->list, cap * sizeof(*list));

		if (!list)
			return -1;
		s->list = list;
		s->cap = cap;
	}
	s->zero += !sym.address;
	s->unsorted |= s->count && sym.address < s->list[s->count - 1].address;
	s->list[s->count++] = sym;
	return 0;
}

int symbols_new(struct symbols **ret, const void *text, size_t len, struct error *err)
{
	struct symbols *s = calloc(1, sizeof(*s));
	int rc = ERR_NOMEM;

	if (!s)
		return error_nomem(err);
	if (len > TEXT_MAX) {
		rc = error_set(err, ERR_DAMAGED, "kallsyms of %zu bytes: more than any kernel has",
			       len);
		goto out;
	}
	s->text = text;
	for (const char *p = text, *end = len ? p + len : p; p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		if (!eol)
			eol = end;
		if (add_line(s, p, eol) < 0)
			goto out;
		p = eol + 1;
	}
	if (s->unsorted)
		qsort(s->list, s->count, sizeof(*s->list), by_address);
	*ret = s;
	return 0;
out:
	symbols_free(s);
	return rc == ERR_NOMEM ? error_nomem(err) : rc;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	free(s->list);
	free(s->by_name);
	free(s);
}

/* Which is the first symbol behind that address; the count: there is none. */
static size_t first_behind(const struct symbols *s, uint64_t address)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->list[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool symbols_find(const struct symbols *s, uint64_t address, struct symbol_hit *ret)
{
	size_t behind = symbols_hidden(s) ? 0 : first_behind(s, address);
	uint64_t start = behind ? s->list[behind - 1].address : 0;
	const struct symbol *sym;

	if (!start || address - start >= SYMBOL_SPAN_MAX)
		return false;
	sym = &s->list[first_behind(s, start - 1)];
	ret->index = (uint32_t)(sym - s->list);
	ret->start = sym->address;
	ret->name = (struct text){ s->text + sym->name, sym->name_len };
	ret->module = (struct text){ s->text + sym->module, sym->module_len };
	return true;
}

bool symbols_named(const struct symbols *s, const char *name, uint64_t *ret)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < s->count && !symbols_hidden(s); i++) {
		const struct symbol *sym = &s->list[i];

		if (sym->name_len != len || sym->module_len ||
		    memcmp(s->text + sym->name, name, len))
			continue;
		*ret = sym->address;
		return true;
	}
	return false;
}

static int compare_names(const struct symbols *s, struct text a, const struct symbol *b)
{
	size_t len = a.len < b->name_len ? a.len : b->name_len;
	int order = memcmp(a.data, s->text + b->name, len);

	return order ? order : (a.len > b->name_len) - (a.len < b->name_len);
}

static int by_name(const void *a, const void *b, void *arg)
{
	const struct symbols *s = arg;
	const struct symbol *x = &s->list[*(const uint32_t *)a];

	return compare_names(s, (struct text){ s->text + x->name, x->name_len },
			     &s->list[*(const uint32_t *)b]);
}

int symbols_index_names(struct symbols *s, struct error *err)
{
	if (!s->count)
		return 0;
	s->by_name = malloc(s->count * sizeof(*s->by_name));
	if (!s->by_name)
		return error_nomem(err);
	for (size_t i = 0; i < s->count; i++)
		s->by_name[i] = (uint32_t)i;
	qsort_r(s->by_name, s->count, sizeof(*s->by_name), by_name, s);
	return 0;
}

/* How far it is to the next symbol of another address; 0 for the last. */
static uint64_t distance(const struct symbols *s, size_t i)
{
	uint64_t start = s->list[i].address;
	size_t behind = first_behind(s, start);

	return behind < s->count ? s->list[behind].address - start : 0;
}

bool symbols_only_named(const struct symbols *s, struct text name, uint64_t size, uint64_t *ret)
{
	size_t low = 0, high = s->by_name ? s->count : 0;
	const struct symbol *sym;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_names(s, name, &s->list[s->by_name[middle]]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!s->by_name || low == s->count)
		return false;
	sym = &s->list[s->by_name[low]];
	if (compare_names(s, name, sym) || !sym->address || sym->module_len ||
	    (low + 1 < s->count && !compare_names(s, name, &s->list[s->by_name[low + 1]])) ||
	    (size && distance(s, s->by_name[low]) != size))
		return false;
	*ret = sym->address;
	return true;
}

size_t symbols_count(const struct symbols *s)
{
	return s->count;
}

size_t symbols_bad_lines(const struct symbols *s)
{
	return s->bad_lines;
}

bool symbols_hidden(const struct symbols *s)
{
	return s->count && s->zero == s->count;
}

bool symbol_is_machinery(struct text name)
{
	static const char *const prefixes[] = {
		"trace_event_raw_event_",
		"__traceiter_",
		"perf_trace_",
		"__bpf_trace_",
		"bpf_trace_run",
		"__do_trace_",
		"do_trace_event_raw_event_",
		"stack_trace_save",
		"arch_stack_walk",
		"trace_event_buffer_",
		"event_triggers_",
		"__ftrace_trace_stack",
		"ftrace_trace_",
		"stacktrace_trigger",
		"__trace_stack",
		"trace_buffer_unlock_commit",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i]);

		if (name.len >= len && !memcmp(name.data, prefixes[i], len))
			return true;
	}
	return false;
}
