#include "analyze/expr.h"

#include <stdlib.h>

#include "analyze/expr_parse.h"

static int parse_unary(struct parser *s);

/* ---- operators ---- */

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
	int node = parse_operand(s);

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

int parse_assignment(struct parser *s)
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

int parse_comma(struct parser *s)
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
