/*
 * text_tuples.h - what repeats in the events of a text log, each once: the text of an event without its
 * pointer is looked up as it stands, so that only a new one is read. The result is a dictionary as a
 * capture's (dictionary.h), for the replay.
 *
 *	struct text_tuples t = { .sites = &sites, .names = &names, .page_size = 4096 };
 *
 *	rc = text_tuples_add(&t, line.type, line.flags, &split, &tuple);	// 0: the text makes no sense
 *	rc = text_tuples_stack(&t, tuple, stack, &tuple);	// the same with a stack
 *	rc = text_tuples_settle(&t, tuple);			// its site has a number from now on
 *	row.tuple = tuple;					// of t.dictionary
 *	text_tuples_release(&t);
 */
#ifndef KMEM_ANALYZE_TEXT_TUPLES_H
#define KMEM_ANALYZE_TEXT_TUPLES_H

#include "analyze/dictionary.h"
#include "analyze/text_event.h"
#include "analyze/text_names.h"

struct text_tuple {
	size_t at;	 /* of its text in `texts`; meaningless for one with a stack */
	uint32_t len[2]; /* of the two parts */
	uint32_t base;	 /* the tuple without the stack; its own number if it has none */
	uint8_t type, flags;
	union {
		struct alloc_site alloc;
		struct free_site free;
	};
};

struct text_tuples {
	struct sites *sites;
	struct text_names *names;
	uint64_t page_size;
	/* from here on its own */
	struct dictionary dictionary;
	struct text_tuple *list; /* beside dictionary.facts */
	size_t cap;
	struct buf texts;
	struct id_index by_text, by_stack;
};

/* 1: *ret is the tuple. 0: the text is no whole event. ERR_NOMEM. flags: as common_flags. */
int text_tuples_add(struct text_tuples *t, enum text_type type, uint8_t flags,
		    const struct text_split *split, uint32_t *ret);
int text_tuples_stack(struct text_tuples *t, uint32_t tuple, uint32_t stack, uint32_t *ret);
int text_tuples_new_site(struct text_tuples *t, uint32_t tuple);
void text_tuples_release(struct text_tuples *t);

static inline int text_tuples_settle(struct text_tuples *t, uint32_t tuple)
{
	return t->dictionary.facts[tuple].site ? 0 : text_tuples_new_site(t, tuple);
}

/* An allocation of no bytes: its pointer is ZERO_SIZE_PTR, however it is printed. */
static inline bool text_tuple_is_zero_size(const struct text_tuples *t, uint32_t tuple)
{
	return t->dictionary.facts[tuple].kind == FACT_ALLOC && !t->list[tuple].alloc.bytes_req &&
	       !t->list[tuple].alloc.bytes_alloc;
}

/* The frame of its call site, and its stack; 0: none. */
uint32_t text_tuple_call_site(const struct text_tuples *t, uint32_t tuple);
bool text_tuple_has_stack(const struct text_tuples *t, uint32_t tuple);

#endif
