#include "record/fold_role.h"

#define ZERO_SIZE_PTR 16 /* include/linux/slab.h */

struct role_row {
	const char *system, *event;
	enum fold_kind kind;
	enum fold_space space;
	const char *address, *match, *failed;
};

/* clang-format off */
static const struct role_row rows[] = {
	{ "kmem", "kmalloc", FOLD_ALLOC, SPACE_SLAB, "ptr", NULL, NULL },
	{ "kmem", "kmalloc_node", FOLD_ALLOC, SPACE_SLAB, "ptr", NULL, NULL },
	{ "kmem", "kmem_cache_alloc", FOLD_ALLOC, SPACE_SLAB, "ptr", NULL, NULL },
	{ "kmem", "kmem_cache_alloc_node", FOLD_ALLOC, SPACE_SLAB, "ptr", NULL, NULL },
	{ "kmem", "kfree", FOLD_FREE, SPACE_SLAB, "ptr", NULL, NULL },
	{ "kmem", "kmem_cache_free", FOLD_FREE, SPACE_SLAB, "ptr", NULL, NULL },
	{ "kmem", "mm_page_alloc", FOLD_ALLOC, SPACE_PAGE, "pfn", "order", NULL },
	{ "kmem", "mm_page_free", FOLD_FREE, SPACE_PAGE, "pfn", "order", NULL },
	{ "percpu", "percpu_alloc_percpu", FOLD_ALLOC, SPACE_PERCPU, "ptr", NULL, NULL },
	{ "percpu", "percpu_free_percpu", FOLD_FREE, SPACE_PERCPU, "ptr", NULL, NULL },
	{ "vmalloc", "alloc_vmap_area", FOLD_ALLOC, SPACE_VMALLOC, "addr", NULL, "failed" },
	{ "vmalloc", "free_vmap_area_noflush", FOLD_FREE, SPACE_VMALLOC, "va_start", NULL, NULL },
};
/* clang-format on */

static const struct role_row *find_row(const char *system, const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].system, system) && !strcmp(rows[i].event, name))
			return &rows[i];
	return NULL;
}

static const struct event_field *find(const struct event_type *type, const char *name)
{
	for (uint16_t i = 0; name && i < type->field_count; i++)
		if (!strcmp(type->fields[i].name, name))
			return &type->fields[i];
	return NULL;
}

static bool is_number(const struct event_field *f)
{
	return f && (f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED);
}

static bool has_columns(const struct event_type *type)
{
	for (uint16_t i = 0; i < type->field_count; i++)
		if (type->fields[i].place == PLACE_COLUMN)
			return true;
	return false;
}

struct fold_role fold_role_of(const struct event_type *type)
{
	struct fold_role role = { .kind = FOLD_PASS, .match = NO_OFFSET, .failed = NO_OFFSET };
	const struct role_row *row = find_row(type->system, type->name);
	const struct event_field *address, *match, *failed;

	if (!row)
		return role;
	address = find(type, row->address);
	match = find(type, row->match);
	failed = find(type, row->failed);
	if (!address || address->place != PLACE_ADDRESS || has_columns(type) ||
	    (row->match && !is_number(match)))
		return role;
	role.kind = (uint8_t)row->kind;
	role.space = (uint8_t)row->space;
	if (match) {
		role.match = match->offset;
		role.match_size = (uint8_t)match->size;
	}
	if (is_number(failed)) {
		role.failed = failed->offset;
		role.failed_size = (uint8_t)failed->size;
	}
	return role;
}

bool fold_role_named(const char *system, const char *name, enum fold_kind *ret_kind,
		     unsigned int *ret_space)
{
	const struct role_row *row = find_row(system, name);

	if (!row)
		return false;
	*ret_kind = row->kind;
	*ret_space = row->space;
	return true;
}

enum fold_kind fold_kind_of(const struct fold_role *role, uint64_t address, bool failed,
			    unsigned int long_size)
{
	bool none = role->space == SPACE_PAGE ?
			    address == (long_size == 4 ? UINT32_MAX : UINT64_MAX) :
			    !address || (role->space == SPACE_SLAB && address == ZERO_SIZE_PTR);

	if (role->kind == FOLD_FREE)
		return none ? FOLD_FREE_NULL : FOLD_FREE;
	return role->kind == FOLD_ALLOC && !none && !failed ? FOLD_ALLOC : FOLD_PASS;
}

const char *fold_space_name(unsigned int space)
{
	static const char *const names[] = { "slab", "page", "percpu", "vmalloc" };

	return space < sizeof(names) / sizeof(names[0]) ? names[space] : "?";
}
