#include "record/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/units.h"
#include "format/writer.h"
#include "record/boot_notes.h"
#include "record/found_events.h"
#include "record/found_ring.h"
#include "record/ftrace_ring.h"
#include "record/meta.h"
#include "record/output.h"
#include "record/row_sink.h"

#define FINAL_TRIES	      200 /* x 5 ms: writers that were inside an event when tracing stopped */
#define LINE_MAX_BYTES	      4096
#define INITIAL_PID_NAMESPACE 0xeffffffc /* PROC_PID_INIT_INO */

struct dump {
	const struct dump_options *options;
	struct dump_report *report;
	struct tree tree;
	struct found_rings rings;
	struct found_events events;
	struct event_plan *plan;
	struct meta meta;
	struct emitter emitter;
	uint64_t lost; /* of rows sinks; the account counts for itself */
	uint8_t *page;
	const struct found_ring *ring; /* the one that is being read */
	bool *asked;		       /* by type index: stacks, in that ring */
	struct output output;
	bool foreign_pids; /* our /proc numbers tasks in another way than the events do */
	struct buf dmesg;
	char cmdline[LINE_MAX_BYTES], online[1024], present[1024];
	uint64_t early_stacks; /* of all CPUs: stream.h */
};

/* ---- beginning ---- */

static int look_at_target(struct dump *d, struct error *err)
{
	int rc = tree_open(&d->tree, d->options->root, err);
	struct stat st;

	if (rc < 0)
		return rc;
	d->foreign_pids = !d->tree.saved && stat("/proc/self/ns/pid", &st) == 0 &&
			  st.st_ino != INITIAL_PID_NAMESPACE;
	tree_line(&d->tree, "/proc/cmdline", d->cmdline, sizeof(d->cmdline));
	tree_line(&d->tree, "/sys/devices/system/cpu/online", d->online, sizeof(d->online));
	tree_line(&d->tree, "/sys/devices/system/cpu/present", d->present, sizeof(d->present));
	if (!d->tree.saved && !d->cmdline[0] && access("/proc/self/stat", F_OK) < 0)
		return error_set(err, ERR_UNSUPPORTED,
				 "/proc is not mounted, and without its kallsyms no address has a "
				 "name: run 'mount -t proc proc /proc' first");
	return 0;
}

/* The kernel log, NUL-terminated; empty where it cannot be had. */
static int read_dmesg(struct dump *d, struct error *err)
{
	int size = 0, n = 0;

	if (d->tree.saved) {
		if (tree_read(&d->tree, "/dmesg", 64u << 20, &d->dmesg, NULL) < 0)
			buf_clear(&d->dmesg);
	} else {
		size = klogctl(10, NULL, 0); /* SYSLOG_ACTION_SIZE_BUFFER */
		if (size > 0 && buf_reserve(&d->dmesg, (size_t)size))
			n = klogctl(3, (char *)d->dmesg.data, size); /* SYSLOG_ACTION_READ_ALL */
		d->dmesg.len = n > 0 ? (size_t)n : 0;
	}
	if (!buf_reserve(&d->dmesg, 1))
		return error_nomem(err);
	d->dmesg.data[d->dmesg.len] = '\0';
	return 0;
}

static struct boot_facts facts_of(const struct dump *d)
{
	return (struct boot_facts){
		.cmdline = d->cmdline,
		.dmesg = (const char *)d->dmesg.data,
		.cpus_online = d->online,
		.cpus_present = d->present,
		.rings = &d->rings,
		.frees_have_stacks = d->events.frees_have_stacks,
		.early_stacks = d->early_stacks,
	};
}

static int clocks_differ(const struct found_ring *a, const struct found_ring *b, struct error *err)
{
	char title[2][280];

	return error_set(
		err, ERR_USAGE,
		"%s has the trace clock '%s', %s has '%s': their times do not compare; dump "
		"them one at a time (--instance)",
		found_ring_title(a, title[0], sizeof(title[0])), a->clock,
		found_ring_title(b, title[1], sizeof(title[1])), b->clock);
}

