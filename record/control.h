/*
 * control.h - how a running recorder is steered: an abstract unix socket @kmem-record.PID, which
 * leaves nothing in the file system, and one request and one answer per connection.
 *
 * Only root and the user whom the recorder runs as are heard. Nothing here waits: the recorder's
 * poll loop serves requests as they come, one at a time.
 *
 *	control_new(&c, &err);
 *	poll(control_fd(c), ...)			// readable: there may be requests
 *	while (control_next(c, &request))
 *		control_answer(c, &request, true, "paused");
 *	control_free(c);				// whoever has no answer gets none
 *
 * The other side (kmem-record ctl):
 *
 *	control_ask(pid, CONTROL_MARK, "before", text, sizeof(text), &err);	// 0: done, text is the answer
 */
#ifndef KMEM_RECORD_CONTROL_H
#define KMEM_RECORD_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "format/base/error.h"

#define CONTROL_TEXT_MAX   200 /* bytes of a request's text */
#define CONTROL_ANSWER_MAX 600

enum control_verb { CONTROL_PAUSE, CONTROL_RESUME, CONTROL_MARK, CONTROL_DUMP, CONTROL_STOP };

struct control_request {
	enum control_verb verb;
	char text[CONTROL_TEXT_MAX + 1]; /* CONTROL_MARK: any bytes, one at least */
	int client;
};

struct control;

int control_new(struct control **ret, struct error *err);
void control_free(struct control *c);
int control_fd(const struct control *c);

/* False: nothing more waits. A request may be answered later. */
bool control_next(struct control *c, struct control_request *ret);
void control_answer(struct control *c, const struct control_request *request, bool done,
		    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The verb of that name; false: there is none. */
bool control_verb(const char *name, enum control_verb *ret);

/*
 * Asks a recorder and waits for its answer. ERR_USAGE: it refused, and the error says why; ERR_IO:
 * there is no such recorder, it may not be asked, or it ended without an answer.
 */
int control_ask(pid_t pid, enum control_verb verb, const char *text, char *answer, size_t room,
		struct error *err);

/* Process ids of recorders that can be asked, at most `room`; returns how many there are. */
size_t control_list(pid_t *ret, size_t room);

#endif
