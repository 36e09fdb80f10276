#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "analyze/gfp_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/gfp_names.h"

/* ---- expressions of C, as the preprocessor left them in a format ---- */

#define DEPTH_MAX 64

struct cursor {
	const char *p, *end;
	unsigned int depth;
};

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static bool take(struct cursor *c, const char *what)
{
	size_t len = strlen(what);

	skip_blanks(c);
	if ((size_t)(c->end - c->p) < len || memcmp(c->p, what, len))
		return false;
	c->p += len;
	return true;
}

static bool is_name_char(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}

/* "(gfp_t)" and "(unsigned long)": types have no digits first, and constants no letters. */
static bool take_cast(struct cursor *c)
{
	struct cursor at = *c;

	if (!take(&at, "("))
		return false;
	skip_blanks(&at);
	if (at.p == at.end || !is_name_char(*at.p))
		return false;
	while (at.p < at.end && (is_name_char(*at.p) || *at.p == ' '))
		at.p++;
	if (!take(&at, ")"))
		return false;
	*c = at;
	return true;
}

static bool take_number(struct cursor *c, uint64_t *ret)
{
	char digits[24];
	size_t n = 0;
	char *stop;

	skip_blanks(c);
	while (n < sizeof(digits) - 1 && c->p + n < c->end &&
	       ((c->p[n] >= '0' && c->p[n] <= '9') || is_name_char(c->p[n]))) {
		digits[n] = c->p[n];
		n++;
	}
	digits[n] = '\0';
	if (!n || digits[0] < '0' || digits[0] > '9')
		return false;
	*ret = strtoull(digits, &stop, 0);
	c->p += n;
	return strspn(stop, "uUlL") == strlen(stop);
}

static bool take_or(struct cursor *c, uint64_t *ret);

static bool take_unary(struct cursor *c, uint64_t *ret)
{
	bool ok;

	if (c->depth >= DEPTH_MAX)
		return false;
	c->depth++;
	if (take(c, "~")) {
		ok = take_unary(c, ret);
		*ret = ~*ret;
	} else if (take_cast(c)) {
		ok = take_unary(c, ret);
	} else if (take(c, "(")) {
		ok = take_or(c, ret) && take(c, ")");
	} else {
		ok = take_number(c, ret);
	}
	c->depth--;
	return ok;
}

static bool take_shift(struct cursor *c, uint64_t *ret)
{
	uint64_t by;

	if (!take_unary(c, ret))
		return false;
	while (take(c, "<<")) {
		if (!take_unary(c, &by) || by > 63)
			return false;
		*ret <<= by;
	}
	return true;
}

static bool take_and(struct cursor *c, uint64_t *ret)
{
	uint64_t more;

	if (!take_shift(c, ret))
		return false;
	while (take(c, "&")) {
		if (!take_shift(c, &more))
			return false;
		*ret &= more;
	}
	return true;
}

static bool take_or(struct cursor *c, uint64_t *ret)
{
	uint64_t more;

	if (!take_and(c, ret))
		return false;
	while (take(c, "|")) {
		if (!take_and(c, &more))
			return false;
		*ret |= more;
	}
	return true;
}

/* ---- the list of a format ---- */

static bool add(struct gfp_table *t, uint64_t bits, const char *name, size_t len)
{
	struct gfp_flag *f = &t->flags[t->count];

	if (t->count == GFP_FLAGS_MAX || !len || len >= GFP_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_name_char(name[i]) && (name[i] < '0' || name[i] > '9'))
			return false;
	if (!bits) /* an option that this kernel was built without */
		return true;
	f->bits = bits;
	memcpy(f->name, name, len);
	f->name[len] = '\0';
	t->count++;
	return true;
}

/* {expression, "NAME"} */
static bool take_flag(struct cursor *c, struct gfp_table *t)
{
	const char *name, *quote;
	uint64_t bits;

	if (!take_or(c, &bits) || !take(c, ",") || !take(c, "\""))
		return false;
	name = c->p;
	quote = memchr(name, '"', (size_t)(c->end - name));
	if (!quote)
		return false;
	c->p = quote + 1;
	return add(t, bits & UINT32_MAX, name, (size_t)(quote - name)) && take(c, "}");
}

