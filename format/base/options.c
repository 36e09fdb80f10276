#include "format/base/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---- */

struct unit {
	const char *name;
	uint64_t factor;
};

/* clang-format off */
static const struct unit byte_units[] = {
	{ "k", 1u << 10 }, { "kb", 1u << 10 }, { "m", 1u << 20 }, { "mb", 1u << 20 },
	{ "g", 1u << 30 }, { "gb", 1u << 30 }, { "b", 1 }, { NULL, 0 }
};
/* clang-format on */

/* clang-format off */
static const struct unit time_units[] = {
	{ "ns", 1 }, { "us", 1000 }, { "ms", 1000000 }, { "s", 1000000000u },
	{ "m", 60000000000ull }, { "min", 60000000000ull }, { "h", 3600000000000ull }, { NULL, 0 }
};
/* clang-format on */

/* NUMBER[.FRACTION]UNIT; the unit of a bare number is `bare`. False when it is none of that. */
static bool parse_scaled(const char *text, const struct unit *units, uint64_t bare, uint64_t *ret)
{
	uint64_t whole, factor = bare;
	double fraction = 0, scale = 1;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	whole = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end == '.')
		for (end++; isdigit((unsigned char)*end); end++) {
			scale /= 10;
			fraction += (*end - '0') * scale;
		}
	if (*end) {
		const struct unit *u = units;

		while (u->name && strcasecmp(u->name, end))
			u++;
		if (!u->name)
			return false;
		factor = u->factor;
	}
	if (whole > UINT64_MAX / factor - 1)
		return false;
	*ret = whole * factor + (uint64_t)(fraction * (double)factor + 0.5);
	return true;
}

int parse_bytes(const char *text, const char *what, uint64_t *ret, struct error *err)
{
	if (parse_scaled(text, byte_units, 1, ret))
		return 0;
	return error_set(err, ERR_USAGE, "%s: '%s' is no size; write 4096, 64k, 16M or 2G", what,
			 text);
}

int parse_time_ns(const char *text, const char *what, uint64_t unit, uint64_t *ret,
		  struct error *err)
{
	/* a time is a difference of two, with a sign */
	if (parse_scaled(text, time_units, unit, ret) && *ret <= INT64_MAX)
		return 0;
	return error_set(err, ERR_USAGE, "%s: '%s' is no time; write 10s, 5ms, 3us, 100ns or 2min",
			 what, text);
}

int parse_number(const char *text, const char *what, uint64_t min, uint64_t max, uint64_t *ret,
		 struct error *err)
{
	uint64_t v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno)
		return error_set(err, ERR_USAGE, "%s: '%s' is no whole number", what, text);
	if (v < min || (max && v > max)) {
		if (max)
			return error_set(err, ERR_USAGE,
					 "%s: %s is not between %" PRIu64 " and %" PRIu64, what,
					 text, min, max);
		return error_set(err, ERR_USAGE, "%s: %s is less than %" PRIu64, what, text, min);
	}
	*ret = v;
	return 0;
}

static int list_add(struct option_list *list, const char *item, struct error *err)
{
	const char **p = realloc(list->items, (list->count + 1) * sizeof(*p));

	if (!p)
		return error_nomem(err);
	list->items = p;
	p[list->count++] = item;
	return 0;
}

void option_list_release(struct option_list *list)
{
	free(list->items);
	*list = (struct option_list){ 0 };
}

static int set_choice(const struct option_row *row, const char *value, const char *what,
		      const char **dest, struct error *err)
{
	char all[256] = "";
	size_t used = 0;

	for (const char *const *c = row->choices; *c; c++) {
		if (!strcmp(*c, value)) {
			*dest = *c;
			return 0;
		}
		if (used < sizeof(all))
			used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
						 used ? ", " : "", *c);
	}
	return error_set(err, ERR_USAGE, "%s: '%s' is not one of: %s", what, value, all);
}

static int set_value(const struct option_row *row, void *options, const char *value,
		     struct error *err)
{
	void *dest = (char *)options + row->offset;
	char what[64];

	snprintf(what, sizeof(what), "--%s", row->name);
	switch (row->kind) {
	case OPT_FLAG: *(bool *)dest = true; return 0;
	case OPT_STRING: *(const char **)dest = value; return 0;
	case OPT_LIST: return list_add(dest, value, err);
	case OPT_NUMBER: return parse_number(value, what, row->min, row->max, dest, err);
	case OPT_BYTES: {
		int rc = parse_bytes(value, what, dest, err);
		uint64_t v = rc ? 0 : *(uint64_t *)dest;

		if (rc == 0 && (v < row->min || (row->max && v > row->max)))
			return error_set(err, ERR_USAGE, "%s: %s is out of range", what, value);
		return rc;
	}
	case OPT_TIME: return parse_time_ns(value, what, row->unit ? row->unit : 1, dest, err);
	case OPT_CHOICE: return set_choice(row, value, what, dest, err);
	}
	return ERR_USAGE;
}

/* ---- finding the row ---- */

