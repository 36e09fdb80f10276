/* expr_node.h - between the two halves of expr.h: what expr.c makes and expr_run.c runs. */
#ifndef KMEM_ANALYZE_EXPR_NODE_H
#define KMEM_ANALYZE_EXPR_NODE_H

#include "analyze/expr.h"

enum expr_op {
	OP_NUMBER,
	OP_STRING,
	OP_FIELD,
	OP_NEGATE,
	OP_NOT,
	OP_INVERT,
	OP_CAST, /* to `number` bytes, of the node's type */
	OP_MULTIPLY,
	OP_DIVIDE,
	OP_REMAINDER,
	OP_ADD,
	OP_SUBTRACT,
	OP_SHIFT_LEFT,
	OP_SHIFT_RIGHT,
	OP_LESS,
	OP_LESS_EQUAL,
	OP_GREATER,
	OP_GREATER_EQUAL,
	OP_EQUAL,
	OP_UNEQUAL,
	OP_AND,
	OP_XOR,
	OP_OR,
	OP_AND_ALSO,
	OP_OR_ELSE,
	OP_CHOOSE,
	OP_COMMA,
	OP_ASSIGN,	 /* a = b, of any assignment: a += b is a = a + b */
	OP_ASSIGN_AFTER, /* the same; its value is that of a before */
	OP_TEXT_EQUAL,
	OP_TEXT_UNEQUAL,
	OP_GLOB,
	OP_BYTE, /* a[b] */
	OP_SYMBOL,
	OP_COMM,
	OP_STRNCMP,
	OP_SWAP, /* the lowest `number` bytes, turned round */
};

struct expr_node {
	enum expr_op op;
	enum expr_type type;
	bool unsigned_operands; /* of comparisons */
	uint16_t a, b, c;	/* operands */
	uint64_t
		number; /* a number, a field's place, the bytes of a cast; of a string its offset in texts */
};

struct expr {
	struct expr_node nodes[EXPR_NODES_MAX];
	size_t count;
	uint16_t root;
	bool used[EXPR_FIELDS_MAX];
	size_t fields;
	bool assigns;
	char *texts;
	const char *(*symbol)(void *arg, uint64_t address);
	const char *(*comm)(void *arg, uint64_t pid);
	void *arg;
};

#endif
