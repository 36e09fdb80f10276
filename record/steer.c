#include "record/steer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "format/base/units.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#define HELD_MAX 4096

struct held_mark {
	enum mark_kind kind;
	uint64_t time;
	char text[CONTROL_TEXT_MAX + 1];
};

static int put(struct steer *s, enum mark_kind kind, uint64_t time, const char *text,
	       struct error *err)
{
	struct held_mark *m;

	if (!s->can_dump)
		return meta_put_mark(s->meta, kind, time, text, err);
	if (!s->held)
		s->held = calloc(HELD_MAX, sizeof(*s->held));
	if (!s->held)
		return error_nomem(err);
	/* the oldest are most likely from before what the rings still hold */
	if (s->held_count == HELD_MAX)
		memmove(s->held, s->held + 1, --s->held_count * sizeof(*s->held));
	m = &s->held[s->held_count++];
	m->kind = kind;
	m->time = time;
	snprintf(m->text, sizeof(m->text), "%s", text);
	return 0;
}

int steer_put_held(struct steer *s, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->held_count; i++)
		rc = meta_put_mark(s->meta, s->held[i].kind, s->held[i].time, s->held[i].text, err);
	s->held_count = 0;
	return s->paused && rc == 0 ? put(s, MARK_PAUSE, s->paused_ns, "", err) : rc;
}

int steer_open(struct steer *s, struct backend *backend, struct meta *meta, struct error *err)
{
	s->backend = backend;
	s->meta = meta;
	return control_new(&s->control, err);
}

int steer_fd(const struct steer *s)
{
	return s->control ? control_fd(s->control) : -1;
}

/* The recorded pause is never shorter than the real one: its times are read outside of it. */
static int pause_recording(struct steer *s, const struct control_request *r, struct error *err)
{
	uint64_t now = now_ns();
	int rc;

	if (s->paused) {
		control_answer(s->control, r, false, "it is paused already");
		return 0;
	}
	rc = s->backend->ops->stop(s->backend, err);
	if (rc == 0)
		rc = put(s, MARK_PAUSE, now, "", err);
	if (rc < 0)
		return rc;
	s->paused = true;
	s->paused_ns = now;
	control_answer(s->control, r, true, "paused");
	return 0;
}

static int resume_recording(struct steer *s, const struct control_request *r, struct error *err)
{
	char text[UNITS_TEXT];
	uint64_t now;
	int rc;

	if (!s->paused) {
		control_answer(s->control, r, false, "it is not paused");
		return 0;
	}
	rc = s->backend->ops->go(s->backend, err);
	now = now_ns();
	if (rc == 0)
		rc = put(s, MARK_RESUME, now, "", err);
	if (rc < 0)
		return rc;
	s->paused = false;
	control_answer(s->control, r, true, "resumed after %s",
		       units_duration(text, now - s->paused_ns));
	return 0;
}

int steer_mark(struct steer *s, const char *text, struct error *err)
{
	return put(s, MARK_NAMED, now_ns(), text, err);
}

static int put_mark(struct steer *s, const struct control_request *r, struct error *err)
{
	int rc = steer_mark(s, r->text, err);

	if (rc == 0)
		control_answer(s->control, r, true, "marked '%s'", r->text);
	return rc;
}

static void ask_for_dump(struct steer *s, const struct control_request *r)
{
	if (!s->can_dump) {
		control_answer(
			s->control, r, false,
			"this recorder writes as it goes; a dump needs one with --overwrite");
	} else if (s->dump) {
		control_answer(s->control, r, false, "a dump has been asked for already");
	} else {
		s->dump = true;
		s->dump_request = *r;
	}
}

static void ask_for_end(struct steer *s, const struct control_request *r)
{
	if (s->stop) {
		control_answer(s->control, r, false, "it is stopping already");
		return;
	}
	s->stop = true;
	s->stop_request = *r;
}

int steer_serve(struct steer *s, struct error *err)
{
	struct control_request r;
	int rc = 0;

	while (rc == 0 && s->control && control_next(s->control, &r)) {
		switch (r.verb) {
		case CONTROL_PAUSE: rc = pause_recording(s, &r, err); break;
		case CONTROL_RESUME: rc = resume_recording(s, &r, err); break;
		case CONTROL_MARK: rc = put_mark(s, &r, err); break;
		case CONTROL_DUMP: ask_for_dump(s, &r); break;
		case CONTROL_STOP: ask_for_end(s, &r); break;
		}
	}
	return rc;
}

void steer_dumped(struct steer *s, bool done, const char *text)
{
	if (s->dump)
		control_answer(s->control, &s->dump_request, done, "%s", text);
	s->dump = false;
}

void steer_close(struct steer *s, bool done, const char *text)
{
	if (s->stop)
		control_answer(s->control, &s->stop_request, done, "%s", text);
	control_free(s->control);
	s->control = NULL;
	free(s->held);
	s->held = NULL;
	s->stop = false;
}