static int find_long(const struct option_row *rows, const char *name, size_t len,
		     const struct option_row **ret, struct error *err)
{
	const struct option_row *found = NULL;

	for (const struct option_row *row = rows; row->name; row++) {
		if (strncmp(row->name, name, len))
			continue;
		if (!row->name[len]) {
			*ret = row;
			return 0;
		}
		/* two names of one option (an alias) are not ambiguous */
		if (found && found->offset != row->offset)
			return error_set(err, ERR_USAGE, "option --%.*s is ambiguous: --%s or --%s",
					 (int)len, name, found->name, row->name);
		found = row;
	}
	if (!found)
		return error_set(err, ERR_USAGE, "unknown option --%.*s; --help lists them",
				 (int)len, name);
	*ret = found;
	return 0;
}

static const struct option_row *find_letter(const struct option_row *rows, char letter)
{
	for (; rows->name; rows++)
		if (rows->letter == letter)
			return rows;
	return NULL;
}

/* argv[*at] is a long option; *at moves to its value if that is the next argument. */
static int parse_long(const struct option_row *rows, void *options, int argc, char **argv, int *at,
		      struct error *err)
{
	const char *name = argv[*at] + 2, *equals = strchr(name, '='), *value = NULL;
	const struct option_row *row = NULL;
	int rc = find_long(rows, name, equals ? (size_t)(equals - name) : strlen(name), &row, err);

	if (rc < 0)
		return rc;
	if (row->kind == OPT_FLAG) {
		if (equals)
			return error_set(err, ERR_USAGE, "option --%s takes no value", row->name);
	} else if (equals) {
		value = equals + 1;
	} else if (*at + 1 < argc) {
		value = argv[++*at];
	} else {
		return error_set(err, ERR_USAGE, "option --%s needs a value: --%s %s", row->name,
				 row->name, row->arg ? row->arg : "VALUE");
	}
	return set_value(row, options, value, err);
}

/* argv[*at] is a cluster of letters; the last may take a value. */
static int parse_letters(const struct option_row *rows, void *options, int argc, char **argv,
			 int *at, struct error *err)
{
	const char *p = argv[*at] + 1;
	int rc = 0;

	while (rc == 0 && *p) {
		const struct option_row *row = find_letter(rows, *p);

		if (!row)
			return error_set(err, ERR_USAGE, "unknown option -%c; --help lists them",
					 *p);
		p++;
		if (row->kind == OPT_FLAG) {
			rc = set_value(row, options, NULL, err);
			continue;
		}
		if (*p)
			return set_value(row, options, p, err);
		if (*at + 1 >= argc)
			return error_set(err, ERR_USAGE, "option -%c needs a value: -%c %s",
					 row->letter, row->letter, row->arg ? row->arg : "VALUE");
		return set_value(row, options, argv[++*at], err);
	}
	return rc;
}

/* Moves argv[from..to) before argv[at..from): operands passed so far go behind the options. */
static void rotate(char **argv, int at, int from, int to)
{
	for (; from < to; from++, at++) {
		char *moved = argv[from];

		memmove(argv + at + 1, argv + at, (size_t)(from - at) * sizeof(*argv));
		argv[at] = moved;
	}
}

int options_parse(const struct option_row *rows, void *options, int argc, char **argv,
		  bool stop_at_operand, struct error *err)
{
	int first = 1; /* argv[first..i) are operands passed so far */

	for (int i = 1; i < argc; i++) {
		int start = i, rc;

		if (!strcmp(argv[i], "--")) {
			rotate(argv, first, i, i + 1);
			return first + 1;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			if (stop_at_operand)
				return i;
			continue;
		}
		if (argv[i][1] == '-')
			rc = parse_long(rows, options, argc, argv, &i, err);
		else
			rc = parse_letters(rows, options, argc, argv, &i, err);
		if (rc < 0)
			return rc;
		rotate(argv, first, start, i + 1);
		first += i + 1 - start;
	}
	return first;
}

/* ---- help ---- */

#define HELP_COLUMN 28
#define HELP_WIDTH  100

static void wrap(FILE *out, const char *text, size_t column)
{
	while (*text) {
		size_t room = HELP_WIDTH - column, len = strlen(text);

		if (len > room) {
			for (len = room; len && text[len] != ' '; len--)
				;
			if (!len)
				len = room;
		}
		fprintf(out, "%.*s\n", (int)len, text);
		text += len;
		while (*text == ' ')
			text++;
		if (*text)
			fprintf(out, "%*s", HELP_COLUMN, "");
		column = HELP_COLUMN;
	}
}

void options_help(FILE *out, const struct option_row *rows)
{
	for (const struct option_row *row = rows; row->name; row++) {
		char left[80];
		int n;

		if (!row->help)
			continue;
		if (row->letter)
			n = snprintf(left, sizeof(left), "  -%c, --%s", row->letter, row->name);
		else
			n = snprintf(left, sizeof(left), "      --%s", row->name);
		if (row->arg)
			snprintf(left + n, sizeof(left) - (size_t)n, " %s", row->arg);
		if (strlen(left) < HELP_COLUMN - 1)
			fprintf(out, "%-*s", HELP_COLUMN, left);
		else
			fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
		wrap(out, row->help, HELP_COLUMN);
	}
}