/* Those that were named, or all that hold records of the clock that the first of them has. */
static int choose_rings(struct dump *d, struct error *err)
{
	const struct found_ring *first = NULL;
	uint16_t number = 0;
	char title[280];

	for (size_t i = 0; i < d->rings.count; i++) {
		struct found_ring *r = &d->rings.items[i];

		if (!found_ring_entries(r))
			continue;
		if (first && strcmp(first->clock, r->clock) != 0) {
			if (d->options->instance_count)
				return clocks_differ(first, r, err);
			notes_add(
				&d->report->notes, "left-alone",
				"%s was left as it is: its trace clock '%s' does not compare with '%s'; "
				"dump it by itself (--instance)",
				found_ring_title(r, title, sizeof(title)), r->clock, first->clock);
			continue;
		}
		if (number == RING_MAX)
			return error_set(
				err, ERR_UNSUPPORTED,
				"more than %d instances hold records: name some with --instance",
				RING_MAX);
		if (!first)
			first = r;
		r->chosen = true;
		r->number = number++;
		for (uint32_t c = 0; c < r->cpu_count; c++)
			r->cpus[c].before.ring = r->cpus[c].after.ring = r->number;
	}
	d->report->rings = number;
	if (!first) {
		struct boot_facts facts = facts_of(d);
		char why[400];

		return error_set(err, ERR_UNSUPPORTED, "the tracing rings hold no records: %s",
				 boot_why_empty(&facts, why, sizeof(why)));
	}
	return 0;
}

static int look_at_rings(struct dump *d, struct error *err)
{
	bool big = found_rings_big_endian(&d->rings, &d->tree);
	int rc = 0;

	d->meta.swapped = big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	for (size_t i = 0; rc == 0 && i < d->rings.count; i++)
		rc = found_ring_look(&d->rings.items[i], &d->tree, big, err);
	if (rc < 0 && d->tree.saved)
		error_prefix(err, "'%s' is not whole", d->tree.name);
	return rc < 0 ? rc : choose_rings(d, err);
}

static const struct found_ring *first_ring(const struct dump *d)
{
	for (size_t i = 0; i < d->rings.count; i++)
		if (d->rings.items[i].chosen)
			return &d->rings.items[i];
	return NULL;
}

/* One plan for all rings: they differ in nothing but the size of their sub-buffers. */
static int make_plan(struct dump *d, struct error *err)
{
	struct ring_layout layout = first_ring(d)->layout;
	struct buf b = { 0 };
	int rc;

	for (size_t i = 0; i < d->rings.count; i++)
		if (d->rings.items[i].chosen &&
		    d->rings.items[i].layout.subbuf_size > layout.subbuf_size)
			layout.subbuf_size = d->rings.items[i].layout.subbuf_size;
	d->page = malloc(layout.subbuf_size);
	d->asked = calloc(EVENT_TYPES_MAX, sizeof(*d->asked));
	rc = d->page && d->asked ? 0 : error_nomem(err);
	if (rc == 0)
		rc = event_plan_new(&d->plan, &layout, err);
	if (rc == 0)
		rc = tree_read(&d->tree, "events/ftrace/kernel_stack/format", 1u << 20, &b, err);
	if (rc == 0)
		rc = event_plan_set_stack(d->plan, (char *)b.data, b.len, err);
	if (rc == 0)
		rc = found_events_init(&d->events, &d->tree, d->plan, err);
	for (size_t i = 0; rc == 0 && i < d->rings.count; i++)
		if (d->rings.items[i].chosen)
			rc = found_events_enabled(&d->events, &d->rings.items[i], err);
	buf_release(&b);
	return rc;
}

/* ---- what is known before the events ---- */

/* The system clock that the trace clock is, if there is one: then times have a date. */
static bool system_clock(const char *clock, clockid_t *ret)
{
	static const struct {
		const char *name;
		clockid_t id;
	} clocks[] = { { "mono", CLOCK_MONOTONIC },
		       { "boot", CLOCK_BOOTTIME },
		       { "mono_raw", CLOCK_MONOTONIC_RAW },
		       { "tai", CLOCK_TAI } };

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
		if (!strcmp(clock, clocks[i].name)) {
			*ret = clocks[i].id;
			return true;
		}
	return false;
}

