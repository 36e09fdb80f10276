#include "record/boot_notes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/base/units.h"

#define LATE_NS		  1000000000ull /* recording that began with the kernel is well before */
#define UNSTABLE_CLOCK	  "Unstable clock detected, switching default tracing clock"
#define RING_ALLOC_FAILED "failed to allocate ring buffer on CPU"
#define RING_PREPARE	  "trace_rb_cpu_prepare"
#define SEE_BOOT_ARGS	  "'kmem-record boot-args' prints what to put on the kernel command line"

bool cmdline_value(const char *cmdline, const char *key, char *text, size_t room)
{
	size_t n = strlen(key);

	for (const char *p = cmdline; *p; p += strcspn(p, " ")) {
		p += strspn(p, " ");
		if (strncmp(p, key, n) != 0 || p[n] != '=')
			continue;
		p += n + 1;
		snprintf(text, room, "%.*s", (int)strcspn(p, " "), p);
		return true;
	}
	text[0] = '\0';
	return false;
}

bool cpu_list_has(const char *list, uint32_t cpu)
{
	unsigned int first, last;
	int end;

	for (; *list; list += strcspn(list, ","), list += *list == ',') {
		if (sscanf(list, "%u-%u", &first, &last) == 2) {
			if (cpu >= first && cpu <= last)
				return true;
		} else if (sscanf(list, "%u%n", &first, &end) == 1 && cpu == first) {
			return true;
		}
	}
	return false;
}

bool boot_started_ring(const char *cmdline, const struct found_ring *ring)
{
	char value[64];
	size_t n = strlen(ring->name);

	if (!n)
		return cmdline_value(cmdline, "trace_event", value, sizeof(value));
	for (const char *p = cmdline; (p = strstr(p, "trace_instance=")); p++) {
		const char *name = p + strlen("trace_instance=");

		if ((p == cmdline || p[-1] == ' ') && !strncmp(name, ring->name, n) &&
		    (!name[n] || strchr(" ,^@", name[n])))
			return true;
	}
	return false;
}

bool boot_clock_is_uptime(const char *clock)
{
	static const char *const clocks[] = { "local", "global", "uptime",  "perf",
					      "mono",  "boot",	 "mono_raw" };

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
		if (!strcmp(clock, clocks[i]))
			return true;
	return false;
}

/* "CPU 0: 1,234, CPU 1: 5" for the CPUs where value is not 0. */
static const char *per_cpu(const struct found_ring *r, uint64_t (*value)(const struct found_cpu *),
			   char *text, size_t room)
{
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < r->cpu_count && used + 60 < room; i++) {
		char count[UNITS_TEXT];

		if (value(&r->cpus[i]))
			used += (size_t)snprintf(text + used, room - used, "%sCPU %u: %s",
						 used ? ", " : "", r->cpus[i].cpu,
						 units_count(count, value(&r->cpus[i])));
	}
	return text;
}

static uint64_t sum(const struct found_ring *r, uint64_t (*value)(const struct found_cpu *))
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < r->cpu_count; i++)
		n += value(&r->cpus[i]);
	return n;
}

static uint64_t overrun_of(const struct found_cpu *c)
{
	return c->after.overrun;
}

static uint64_t refused_of(const struct found_cpu *c)
{
	return c->after.dropped + c->after.commit_overrun;
}

static uint64_t read_before_of(const struct found_cpu *c)
{
	return c->before.read;
}

static uint64_t decoded_of(const struct found_cpu *c)
{
	return c->after.decoded;
}

/* Of all CPUs, the first event; false: there is none. */
static bool first_event(const struct found_ring *r, uint64_t *ret)
{
	bool any = false;

	for (uint32_t i = 0; i < r->cpu_count; i++) {
		const struct found_cpu *c = &r->cpus[i];

		if (c->after.events && (!any || c->first_ns < *ret)) {
			*ret = c->first_ns;
			any = true;
		}
	}
	return any;
}

static void find_losses(struct notes *notes, const struct found_ring *r, const char *title)
{
	char cpus[160], n[UNITS_TEXT], all[UNITS_TEXT], size[UNITS_TEXT];
	uint64_t lost = sum(r, overrun_of), left = sum(r, decoded_of);

	if (lost)
		notes_add(
			notes, "overrun",
			"%s: the rings (%s per CPU) were too small: %s of %s records were overwritten "
			"(%s), the oldest ones; what began before the first event that is left is not "
			"known: use a larger trace_buf_size=",
			title,
			r->ring_bytes ? units_bytes(size, r->ring_bytes) : "of several sizes",
			units_count(n, lost), units_count(all, lost + left),
			per_cpu(r, overrun_of, cpus, sizeof(cpus)));
	lost = sum(r, refused_of);
	if (lost)
		notes_add(
			notes, "refused",
			"%s: %s records were refused (%s): a full ring that is not to be overwritten "
			"takes nothing more",
			title, units_count(n, lost), per_cpu(r, refused_of, cpus, sizeof(cpus)));
	lost = sum(r, read_before_of);
	if (lost)
		notes_add(
			notes, "read-before",
			"%s: %s records had been read before (%s), by another dump or a reader of "
			"trace_pipe: they are not in this capture",
			title, units_count(n, lost),
			per_cpu(r, read_before_of, cpus, sizeof(cpus)));
}

