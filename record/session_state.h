/*
 * session_state.h - what the files session*.c share; nobody else includes it.
 *
 * session.c		the order of things: beginning, waiting, ending
 * session_account.c	what the capture says about the session: request, account, end
 * session_flight.c	the captures of a flight recorder
 */
#ifndef KMEM_RECORD_SESSION_STATE_H
#define KMEM_RECORD_SESSION_STATE_H

#include <signal.h>

#include "record/backend.h"
#include "record/command.h"
#include "record/flight.h"
#include "record/meta.h"
#include "record/modules.h"
#include "record/output.h"
#include "record/segments.h"
#include "record/session.h"
#include "record/steer.h"

struct session {
	const struct session_options *options;
	const struct session_ui *ui;
	struct session_report *report;
	int top, signal_fd;
	struct output output;
	struct segments segments;
	sigset_t old_mask;
	struct sigaction old_pipe;
	struct event_list events;
	struct command command;
	struct placement placement;
	struct selection selection;
	struct meta meta;
	struct module_watch modules;
	struct backend *backend;
	struct steer steer;
	struct flight_trigger trigger;
	unsigned int captures; /* of a flight recorder: written so far */
	bool want_dump;
	uint64_t start_ns;
	bool foreign_pids; /* our /proc numbers tasks in another way than the events do */
};

uint64_t session_now_ns(void);
void session_note(const struct session *s, const char *text);

/* Modules that have come since the last look, into the capture. */
int session_look_at_modules(struct session *s, bool last, struct error *err);

/*
 * All that an analysis elsewhere needs, before the first event: a capture that is cut off has it,
 * too.
 */
int session_put_metadata(struct session *s, struct error *err);

/* The rings are drained: fills the report with what they took in. */
int session_account(struct session *s, struct error *err);

/* Statistics, the end, and the END block. */
int session_put_end(struct session *s, uint64_t end_ns, struct error *err);

/* Whether a trigger has stopped the rings. */
bool session_flight_triggered(const struct session *s);

/* If a trigger has stopped the rings, or somebody asks for what is in them: writes it, and flies on. */
int session_flight_look(struct session *s, struct error *err);

/*
 * One capture under a name of its own; the rings are frozen, and stay so. end_ns 0: a trigger
 * stopped them, at the last event.
 */
int session_flight_write(struct session *s, uint64_t end_ns, struct error *err);

#endif
