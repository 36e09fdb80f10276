/* What stands between the operators of an expression. */
#include "analyze/expr_parse.h"

#include <stdio.h>

/* ---- nodes ---- */

int add_node(struct parser *s, const char *at, enum expr_op op, enum expr_type type, int a, int b,
	     int c)
{
	struct expr *e = s->e;

	if (e->count == EXPR_NODES_MAX)
		return fail_at(s, at, "this expression is too long: %d operators and operands",
			       EXPR_NODES_MAX);
	e->nodes[e->count] = (struct expr_node){
		.op = op, .type = type, .a = (uint16_t)a, .b = (uint16_t)b, .c = (uint16_t)c
	};
	return (int)e->count++;
}

int add_number(struct parser *s, const char *at, uint64_t v, enum expr_type type)
{
	int node = add_node(s, at, OP_NUMBER, type, 0, 0, 0);

	if (node >= 0)
		s->e->nodes[node].number = v;
	return node;
}

static int add_field(struct parser *s, const char *at, size_t field)
{
	int node = add_node(s, at, OP_FIELD, s->scope->fields[field].type, 0, 0, 0);

	if (node >= 0) {
		s->e->nodes[node].number = field;
		s->e->used[field] = true;
	}
	return node;
}

/* e->texts has room: a string is never longer than what it was written as. */
int add_string(struct parser *s, const char *at, const char *text, size_t len)
{
	int node = add_node(s, at, OP_STRING, EXPR_TEXT, 0, 0, 0);

	if (node < 0)
		return node;
	s->e->nodes[node].number = s->texts_used;
	memcpy(s->e->texts + s->texts_used, text, len);
	s->e->texts[s->texts_used + len] = '\0';
	s->texts_used += len + 1;
	return node;
}

int want_number(struct parser *s, const char *at, int node)
{
	if (node >= 0 && is_text(s, node))
		return fail_at(s, at, "a number is wanted here, not a text");
	return node;
}

int want_text(struct parser *s, const char *at, int node)
{
	if (node >= 0 && !is_text(s, node))
		return fail_at(s, at, "a text is wanted here, not a number");
	return node;
}
/* ---- fields ---- */

int find_field(const struct parser *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->scope->count; i++)
		if (strlen(s->scope->fields[i].name) == len &&
		    !memcmp(s->scope->fields[i].name, name, len))
			return (int)i;
	return -1;
}

int unknown_field(struct parser *s, const char *at, size_t len)
{
	char known[200] = "";
	size_t used = 0;

	for (size_t i = 0; i < s->scope->count; i++) {
		const struct expr_field *f = &s->scope->fields[i];

		if (f->hidden)
			continue;
		if (used + strlen(f->name) + 6 > sizeof(known)) {
			strcpy(known + used, " ...");
			break;
		}
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? " " : "", f->name);
	}
	return fail_at(s, at, "no field '%.*s' here; there are: %s", (int)(len < 40 ? len : 40), at,
		       known);
}

int function_of(struct parser *s, const char *at, int node)
{
	const struct expr_node *n = &s->e->nodes[node];
	char name[128];
	int field = -1;

	if (n->op == OP_FIELD && (size_t)snprintf(name, sizeof(name), "%s.function",
						  s->scope->fields[n->number].name) < sizeof(name))
		field = find_field(s, name, strlen(name));
	if (field >= 0)
		return add_field(s, at, (size_t)field);
	return add_node(s, at, OP_SYMBOL, EXPR_TEXT, node, 0, 0);
}

static int parse_field(struct parser *s)
{
	static const char function[] = ".function";
	const char *at = s->p;
	size_t len = word_length(at);
	int field = find_field(s, at, len), node;

	if (field < 0)
		return unknown_field(s, at, len);
	s->p += len;
	node = add_field(s, at, (size_t)field);
	if (node < 0 || strncmp(s->p, function, strlen(function)) ||
	    is_word(s->p[strlen(function)]))
		return node;
	if (is_text(s, node))
		return fail_at(s, s->p, "a text is in no function: an address is");
	s->p += strlen(function);
	return function_of(s, at, node);
}

/* ---- constants ---- */

