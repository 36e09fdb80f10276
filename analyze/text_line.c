#define _GNU_SOURCE /* memmem */
#include "analyze/text_line.h"

#include <string.h>

#define COMM_COLUMN 16	 /* ftrace prints "%16s-%-7d" */
#define HARDIRQ	    0x08 /* enum trace_flag_type, include/linux/trace_events.h */
#define SOFTIRQ	    0x10
#define NMI	    0x40

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p;
}

/* Decimal digits from *p on, at most `most` of them; false: none, or more. */
static bool number(const char **p, const char *end, unsigned int most, uint64_t *ret)
{
	const char *start = *p;
	uint64_t n = 0;

	while (*p < end && is_digit(**p) && *p - start <= (ptrdiff_t)most)
		n = n * 10 + (uint64_t)(*(*p)++ - '0');
	*ret = n;
	return *p > start && *p - start <= (ptrdiff_t)most;
}

static bool starts(const char *p, const char *end, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(end - p) >= n && !memcmp(p, with, n);
}

static bool contains(const char *p, const char *end, const char *what)
{
	return memmem(p, (size_t)(end - p), what, strlen(what)) != NULL;
}

/* Over "<6>[   12.345678][  T123] ", what a kernel log puts in front. */
static const char *skip_log_prefix(const char *line, const char *end)
{
	const char *p = skip_blanks(line, end), *start = line;
	uint64_t n;

	if (p < end && *p == '<' && ++p < end && number(&p, end, 3, &n) && p < end && *p == '>')
		start = ++p;
	else
		p = skip_blanks(line, end);
	if (p == end || *p != '[')
		return start;
	p = skip_blanks(p + 1, end);
	if (!number(&p, end, 10, &n) || p == end || *p++ != '.' || !number(&p, end, 9, &n) ||
	    p == end || *p++ != ']')
		return start;
	if (p < end && *p == '[') {
		const char *close = memchr(p, ']', (size_t)(end - p));

		if (close && close - p < 12)
			p = close + 1;
	}
	return p;
}

/* Which of the kinds of interrupt the third column tells: 'h', 's', 'H' one in the other, 'z', 'Z' NMI. */
static uint8_t context_flags(const char *p, size_t len)
{
	switch (len > 2 ? p[2] : '.') {
	case 'h': return HARDIRQ;
	case 's': return SOFTIRQ;
	case 'H': return HARDIRQ | SOFTIRQ;
	case 'z': return NMI;
	case 'Z': return NMI | HARDIRQ;
	default: return 0;
	}
}

/* "28633.952216:" or, of clocks that do not count time, "28633952216:". */
static bool parse_time(const char *p, const char *end, struct text_line *l)
{
	uint64_t seconds, fraction = 0;
	const char *point;

	if (!number(&p, end, 19, &seconds) || p == end)
		return false;
	l->digits = 0;
	l->time_ns = seconds;
	if (*p == '.') {
		point = ++p;
		if (!number(&p, end, 9, &fraction) || seconds > 10000000000u)
			return false;
		l->digits = (uint8_t)(p - point);
		for (ptrdiff_t i = p - point; i < 9; i++)
			fraction *= 10;
		l->time_ns = seconds * 1000000000 + fraction;
	}
	return p + 1 == end && *p == ':';
}

static const char *token_end(const char *p, const char *end)
{
	while (p < end && *p != ' ' && *p != '\t')
		p++;
	return p;
}

/* What stands behind the CPU: " d..1. 123.456789: kmalloc: call_site=..." */
static bool parse_right(const char *p, const char *end, struct text_line *l)
{
	const char *token = skip_blanks(p, end), *stop = token_end(token, end), *colon;

	if (stop == token)
		return false;
	l->has_flags = false;
	l->flags = 0;
	if (stop[-1] != ':') {
		if (stop - token < 3 || stop - token > 10)
			return false;
		l->has_flags = true;
		l->flags = context_flags(token, (size_t)(stop - token));
		token = skip_blanks(stop, end);
		stop = token_end(token, end);
	}
	if (!parse_time(token, stop, l))
		return false;
	p = skip_blanks(stop, end);
	if (p < end && *p == '<') {
		l->kind = starts(p, end, "<stack trace>")      ? LINE_STACK :
			  starts(p, end, "<user stack trace>") ? LINE_USER_STACK :
								 LINE_EVENT;
		l->type = TEXT_OTHER;
		l->name = (struct text){ p, 0 };
		return true;
	}
	stop = token_end(p, end);
	colon = stop > p && stop[-1] == ':' ? stop - 1 : p;
	l->kind = LINE_EVENT;
	l->name = (struct text){ p, (size_t)(colon - p) };
	p = skip_blanks(stop, end);
	l->args = (struct text){ p, (size_t)(end - p) };
	l->type = text_event_type(l->name);
	return true;
}

/* Back over "  (  1234) " or " (-------) ", in front of which p comes to stand. */
static const char *back_over_tgid(const char *start, const char *p, int32_t *ret)
{
	const char *open = p - 1;
	uint64_t n;

	while (open > start && *open != '(' && p - open < 12)
		open--;
	if (*open != '(')
		return NULL;
	for (const char *digits = skip_blanks(open + 1, p); digits < p && is_digit(*digits);) {
		if (number(&digits, p, 9, &n) && *digits == ')')
			*ret = (int32_t)n;
		break;
	}
	return open;
}

