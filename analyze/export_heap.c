#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/export.h"
#include "format/base/hash.h"

/* Functions without an address of their own get one here, where no kernel has code. */
#define MADE_UP	   0x100000u
#define STRIDE	   16
#define LEAST_REAL 0x40000000u

/* jeprof drops addresses of the upper half, as no program has code there: with symbols the highest bit is not needed. */
#define LOWER_HALF (UINT64_MAX >> 1)

/* The place of a path's element: its address, by the frame that the element begins with. */
struct places {
	const struct stack_values *v;
	uint64_t mask;	   /* of addresses */
	uint64_t *address; /* by frame number; 0: not used */
	uint32_t *group;   /* how many functions are at it */
	uint64_t *claimed; /* addresses that have their frame */
	size_t claimed_cap, claimed_count;
	struct id_index index;
};

struct claim_key {
	const uint64_t *claimed;
	uint64_t address;
};

static bool same_claim(const void *arg, uint32_t id)
{
	const struct claim_key *key = arg;

	return key->claimed[id - 1] == key->address;
}

static uint64_t rehash_claim(const void *arg, uint32_t id)
{
	return hash_u64(((const struct places *)arg)->claimed[id - 1]);
}

static bool is_claimed(const struct places *p, uint64_t address)
{
	const struct claim_key key = { p->claimed, address };

	return id_index_find(&p->index, hash_u64(address), same_claim, &key) != 0;
}

static bool claim(struct places *p, uint64_t address)
{
	if (!array_room((void **)&p->claimed, &p->claimed_cap, p->claimed_count,
			sizeof(*p->claimed)))
		return false;
	p->claimed[p->claimed_count++] = address;
	return id_index_add(&p->index, hash_u64(address), (uint32_t)p->claimed_count, rehash_claim,
			    p);
}

/* An address is looked up where it is or one byte before it: both are taken. */
static bool place(struct places *p, uint32_t frame, uint32_t group)
{
	const struct value_frame *f = &p->v->frames[frame];
	uint64_t address = f->address & p->mask;

	if (p->address[frame])
		return true;
	p->group[frame] = group;
	p->address[frame] = MADE_UP + (uint64_t)STRIDE * (frame + 1);
	if (f->address < LEAST_REAL || f->dso || is_claimed(p, address) ||
	    is_claimed(p, address - 1))
		return true;
	p->address[frame] = address;
	return claim(p, address) && claim(p, address - 1);
}

static int place_all(struct places *p, const struct stack_values *v, struct error *err)
{
	p->v = v;
	p->address = calloc(v->frame_count + 1, sizeof(*p->address));
	p->group = calloc(v->frame_count + 1, sizeof(*p->group));
	if (!p->address || !p->group)
		return error_nomem(err);
	for (size_t i = 0; i < v->count; i++) {
		const struct stack_value *s = &v->stacks[i];

		for (uint32_t d = 0; d < s->depth;) {
			uint32_t n = stack_value_group(v, s, d);

			if (!place(p, v->path[s->first + d], n))
				return error_nomem(err);
			d += n;
		}
	}
	return 0;
}

/* "--" separates a function from what is inlined in it. */
static void write_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc(name[0] == '-' && name[1] == '-' ? '_' : *name, out);
}

/* A return address is looked up one byte before it, the innermost address where it is. */
static void write_symbols(const struct places *p, FILE *out)
{
	fputs("--- symbol\nbinary=[kernel]\n", out);
	for (size_t i = 0; i < p->v->frame_count; i++)
		for (uint64_t before = 0; p->address[i] && before < 2; before++) {
			fprintf(out, "0x%016" PRIx64 " ", p->address[i] - before);
			for (uint32_t n = p->group[i]; n-- > 0;) {
				write_name(out,
					   text_pool_get(p->v->pool, p->v->frames[i + n].name));
				fputs(n ? "--" : "", out);
			}
			fputc('\n', out);
		}
	fputs("---\n--- heap\n", out);
}

static void write_counts(FILE *out, const uint64_t *values)
{
	fprintf(out, "  t*: %" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64 "]\n",
		values[MEASURE_OBJECTS], values[MEASURE_LIVE], values[MEASURE_ALLOCS],
		values[MEASURE_ALLOCATED]);
}

static void write_stacks(const struct places *p, FILE *out)
{
	const struct stack_values *v = p->v;

	fputs("heap_v2/0\n", out);
	write_counts(out, v->totals);
	for (size_t i = 0; i < v->count; i++) {
		const struct stack_value *s = &v->stacks[i];

		if (!s->values[MEASURE_ALLOCS])
			continue;
		fputc('@', out);
		for (uint32_t d = 0; d < s->depth; d += stack_value_group(v, s, d))
			fprintf(out, " 0x%" PRIx64, p->address[v->path[s->first + d]]);
		fputc('\n', out);
		write_counts(out, s->values);
	}
	fputs("\nMAPPED_LIBRARIES:\n", out);
}

int export_heap(const struct export_input *in, bool symbols, FILE *out, struct error *err)
{
	struct places p = { .mask = symbols ? LOWER_HALF : UINT64_MAX };
	int rc = place_all(&p, in->v, err);

	if (rc == 0 && symbols)
		write_symbols(&p, out);
	if (rc == 0)
		write_stacks(&p, out);
	free(p.address);
	free(p.group);
	free(p.claimed);
	id_index_release(&p.index);
	return rc;
}