static int parse_number(struct parser *s)
{
	const char *at = s->p, *digits = at;
	unsigned int base = 10;
	bool is_unsigned = false, any = false;
	uint64_t v = 0;

	if (*at == '0' && (at[1] == 'x' || at[1] == 'X')) {
		base = 16;
		digits = at + 2;
	} else if (*at == '0') {
		base = 8;
	}
	for (s->p = digits; is_word(*s->p); s->p++, any = true) {
		unsigned int digit = *s->p <= '9' ? (unsigned int)(*s->p - '0') :
				     *s->p == '_' ? 99 :
						    (unsigned int)((*s->p | 32) - 'a') + 10;

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
			return fail_at(s, at, "this number does not fit into 64 bits");
	}
	if (!any)
		return fail_at(s, at, "digits are missing here");
	for (; strchr("uUlL", *s->p) && *s->p; s->p++)
		is_unsigned |= *s->p == 'u' || *s->p == 'U';
	if (is_word(*s->p))
		return fail_at(s, s->p, "this is no digit of a number");
	if (v > INT64_MAX)
		is_unsigned = true;
	return add_number(s, at, v, is_unsigned ? EXPR_UNSIGNED : EXPR_SIGNED);
}

static char unescape(char c)
{
	static const char from[] = "nrt0", to[] = { '\n', '\r', '\t', '\0' };
	const char *p = c ? strchr(from, c) : NULL;

	return p ? to[p - from] : c;
}

/* 'c' in C; in a filter a text may be in these quotes, too. */
static int parse_quoted(struct parser *s)
{
	const char *at = s->p, quote = *at;
	bool raw = s->scope->filter; /* there a backslash is for the glob */
	char text[EXPR_TEXT_MAX];
	size_t len = 0;

	for (s->p++; *s->p && *s->p != quote; s->p++) {
		char c = *s->p;

		if (c == '\\' && s->p[1] && !raw)
			c = unescape(*++s->p);
		text[len++] = c;
	}
	if (*s->p++ != quote) {
		s->p--;
		return fail_at(s, at, "this quote is not closed");
	}
	if (quote == '"' || s->scope->filter)
		return add_string(s, at, text, len);
	if (len != 1)
		return fail_at(s, at, "one character is wanted in '', a text is in \"\"");
	return add_number(s, at, (uint64_t)(int64_t)(signed char)text[0], EXPR_SIGNED);
}

/* ---- types ---- */

/* clang-format off */
static const struct { const char *name; struct type type; } named_types[] = {
	{ "u8", { 1, true } }, { "u16", { 2, true } }, { "u32", { 4, true } }, { "u64", { 8, true } },
	{ "s8", { 1, false } }, { "s16", { 2, false } }, { "s32", { 4, false } }, { "s64", { 8, false } },
	{ "__u8", { 1, true } }, { "__u16", { 2, true } }, { "__u32", { 4, true } }, { "__u64", { 8, true } },
	{ "__s8", { 1, false } }, { "__s16", { 2, false } }, { "__s32", { 4, false } }, { "__s64", { 8, false } },
	{ "uint8_t", { 1, true } }, { "uint16_t", { 2, true } }, { "uint32_t", { 4, true } },
	{ "uint64_t", { 8, true } }, { "int8_t", { 1, false } }, { "int16_t", { 2, false } },
	{ "int32_t", { 4, false } }, { "int64_t", { 8, false } }, { "pid_t", { 4, false } },
	{ "gfp_t", { 4, true } }, { "dev_t", { 4, true } }, { "sector_t", { 8, true } },
	{ "char", { 1, false } }, { "short", { 2, false } }, { "int", { 4, false } }, { "void", { 0, false } },
};
/* clang-format on */

static bool word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(word, name, len);
}

static bool named_type(const char *word, size_t len, struct type *type)
{
	for (size_t i = 0; i < sizeof(named_types) / sizeof(named_types[0]); i++) {
		if (!word_is(word, len, named_types[i].name))
			continue;
		*type = named_types[i].type;
		return true;
	}
	return false;
}

const char *parse_type(const struct parser *s, const char *p, struct type *ret)
{
	struct type type = { 4, false };
	bool any = false, is_unsigned = false;
	unsigned int longs = 0;

	for (;;) {
		size_t len;

		p += strspn(p, " \t\n");
		len = word_length(p);
		if (word_is(p, len, "long"))
			longs++;
		else if (word_is(p, len, "unsigned"))
			is_unsigned = true;
		else if (word_is(p, len, "size_t"))
			longs++, is_unsigned = true;
		else if (!word_is(p, len, "signed") && !word_is(p, len, "const") &&
			 !named_type(p, len, &type))
			break;
		any = true;
		p += len;
	}
	if (!any)
		return NULL;
	type.is_unsigned |= is_unsigned;
	if (longs)
		type.bytes = longs > 1 ? 8 : s->scope->long_size;
	for (; *p == '*'; p += 1 + strspn(p + 1, " \t\n"))
		type = (struct type){ s->scope->long_size, true };
	*ret = type;
	return p;
}

