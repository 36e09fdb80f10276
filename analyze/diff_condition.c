#include "analyze/diff_condition.h"

#include <stdio.h>
#include <string.h>

#include "format/base/options.h"

static const char *const names[DIFF_MEASURES] = { "net", "total", "waste", "alloc", "objects" };

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " ");
}

static int malformed(const char *text, struct error *err)
{
	return error_set(err, ERR_USAGE,
			 "--fail-if: '%.60s' is no condition such as 'net>1M', 'alloc>10%%' or"
			 " 'group.net>=64k' (net, total, waste, alloc, objects)",
			 text);
}

int diff_condition_parse(struct diff_condition *ret, const char *text, struct error *err)
{
	struct diff_condition c = { .text = text, .measure = DIFF_MEASURES };
	const char *p = skip_blanks(text);
	struct error ignored = { 0 };
	char number[40];
	size_t len;

	c.group = !strncmp(p, "group.", 6);
	p += c.group ? 6 : 0;
	for (int i = 0; i < DIFF_MEASURES; i++) {
		len = strlen(names[i]);
		if (!strncmp(p, names[i], len) && strchr(" <>", p[len])) {
			c.measure = (enum diff_measure)i;
			p = skip_blanks(p + len);
			break;
		}
	}
	if (c.measure == DIFF_MEASURES || (*p != '<' && *p != '>'))
		return malformed(text, err);
	c.less = *p++ == '<';
	c.or_equal = *p == '=';
	p = skip_blanks(p + c.or_equal);
	len = strcspn(p, " ");
	if (!len || len >= sizeof(number) || *skip_blanks(p + len))
		return malformed(text, err);
	snprintf(number, sizeof(number), "%.*s", (int)len, p);
	c.percent = number[len - 1] == '%';
	if (c.percent)
		number[len - 1] = '\0';
	if (parse_bytes(number, "--fail-if", &c.limit, &ignored) < 0 || c.limit > INT64_MAX)
		return malformed(text, err);
	*ret = c;
	return 0;
}

bool diff_condition_holds(const struct diff_condition *c, const struct diff_numbers *n)
{
	int64_t change = n->change[c->measure], before = n->before[c->measure];
	double limit = (double)c->limit;

	if (c->percent)
		limit = limit / 100 * (double)before;
	if (c->less)
		return (double)change < limit || (c->or_equal && (double)change == limit);
	return (double)change > limit || (c->or_equal && (double)change == limit);
}
