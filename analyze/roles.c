#include "analyze/roles.h"

#include <string.h>

#define ZERO_SIZE_PTR 16 /* include/linux/slab.h */

struct role_row {
	const char *system, *event;
	enum role_kind kind;
	enum domain domain;
	const char *api;
	const char *address, *bytes_req, *bytes_alloc;
};

/* clang-format off */
static const struct role_row rows[] = {
	{ "kmem", "kmalloc", ROLE_ALLOC, DOMAIN_SLAB, "malloc", "ptr", "bytes_req", "bytes_alloc" },
	{ "kmem", "kmalloc_node", ROLE_ALLOC, DOMAIN_SLAB, "malloc", "ptr", "bytes_req", "bytes_alloc" },
	{ "kmem", "kmem_cache_alloc", ROLE_ALLOC, DOMAIN_SLAB, "cache", "ptr", "bytes_req", "bytes_alloc" },
	{ "kmem", "kmem_cache_alloc_node", ROLE_ALLOC, DOMAIN_SLAB, "cache", "ptr", "bytes_req", "bytes_alloc" },
	{ "kmem", "kfree", ROLE_FREE, DOMAIN_SLAB, "malloc", "ptr", NULL, NULL },
	{ "kmem", "kmem_cache_free", ROLE_FREE, DOMAIN_SLAB, "cache", "ptr", NULL, NULL },
	{ "kmem", "mm_page_alloc", ROLE_ALLOC, DOMAIN_PAGE, NULL, "pfn", NULL, NULL },
	{ "kmem", "mm_page_free", ROLE_FREE, DOMAIN_PAGE, NULL, "pfn", NULL, NULL },
	{ "percpu", "percpu_alloc_percpu", ROLE_ALLOC, DOMAIN_PERCPU, NULL, "ptr", "size", "bytes_alloc" },
	{ "percpu", "percpu_free_percpu", ROLE_FREE, DOMAIN_PERCPU, NULL, "ptr", NULL, NULL },
	{ "vmalloc", "alloc_vmap_area", ROLE_ALLOC, DOMAIN_VMALLOC, NULL, "addr", "size", "size" },
	{ "vmalloc", "free_vmap_area_noflush", ROLE_FREE, DOMAIN_VMALLOC, NULL, "va_start", NULL, NULL },
	{ "task", "task_newtask", ROLE_NEWTASK, DOMAIN_COUNT, NULL, NULL, NULL, NULL },
	{ "task", "task_rename", ROLE_RENAME, DOMAIN_COUNT, NULL, NULL, NULL, NULL },
	{ "module", "module_load", ROLE_MODULE_LOAD, DOMAIN_COUNT, NULL, NULL, NULL, NULL },
	{ "module", "module_free", ROLE_MODULE_FREE, DOMAIN_COUNT, NULL, NULL, NULL, NULL },
};
/* clang-format on */

/*
 * Place of a field among those of PLACE_TUPLE, if it is there and of that kind of value; else -1.
 */
static int16_t tuple_field(const struct event_type *type, const char *name, bool number)
{
	int16_t at = 0;

	for (uint16_t i = 0; i < type->field_count; i++) {
		const struct event_field *f = &type->fields[i];
		bool is_number = f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED;

		if (f->place != PLACE_TUPLE)
			continue;
		if (name && !strcmp(f->name, name))
			return is_number == number ? at : -1;
		at++;
	}
	return -1;
}

static bool is_address_field(const struct event_type *type, const char *name)
{
	for (uint16_t i = 0; i < type->field_count; i++)
		if (type->fields[i].place == PLACE_ADDRESS)
			return !strcmp(type->fields[i].name, name);
	return false;
}

/* False when a field that the role cannot do without is not in the tuple. */
static bool find_fields(struct role *role, const struct role_row *row,
			const struct event_type *type)
{
	role->address = role->order = -1;
	if (!is_address_field(type, row->address)) {
		role->address = tuple_field(type, row->address, true);
		if (role->address < 0)
			return false;
	}
	role->call_site = tuple_field(type, "call_site", true);
	role->gfp = tuple_field(type, "gfp_flags", true);
	role->node = tuple_field(type, "node", true);
	role->cache = tuple_field(type, "name", false);
	role->failed = tuple_field(type, "failed", true);
	role->migratetype = tuple_field(type, "migratetype", true);
	role->bytes_req = tuple_field(type, row->bytes_req, true);
	role->bytes_alloc = tuple_field(type, row->bytes_alloc, true);
	if (role->bytes_alloc < 0) /* percpu before 6.0 says only what was asked for */
		role->bytes_alloc = role->bytes_req;
	if (role->domain == DOMAIN_PAGE)
		role->order = tuple_field(type, "order", true);
	if (role->kind == ROLE_FREE)
		return true;
	return role->order >= 0 || (role->bytes_req >= 0 && role->bytes_alloc >= 0);
}

struct role role_of(const struct event_type *type)
{
	const struct role none = { .kind = ROLE_NONE, .domain = DOMAIN_COUNT };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct role_row *row = &rows[i];
		struct role role = { .kind = row->kind, .domain = row->domain, .api = row->api };

		if (strcmp(row->system, type->system) || strcmp(row->event, type->name))
			continue;
		if (row->address && !find_fields(&role, row, type))
			return none;
		return role;
	}
	return none;
}

const char *domain_name(enum domain domain)
{
	static const char *const names[] = { "slab", "page", "percpu", "vmalloc" };

	return domain < DOMAIN_COUNT ? names[domain] : NULL;
}

enum address_kind address_kind(enum domain domain, uint64_t address, unsigned int long_size)
{
	if (domain == DOMAIN_PAGE)
		return address == (long_size == 4 ? UINT32_MAX : UINT64_MAX) ? ADDRESS_NULL :
									       ADDRESS_OBJECT;
	if (!address)
		return ADDRESS_NULL;
	return domain == DOMAIN_SLAB && address == ZERO_SIZE_PTR ? ADDRESS_ZERO_SIZE :
								   ADDRESS_OBJECT;
}
