#include <string.h>

#include "analyze/expr_node.h"

#define SIGN (UINT64_C(1) << 63)

struct run {
	const struct expr *e;
	struct expr_value *values;
	const char *failed;
};

/* ---- texts ---- */

/* p stands behind '['. The first byte behind the class, NULL where it is not closed; *ret_in: c is in it. */
static const char *glob_class(const char *p, char c, bool *ret_in)
{
	bool inverted = *p == '!' || *p == '^', in = false;
	const char *first = p += inverted;

	for (; *p && (*p != ']' || p == first); p++) {
		char low = *p, high = low;

		if (p[1] == '-' && p[2] && p[2] != ']') {
			high = p[2];
			p += 2;
		}
		in |= (unsigned char)c >= (unsigned char)low &&
		      (unsigned char)c <= (unsigned char)high;
	}
	*ret_in = in != inverted;
	return *p ? p + 1 : NULL;
}

/* One character of the text against the head of the pattern; *pattern moves on over it. */
static bool glob_one(const char **pattern, char c)
{
	const char *p = *pattern, *end;
	bool in;

	if (*p == '[' && (end = glob_class(p + 1, c, &in))) {
		*pattern = end;
		return in;
	}
	if (*p == '\\' && p[1])
		p++;
	else if (*p == '?')
		c = *p;
	*pattern = p + 1;
	return *p == c;
}

bool expr_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL; /* behind the last *, and what it may still take */

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			from = text;
			continue;
		}
		if (*pattern && glob_one(&pattern, *text)) {
			text++;
			continue;
		}
		if (!star)
			return false;
		pattern = star;
		text = ++from;
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static uint64_t byte_at(const char *text, uint64_t at)
{
	return at < strlen(text) ? (unsigned char)text[at] : 0;
}

/* ---- numbers ---- */

static uint64_t cast(uint64_t v, uint64_t bytes, bool is_signed)
{
	unsigned int unused = 64 - 8 * (unsigned int)bytes;

	if (!unused)
		return v;
	v <<= unused;
	return is_signed ? (uint64_t)((int64_t)v >> unused) : v >> unused;
}

static uint64_t shift_right(uint64_t v, uint64_t by, bool is_signed)
{
	if (!is_signed || !(v & SIGN))
		return by < 64 ? v >> by : 0;
	return by < 63 ? (uint64_t)((int64_t)v >> by) : UINT64_MAX;
}

static uint64_t divide(struct run *r, const struct expr_node *n, uint64_t a, uint64_t b)
{
	bool remainder = n->op == OP_REMAINDER;

	if (!b) {
		r->failed = "division by zero";
		return 0;
	}
	if (n->type == EXPR_UNSIGNED)
		return remainder ? a % b : a / b;
	if (b == UINT64_MAX) /* the smallest number by -1 does not fit: it wraps */
		return remainder ? 0 : -a;
	return (uint64_t)(remainder ? (int64_t)a % (int64_t)b : (int64_t)a / (int64_t)b);
}

static uint64_t swap(uint64_t v, uint64_t bytes)
{
	return bytes == 2 ? __builtin_bswap16((uint16_t)v) : __builtin_bswap32((uint32_t)v);
}

static bool less(const struct expr_node *n, uint64_t a, uint64_t b)
{
	return n->unsigned_operands ? a < b : (int64_t)a < (int64_t)b;
}

/* ---- nodes ---- */

static struct expr_value run_node(struct run *r, uint16_t at);

static uint64_t number_of(struct run *r, uint16_t at)
{
	return run_node(r, at).number;
}

static const char *text_of(struct run *r, uint16_t at)
{
	return run_node(r, at).text;
}

