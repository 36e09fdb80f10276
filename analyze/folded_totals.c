#include "analyze/folded_totals.h"

#include "analyze/capture_model.h"
#include "analyze/dictionary.h"
#include "format/folded.h"

#define COUNT_PLAUSIBLE (1ull << 48)

struct block_totals {
	struct replay *replay;
	struct dictionary *dictionary;
	bool apply; /* first a block is decoded to its end, then it counts */
};

/*
 * The site of a tuple, and whether it stands for the role that the type has. 0: no memory.
 */
static uint32_t site_of(struct block_totals *b, uint32_t tuple, uint16_t type, uint64_t count)
{
	const struct tuple_fact *fact = dictionary_fact(b->dictionary, tuple, type);
	struct replay *r = b->replay;
	uint32_t site = fact ? fact->site : 0;

	if (!fact) {
		r->counts.tuples_lost += count;
		return replay_unknown_site(r, type);
	}
	if (fact->flags & FACT_STACK_LOST)
		r->counts.stacks_lost += count;
	/* pairs of many moments: what depends on the moment stays without a name */
	if (fact->flags & FACT_LATE && late_site(r->late, b->dictionary, fact, 0, &site) < 0)
		return 0;
	return site;
}

static bool has_role(const struct block_totals *b, uint16_t type, enum role_kind kind)
{
	return b->replay->roles[type].kind == kind;
}

static void count_frees(struct replay *r, const struct folded_pair *p, uint32_t site,
			uint32_t alloc_site)
{
	r->counts.events += p->pairs;
	r->counts.frees += p->pairs;
	r->type_events[p->free_type] += p->pairs;
	totals_free(&r->totals, site, p->free_self)->matched += p->pairs;
	replay_learn_cache(r, alloc_site, site);
}

static int on_pair(void *arg, const struct folded_pair *p)
{
	struct block_totals *b = arg;
	struct replay *r = b->replay;
	bool reused = p->free_tuple == FOLDED_NO_FREE;
	uint32_t alloc, freed = 0;

	/* the recorder folds only what is known to be a pair */
	if (!has_role(b, p->alloc_type, ROLE_ALLOC) ||
	    (!reused && !has_role(b, p->free_type, ROLE_FREE)) || p->pairs > COUNT_PLAUSIBLE ||
	    p->lifetime_max > INT64_MAX)
		return ERR_DAMAGED;
	if (!b->apply)
		return 0;
	alloc = site_of(b, p->alloc_tuple, p->alloc_type, p->pairs);
	if (!reused)
		freed = site_of(b, p->free_tuple, p->free_type, p->pairs);
	if (!alloc || (!freed && !reused) ||
	    !totals_reserve(&r->totals, r->sites->alloc_count, r->sites->free_count))
		return ERR_NOMEM;
	r->counts.events += p->pairs;
	r->counts.allocs += p->pairs;
	r->counts.folded += p->pairs;
	r->type_events[p->alloc_type] += p->pairs;
	if (reused)
		r->counts.reused += p->pairs;
	else
		count_frees(r, p, freed, alloc);
	return totals_pairs(&r->totals,
			    &(struct pair_total){ .alloc_site = alloc,
						  .free_site = freed,
						  .end = reused ? END_REUSED : END_FREED,
						  .self = p->alloc_self,
						  .objects = p->pairs,
						  .lifetime_sum = { .ns = p->lifetime_sum },
						  .lifetime_min = p->lifetime_min,
						  .lifetime_max = p->lifetime_max }) ?
		       0 :
		       ERR_NOMEM;
}

static int on_free(void *arg, const struct folded_free *f)
{
	struct block_totals *b = arg;
	struct replay *r = b->replay;
	uint32_t site;

	if (!has_role(b, f->type, ROLE_FREE) || f->count > COUNT_PLAUSIBLE)
		return ERR_DAMAGED;
	if (!b->apply)
		return 0;
	site = site_of(b, f->tuple, f->type, f->count);
	if (!site || !totals_reserve(&r->totals, r->sites->alloc_count, r->sites->free_count))
		return ERR_NOMEM;
	r->counts.events += f->count;
	r->counts.frees += f->count;
	r->counts.null_frees += f->count;
	r->counts.folded_nulls += f->count;
	r->type_events[f->type] += f->count;
	totals_free(&r->totals, site, f->self)->null_frees += f->count;
	return 0;
}

/* Nothing of a block that is damaged counts. */
static int decode_block(struct folded_totals *f, size_t i, struct dictionary *dictionary,
			struct block *block, struct error *why)
{
	struct block_totals b = { .replay = f->replay, .dictionary = dictionary };
	int rc = series_load(f->series, f->scan, i, block, why);

	for (int pass = 0; rc == 0 && pass < 2; pass++) {
		b.apply = pass == 1;
		rc = folded_decode(block->sections, block->section_count, f->replay->type_count,
				   on_pair, on_free, &b, why);
	}
	if (rc == ERR_DAMAGED && !why->code)
		error_set(why, rc, "block %zu at offset %llu: counts pairs that are none", i,
			  (unsigned long long)f->scan->blocks[i].offset);
	if (rc == 0)
		f->unknown += block->unknown_sections;
	return rc;
}

int folded_totals(struct folded_totals *f, struct error *err)
{
	struct replay *r = f->replay;
	struct dictionaries *dictionaries = NULL;
	struct block block = { 0 };
	int rc = dictionaries_new(&dictionaries, f->series, f->scan, BLOCK_FOLDED, r->types,
				  r->type_count, r->roles, r->sites, r->late->modules, f->page_size,
				  err);

	for (size_t i = 0; rc == 0 && i < f->scan->count; i++) {
		struct dictionary *dictionary;
		struct error why = { 0 };

		if (f->scan->blocks[i].type != BLOCK_FOLDED)
			continue;
		rc = dictionaries_get(dictionaries, i, &dictionary, err);
		if (rc < 0)
			break;
		rc = decode_block(f, i, dictionary, &block, &why);
		dictionary_put(dictionary);
		if (rc == ERR_NOMEM)
			error_nomem(err);
		else if (rc < 0)
			rc = capture_model_note_damage(f->scan, i, &why, err);
	}
	block_release(&block);
	dictionaries_free(dictionaries);
	return rc;
}