static void add_text(struct buf *info, const char *key, struct buf *text)
{
	if (!text->len)
		return;
	buf_u8(text, '\0');
	if (!text->oom)
		info_encode(info, key, (char *)text->data);
}

static bool is_alloc_name(const char *name)
{
	return strstr(name, "alloc") != NULL;
}

static const char *stacks_that_were_asked(struct dump *d)
{
	bool allocs = false, frees = false;

	for (size_t i = 0; i < d->plan->count; i++) {
		const struct event_type *t = &d->plan->types[i];

		if (!t->has_stack)
			continue;
		allocs |= is_alloc_name(t->name);
		frees |= !strcmp(t->system, "kmem") && strstr(t->name, "free");
	}
	d->events.frees_have_stacks = frees;
	return frees ? "all" : allocs ? "alloc" : "none";
}

static void add_facts(struct dump *d)
{
	const struct found_ring *first = first_ring(d);
	struct buf *info = &d->meta.info;
	char key[40], absent[1024];

	meta_add_machine(&d->meta);
	info_encode(info, "recorder.version", d->options->version);
	if (!d->tree.saved && !d->foreign_pids)
		info_encode_u64(info, "recorder.tgid", (uint64_t)getpid());
	info_encode(info, "recorder.backend", "dump");
	info_encode(info, "recorder.command", d->options->command_line);
	info_encode(info, "recorder.stacks", stacks_that_were_asked(d));
	if (first->ring_bytes)
		info_encode_u64(info, "recorder.ring_bytes", first->ring_bytes);
	info_encode_u64(info, "recorder.subbuf_bytes", first->layout.subbuf_size);
	info_encode_u64(info, "long_size", first->layout.long_size);
	info_encode(info, "clock", first->clock[0] ? first->clock : "unknown");
	add_text(info, "events.spec", &d->events.specs);
	add_text(info, "events.filter", &d->events.filters);
	if (boot_absent_events((char *)d->dmesg.data, absent, sizeof(absent))[0])
		info_encode(info, "events.absent", absent);
	for (size_t i = 0; i < d->rings.count; i++) {
		const struct found_ring *r = &d->rings.items[i];

		snprintf(key, sizeof(key), "ring.%u.instance", r->number);
		if (r->chosen)
			info_encode(info, key, r->name);
	}
	/* a saved tree says nothing about the wall clock of then */
	if (!d->tree.saved && system_clock(first->clock, &d->meta.clock))
		meta_add_clocks(&d->meta, "clock.start");
}

/* At the end only: the account is that of the whole life of a ring, which began with nothing. */
static int put_stats(struct dump *d, struct error *err)
{
	struct ring_stats *stats;
	size_t n = 0, count = 0;
	int rc;

	for (size_t i = 0; i < d->rings.count; i++)
		count += d->rings.items[i].chosen ? d->rings.items[i].cpu_count : 0;
	stats = calloc(count, sizeof(*stats));
	if (!stats)
		return error_nomem(err);
	for (size_t i = 0; i < d->rings.count; i++)
		for (uint32_t c = 0; d->rings.items[i].chosen && c < d->rings.items[i].cpu_count;
		     c++)
			stats[n++] = d->rings.items[i].cpus[c].after;
	rc = meta_put_stats(&d->meta, STATS_END, stats, n, err);
	free(stats);
	return rc;
}

static int put_metadata(struct dump *d, struct error *err)
{
	int rc;

	add_facts(d);
	rc = meta_put_info(&d->meta, err);
	if (rc == 0)
		rc = meta_put_types(&d->meta, d->plan, 0, err);
	if (rc == 0)
		rc = meta_put_formats(&d->meta, d->plan, err);
	if (rc == 0)
		rc = meta_put_memory_files(&d->meta, "end", err);
	if (rc == 0)
		rc = meta_put_kernel_files(&d->meta, true, err);
	if (rc == 0 && d->dmesg.len)
		rc = meta_put_bytes(&d->meta, "dmesg", "end", d->dmesg.data, d->dmesg.len, err);
	return rc;
}