/* What stands in front of the CPU: "   kworker/0:1-12    (  1234) ". */
static bool parse_left(const char *start, const char *p, struct text_line *l)
{
	const char *digits, *end;
	uint64_t pid;

	l->tgid = -1;
	while (p > start && p[-1] == ' ')
		p--;
	if (p > start && p[-1] == ')') {
		p = back_over_tgid(start, p, &l->tgid);
		while (p && p > start && p[-1] == ' ')
			p--;
	}
	if (!p)
		return false;
	for (digits = p; digits > start && is_digit(digits[-1]);)
		digits--;
	if (digits == start || digits[-1] != '-' || !number(&digits, p, 9, &pid))
		return false;
	l->pid = (int32_t)pid;
	end = p;
	while (end[-1] != '-')
		end--;
	end--;
	if (end - start > COMM_COLUMN) /* something else stands in front of it */
		start = end - COMM_COLUMN;
	start = skip_blanks(start, end);
	l->comm = (struct text){ start, (size_t)(end - start) };
	return true;
}

static bool parse_entry(const char *line, const char *end, struct text_line *l)
{
	for (const char *p = line; (p = memchr(p, '[', (size_t)(end - p))) != NULL; p++) {
		const char *q = p + 1;
		uint64_t cpu;

		if (!number(&q, end, 5, &cpu) || q == end || *q != ']' || cpu > UINT16_MAX)
			continue;
		l->cpu = (int32_t)cpu;
		if (parse_left(line, p, l) && parse_right(q + 1, end, l))
			return true;
	}
	return false;
}

/* "CPU:1 [LOST 12 EVENTS]", or without a number where the kernel does not know it. */
static bool parse_lost(const char *p, const char *end, struct text_line *l)
{
	uint64_t cpu;

	if (!starts(p, end, "CPU:"))
		return false;
	p += 4;
	if (!number(&p, end, 5, &cpu) || cpu > UINT16_MAX || !starts(p, end, " [LOST "))
		return false;
	p += 7;
	if (p < end && is_digit(*p) && (!number(&p, end, 19, &l->lost) || p == end || *p++ != ' '))
		return false;
	l->cpu = (int32_t)cpu;
	return starts(p, end, "EVENTS]");
}

static void parse_comment(const char *p, const char *end, struct text_line *l)
{
	static const char entries[] = "# entries-in-buffer/entries-written: ";

	l->kind = LINE_BLANK;
	if (!starts(p, end, entries))
		return;
	p += sizeof(entries) - 1;
	if (number(&p, end, 19, &l->entries) && p < end && *p++ == '/' &&
	    number(&p, end, 19, &l->written))
		l->kind = LINE_ENTRIES;
}

void text_line_parse(const char *line, size_t len, struct text_line *l)
{
	const char *end = line + len, *p;

	l->lost = 0;
	line = skip_log_prefix(line, end);
	p = skip_blanks(line, end);
	if (p == end || (*p == '#' && !parse_entry(line, end, l))) {
		parse_comment(p, end, l);
	} else if (*p == '#') {
		return; /* behind the prompt of a console */
	} else if (starts(p, end, "=> ")) {
		l->kind = LINE_FRAME;
		p = skip_blanks(p + 3, end);
		l->args = (struct text){ p, (size_t)(end - p) };
	} else if (parse_entry(line, end, l)) {
		return;
	} else if (parse_lost(p, end, l)) {
		l->kind = LINE_LOST;
	} else {
		bool parts = contains(p, end, "call_site=") || contains(p, end, "bytes_alloc=") ||
			     contains(p, end, " ptr=") || contains(p, end, " pfn=") ||
			     contains(p, end, "[LOST ");

		l->kind = parts ? LINE_DAMAGED : LINE_FOREIGN;
	}
}

enum text_type text_event_type(struct text name)
{
	static const char *const names[TEXT_TYPES] = {
		[TEXT_KMALLOC] = "kmalloc",
		[TEXT_KMALLOC_NODE] = "kmalloc_node",
		[TEXT_CACHE_ALLOC] = "kmem_cache_alloc",
		[TEXT_CACHE_ALLOC_NODE] = "kmem_cache_alloc_node",
		[TEXT_KFREE] = "kfree",
		[TEXT_CACHE_FREE] = "kmem_cache_free",
		[TEXT_PAGE_ALLOC] = "mm_page_alloc",
		[TEXT_PAGE_FREE] = "mm_page_free",
		[TEXT_PERCPU_ALLOC] = "percpu_alloc_percpu",
		[TEXT_PERCPU_FREE] = "percpu_free_percpu",
		[TEXT_VMAP_ALLOC] = "alloc_vmap_area",
		[TEXT_VMAP_FREE] = "free_vmap_area_noflush",
	};
	/* Only two pairs of these names have one length. */
	static const uint8_t by_length[23] = {
		[5] = TEXT_KFREE + 1,
		[7] = TEXT_KMALLOC + 1,
		[12] = TEXT_KMALLOC_NODE + 1,
		[13] = TEXT_PAGE_ALLOC + 1,
		[15] = TEXT_CACHE_FREE + 1,
		[16] = TEXT_CACHE_ALLOC + 1,
		[18] = TEXT_PERCPU_FREE + 1,
		[19] = TEXT_PERCPU_ALLOC + 1,
		[21] = TEXT_CACHE_ALLOC_NODE + 1,
		[22] = TEXT_VMAP_FREE + 1,
	};
	unsigned int at = name.len < sizeof(by_length) ? by_length[name.len] : 0;

	if (name.len == 12 && name.data[0] == 'm')
		at = TEXT_PAGE_FREE + 1;
	if (name.len == 15 && name.data[0] == 'a')
		at = TEXT_VMAP_ALLOC + 1;
	return at && !memcmp(names[at - 1], name.data, name.len) ? (enum text_type)(at - 1) :
								   TEXT_OTHER;
}