bool gfp_table_parse(struct gfp_table *t, const char *format, size_t len)
{
	static const char list[] = "__print_flags(REC->gfp_flags,";
	const char *start = memmem(format, len, list, sizeof(list) - 1);
	struct cursor c = { start, format + len, 0 };

	t->count = 0;
	t->source = "the captured kernel";
	if (!start)
		return false;
	c.p += sizeof(list) - 1;
	if (!take(&c, "\"|\"") || !take(&c, ","))
		return false;
	do {
		struct cursor last = c;

		if (!take(&c, "{"))
			return false;
		if (take(&c, "0") && take(&c, ",")) /* { 0, ((void *)0) }: the end */
			return t->count > 0;
		c = last;
		if (!take(&c, "{") || !take_flag(&c, t))
			return false;
	} while (take(&c, ","));
	skip_blanks(&c);
	return t->count > 0 && c.p < c.end && *c.p == ')';
}

/* ---- where there is none ---- */

/* In the order of __def_gfpflag_names, include/trace/events/mmflags.h. */
static const char *const names[] = {
	"GFP_TRANSHUGE",
	"GFP_TRANSHUGE_LIGHT",
	"GFP_HIGHUSER_MOVABLE",
	"GFP_HIGHUSER",
	"GFP_USER",
	"GFP_KERNEL_ACCOUNT",
	"GFP_KERNEL",
	"GFP_NOFS",
	"GFP_ATOMIC",
	"GFP_NOIO",
	"GFP_NOWAIT",
	"GFP_DMA",
	"GFP_DMA32",
	"__GFP_RECLAIM",
	"__GFP_HIGHMEM",
	"__GFP_MOVABLE",
	"__GFP_RECLAIMABLE",
	"__GFP_HIGH",
	"__GFP_IO",
	"__GFP_FS",
	"__GFP_ZERO",
	"__GFP_DIRECT_RECLAIM",
	"__GFP_KSWAPD_RECLAIM",
	"__GFP_WRITE",
	"__GFP_NOWARN",
	"__GFP_RETRY_MAYFAIL",
	"__GFP_NOFAIL",
	"__GFP_NORETRY",
	"__GFP_MEMALLOC",
	"__GFP_COMP",
	"__GFP_NOMEMALLOC",
	"__GFP_HARDWALL",
	"__GFP_THISNODE",
	"__GFP_ACCOUNT",
};

static bool older_than(const char *release, unsigned int major, unsigned int minor)
{
	unsigned int a = 0, b = 0;

	if (sscanf(release, "%u.%u", &a, &b) != 2)
		return true;
	return a < major || (a == major && b < minor);
}

void gfp_table_of_release(struct gfp_table *t, const char *release)
{
	t->count = 0;
	t->source = release ? "Linux 6.3 and later" : "the text of the events";
	if (release && older_than(release, 5, 0)) {
		t->source = "nowhere: they are known from Linux 5.0 on";
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct text name = { names[i], strlen(names[i]) };
		uint64_t bits = 0;

		/* a combination that changed in between is left to its parts */
		if (release && !strcmp(names[i], "GFP_NOWAIT"))
			continue;
		gfp_from_names(name, &bits);
		if (release && older_than(release, 6, 3) && !strcmp(names[i], "GFP_ATOMIC"))
			bits |= 0x200; /* __GFP_ATOMIC */
		add(t, bits, name.data, name.len);
	}
	if (release && older_than(release, 6, 3)) {
		t->source = "Linux 5.0 to 6.2";
		add(t, 0x200, "__GFP_ATOMIC", 12);
	}
}

const char *gfp_table_print(const struct gfp_table *t, uint64_t gfp, char *text, size_t room)
{
	size_t used = 0;

	if (!gfp) {
		snprintf(text, room, "none");
		return text;
	}
	text[0] = '\0';
	for (size_t i = 0; i < t->count && gfp && used < room; i++) {
		const struct gfp_flag *f = &t->flags[i];

		if ((gfp & f->bits) != f->bits)
			continue;
		gfp &= ~f->bits;
		used += (size_t)snprintf(text + used, room - used, "%s%s", used ? "|" : "",
					 f->name);
	}
	if (gfp && used < room)
		snprintf(text + used, room - used, "%s0x%" PRIx64, used ? "|" : "", gfp);
	return text;
}
