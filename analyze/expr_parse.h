/*
 * expr_parse.h - between the two halves of the parser: expr.c has the operators and the whole, expr_operand.c what
 * stands between them. Every function that returns an int gives the number of a node, or a negative error; `at` is
 * the place in the text that an error is about.
 */
#ifndef KMEM_ANALYZE_EXPR_PARSE_H
#define KMEM_ANALYZE_EXPR_PARSE_H

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
#define fail_at(s, at, ...) \
	caret_error((s)->err, ERR_USAGE, (s)->text, (size_t)((at) - (s)->text), __VA_ARGS__)

static inline const char *blanks(struct parser *s)
{
	s->p += strspn(s->p, " \t\n");
	return s->p;
}

static inline bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static inline bool begins_word(char c)
{
	return is_word(c) && !(c >= '0' && c <= '9');
}

static inline size_t word_length(const char *p)
{
	size_t n = 0;

	while (begins_word(*p) && is_word(p[n]))
		n++;
	return n;
}
static inline enum expr_type type_of(const struct parser *s, int node)
{
	return s->e->nodes[node].type;
}

static inline bool is_text(const struct parser *s, int node)
{
	return type_of(s, node) == EXPR_TEXT;
}

/* expr.c */
int parse_comma(struct parser *s);
int parse_assignment(struct parser *s);

/* expr_operand.c */
int add_node(struct parser *s, const char *at, enum expr_op op, enum expr_type type, int a, int b,
	     int c);
int add_number(struct parser *s, const char *at, uint64_t v, enum expr_type type);
int add_string(struct parser *s, const char *at, const char *text, size_t len);
/* The node itself, if it is one of that kind. */
int want_number(struct parser *s, const char *at, int node);
int want_text(struct parser *s, const char *at, int node);

/* A number, a text, a field, sizeof, a call, or an expression in parentheses. */
int parse_operand(struct parser *s);

int find_field(const struct parser *s, const char *name,
	       size_t len); /* its place; -1: there is none */
int unknown_field(struct parser *s, const char *at, size_t len);
/* The name of the function at the address that the node stands for. */
int function_of(struct parser *s, const char *at, int node);

struct type {
	uint64_t bytes; /* 0: void */
	bool is_unsigned;
};

/* The name of a type at p, "unsigned long *": where it ends; NULL: it is none. */
const char *parse_type(const struct parser *s, const char *p, struct type *ret);
int add_cast(struct parser *s, const char *at, int node, struct type type);

#endif
