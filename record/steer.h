/*
 * steer.h - what requests (control.h) do to a session: marks and pauses are done here and written
 * into the capture; stopping and dumping are left to the session, which sees flags.
 *
 *	steer_open(&s, backend, &meta, &err);		// a failure leaves a session that cannot be steered
 *	fds[i].fd = steer_fd(&s);			// -1 then
 *	steer_serve(&s, &err);				// whatever waits
 *	if (s.stop) ...
 *	steer_close(&s, true, "stopped; cap.kmem");	// the answer to whoever asked for the end
 */
#ifndef KMEM_RECORD_STEER_H
#define KMEM_RECORD_STEER_H

#include "record/backend.h"
#include "record/control.h"
#include "record/meta.h"

struct steer {
	struct backend *backend;
	struct meta *meta;
	struct control *control; /* NULL: not reachable */
	bool can_dump;		 /* a flight recorder: marks are held until there is a capture */
	struct held_mark *held;
	size_t held_count;
	bool paused;
	uint64_t paused_ns; /* trace clock when the pause began */
	bool stop, dump;    /* asked for */
	struct control_request stop_request, dump_request;
};

int steer_open(struct steer *s, struct backend *backend, struct meta *meta, struct error *err);
int steer_fd(const struct steer *s);

/* The first failure to write the capture or to switch the rings; refusals go to who asked. */
int steer_serve(struct steer *s, struct error *err);

int steer_mark(struct steer *s, const char *text, struct error *err);

/*
 * Of a flight recorder: the marks and pauses since the last capture, into this one. A pause that
 * goes on is told to the next one, too.
 */
int steer_put_held(struct steer *s, struct error *err);

/* Answers the request to dump, if it was one. */
void steer_dumped(struct steer *s, bool done, const char *text);
void steer_close(struct steer *s, bool done, const char *text);

#endif
