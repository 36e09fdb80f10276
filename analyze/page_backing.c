#include "analyze/page_backing.h"

#include "analyze/query.h"
#include "schema_sql.h"

/*
 * Functions of mm/slub.c, slab.c, slab_common.c, percpu-vm.c, percpu-km.c and vmalloc.c as of Linux 4.4 to 6.18. Page
 * tables are made of pages on the way to any of them, and belong to none.
 */
static const char *const functions[][2] = {
	{ "alloc_slab_page", "slab" },
	{ "allocate_slab", "slab" },
	{ "new_slab", "slab" },
	{ "cache_grow_begin", "slab" },
	{ "cache_grow", "slab" },
	{ "kmem_getpages", "slab" },
	{ "kmalloc_large", "slab" },
	{ "kmalloc_large_node", "slab" },
	{ "__kmalloc_large", "slab" },
	{ "__kmalloc_large_node", "slab" },
	{ "___kmalloc_large_node", "slab" },
	{ "kmalloc_order", "slab" },
	{ "kmalloc_order_trace", "slab" },
	{ "pcpu_alloc_pages", "percpu" },
	{ "pcpu_populate_chunk", "percpu" },
	{ "pcpu_create_chunk", "percpu" },
	{ "vm_area_alloc_pages", "vmalloc" },
	{ "__vmalloc_area_node", "vmalloc" },
	{ "__vmalloc_node_range", "vmalloc" },
	{ "pte_alloc_one_kernel", "other" },
	{ "pte_alloc_one", "other" },
	{ "__pte_alloc_one_kernel", "other" },
	{ "__pte_alloc_one", "other" },
	{ "__pte_alloc_kernel", "other" },
	{ "__pte_alloc", "other" },
	{ "pmd_alloc_one", "other" },
	{ "__pmd_alloc", "other" },
	{ "__pud_alloc", "other" },
	{ "__p4d_alloc", "other" },
};

int page_backing_prepare(sqlite3 *db, struct error *err)
{
	struct query q = { 0 };
	int rc = query_run(db,
			   "CREATE TEMP TABLE backing_function (name TEXT PRIMARY KEY, backs)"
			   " WITHOUT ROWID",
			   err);

	if (rc == 0)
		rc = query_init(&q, db, "INSERT INTO temp.backing_function VALUES (:name, :backs)",
				NULL, err);
	for (size_t i = 0; rc == 0 && i < sizeof(functions) / sizeof(functions[0]); i++) {
		query_reset(&q);
		query_bind_text(&q, ":name", functions[i][0]);
		query_bind_text(&q, ":backs", functions[i][1]);
		rc = query_step(&q, err);
	}
	query_release(&q);
	if (rc == 0)
		rc = query_materialise(db, "backing_frame", schema_query_backing_frame_sql, NULL, 0,
				       err);
	if (rc == 0)
		rc = query_run(db, "CREATE INDEX temp.backing_frame_frame ON backing_frame (frame)",
			       err);
	if (rc == 0)
		rc = query_materialise(db, "page_backing", schema_query_page_backing_sql, NULL, 0,
				       err);
	return rc;
}