int add_cast(struct parser *s, const char *at, int node, struct type type)
{
	if (node < 0)
		return node;
	if (!type.bytes)
		return fail_at(s, at, "nothing can be made of a void");
	node = want_number(s, at, node);
	if (node >= 0)
		node = add_node(s, at, OP_CAST, type.is_unsigned ? EXPR_UNSIGNED : EXPR_SIGNED,
				node, 0, 0);
	if (node >= 0)
		s->e->nodes[node].number = type.bytes;
	return node;
}

static int parse_sizeof(struct parser *s)
{
	const char *at = s->p, *end;
	struct type type;

	s->p += strlen("sizeof");
	if (*blanks(s) != '(')
		return fail_at(s, s->p, "sizeof wants a type: sizeof(long)");
	end = parse_type(s, s->p + 1, &type);
	if (!end || *end != ')' || !type.bytes)
		return fail_at(s, s->p + 1, "sizeof wants a type: sizeof(long)");
	s->p = end + 1;
	return add_number(s, at, type.bytes, EXPR_UNSIGNED);
}

/* ---- functions ---- */

/* clang-format off */
static const struct function {
	const char *name;
	enum expr_op op;
	enum expr_type type;
	const char *operands;	/* n: a number, t: a text */
	uint64_t number;
} functions[] = {
	{ "ksymbol", OP_SYMBOL, EXPR_TEXT, "n", 0 },
	{ "comm_get", OP_COMM, EXPR_TEXT, "n", 0 },
	{ "strncmp", OP_STRNCMP, EXPR_SIGNED, "ttn", 0 },
	{ "ntohl", OP_SWAP, EXPR_UNSIGNED, "n", 4 },
	{ "ntohs", OP_SWAP, EXPR_UNSIGNED, "n", 2 },
};
/* clang-format on */
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

static int call_function(struct parser *s, const char *at, const struct function *f,
			 const int *operands)
{
	int node;

	if (f->op == OP_SWAP && s->scope->big_endian)
		return add_cast(s, at, operands[0], (struct type){ f->number, true });
	node = add_node(s, at, f->op, f->type, operands[0], operands[1], operands[2]);
	if (node >= 0)
		s->e->nodes[node].number = f->number;
	return node;
}

static int parse_call(struct parser *s, size_t len)
{
	const struct function *f = NULL;
	const char *at = s->p;
	int operands[3] = { 0 };

	for (size_t i = 0; i < FUNCTIONS; i++)
		if (word_is(at, len, functions[i].name))
			f = &functions[i];
	if (!f)
		return fail_at(s, at,
			       "no function '%.*s'; there are: ksymbol(ADDRESS) comm_get(PID)"
			       " strncmp(A, B, N) ntohl(N) ntohs(N)",
			       (int)(len < 40 ? len : 40), at);
	s->p += len;
	blanks(s);
	s->p++;
	for (size_t i = 0; f->operands[i]; i++) {
		const char *from = blanks(s);
		int node = parse_assignment(s);

		node = f->operands[i] == 't' ? want_text(s, from, node) :
					       want_number(s, from, node);
		if (node < 0)
			return node;
		operands[i] = node;
		if (*blanks(s) != (f->operands[i + 1] ? ',' : ')'))
			return fail_at(s, s->p, "%s wants %zu operand%s", f->name,
				       strlen(f->operands), f->operands[1] ? "s" : "");
		s->p++;
	}
	return call_function(s, at, f, operands);
}

/* ---- any of them ---- */

int parse_operand(struct parser *s)
{
	const char *at = blanks(s);
	size_t len = word_length(at);
	int node;

	if (*at >= '0' && *at <= '9')
		return parse_number(s);
	if (*at == '"' || *at == '\'')
		return parse_quoted(s);
	if (word_is(at, len, "sizeof"))
		return parse_sizeof(s);
	if (len && at[len + strspn(at + len, " \t\n")] == '(')
		return parse_call(s, len);
	if (len)
		return parse_field(s);
	if (*at != '(')
		return *at ? fail_at(s, at, "a value is wanted here") :
			     fail_at(s, at, "a value is missing at the end");
	s->p++;
	node = parse_comma(s);
	if (node < 0)
		return node;
	if (*blanks(s) != ')')
		return fail_at(s, s->p, "a ) is missing here");
	s->p++;
	return node;
}
