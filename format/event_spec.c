#include "format/event_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/caret.h"
#include "format/base/near.h"
#include "format/base/options.h"
#include "format/capture.h"

struct attribute {
	const char *name;
	bool has_value;
	int value; /* enum spec_value, or -1 */
};

static const struct attribute attributes[] = {
	{ "stack", false, -1 },	     { "max-stack", true, -1 }, { "ptr", true, SPEC_PTR },
	{ "size", true, SPEC_SIZE }, { "key", true, SPEC_KEY }, { "alias", true, SPEC_ALIAS },
	{ "comm", true, SPEC_COMM },
};
#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

struct parser {
	const char *list, *p;
	struct error *err;
};

#define fail_at(s, at, ...) \
	caret_error((s)->err, ERR_USAGE, (s)->list, (size_t)((at) - (s)->list), __VA_ARGS__)

/*
 * The end of a piece: the first of `ends` that stands outside of quotes and, where `parentheses`,
 * outside of them; or the end of the text. NULL: a quote is not closed.
 */
static const char *piece_end(const char *p, const char *ends, bool parentheses)
{
	unsigned int depth = 0;

	for (; *p; p++) {
		if (*p == '"' || *p == '\'') {
			p = strchr(p + 1, *p);
			if (!p)
				return NULL;
		} else if (parentheses && *p == '(') {
			depth++;
		} else if (parentheses && *p == ')') {
			depth -= depth > 0;
		} else if (!depth && strchr(ends, *p)) {
			break;
		}
	}
	return p;
}

static void trim(const char **from, const char **to)
{
	while (*from < *to && strchr(" \t\n", **from))
		(*from)++;
	while (*to > *from && strchr(" \t\n", (*to)[-1]))
		(*to)--;
}

static int copy_trimmed(char **ret, const char *from, const char *to, struct error *err)
{
	trim(&from, &to);
	*ret = strndup(from, (size_t)(to - from));
	return *ret ? 0 : error_nomem(err);
}

static int unknown_attribute(const struct parser *s, const char *at, const char *name)
{
	struct near_names near = { 0 };
	char meant[128], known[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < ATTRIBUTES; i++) {
		unsigned int far = near_distance(attributes[i].name, name);

		if (far <= 2)
			near_add(&near, attributes[i].name, far);
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s%s", i ? " " : "",
					 attributes[i].name, attributes[i].has_value ? "=" : "");
	}
	near_text(&near, meant, sizeof(meant));
	return fail_at(s, at, "unknown attribute '%.40s'%s%s; there are: %s", name,
		       near.count ? ", did you mean " : "", meant, known);
}

static int set_attribute(const struct parser *s, struct event_spec *spec, const char *at,
			 char *text)
{
	char *value = strchr(text, '=');
	const struct attribute *a = NULL;
	uint64_t frames;

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (!strcmp(attributes[i].name, text))
			a = &attributes[i];
	if (!a)
		return unknown_attribute(s, at, text);
	if (a->has_value && (!value || !*value))
		return fail_at(s, at, "attribute %s wants a value: %s=%s", a->name, a->name,
			       !strcmp(a->name, "max-stack") ? "16" : "...");
	if (!a->has_value && value)
		return fail_at(s, at, "attribute %s takes no value", a->name);
	if (!strcmp(a->name, "stack"))
		spec->stack = true;
	if (a->value >= 0) {
		free(spec->values[a->value]);
		spec->values[a->value] = strdup(value);
		return spec->values[a->value] ? 0 : error_nomem(s->err);
	}
	if (strcmp(a->name, "max-stack"))
		return 0;
	if (parse_number(value, "max-stack", 1, STACK_FRAMES_MAX, &frames, NULL) < 0)
		return fail_at(s, at, "max-stack wants a number of frames from 1 to %d",
			       STACK_FRAMES_MAX);
	spec->max_stack = (uint16_t)frames;
	spec->stack = true;
	return 0;
}

/* s->p stands behind the slash that ended the filter. */
static int parse_attributes(struct parser *s, struct event_spec *spec)
{
	while (*s->p && *s->p != ',') {
		const char *from = s->p, *end = piece_end(from, "/,", true);
		char *text;
		int rc;

		if (!end)
			return fail_at(s, from, "a quote in this attribute is not closed");
		rc = copy_trimmed(&text, from, end, s->err);
		if (rc < 0)
			return rc;
		from += strspn(from, " \t\n");
		if (*text)
			rc = set_attribute(s, spec, from, text);
		else if (*end == '/')
			rc = fail_at(s, from, "an attribute is missing between the slashes");
		free(text);
		if (rc < 0)
			return rc;
		s->p = *end == '/' ? end + 1 : end;
	}
	return 0;
}

static int parse_filter(struct parser *s, struct event_spec *spec)
{
	const char *from = s->p, *end = piece_end(from, "/", false);
	int rc;

	if (!end)
		return fail_at(s, from, "a quote in this filter is not closed");
	if (*end != '/')
		return fail_at(s, end, "the filter is not closed: a slash ends it");
	rc = copy_trimmed(&spec->filter, from, end, s->err);
	if (rc < 0)
		return rc;
	if (!*spec->filter) {
		free(spec->filter);
		spec->filter = NULL;
	}
	s->p = end + 1;
	return 0;
}

static int parse_spec(struct parser *s, struct event_spec *spec)
{
	const char *start = s->p + strspn(s->p, " \t\n"), *end = start + strcspn(start, ",/");
	int rc = copy_trimmed(&spec->name, start, end, s->err);

	s->p = end;
	if (rc < 0)
		return rc;
	if (*end == '/') {
		spec->is_explicit = true;
		if (!*spec->name)
			return fail_at(s, end, "the name of an event is missing here");
		if (!strchr(spec->name, ':'))
			return fail_at(
				s, end,
				"a filter or an attribute wants an event, as in kmem:kmalloc/bytes_alloc>1024/");
		s->p = end + 1;
		rc = parse_filter(s, spec);
		if (rc == 0)
			rc = parse_attributes(s, spec);
	}
	return rc < 0 ? rc : copy_trimmed(&spec->text, start, s->p, s->err);
}

static void spec_release(struct event_spec *spec)
{
	free(spec->text);
	free(spec->name);
	free(spec->filter);
	for (size_t i = 0; i < SPEC_VALUES; i++)
		free(spec->values[i]);
}

int event_specs_parse(struct event_specs *specs, const char *list, struct error *err)
{
	struct parser s = { .list = list, .p = list, .err = err };
	size_t before = specs->count;
	int rc = 0;

	while (rc == 0 && *s.p) {
		struct event_spec spec = { 0 }, *p;

		rc = parse_spec(&s, &spec);
		if (rc == 0 && *spec.name) {
			p = realloc(specs->items, (specs->count + 1) * sizeof(*p));
			if (!p) {
				spec_release(&spec);
				return error_nomem(err);
			}
			specs->items = p;
			specs->items[specs->count++] = spec;
		} else {
			spec_release(&spec);
		}
		s.p += *s.p == ',';
	}
	if (rc == 0 && specs->count == before)
		rc = error_set(err, ERR_USAGE, "-e wants the name of a preset or an event");
	return rc;
}

void event_specs_release(struct event_specs *specs)
{
	for (size_t i = 0; i < specs->count; i++)
		spec_release(&specs->items[i]);
	free(specs->items);
	*specs = (struct event_specs){ 0 };
}

bool event_spec_is_pattern(const struct event_spec *spec)
{
	return strpbrk(spec->name, "*?[");
}
