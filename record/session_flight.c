#include "record/session_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "format/base/units.h"

static uint64_t overwritten(const struct session_report *r)
{
	uint64_t records = 0;

	for (size_t i = 0; i < r->ring_count; i++)
		records += r->rings[i].overwritten;
	return records;
}

/*
 * The rings are frozen: everything that is in them, into the open output. end_ns 0: a trigger stopped
 * them, at the last event.
 */
static int put_flight(struct session *s, uint64_t end_ns, struct error *err)
{
	struct session_report *r = s->report;
	int rc;

	meta_init(&s->meta, s->output.writer, tree_live(s->top), "start");
	info_encode(&s->meta.info, "recorder.mode", "flight");
	rc = session_put_metadata(s, err);
	if (rc == 0 && !s->foreign_pids)
		rc = meta_put_tasks(&s->meta, end_ns ? end_ns : session_now_ns(), err);
	if (rc == 0)
		rc = meta_put_memory_files(&s->meta, "end", err);
	if (rc == 0)
		rc = s->backend->ops->arm(s->backend, s->output.writer, err);
	if (rc == 0)
		rc = s->backend->ops->drain(s->backend, err);
	free(r->rings);
	r->rings = NULL;
	r->lost = 0;
	if (rc == 0)
		rc = session_account(s, err);
	if (rc < 0)
		return rc;
	if (!end_ns) {
		end_ns = capture_writer_last_time(s->output.writer);
		rc = meta_put_mark(&s->meta, MARK_NAMED, end_ns, s->options->trigger, err);
	}
	if (!overwritten(r))
		info_encode_u64(&s->meta.info, "time.start_ns", s->start_ns);
	if (rc == 0)
		rc = steer_put_held(&s->steer, err);
	return rc < 0 ? rc : session_put_end(s, end_ns, err);
}

/* One capture of a flight recorder under a name of its own; the rings stay frozen. */
int session_flight_write(struct session *s, uint64_t end_ns, struct error *err)
{
	struct session_report *r = s->report;
	const struct output_options out = { .path = r->output, .force = s->options->force };
	int rc;

	s->captures++;
	flight_name(r->output, sizeof(r->output), s->options->output, &s->captures,
		    s->options->force);
	rc = output_open(&s->output, &out, err);
	if (rc < 0)
		return rc;
	rc = put_flight(s, end_ns, err);
	r->events = capture_writer_events(s->output.writer);
	r->bytes = capture_writer_bytes(s->output.writer);
	r->captures += rc == 0;
	r->any_lost |= rc < 0 || r->lost || !r->exact;
	meta_release(&s->meta);
	output_release(&s->output, true);
	return rc;
}

/* Writes what there is, and flies on with empty rings. */
static int dump_flight(struct session *s, const char *reason, uint64_t end_ns, struct error *err)
{
	struct session_report *r = s->report;
	char text[CONTROL_ANSWER_MAX], events[UNITS_TEXT];
	int rc;

	snprintf(r->end_reason, sizeof(r->end_reason), "%s", reason);
	rc = session_flight_write(s, end_ns, err);
	if (rc == 0)
		snprintf(text, sizeof(text), "%s: wrote %.400s, %s events", reason, r->output,
			 units_count(events, r->events));
	else
		snprintf(text, sizeof(text), "%s", err ? err->text : "it failed");
	steer_dumped(&s->steer, rc == 0, text);
	if (rc == 0)
		session_note(s, text);
	s->want_dump = false;
	if (rc == 0)
		rc = s->backend->ops->arm(s->backend, NULL, err);
	s->start_ns = session_now_ns();
	if (rc == 0 && !s->steer.paused)
		rc = s->backend->ops->go(s->backend, err);
	return rc;
}

bool session_flight_triggered(const struct session *s)
{
	return s->options->trigger && !s->steer.paused && !s->backend->ops->is_on(s->backend);
}

/* Has a trigger stopped the rings, or has somebody asked for what is in them? */
int session_flight_look(struct session *s, struct error *err)
{
	int rc;

	if (session_flight_triggered(s))
		return dump_flight(s, "trigger", 0, err);
	if (!s->want_dump && !s->steer.dump)
		return 0;
	rc = s->backend->ops->stop(s->backend, err);
	return rc < 0 ? rc : dump_flight(s, "dump", session_now_ns(), err);
}