static uint64_t run_binary(struct run *r, const struct expr_node *n)
{
	uint64_t a = number_of(r, n->a), b = number_of(r, n->b);

	switch (n->op) {
	case OP_MULTIPLY: return a * b;
	case OP_DIVIDE:
	case OP_REMAINDER: return divide(r, n, a, b);
	case OP_ADD: return a + b;
	case OP_SUBTRACT: return a - b;
	case OP_SHIFT_LEFT: return b < 64 ? a << b : 0;
	case OP_SHIFT_RIGHT: return shift_right(a, b, n->type == EXPR_SIGNED);
	case OP_LESS: return less(n, a, b);
	case OP_LESS_EQUAL: return !less(n, b, a);
	case OP_GREATER: return less(n, b, a);
	case OP_GREATER_EQUAL: return !less(n, a, b);
	case OP_EQUAL: return a == b;
	case OP_UNEQUAL: return a != b;
	case OP_AND: return a & b;
	case OP_XOR: return a ^ b;
	case OP_OR: return a | b;
	default: return b; /* OP_COMMA */
	}
}

static uint64_t run_assign(struct run *r, const struct expr_node *n)
{
	struct expr_value *to = &r->values[r->e->nodes[n->a].number];
	uint64_t before = to->number, after = number_of(r, n->b);

	to->number = after;
	return n->op == OP_ASSIGN ? after : before;
}

static uint64_t run_strncmp(struct run *r, const struct expr_node *n)
{
	const char *a = text_of(r, n->a), *b = text_of(r, n->b);

	return (uint64_t)(int64_t)strncmp(a, b, (size_t)number_of(r, n->c));
}

static uint64_t run_number(struct run *r, const struct expr_node *n)
{
	switch (n->op) {
	case OP_NUMBER: return n->number;
	case OP_NEGATE: return -number_of(r, n->a);
	case OP_NOT: return !number_of(r, n->a);
	case OP_INVERT: return ~number_of(r, n->a);
	case OP_CAST: return cast(number_of(r, n->a), n->number, n->type == EXPR_SIGNED);
	case OP_SWAP: return swap(number_of(r, n->a), n->number);
	case OP_AND_ALSO: return number_of(r, n->a) && number_of(r, n->b);
	case OP_OR_ELSE: return number_of(r, n->a) || number_of(r, n->b);
	case OP_ASSIGN:
	case OP_ASSIGN_AFTER: return run_assign(r, n);
	case OP_TEXT_EQUAL: return !strcmp(text_of(r, n->a), text_of(r, n->b));
	case OP_TEXT_UNEQUAL: return strcmp(text_of(r, n->a), text_of(r, n->b)) != 0;
	case OP_GLOB: return expr_glob(text_of(r, n->b), text_of(r, n->a));
	case OP_BYTE: return byte_at(text_of(r, n->a), number_of(r, n->b));
	case OP_STRNCMP: return run_strncmp(r, n);
	default: return run_binary(r, n);
	}
}

static const char *run_function(struct run *r, const struct expr_node *n)
{
	const char *(*call)(void *, uint64_t) = n->op == OP_SYMBOL ? r->e->symbol : r->e->comm;
	uint64_t v = number_of(r, n->a);

	return call ? call(r->e->arg, v) : "";
}

static struct expr_value run_node(struct run *r, uint16_t at)
{
	const struct expr_node *n = &r->e->nodes[at];

	switch (n->op) {
	case OP_FIELD: return r->values[n->number];
	case OP_CHOOSE: return run_node(r, number_of(r, n->a) ? n->b : n->c);
	case OP_STRING: return (struct expr_value){ .text = r->e->texts + n->number };
	case OP_SYMBOL:
	case OP_COMM: return (struct expr_value){ .text = run_function(r, n) };
	case OP_COMMA: number_of(r, n->a); return run_node(r, n->b);
	default: return (struct expr_value){ .number = run_number(r, n) };
	}
}

const char *expr_run(const struct expr *e, const struct expr_value *values, struct expr_value *ret)
{
	struct expr_value copy[EXPR_FIELDS_MAX];
	struct run r = { .e = e, .values = copy };

	if (e->assigns)
		memcpy(copy, values, e->fields * sizeof(*copy));
	else
		r.values = (struct expr_value *)(uintptr_t)values; /* only an assignment writes */
	*ret = run_node(&r, e->root);
	return r.failed;
}