/* ---- reading ---- */

static bool learn(void *arg, uint16_t id)
{
	struct dump *d = arg;
	size_t index = d->plan->count;

	if (!found_events_learn(&d->events, id, d->ring))
		return false;
	d->asked[index] = d->plan->types[index].has_stack;
	/* before the block with its first event, which is not put yet */
	return meta_put_types(&d->meta, d->plan, index, NULL) == 0 &&
	       meta_put_format(&d->meta, &d->plan->types[index], NULL) == 0;
}

/* One sub-buffer; 0 at the end. A saved file can end in the middle of one. */
static ssize_t read_page(const struct dump *d, int fd)
{
	size_t size = d->ring->layout.subbuf_size, done = 0;
	ssize_t n;

	do {
		n = read(fd, d->page + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			done += (size_t)n;
	} while (d->tree.saved && n != 0 && (n > 0 || errno == EINTR) && done < size);
	/* a CPU that could not start for lack of memory has no ring */
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENODEV)
		return -1;
	return (ssize_t)done;
}

static void note_damage(struct dump *d, struct found_cpu *c, const struct error *why)
{
	char title[280];

	if (!c->damaged_pages++)
		notes_add(
			&d->report->notes, "damaged",
			"%s: a page of records could not be read beyond its damage, and the records "
			"behind it in the page are missing: %s",
			found_ring_title(d->ring, title, sizeof(title)), why->text);
}

/*
 * Records that were overwritten lie in front of the first page, unless somebody has read that one in
 * part: then the pages themselves say where records are missing, and how many.
 */
struct gaps {
	uint64_t lost; /* overwritten, in all */
	uint64_t told;
	bool began;
};

static int tell_gap(struct gaps *g, struct row_sink *sink, const struct found_cpu *c, size_t len,
		    const uint8_t *bytes, struct error *err)
{
	const struct ring_layout *layout = &sink->stream.plan->layout;
	uint64_t lost = 0, most = g->lost - g->told;
	struct ring_page page;

	if (!g->began && !c->before.read)
		lost = most;
	else if (ring_page_open(&page, layout, bytes, len, NULL) == 0 && page.missed)
		lost = page.missed_count < most ? page.missed_count : most;
	g->began = true;
	g->told += lost;
	return row_sink_loss(sink, lost, err);
}

static int put_new_generation(struct dump *d, struct row_sink *sink, struct error *err)
{
	int rc;

	if (!emitter_wants_generation(&d->emitter) || stream_waiting(&sink->stream))
		return 0;
	rc = row_sink_put(sink, err);
	if (rc == 0)
		emitter_new_generation(&d->emitter);
	return rc;
}

static int add_page(struct dump *d, struct found_cpu *c, struct row_sink *sink, struct gaps *gaps,
		    size_t len, struct error *err)
{
	struct event_block *block = &sink->stream.block;
	struct error damage = { 0 };
	uint32_t first = block->count;
	uint64_t events = sink->stream.events;
	int rc = tell_gap(gaps, sink, c, len, d->page, err);

	if (rc < 0)
		return rc;
	first = block->count;
	rc = stream_page(&sink->stream, d->page, len, false, &damage);
	c->after.bytes += len;
	if (rc < 0 && rc != ERR_DAMAGED)
		return error_set(err, rc, "%s", damage.text);
	if (rc < 0)
		note_damage(d, c, &damage);
	if (block->count > first) {
		if (!events)
			c->first_ns = block->rows[first].time;
		c->last_ns = block->rows[block->count - 1].time;
	}
	rc = row_sink_filled(sink, err);
	return rc < 0 ? rc : put_new_generation(d, sink, err);
}

