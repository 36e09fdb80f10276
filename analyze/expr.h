/*
 * expr.h - expressions of C over the fields of an event: size=4096<<order, ptr=pfn, and filters such as
 * bytes_alloc>1024 && comm ~ "kw*".
 *
 *	struct expr_field fields[] = { { "order", EXPR_UNSIGNED }, { "comm", EXPR_TEXT } };
 *	struct expr_scope scope = { .fields = fields, .count = 2, .long_size = 8 };
 *	struct expr_value values[2] = { { .number = 2 }, { .text = "bash" } }, v;
 *
 *	expr_compile(&e, "4096 << order", &scope, &err);	// once
 *	why = expr_run(e, values, &v);			// per event: no memory is taken; NULL or what is wrong
 *	expr_free(e);
 *
 * Numbers are of 64 bits, signed or unsigned as in C; they wrap, a shift by 64 or more leaves nothing (or the sign),
 * and a division by zero is an error. All operators of C but *, & and -> of pointers; = and ++ change a copy that the
 * same expression sees. [] gives a byte of a text. Casts, sizeof (TYPE). Texts: == and != compare, TEXT ~ "glob"
 * matches (* ? [a-z]). Functions: ksymbol(ADDRESS), comm_get(PID), strncmp(A, B, N), ntohl(N), ntohs(N).
 * NAME.function: the function that an address of code lies in.
 *
 * A filter is read as the kernel reads it: a word behind == != ~ needs no quotes, '...' is a text, and an address that
 * is compared with a word means its function.
 *
 * The text may be hostile: its length, nesting and number of nodes are bounded.
 */
#ifndef KMEM_ANALYZE_EXPR_H
#define KMEM_ANALYZE_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/base/error.h"

#define EXPR_TEXT_MAX	4096 /* bytes of an expression */
#define EXPR_NODES_MAX	1024
#define EXPR_DEPTH_MAX	100 /* parentheses, prefixes, assignments, choices within each other */
#define EXPR_FIELDS_MAX 192

enum expr_type { EXPR_SIGNED, EXPR_UNSIGNED, EXPR_TEXT };

struct expr_field {
	const char *name;
	enum expr_type type;
	bool hidden; /* known, but not among the names that an error lists */
};

struct expr_value {
	uint64_t number;
	const char *text; /* never NULL where the type is EXPR_TEXT */
};

struct expr_scope {
	const struct expr_field *fields; /* of two with one name the first counts */
	size_t count;			 /* at most EXPR_FIELDS_MAX */
	bool filter;			 /* the kernel's language of filters */
	bool big_endian;		 /* of the machine that was recorded, for ntohl */
	unsigned int long_size;		 /* its sizeof(long) */
	/* What a function calls: the name of an address, of a process; "" where unknown. May be NULL. */
	const char *(*symbol)(void *arg, uint64_t address);
	const char *(*comm)(void *arg, uint64_t pid);
	void *arg;
};

struct expr;

/*
 * ERR_USAGE with the text, a caret under the place, and for an unknown name the fields that exist. The fields' names
 * are not needed afterwards; scope->arg is, until expr_free.
 */
int expr_compile(struct expr **ret, const char *text, const struct expr_scope *scope,
		 struct error *err);
void expr_free(struct expr *e); /* NULL is allowed */

enum expr_type expr_type(const struct expr *e);
bool expr_uses(const struct expr *e, size_t field);

/* values: one per field of the scope; only those that it uses are looked at. NULL, or why there is no value. */
const char *expr_run(const struct expr *e, const struct expr_value *values, struct expr_value *ret);

/* Whether a text matches a pattern of * ? [a-z] [!a-z] and \ before any of these; in time of their product at most. */
bool expr_glob(const char *pattern, const char *text);

#endif
