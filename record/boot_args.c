#include "record/boot_args.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MB ((uint64_t)1 << 20)
#define RING_MAX_MB \
	64 /* a boot of a large machine leaves 60 to 130 MB in all, most of it on one CPU */
#define MEMORY_SHARE 10 /* all rings together: more, and CPUs do not start for lack of memory */

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
	uint64_t mb = m->memory / MEMORY_SHARE / (m->cpus ? m->cpus : 1) / MB;

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
