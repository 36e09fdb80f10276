#include "record/stack_sampler.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/base/fileio.h"

#define KALLSYMS_MAX (256u << 20)

struct known_event {
	const char *system, *name;
	uint8_t address_arg;
	int8_t site_arg;
	bool struct_page;
};

/* clang-format off */
/* include/trace/events of the kernel: TP_PROTO */
static const struct known_event known_events[] = {
	{ "kmem", "kmalloc", 1, 0, false },
	{ "kmem", "kmalloc_node", 1, 0, false },
	{ "kmem", "kmem_cache_alloc", 1, 0, false },
	{ "kmem", "kmem_cache_alloc_node", 1, 0, false },
	{ "kmem", "mm_page_alloc", 0, -1, true },
	{ "percpu", "percpu_alloc_percpu", 7, 0, false },
	{ "vmalloc", "alloc_vmap_area", 0, -1, false },
};
/* clang-format on */
#define PERCPU_SITELESS 6 /* before 6.0 the first argument, the call site, was not there */

static const struct known_event *find_known(const char *system, const char *name)
{
	for (size_t i = 0; i < sizeof(known_events) / sizeof(known_events[0]); i++)
		if (!strcmp(known_events[i].system, system) && !strcmp(known_events[i].name, name))
			return &known_events[i];
	return NULL;
}

bool stack_sampler_knows(const char *system, const char *name)
{
	return find_known(system, name) != NULL;
}

/* ---- frames of the sampler ---- */

/* Whether a symbol is on the way from a tracepoint to a sampler. */
static bool is_entry(const char *name, size_t len)
{
	static const char *const prefixes[] = { "bpf_trace_run", "__bpf_trace_", "__traceiter_",
						"perf_trace_" };
	static const char *const classes[] = { "kmem_alloc", "kmem_alloc_node" };
	size_t i = 0, n = sizeof(prefixes) / sizeof(prefixes[0]);

	while (i < n &&
	       (len <= strlen(prefixes[i]) || memcmp(name, prefixes[i], strlen(prefixes[i]))))
		i++;
	if (i == n)
		return false;
	name += strlen(prefixes[i]);
	len -= strlen(prefixes[i]);
	if (i == 0)
		return true;
	for (size_t k = 0; k < sizeof(known_events) / sizeof(known_events[0]); k++)
		if (len == strlen(known_events[k].name) && !memcmp(name, known_events[k].name, len))
			return true;
	for (size_t k = 0; k < sizeof(classes) / sizeof(classes[0]); k++)
		if (len == strlen(classes[k]) && !memcmp(name, classes[k], len))
			return true;
	return false;
}

/* "ffffffff81000000 t name\n"; NULL behind the last line. */
static const char *next_symbol(const char *p, const char *end, uint64_t *ret_address,
			       const char **ret_name, size_t *ret_len)
{
	const char *newline = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
	uint64_t address = 0;

	if (!newline)
		return NULL;
	for (; p < newline && *p != ' '; p++)
		address = address << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	p += newline - p < 3 ? newline - p : 3;
	*ret_address = address;
	*ret_name = p;
	for (*ret_len = 0; p + *ret_len < newline && p[*ret_len] != '\t';)
		++*ret_len;
	return newline + 1;
}

/* From each such symbol to the next one of all. */
static void find_entries(struct stack_sampler *s, const char *text, size_t len)
{
	const char *end = text + len, *name;
	uint64_t address;
	size_t name_len;

	for (const char *p = text; (p = next_symbol(p, end, &address, &name, &name_len));)
		if (address && s->entry_count < ENTRY_RANGES_MAX && is_entry(name, name_len))
			s->entries[s->entry_count++] = (struct entry_range){ address, UINT64_MAX };
	for (const char *p = text; (p = next_symbol(p, end, &address, &name, &name_len));)
		for (uint32_t i = 0; i < s->entry_count; i++)
			if (address > s->entries[i].start && address < s->entries[i].end)
				s->entries[i].end = address;
}

static int read_entries(struct stack_sampler *s, struct error *err)
{
	struct buf text = { 0 };
	int rc = file_slurp(AT_FDCWD, "/proc/kallsyms", KALLSYMS_MAX, &text, err);

	if (rc == 0)
		find_entries(s, (char *)text.data, text.len);
	if (rc == 0 && !s->entry_count)
		rc = error_set(
			err, ERR_UNSUPPORTED,
			"--stack-sample: /proc/kallsyms hides addresses (kernel.kptr_restrict),"
			" so that the frames of the sampler cannot be told from others");
	buf_release(&text);
	return rc;
}

static bool in_entry(const struct stack_sampler *s, uint64_t frame)
{
	/* a return address: behind a last call it is that of the next function */
	for (uint32_t i = 0; i < s->entry_count; i++)
		if (frame - 1 >= s->entries[i].start && frame - 1 < s->entries[i].end)
			return true;
	return false;
}

