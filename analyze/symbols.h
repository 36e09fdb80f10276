/*
 * symbols.h - names of kernel addresses from the text of /proc/kallsyms, as the capture holds it.
 *
 * Does no debug information and no KASLR arithmetic: the addresses of kallsyms are those of the
 * capture's boot.
 *
 *	struct symbols *s;
 *	struct symbol_hit hit;
 *
 *	symbols_new(&s, text, len, &err);
 *	if (symbols_find(s, return_address - 1, &hit))	// a return address may be the start of the next function
 *		printf("%.*s+0x%llx", (int)hit.name.len, hit.name.data, return_address - hit.start);
 *	symbols_free(s);
 *
 * The text is hostile until read: lines that are no symbol are counted and left out.
 */
#ifndef KMEM_ANALYZE_SYMBOLS_H
#define KMEM_ANALYZE_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "format/base/error.h"
#include "format/records.h"

#define SYMBOL_NAME_MAX 512	   /* KSYM_NAME_LEN of the kernel; longer ones are cut */
#define SYMBOL_SPAN_MAX (1u << 20) /* an address further from its symbol than this is in none */

struct symbols;

struct symbol_hit {
	uint32_t index; /* of the symbol, from 0: the same for every address of one function */
	uint64_t start;
	struct text name;   /* stands in the text of the symbols */
	struct text module; /* len 0 for the kernel itself */
};

/* The text (at most 1 GiB) has to live as long as the symbols. An empty one, or NULL, gives an empty table. */
int symbols_new(struct symbols **ret, const void *text, size_t len, struct error *err);
void symbols_free(struct symbols *s);

/*
 * The function that holds address. Of several names at one address, the first in the file, as the
 * kernel's %pS.
 */
bool symbols_find(const struct symbols *s, uint64_t address, struct symbol_hit *ret);

/* The address of the first symbol of that name that is of the kernel itself; false: none. */
bool symbols_named(const struct symbols *s, const char *name, uint64_t *ret);

/*
 * The same by an index over names, which has to be made before; of a function of the kernel whose name no other has. size,
 * if not 0, must be the distance to the next function (as %pS prints it): of another build it mostly is not.
 */
int symbols_index_names(struct symbols *s, struct error *err);
bool symbols_only_named(const struct symbols *s, struct text name, uint64_t size, uint64_t *ret);

size_t symbols_count(const struct symbols *s);
size_t symbols_bad_lines(const struct symbols *s);
bool symbols_hidden(const struct symbols *s); /* every address is zero: kptr_restrict hid them */

/*
 * Whether a function belongs to the tracing machinery that x86 leaves on top of a stack: event
 * probes and tracepoint trampolines, the unwinder, ftrace's and perf's own recording functions.
 */
bool symbol_is_machinery(struct text name);

#endif