/* Reads until there is no more. */
static int drain(struct dump *d, struct found_cpu *c, int fd, struct row_sink *sink,
		 struct gaps *gaps, struct error *err)
{
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = read_page(d, fd)) != 0)
		rc = n < 0 ? error_errno(err, "cannot read the ring buffer of CPU %u", c->cpu) :
			     add_page(d, c, sink, gaps, (size_t)n, err);
	return rc;
}

/* The kernel's counts after reading. `read` becomes what was read in between. */
static int count_after(struct dump *d, struct found_cpu *c, struct error *err)
{
	struct ring_stats *after = &c->after;
	char path[FOUND_PATH];
	int fd, rc;

	found_ring_cpu_path(d->ring, c->cpu, d->tree.saved ? "stats.end" : "stats", path,
			    sizeof(path));
	fd = tree_open_file(&d->tree, path, 0, d->tree.saved ? NULL : err);
	if (fd < 0 && !d->tree.saved)
		return fd;
	if (fd < 0) { /* not counted again: then all that was there should have been saved */
		after->overrun = c->before.overrun;
		after->commit_overrun = c->before.commit_overrun;
		after->dropped = c->before.dropped;
		after->read = c->before.entries;
		return 0;
	}
	rc = ring_counts_read(fd, after, err);
	close(fd);
	after->read -= c->before.read < after->read ? c->before.read : after->read;
	return rc;
}

static int read_ring(struct dump *d, struct found_cpu *c, struct row_sink *sink, int fd,
		     struct error *err)
{
	struct gaps gaps = { .lost = c->before.overrun };
	int rc = 0;

	for (int tries = 0; rc == 0 && tries < FINAL_TRIES; tries++) {
		rc = drain(d, c, fd, sink, &gaps, err);
		if (rc == 0)
			rc = count_after(d, c, err);
		if (rc < 0 || d->tree.saved ||
		    (!c->after.entries && c->after.read == sink->stream.decoded))
			break;
		usleep(5000);
	}
	if (rc == 0) /* a full ring refuses the newest; where others were is not known */
		rc = row_sink_loss(sink, ring_stats_lost(&c->after) - gaps.told, err);
	return rc;
}

static void note_unknown(struct dump *d, const struct found_cpu *c, uint64_t unknown)
{
	char title[280], n[UNITS_TEXT];

	if (unknown)
		notes_add(&d->report->notes, "unknown-records",
			  "%s, CPU %u: %s records are of event types whose format is not there%s",
			  found_ring_title(d->ring, title, sizeof(title)), c->cpu,
			  units_count(n, unknown),
			  d->tree.saved ? ": collect-ftrace.sh -a saves all formats" : "");
}

/* Records that the kernel had and that are not in the capture: of damaged or missing pages, say. */
static uint64_t missing_records(const struct found_cpu *c, const struct stream *s)
{
	uint64_t had = c->after.read + c->after.entries, have = s->decoded - s->unknown;

	return had > have ? had - have : 0;
}

static int read_cpu(struct dump *d, struct found_cpu *c, struct error *err)
{
	struct row_sink sink;
	char path[FOUND_PATH];
	int rc = row_sink_init(&sink, c->cpu, d->ring->number, &d->emitter, &d->lost, err), fd;

	if (rc < 0)
		return rc;
	sink.stream.stacks_asked = d->asked;
	sink.stream.learn = learn;
	sink.stream.learn_arg = d;
	found_ring_cpu_path(d->ring, c->cpu, "trace_pipe_raw", path, sizeof(path));
	fd = tree_open_file(&d->tree, path, O_NONBLOCK, d->tree.saved ? NULL : err);
	if (fd >= 0)
		rc = read_ring(d, c, &sink, fd, err);
	else if (d->tree.saved) /* an empty ring is not saved */
		rc = count_after(d, c, err);
	else
		rc = fd;
	if (fd >= 0)
		close(fd);
	/* told late, they put more in doubt than need be, never less */
	c->missing = missing_records(c, &sink.stream);
	if (rc == 0)
		rc = row_sink_loss(&sink, c->missing, err);
	if (rc == 0)
		rc = row_sink_put(&sink, err);
	c->after.decoded = sink.stream.decoded;
	c->after.events = sink.stream.events;
	c->after.stacks = sink.stream.stacks;
	c->after.orphan_stacks = sink.stream.orphan_stacks;
	c->after.missing_stacks = sink.stream.missing_stacks;
	d->early_stacks += sink.stream.early_stacks;
	note_unknown(d, c, sink.stream.unknown);
	row_sink_release(&sink);
	return rc;
}