uint32_t stack_sampler_entry(const struct stack_sampler *s, const struct stack_sample *sample)
{
	unsigned int size = s->plan->layout.long_size;
	uint32_t skip = 0;

	/* the BPF program itself comes first, and what is behind the group is the allocation's */
	for (uint32_t i = 0; i < sample->depth && i <= skip + !skip; i++)
		if (in_entry(s, plan_number(&s->plan->layout, sample->frames + (size_t)i * size,
					    size)))
			skip = i + 1;
	return skip;
}

/* ---- making one ---- */

static int list_sources(struct stack_sampler *s, const struct event_list *events, struct error *err)
{
	s->sources = calloc(events->count, sizeof(*s->sources));
	if (!s->sources)
		return error_nomem(err);
	/* types are in the order of the list: event_plan.h */
	for (size_t i = 0; i < events->count; i++) {
		const struct listed_event *e = &events->items[i];
		const struct known_event *known = find_known(e->system, e->name);
		struct sample_source *source = &s->sources[s->source_count];

		if (!e->stacks || !known)
			continue;
		*source = (struct sample_source){ .name = known->name,
						  .type = (uint16_t)i,
						  .event_id = s->plan->types[i].id,
						  .address_arg = known->address_arg,
						  .site_arg = known->site_arg,
						  .struct_page = known->struct_page };
		if (!strcmp(known->system, "percpu") &&
		    s->plan->plans[i].call_site_offset == NO_OFFSET) {
			source->address_arg = PERCPU_SITELESS;
			source->site_arg = -1;
		}
		s->source_count++;
	}
	return 0;
}

static bool is_prime(uint64_t n)
{
	for (uint64_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return false;
	return n > 1;
}

/* The prime next to n. Those of regular loops divide other numbers, and would choose the same always. */
static uint64_t near_prime(uint64_t n)
{
	for (uint64_t d = 0;; d++) {
		if (is_prime(n + d))
			return n + d;
		if (d < n && is_prime(n - d))
			return n - d;
	}
}

int stack_sampler_new(struct stack_sampler **ret, const struct stack_sampler_request *q,
		      struct error *err)
{
	struct stack_sampler s = { .period = q->period,
				   .plan = q->plan,
				   .cpus = q->cpus,
				   .cpu_count = q->cpu_count,
				   .expects_all = !q->selected,
				   .from_ns = UINT64_MAX };
	struct error why = { 0 };
	int rc = list_sources(&s, q->events, err);

	if (rc == 0)
		rc = read_entries(&s, err);
	if (rc == 0 && bpf_sampler_new(ret, &s, q->ring_bytes, &why) == 0)
		return 0;
	if (rc == 0) {
		snprintf(s.why, sizeof(s.why), "%.*s", (int)sizeof(s.why) - 1, why.text);
		s.period = near_prime(q->period);
		rc = perf_sampler_new(ret, &s, q->ring_bytes, err);
	}
	if (rc < 0)
		free(s.sources);
	return rc;
}

void stack_sampler_free(struct stack_sampler *s)
{
	if (!s)
		return;
	free(s->sources);
	s->ops->release(s);
}

int stack_sampler_start(struct stack_sampler *s, struct error *err)
{
	return s->ops->start(s, err);
}

void stack_sampler_stop(struct stack_sampler *s)
{
	s->ops->stop(s);
}

/* ---- the account ---- */

void stack_sampler_window(struct stack_sampler *s, bool open)
{
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	if (open) {
		__atomic_store_n(&s->to_ns, UINT64_MAX, __ATOMIC_RELAXED);
		__atomic_store_n(&s->from_ns, now, __ATOMIC_RELAXED);
	} else {
		__atomic_store_n(&s->to_ns, now, __ATOMIC_RELAXED);
	}
}

/*
 * While the tracing rings are being switched, some samples are taken whose events are in none. Of a
 * selection nobody can say whose sample has no event.
 */
void stack_sampler_miss(struct stack_sampler *s, const struct stack_sample *sample)
{
	if (s->expects_all && sample->time >= __atomic_load_n(&s->from_ns, __ATOMIC_RELAXED) &&
	    sample->time < __atomic_load_n(&s->to_ns, __ATOMIC_RELAXED))
		__atomic_fetch_add(&s->unjoined, 1, __ATOMIC_RELAXED);
}

void stack_sampler_report(const struct stack_sampler *s, struct sampling_report *ret)
{
	*ret = (struct sampling_report){
		.period = s->period,
		.by = s->ops->by,
		.joined = __atomic_load_n(&s->joined, __ATOMIC_RELAXED),
		.lost = s->ops->lost(s) + __atomic_load_n(&s->unjoined, __ATOMIC_RELAXED),
	};
	snprintf(ret->why, sizeof(ret->why), "%s", s->why);
}