/* "[    3.291507] Unstable ...": when the kernel said so; 0: not known. */
static double log_seconds(const char *dmesg, const char *what)
{
	const char *p = strstr(dmesg, what), *open;
	double seconds = 0;

	if (!p)
		return 0;
	for (open = p; open > dmesg && open[-1] != '\n'; open--)
		if (open[-1] == '[' && sscanf(open, " %lf]", &seconds) == 1)
			return seconds;
	return 0;
}

/* True: the rings were emptied, which explains a late start. */
static bool find_clock_traps(struct notes *notes, const struct boot_facts *f,
			     const struct found_ring *r)
{
	char value[64], when[64] = "";
	double seconds;

	if (cmdline_value(f->cmdline, "trace_clock", value, sizeof(value)))
		return false;
	/* only the top instance's clock is changed, and only if it was never chosen */
	if (strstr(f->dmesg, UNSTABLE_CLOCK)) {
		seconds = log_seconds(f->dmesg, UNSTABLE_CLOCK);
		if (seconds > 0)
			snprintf(when, sizeof(when), " %.2f s after the start", seconds);
		notes_add(
			notes, "clock-switched",
			"the kernel found its default trace clock unstable%s, changed it to '%s' and "
			"emptied the rings: everything before is lost without being counted; put "
			"trace_clock=local on the kernel command line",
			when, r->clock[0] ? r->clock : "global");
		return true;
	}
	notes_add(
		notes, "no-trace-clock",
		"there is no trace_clock= on the kernel command line: where the default clock turns out "
		"to be unstable, the kernel changes it during start-up and empties the rings; put "
		"trace_clock=local there");
	return false;
}

static void find_start(struct notes *notes, const struct boot_facts *f, const struct found_ring *r,
		       bool explained)
{
	/* the clock of some machines (s390x) runs while the firmware still loads the kernel */
	uint64_t first = 0, kernel = (uint64_t)(log_seconds(f->dmesg, "Linux version ") * 1e9);
	char when[UNITS_TEXT], since[96];

	if (!boot_clock_is_uptime(r->clock) || !first_event(r, &first) || sum(r, overrun_of))
		return;
	if (first < kernel)
		kernel = 0;
	units_duration(when, first - kernel);
	if (kernel)
		snprintf(since, sizeof(since), "the kernel's first message");
	else
		snprintf(since, sizeof(since), "the start of the clock '%s'", r->clock);
	if (first - kernel > LATE_NS && !explained)
		notes_add(
			notes, "starts-late",
			"the first event comes %s after %s, although the kernel command line asks for "
			"tracing from the beginning: the rings were emptied or resized, or the events "
			"were switched on, only then; what was allocated before is not seen",
			when, since);
	else
		notes_add(
			notes, "begins",
			"recording begins %s after %s: memory that was allocated before, and all of "
			"memblock's, is not seen",
			when, since);
}

static void find_size_trap(struct notes *notes, const struct boot_facts *f,
			   const struct found_ring *r)
{
	char value[64], asked[UNITS_TEXT], have[UNITS_TEXT], *end;
	uint64_t bytes;

	if (!cmdline_value(f->cmdline, "trace_buf_size", value, sizeof(value)) || !r->ring_bytes)
		return;
	bytes = strtoull(value, &end, 0);
	bytes <<= *end == 'k' || *end == 'K' ? 10 :
		  *end == 'm' || *end == 'M' ? 20 :
		  *end == 'g' || *end == 'G' ? 30 :
					       0;
	/* the kernel rounds to whole sub-buffers */
	if (r->ring_bytes < bytes - bytes / 8)
		notes_add(
			notes, "ring-small",
			"trace_buf_size=%s asks for %s per CPU, but the rings have %s: there was not enough "
			"memory, or they were resized later",
			value, units_bytes(asked, bytes), units_bytes(have, r->ring_bytes));
}

