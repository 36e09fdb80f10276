#include "record/filter_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

static bool is_word_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The compiler makes names like foo.isra.0 and foo.constprop.0. */
static bool is_symbol(char c)
{
	return is_word(c) || c == '.' || c == '$';
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static bool copy_word(char *to, const char *from, const char *end)
{
	size_t len = (size_t)(end - from);

	if (len == 0 || len >= FILTER_WORD)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

/* The value of a comparison: a symbol, quoted or not. Its end, or NULL. */
static const char *take_value(const char *p, struct filter_comparison *ret)
{
	char quote = *p == '"' || *p == '\'' ? *p : '\0';
	const char *end = p += quote != '\0';

	ret->value_at = p;
	if (!is_word_start(*p))
		return NULL;
	while (is_symbol(*end))
		end++;
	if (!copy_word(ret->value, p, end) || (quote && *end != quote))
		return NULL;
	return end + (quote != '\0');
}

/* p stands at the start of a word. False: no comparison with a word begins here. */
static bool take_comparison(const char *p, struct filter_comparison *ret)
{
	static const char suffix[] = ".function";
	const char *end = p;

	ret->at = p;
	while (is_word(*end))
		end++;
	if (!copy_word(ret->field, p, end))
		return false;
	ret->is_function = !strncmp(end, suffix, strlen(suffix)) && !is_symbol(end[strlen(suffix)]);
	if (ret->is_function)
		end += strlen(suffix);
	end = skip_blanks(end);
	if ((*end != '=' && *end != '!') || end[1] != '=')
		return false;
	ret->negated = *end == '!';
	ret->end = take_value(skip_blanks(end + 2), ret);
	return ret->end;
}

bool filter_next_comparison(const char **pos, struct filter_comparison *ret)
{
	const char *p = *pos, *close;

	while (*p) {
		if (*p == '"' || *p == '\'') {
			close = strchr(p + 1, *p);
			p = close ? close + 1 : p + strlen(p);
		} else if (is_word(*p)) {
			if (is_word_start(*p) && take_comparison(p, ret)) {
				*pos = ret->end;
				return true;
			}
			while (is_symbol(*p))
				p++;
		} else {
			p++;
		}
	}
	*pos = p;
	return false;
}

static void put_text(struct buf *b, const char *text)
{
	buf_bytes(b, text, strlen(text));
}

void filter_put_function(struct buf *b, const struct filter_comparison *c)
{
	put_text(b, c->field);
	put_text(b, c->negated ? ".function != " : ".function == ");
	put_text(b, c->value);
	/* 6.18 takes everything up to the next blank for the name, a ')' as well */
	put_text(b, " ");
}

void filter_put_ranges(struct buf *b, const struct filter_comparison *c,
		       const struct symbol_range *ranges, size_t count)
{
	char text[2 * FILTER_WORD + 80];

	put_text(b, "(");
	for (size_t i = 0; i < count; i++) {
		if (i)
			put_text(b, c->negated ? " && " : " || ");
		snprintf(text, sizeof(text),
			 c->negated ? "(%s < 0x%" PRIx64 " || %s >= 0x%" PRIx64 ")" :
				      "(%s >= 0x%" PRIx64 " && %s < 0x%" PRIx64 ")",
			 c->field, ranges[i].start, c->field, ranges[i].end);
		put_text(b, text);
	}
	put_text(b, ")");
}
