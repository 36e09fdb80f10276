#include "record/session_state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "record/symbols.h"

/* ---- before the events ---- */

static void add_request(struct session *s)
{
	static const char *const stacks[] = { "alloc", "all", "none" };
	struct buf *info = &s->meta.info;
	struct buf text = { 0 };

	info_encode(info, "recorder.version", s->options->version);
	if (!s->foreign_pids)
		info_encode_u64(info, "recorder.tgid", (uint64_t)getpid());
	info_encode(info, "recorder.backend", s->backend->ops->name);
	info_encode(info, "recorder.command", s->options->command_line);
	info_encode(info, "recorder.stacks", stacks[s->options->stacks]);
	if (s->options->survivors_ns)
		info_encode_u64(info, "recorder.survivors_ns", s->options->survivors_ns);
	info_encode(info, "events.spec", (char *)s->events.specs.data);
	event_list_filters(&s->events, &text);
	if (text.len > 1)
		info_encode(info, "events.filter", (char *)text.data);
	buf_clear(&text);
	event_list_max_stacks(&s->events, &text);
	if (text.len > 1)
		info_encode(info, "events.max_stack", (char *)text.data);
	buf_clear(&text);
	selection_describe(&s->selection, info);
	if (s->events.absent.len > 1)
		info_encode(info, "events.absent", (char *)s->events.absent.data);
	if (s->options->command) {
		for (char **arg = s->options->command; *arg; arg++) {
			buf_bytes(&text, " ", arg != s->options->command);
			buf_bytes(&text, *arg, strlen(*arg));
		}
		buf_u8(&text, '\0');
		if (!text.oom)
			info_encode(info, "command", (char *)text.data);
		info_encode_u64(info, "command.pid", (uint64_t)s->command.pid);
	}
	buf_release(&text);
}

int session_put_metadata(struct session *s, struct error *err)
{
	int rc;

	meta_add_machine(&s->meta);
	add_request(s);
	meta_add_clocks(&s->meta, "clock.start");
	rc = s->backend->ops->describe(s->backend, &s->meta, err);
	if (rc == 0)
		rc = meta_put_info(&s->meta, err);
	if (rc == 0)
		rc = meta_put_kernel_files(&s->meta, !s->options->symbols_used, err);
	return rc;
}

/* ---- after them ---- */

static void problem(struct session_report *r, const char *fmt, uint32_t cpu, uint64_t a, uint64_t b)
{
	if (r->exact)
		snprintf(r->problem, sizeof(r->problem), fmt, cpu, a, b);
	r->exact = false;
}

int session_account(struct session *s, struct error *err)
{
	struct session_report *r = s->report;
	int rc = s->backend->ops->stats(s->backend, &r->rings, &r->ring_count, err);

	if (rc < 0)
		return rc;
	r->exact = true;
	r->backend = s->backend->ops->name;
	r->folds = s->backend->ops->folded && s->backend->ops->folded(s->backend, &r->folded);
	r->samples = s->backend->ops->sampled && s->backend->ops->sampled(s->backend, &r->sampled);
	for (size_t i = 0; i < r->ring_count; i++) {
		struct ring_stats *c = &r->rings[i];

		r->lost += ring_stats_lost(c);
		if (c->decoded != c->read)
			problem(r,
				"CPU %u: the kernel handed out %" PRIu64 " records, %" PRIu64
				" were decoded",
				c->cpu, c->read, c->decoded);
		if (c->entries)
			problem(r,
				"CPU %u: %" PRIu64 " records were left in the ring (read: %" PRIu64
				")",
				c->cpu, c->entries, c->read);
		if (c->decoded != c->events + c->stacks + c->orphan_stacks)
			problem(r,
				"CPU %u: of %" PRIu64 " records only %" PRIu64
				" are of a type that was asked for",
				c->cpu, c->decoded, c->events + c->stacks + c->orphan_stacks);
	}
	return 0;
}

static int put_symbols(struct session *s, struct error *err)
{
	struct buf all = { 0 }, used = { 0 };
	struct intern addresses = { 0 };
	int rc;

	rc = s->backend->ops->addresses(s->backend, &addresses, err);
	if (rc == 0 && file_slurp(AT_FDCWD, "/proc/kallsyms", 256u << 20, &all, NULL) == 0)
		rc = symbols_used(&used, (char *)all.data, all.len, &addresses, err);
	if (rc == 0 && used.len)
		rc = meta_put_bytes(&s->meta, "/proc/kallsyms.used", "end", used.data, used.len,
				    err);
	intern_release(&addresses);
	buf_release(&all);
	buf_release(&used);
	return rc;
}

/* What became of --survivors, into meta->info. */
static void add_folded(struct session *s)
{
	const struct folding_report *f = &s->report->folded;
	struct buf *info = &s->meta.info;

	if (!s->report->folds)
		return;
	info_encode_u64(info, "folded.pairs", f->counts.pairs);
	info_encode_u64(info, "folded.reused", f->counts.reused);
	info_encode_u64(info, "folded.null_frees", f->counts.null_frees);
	info_encode_u64(info, "folded.early", f->counts.early);
	info_encode_u64(info, "folded.late", f->counts.late);
	if (f->stopped_ns)
		info_encode_u64(info, "folded.stopped_ns", f->stopped_ns);
}

int session_put_end(struct session *s, uint64_t end_ns, struct error *err)
{
	struct session_report *r = s->report;
	int rc = 0;

	if (s->options->symbols_used)
		rc = put_symbols(s, err);
	/* modules that came while we recorded */
	if (rc == 0)
		rc = session_look_at_modules(s, true, err);
	if (rc == 0)
		rc = meta_put_file(&s->meta, "/proc/modules", "end", err);
	if (rc == 0)
		rc = meta_put_stats(&s->meta, STATS_END, r->rings, r->ring_count, err);
	if (s->backend->ops->conclude) {
		s->backend->ops->conclude(s->backend, &s->meta, r->problem, sizeof(r->problem));
		r->exact = !r->problem[0];
	}
	if (!r->exact && r->problem[0]) {
		char text[sizeof(r->problem) + 16];

		snprintf(text, sizeof(text), "not-exact: %s", r->problem);
		info_encode(&s->meta.info, "warning.1", text);
	}
	meta_add_clocks(&s->meta, "clock.end");
	info_encode_u64(&s->meta.info, "time.end_ns", end_ns);
	info_encode(&s->meta.info, "end.reason", r->end_reason);
	add_folded(s);
	if (r->samples)
		info_encode_u64(&s->meta.info, "events.stack_sample_lost", r->sampled.lost);
	if (s->command.pid && command_ended(&s->command))
		info_encode(&s->meta.info, "command.status", s->command.status);
	if (rc == 0)
		rc = meta_put_info(&s->meta, err);
	if (rc == 0)
		rc = capture_writer_end(s->output.writer, r->lost - s->segments.lost_before, err);
	r->complete = rc == 0;
	return rc;
}