static void find_cpu_traps(struct notes *notes, const struct boot_facts *f,
			   const struct found_ring *r)
{
	char offline[120] = "", silent[120] = "";
	size_t offline_used = 0, silent_used = 0;
	bool failed = strstr(f->dmesg, RING_ALLOC_FAILED) || strstr(f->dmesg, RING_PREPARE);

	if (!f->cpus_online[0])
		return;
	for (uint32_t cpu = 0; cpu < CPU_MAX && f->cpus_present[0]; cpu++)
		if (cpu_list_has(f->cpus_present, cpu) && !cpu_list_has(f->cpus_online, cpu) &&
		    offline_used + 12 < sizeof(offline))
			offline_used += (size_t)snprintf(offline + offline_used,
							 sizeof(offline) - offline_used, "%s%u",
							 offline_used ? ", " : "", cpu);
	for (uint32_t i = 0; i < r->cpu_count; i++)
		if (!r->cpus[i].after.decoded && !r->cpus[i].after.overrun &&
		    !r->cpus[i].before.read && cpu_list_has(f->cpus_online, r->cpus[i].cpu) &&
		    silent_used + 12 < sizeof(silent))
			silent_used += (size_t)snprintf(silent + silent_used,
							sizeof(silent) - silent_used, "%s%u",
							silent_used ? ", " : "", r->cpus[i].cpu);
	if (offline_used || failed)
		notes_add(
			notes, "cpus-offline", "CPU %s is not online%s",
			offline_used ? offline : "(at first, one)",
			failed ?
				": the kernel log says that there was no memory for its ring "
				"(trace_rb_cpu_prepare); use a smaller trace_buf_size=" :
				"; a trace_buf_size= that is too large for the memory is one cause");
	if (silent_used)
		notes_add(
			notes, "cpu-silent",
			"CPU %s is online and has no record: nothing that was recorded happened there, or "
			"its ring was emptied",
			silent);
}

static void find_in_ring(struct notes *notes, const struct boot_facts *f,
			 const struct found_ring *r)
{
	bool at_boot = boot_started_ring(f->cmdline, r);
	bool emptied = false;
	char title[280];

	found_ring_title(r, title, sizeof(title));
	if (!strcmp(r->clock, "counter") || !strcmp(r->clock, "x86-tsc"))
		notes_add(
			notes, "clock-unit",
			"%s: the clock '%s' counts %s: what a report calls seconds and lifetimes is not "
			"time",
			title, r->clock, r->clock[0] == 'c' ? "events" : "processor cycles");
	find_losses(notes, r, title);
	if (!r->was_on)
		notes_add(
			notes, "stopped-before",
			"%s: tracing had been stopped already (tracing_on was 0): what happened between "
			"then and now is not seen",
			title);
	if (at_boot && !r->name[0]) {
		emptied = find_clock_traps(notes, f, r);
		find_size_trap(notes, f, r);
	}
	if (at_boot) {
		find_start(notes, f, r, emptied);
		find_cpu_traps(notes, f, r);
	}
}

void boot_notes_find(struct notes *notes, const struct boot_facts *f)
{
	for (size_t i = 0; i < f->rings->count; i++)
		if (f->rings->items[i].chosen)
			find_in_ring(notes, f, &f->rings->items[i]);
	if (f->early_stacks)
		notes_add(
			notes, "early-stacks",
			"%" PRIu64
			" stacks came before the first event: the kernel arms trace_trigger= before "
			"it switches events on, so what it allocated in between, for tracing itself, is not "
			"seen",
			f->early_stacks);
	if (f->frees_have_stacks)
		notes_add(
			notes, "stacks-of-frees",
			"frees were recorded with stacks, too: that slows the machine down and fills the "
			"rings sooner; trace_trigger=kmalloc.stacktrace,kmem_cache_alloc.stacktrace instead "
			"of trace_options=stacktrace (Linux 6.4 and later) gives them to allocations only");
}

const char *boot_absent_events(const char *dmesg, char *room, size_t size)
{
	static const char said[] = "Failed to enable trace event: ";
	char name[160];
	size_t used = 0;

	room[0] = '\0';
	for (const char *p = dmesg; (p = strstr(p, said)) && used < size;) {
		p += strlen(said);
		/* the kernel tries some of them twice */
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, " \r\n"), p);
		if (strstr(room, name))
			continue;
		used += (size_t)snprintf(room + used, size - used, "%s%s", used ? " " : "", name);
	}
	return room;
}

const char *boot_why_empty(const struct boot_facts *f, char *room, size_t size)
{
	char events[400];

	if (cmdline_value(f->cmdline, "trace_event", events, sizeof(events)) &&
	    strstr(f->dmesg, UNSTABLE_CLOCK) && !strstr(f->cmdline, "trace_clock="))
		snprintf(room, size,
			 "the kernel found its trace clock unstable and emptied the rings; put "
			 "trace_clock=local on the kernel command line");
	else if (events[0])
		snprintf(
			room, size,
			"the kernel command line asks for events (trace_event=%.80s), but someone has emptied "
			"the rings or read them already, or the kernel lacks these events",
			events);
	else
		snprintf(
			room, size,
			"no event was switched on, or someone has read them already; for boot, " SEE_BOOT_ARGS);
	return room;
}