static int read_rings(struct dump *d, struct error *err)
{
	int rc = emitter_init(&d->emitter, d->output.writer, 1, d->plan, err);

	for (size_t i = 0; rc == 0 && i < d->rings.count; i++) {
		struct found_ring *r = &d->rings.items[i];

		if (!r->chosen)
			continue;
		d->ring = r;
		for (size_t k = 0; k < d->plan->count; k++)
			d->asked[k] = found_events_asked(&d->events, r, k);
		for (uint32_t c = 0; rc == 0 && c < r->cpu_count; c++)
			rc = read_cpu(d, &r->cpus[c], err);
	}
	return rc;
}

/* ---- ending ---- */

static void account_cpu(struct dump *d, const struct found_ring *r, const struct found_cpu *c)
{
	struct dump_report *report = d->report;
	const struct ring_stats *s = &c->after;
	char title[280], n[3][UNITS_TEXT];

	report->events += s->events;
	report->stacks += s->stacks;
	report->missing_stacks += s->missing_stacks;
	report->orphan_stacks += s->orphan_stacks;
	report->lost += ring_stats_lost(s) + c->missing;
	report->cpus += s->decoded != 0;
	if (s->events && (!report->last_ns || c->first_ns < report->first_ns))
		report->first_ns = c->first_ns;
	if (s->events && c->last_ns > report->last_ns)
		report->last_ns = c->last_ns;
	if (s->decoded != s->events + s->stacks + s->orphan_stacks)
		report->exact = false; /* the note about unknown records says why */
	if (s->decoded == s->read && !s->entries)
		return;
	report->exact = false;
	notes_add(
		&report->notes, "not-exact",
		"%s, CPU %u: the kernel counted %s records as read and %s as left, %s were decoded: what "
		"was saved is not all that there was",
		found_ring_title(r, title, sizeof(title)), c->cpu, units_count(n[0], s->read),
		units_count(n[1], s->entries), units_count(n[2], s->decoded));
}

static void make_account(struct dump *d)
{
	d->report->exact = true;
	for (size_t i = 0; i < d->rings.count; i++)
		for (uint32_t c = 0; d->rings.items[i].chosen && c < d->rings.items[i].cpu_count;
		     c++)
			account_cpu(d, &d->rings.items[i], &d->rings.items[i].cpus[c]);
}

/* Times count from the start of the kernel when the kernel began the tracing, else from the first event. */
static void add_times(struct dump *d)
{
	const struct found_ring *first = first_ring(d);
	uint64_t start = d->report->first_ns;

	for (size_t i = 0; i < d->rings.count; i++)
		if (d->rings.items[i].chosen && boot_clock_is_uptime(first->clock) &&
		    boot_started_ring(d->cmdline, &d->rings.items[i]))
			start = 0;
	info_encode_u64(&d->meta.info, "time.start_ns", start);
	info_encode_u64(&d->meta.info, "time.end_ns", d->report->last_ns);
	info_encode(&d->meta.info, "end.reason", "dump");
}

/* Some lines have the address 0 everywhere; where all have, the kernel hides them. */
static bool shows_addresses(const char *kallsyms)
{
	while (*kallsyms) {
		if (kallsyms[strspn(kallsyms, "0")] != ' ')
			return true;
		kallsyms += strcspn(kallsyms, "\n");
		kallsyms += *kallsyms == '\n';
	}
	return false;
}

