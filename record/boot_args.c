#include "record/boot_args.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MB ((uint64_t)1 << 20)
#define RING_MAX_MB \
	64 /* a boot of a large machine leaves 60 to 130 MB in all, most of it on one CPU */
#define MEMORY_SHARE 10 /* all rings together: more, and CPUs do not start for lack of memory */
/*
 * Where most of memory is initialised only after the CPUs have started (CONFIG_DEFERRED_STRUCT_PAGE_INIT), their
 * rings have to fit into what is there before: 101 MB of 1 GB on arm64, 255 MB on x86-64 (Linux 6.1, measured), and
 * the zones below the last one, which is where memory beyond 4 GB lies.
 */
#define EARLY_SMALL_MB 64
#define EARLY_LARGE_MB 768
#define LARGE_MB       4096

int boot_kernel_parse(struct boot_machine *m, const char *release, struct error *err)
{
	if (sscanf(release, "%u.%u", &m->major, &m->minor) == 2 && m->major >= 3)
		return 0;
	return error_set(err, ERR_USAGE,
			 "'%s' is no kernel version since 3.0; give it as uname -r does: 6.12",
			 release);
}

static bool is_since(const struct boot_machine *m, unsigned int major, unsigned int minor)
{
	return m->major > major || (m->major == major && m->minor >= minor);
}

uint64_t boot_ring_bytes(const struct boot_machine *m)
{
	uint64_t all = m->memory / MB / MEMORY_SHARE;
	uint64_t early = m->memory / MB > LARGE_MB ? EARLY_LARGE_MB : EARLY_SMALL_MB;
	uint64_t mb = (all < early ? all : early) / (m->cpus ? m->cpus : 1);

	return (mb < 1 ? 1 : mb > RING_MAX_MB ? RING_MAX_MB : mb) * MB;
}

bool boot_has_triggers(const struct boot_machine *m)
{
	return is_since(m, 6, 4);
}

const char *boot_args_line(const struct boot_machine *m, char *room, size_t size)
{
	bool nodes = !is_since(m, 6, 1), initcalls = is_since(m, 4, 17);

	snprintf(
		room, size,
		"trace_event=kmem:kmalloc,kmem:kfree,kmem:kmem_cache_alloc,kmem:kmem_cache_free%s%s,"
		"module:module_load,module:module_free,task:task_newtask,task:task_rename "
		"trace_buf_size=%" PRIu64 "M trace_clock=local %s",
		nodes ? ",kmem:kmalloc_node,kmem:kmem_cache_alloc_node" : "",
		initcalls ?
			",initcall:initcall_level,initcall:initcall_start,initcall:initcall_finish" :
			"",
		(uint64_t)(boot_ring_bytes(m) / MB),
		boot_has_triggers(m) ?
			"trace_trigger=kmalloc.stacktrace,kmem_cache_alloc.stacktrace" :
			"trace_options=stacktrace");
	return room;
}
