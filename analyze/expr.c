#include "analyze/expr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/expr_node.h"
#include "format/base/caret.h"

struct parser {
	const char *text, *p;
	const struct expr_scope *scope;
	struct expr *e;
	size_t texts_used; /* of e->texts, which has room for every string of the text */
	unsigned int depth;
	struct error *err;
};

/* Every function here gives the number of a node, or a negative error. */

#define fail_at(s, at, ...) \
	caret_error((s)->err, ERR_USAGE, (s)->text, (size_t)((at) - (s)->text), __VA_ARGS__)

static int parse_comma(struct parser *s);
static int parse_assignment(struct parser *s);
static int parse_unary(struct parser *s);

static const char *blanks(struct parser *s)
{
	s->p += strspn(s->p, " \t\n");
	return s->p;
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool begins_word(char c)
{
	return is_word(c) && !(c >= '0' && c <= '9');
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (begins_word(*p) && is_word(p[n]))
		n++;
	return n;
}

/* ---- nodes ---- */

static enum expr_type type_of(const struct parser *s, int node)
{
	return s->e->nodes[node].type;
}

static bool is_text(const struct parser *s, int node)
{
	return type_of(s, node) == EXPR_TEXT;
}

static int add_node(struct parser *s, const char *at, enum expr_op op, enum expr_type type, int a,
		    int b, int c)
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

static int add_number(struct parser *s, const char *at, uint64_t v, enum expr_type type)
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
static int add_string(struct parser *s, const char *at, const char *text, size_t len)
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

static int want_number(struct parser *s, const char *at, int node)
{
	if (node >= 0 && is_text(s, node))
		return fail_at(s, at, "a number is wanted here, not a text");
	return node;
}

static int want_text(struct parser *s, const char *at, int node)
{
	if (node >= 0 && !is_text(s, node))
		return fail_at(s, at, "a text is wanted here, not a number");
	return node;
}

/* ---- fields ---- */

static int find_field(const struct parser *s, const char *name, size_t len)
{
	for (size_t i = 0; i < s->scope->count; i++)
		if (strlen(s->scope->fields[i].name) == len &&
		    !memcmp(s->scope->fields[i].name, name, len))
			return (int)i;
	return -1;
}

static int unknown_field(struct parser *s, const char *at, size_t len)
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

/* The name of the function at the address that the node stands for. */
static int function_of(struct parser *s, const char *at, int node)
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

struct type {
	uint64_t bytes; /* 0: void */
	bool is_unsigned;
};

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

/* The name of a type at p, "unsigned long *": where it ends; NULL: it is none. */
static const char *parse_type(const struct parser *s, const char *p, struct type *ret)
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

static int add_cast(struct parser *s, const char *at, int node, struct type type)
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

/* ---- operators ---- */

static int parse_primary(struct parser *s)
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

/* to = value, of which the result is the value of `to` before or after. */
static int add_assignment(struct parser *s, const char *at, int to, int value, bool after)
{
	if (value < 0)
		return value;
	if (s->e->nodes[to].op != OP_FIELD || is_text(s, to))
		return fail_at(s, at, "only a field that is a number can be changed");
	s->e->assigns = true;
	return add_node(s, at, after ? OP_ASSIGN_AFTER : OP_ASSIGN, type_of(s, to), to, value, 0);
}

static enum expr_type common_type(const struct parser *s, int a, int b)
{
	return type_of(s, a) == EXPR_UNSIGNED || type_of(s, b) == EXPR_UNSIGNED ? EXPR_UNSIGNED :
										  EXPR_SIGNED;
}

static int add_arithmetic(struct parser *s, const char *at, enum expr_op op, int a, int b)
{
	bool shift = op == OP_SHIFT_LEFT || op == OP_SHIFT_RIGHT;

	a = want_number(s, at, a);
	if (a >= 0)
		b = want_number(s, at, b);
	if (a < 0 || b < 0)
		return a < 0 ? a : b;
	return add_node(s, at, op, shift ? type_of(s, a) : common_type(s, a, b), a, b, 0);
}

/* ++ and --, before or behind their field. */
static int add_step(struct parser *s, const char *at, int node, char sign, bool after)
{
	int one;

	if (s->e->nodes[node].op != OP_FIELD || is_text(s, node))
		return fail_at(s, at, "only a field that is a number can be changed");
	one = add_number(s, at, 1, EXPR_SIGNED);
	if (one < 0)
		return one;
	return add_assignment(s, at, node,
			      add_arithmetic(s, at, sign == '+' ? OP_ADD : OP_SUBTRACT, node, one),
			      after);
}

static int add_byte(struct parser *s, const char *at, int node)
{
	const char *from;
	int index;

	node = want_text(s, at, node);
	if (node < 0)
		return node;
	s->p++;
	from = blanks(s);
	index = want_number(s, from, parse_comma(s));
	if (index < 0)
		return index;
	if (*blanks(s) != ']')
		return fail_at(s, s->p, "a ] is missing here");
	s->p++;
	return add_node(s, at, OP_BYTE, EXPR_UNSIGNED, node, index, 0);
}

static int parse_postfix(struct parser *s)
{
	int node = parse_primary(s);

	while (node >= 0) {
		const char *at = blanks(s);

		if (*at == '[') {
			node = add_byte(s, at, node);
		} else if ((*at == '+' || *at == '-') && at[1] == *at) {
			s->p += 2;
			node = add_step(s, at, node, *at, true);
		} else {
			break;
		}
	}
	return node;
}

static int parse_prefix(struct parser *s)
{
	const char *at = s->p, *end;
	enum expr_type type;
	struct type to;
	int node;

	if (*at == '(' && (end = parse_type(s, at + 1, &to)) && *end == ')') {
		s->p = end + 1;
		return add_cast(s, at, parse_unary(s), to);
	}
	if (!*at || !strchr("-+!~", *at))
		return parse_postfix(s);
	s->p += at[1] == *at && (*at == '+' || *at == '-') ? 2 : 1;
	node = parse_unary(s);
	if (node >= 0 && s->p > at && at[1] == *at && (*at == '+' || *at == '-'))
		return add_step(s, at, node, *at, false);
	node = want_number(s, at, node);
	if (node < 0 || *at == '+')
		return node;
	type = *at == '!' ? EXPR_SIGNED : type_of(s, node);
	return add_node(s, at,
			*at == '-' ? OP_NEGATE :
			*at == '!' ? OP_NOT :
				     OP_INVERT,
			type, node, 0, 0);
}

static int parse_unary(struct parser *s)
{
	int node;

	blanks(s);
	if (++s->depth > EXPR_DEPTH_MAX)
		return fail_at(s, s->p, "this expression is nested too deeply");
	node = parse_prefix(s);
	s->depth--;
	return node;
}

/* Of those that begin alike the longer ones first. */
static const struct binary {
	const char *text;
	int precedence;
	enum expr_op op;
	bool assigns; /* with = behind it */
} binaries[] = {
	{ "<<", 8, OP_SHIFT_LEFT, true },  { ">>", 8, OP_SHIFT_RIGHT, true },
	{ "<=", 7, OP_LESS_EQUAL, false }, { ">=", 7, OP_GREATER_EQUAL, false },
	{ "==", 6, OP_EQUAL, false },	   { "!=", 6, OP_UNEQUAL, false },
	{ "&&", 2, OP_AND_ALSO, false },   { "||", 1, OP_OR_ELSE, false },
	{ "*", 10, OP_MULTIPLY, true },	   { "/", 10, OP_DIVIDE, true },
	{ "%", 10, OP_REMAINDER, true },   { "+", 9, OP_ADD, true },
	{ "-", 9, OP_SUBTRACT, true },	   { "<", 7, OP_LESS, false },
	{ ">", 7, OP_GREATER, false },	   { "~", 6, OP_GLOB, false },
	{ "&", 5, OP_AND, true },	   { "^", 4, OP_XOR, true },
	{ "|", 3, OP_OR, true },
};
#define BINARIES (sizeof(binaries) / sizeof(binaries[0]))

static const struct binary *binary_at(const char *p)
{
	for (size_t i = 0; i < BINARIES; i++)
		if (!strncmp(p, binaries[i].text, strlen(binaries[i].text)))
			return &binaries[i];
	return NULL;
}

static bool is_assignment(const struct binary *b, const char *p)
{
	return b->assigns && p[strlen(b->text)] == '=';
}

static int add_comparison(struct parser *s, const char *at, enum expr_op op, int a, int b)
{
	int node;

	if (op == OP_GLOB ||
	    (is_text(s, a) && is_text(s, b) && (op == OP_EQUAL || op == OP_UNEQUAL))) {
		if (!is_text(s, a) || !is_text(s, b))
			return fail_at(s, at, "~ compares a text with a pattern: comm ~ \"kw*\"");
		return add_node(s, at,
				op == OP_EQUAL	 ? OP_TEXT_EQUAL :
				op == OP_UNEQUAL ? OP_TEXT_UNEQUAL :
						   OP_GLOB,
				EXPR_SIGNED, a, b, 0);
	}
	if (is_text(s, a) || is_text(s, b))
		return fail_at(s, at,
			       is_text(s, a) && is_text(s, b) ?
				       "texts are compared with == != ~ only" :
				       "a text and a number cannot be compared");
	node = add_node(s, at, op, EXPR_SIGNED, a, b, 0);
	if (node >= 0)
		s->e->nodes[node].unsigned_operands = common_type(s, a, b) == EXPR_UNSIGNED;
	return node;
}

static int add_binary(struct parser *s, const char *at, const struct binary *op, int a, int b)
{
	if (op->precedence == 6 || op->precedence == 7)
		return add_comparison(s, at, op->op, a, b);
	a = add_arithmetic(s, at, op->op, a, b);
	if (a >= 0 && op->precedence <= 2)
		s->e->nodes[a].type = EXPR_SIGNED;
	return a;
}

/*
 * In a filter, behind == != ~: a word without quotes. *ret is its node, or 0 where there is none; of an address
 * *left becomes its function.
 */
static int parse_bare_word(struct parser *s, int *left, int *ret)
{
	const char *at = blanks(s);
	size_t len = strcspn(at, " \t\n()&|"), name = word_length(at);

	*ret = 0;
	if (!len || *at == '"' || *at == '\'')
		return 0;
	if (!is_text(s, *left)) {
		if (!name || find_field(s, at, name) >= 0 || at[len] == '(')
			return 0;
		if (s->e->nodes[*left].op != OP_FIELD)
			return unknown_field(s, at, name);
		*left = function_of(s, at, *left);
		if (*left < 0)
			return *left;
	}
	s->p += len;
	*ret = add_string(s, at, at, len);
	return *ret < 0 ? *ret : 0;
}

static int parse_binary(struct parser *s, int lowest)
{
	int a = parse_unary(s);

	while (a >= 0) {
		const char *at = blanks(s);
		const struct binary *op = binary_at(at);
		int b = 0, rc = 0;

		if (!op || op->precedence < lowest || is_assignment(op, at))
			break;
		s->p += strlen(op->text);
		if (s->scope->filter && op->precedence == 6)
			rc = parse_bare_word(s, &a, &b);
		if (rc == 0 && !b)
			b = rc = parse_binary(s, op->precedence + 1);
		if (rc < 0)
			return rc;
		a = add_binary(s, at, op, a, b);
	}
	return a;
}

static int parse_choice(struct parser *s, int condition, const char *at)
{
	int yes, no;

	condition = want_number(s, at, condition);
	if (condition < 0)
		return condition;
	at = s->p++;
	yes = parse_comma(s);
	if (yes < 0)
		return yes;
	if (*blanks(s) != ':')
		return fail_at(s, s->p, "a : is missing here, of CONDITION ? YES : NO");
	s->p++;
	no = parse_assignment(s);
	if (no < 0)
		return no;
	if (is_text(s, yes) != is_text(s, no))
		return fail_at(s, at, "both sides of the : must be numbers, or both texts");
	return add_node(s, at, OP_CHOOSE, is_text(s, yes) ? EXPR_TEXT : common_type(s, yes, no),
			condition, yes, no);
}

static int parse_change(struct parser *s, int to)
{
	const char *at = s->p;
	const struct binary *op = *at == '=' ? NULL : binary_at(at);
	int value;

	if (s->scope->filter)
		return fail_at(s, at, "a filter compares: == is equal");
	s->p += op ? strlen(op->text) + 1 : 1;
	blanks(s);
	value = want_number(s, s->p, parse_assignment(s));
	if (value >= 0 && op)
		value = add_arithmetic(s, at, op->op, to, value);
	return add_assignment(s, at, to, value, false);
}

static int parse_assignment(struct parser *s)
{
	const char *at = blanks(s), *p;
	const struct binary *op;
	int node;

	if (++s->depth > EXPR_DEPTH_MAX)
		return fail_at(s, s->p, "this expression is nested too deeply");
	node = parse_binary(s, 1);
	p = blanks(s);
	op = binary_at(p);
	if (node >= 0 && *p == '?')
		node = parse_choice(s, node, at);
	else if (node >= 0 && ((*p == '=' && p[1] != '=') || (op && is_assignment(op, p))))
		node = parse_change(s, node);
	s->depth--;
	return node;
}

static int parse_comma(struct parser *s)
{
	int node = parse_assignment(s);

	while (node >= 0 && *blanks(s) == ',') {
		const char *at = s->p++;
		int next = parse_assignment(s);

		if (next < 0)
			return next;
		node = add_node(s, at, OP_COMMA, type_of(s, next), node, next, 0);
	}
	return node;
}

/* ---- the whole ---- */

static int compile(struct parser *s)
{
	int node = parse_comma(s);

	if (node >= 0 && *blanks(s))
		return fail_at(s, s->p, "an operator is wanted here");
	if (node >= 0)
		s->e->root = (uint16_t)node;
	return node < 0 ? node : 0;
}

int expr_compile(struct expr **ret, const char *text, const struct expr_scope *scope,
		 struct error *err)
{
	struct parser s = { .text = text, .p = text, .scope = scope, .err = err };
	size_t len = strlen(text);
	int rc;

	if (len >= EXPR_TEXT_MAX)
		return error_set(err, ERR_USAGE,
				 "an expression of %zu bytes is too long: %d are possible", len,
				 EXPR_TEXT_MAX - 1);
	s.e = calloc(1, sizeof(*s.e));
	if (s.e) /* a bare word takes a byte more than is written: the blank, or the operator before it */
		s.e->texts = malloc(2 * len + 1);
	if (!s.e || !s.e->texts) {
		expr_free(s.e);
		return error_nomem(err);
	}
	s.e->fields = scope->count;
	s.e->symbol = scope->symbol;
	s.e->comm = scope->comm;
	s.e->arg = scope->arg;
	rc = compile(&s);
	if (rc < 0)
		expr_free(s.e);
	else
		*ret = s.e;
	return rc;
}

void expr_free(struct expr *e)
{
	if (e)
		free(e->texts);
	free(e);
}

enum expr_type expr_type(const struct expr *e)
{
	return e->nodes[e->root].type;
}

bool expr_uses(const struct expr *e, size_t field)
{
	return field < e->fields && e->used[field];
}