static void note_symbols(struct dump *d)
{
	struct buf b = { 0 };

	if (tree_read(&d->tree, "/proc/kallsyms", 256u << 20, &b, NULL) < 0 || !b.len)
		notes_add(&d->report->notes, "no-symbols",
			  "/proc/kallsyms is not there: addresses have no names");
	else if (!shows_addresses((char *)b.data))
		notes_add(
			&d->report->notes, "no-symbols",
			"/proc/kallsyms hides all addresses (kernel.kptr_restrict, or not read by root): "
			"they have no names");
	buf_release(&b);
}

static int put_end(struct dump *d, struct error *err)
{
	struct boot_facts facts = facts_of(d);
	int rc;

	boot_notes_find(&d->report->notes, &facts);
	note_symbols(d);
	if (buf_lacked_memory())
		notes_add(&d->report->notes, "memory-short",
			  "memory ran out while this was saved: what could not be read is missing");
	notes_encode(&d->report->notes, &d->meta.info);
	add_times(d);
	rc = d->foreign_pids ? 0 : meta_put_tasks(&d->meta, d->report->last_ns, err);
	if (rc == 0)
		rc = meta_put_traced_tasks(&d->meta, d->report->last_ns, err);
	if (rc == 0)
		rc = put_stats(d, err);
	if (rc == 0)
		rc = meta_put_info(&d->meta, err);
	if (rc == 0)
		rc = capture_writer_end(d->output.writer, d->report->lost, err);
	d->report->complete = rc == 0;
	return rc;
}

/* ---- */

static void dump_release(struct dump *d)
{
	emitter_release(&d->emitter);
	found_events_release(&d->events);
	event_plan_free(d->plan);
	meta_release(&d->meta);
	free(d->page);
	free(d->asked);
	buf_release(&d->dmesg);
	output_release(&d->output, d->report->started);
	found_rings_release(&d->rings);
	tree_close(&d->tree);
}

/* With tracing stopped: nobody must end us before it goes on again. */
static int save(struct dump *d, struct error *err)
{
	const struct output_options out = { .path = d->options->output,
					    .force = d->options->force };
	int rc = read_dmesg(d, err);

	if (rc == 0)
		rc = look_at_rings(d, err);
	if (rc == 0)
		rc = make_plan(d, err);
	if (rc == 0)
		rc = output_open(&d->output, &out, err);
	if (rc < 0)
		return rc;
	d->meta.writer = d->output.writer;
	rc = put_metadata(d, err);
	if (rc < 0)
		return rc;
	d->report->started = true;
	rc = read_rings(d, err);
	make_account(d);
	if (rc == 0)
		rc = put_end(d, err);
	else
		put_end(d, NULL); /* if it can still be written, it says what it holds */
	d->report->bytes = capture_writer_bytes(d->output.writer);
	return rc;
}

int dump_run(const struct dump_options *options, struct dump_report *report, struct error *err)
{
	struct dump d = { .options = options, .report = report, .output = OUTPUT_NONE };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_pipe;
	sigset_t mask, old_mask;
	int rc;

	*report = (struct dump_report){ 0 };
	d.tree = (struct tree){ .root = -1, .tracing = -1 };
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, &old_mask);
	sigaction(SIGPIPE, &ignore, &old_pipe);
	rc = look_at_target(&d, err);
	meta_init(&d.meta, NULL, d.tree, "end");
	if (rc == 0)
		rc = found_rings_list(&d.rings, &d.tree, options->instances,
				      options->instance_count, err);
	if (rc == 0)
		rc = found_rings_freeze(&d.rings, &d.tree, err);
	if (rc == 0)
		rc = save(&d, err);
	if (!options->leave_stopped || !report->started)
		found_rings_thaw(&d.rings, &d.tree);
	dump_release(&d);
	/* some files may be missing: what could not be read for lack of memory looks as if it were not there */
	if (buf_lacked_memory()) {
		if (err)
			error_clear(err);
		rc = error_nomem(err);
	}
	sigaction(SIGPIPE, &old_pipe, NULL);
	sigprocmask(SIG_SETMASK, &old_mask, NULL);
	return rc;
}

void dump_report_release(struct dump_report *report)
{
	notes_release(&report->notes);
	*report = (struct dump_report){ 0 };
}
