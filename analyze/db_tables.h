/*
 * db_tables.h - the small tables of a database, written after the replay: what rows refer to, the
 * summaries, and the facts about the capture.
 *
 *	struct db_facts facts = { .model = &model, .scan = &scan, .replay = &replay, ... };
 *
 *	db_tables_write(writer, &facts, &err);
 */
#ifndef KMEM_ANALYZE_DB_TABLES_H
#define KMEM_ANALYZE_DB_TABLES_H

#include "analyze/capture_model.h"
#include "analyze/db_write.h"
#include "analyze/modules.h"
#include "analyze/replay.h"
#include "analyze/symbols.h"
#include "analyze/user_frames.h"

struct db_facts {
	const struct capture_model *model;
	const struct capture_scan *scan;
	const struct replay *replay;
	const struct symbols *symbols;
	const struct user_frames *users;
	const struct modules *modules;
	size_t maps_refused;
	struct capture_identity identity;
	uint64_t created_ns; /* wall clock */
	bool only_seen;	     /* event types without events are left out */
	uint32_t unknown;    /* blocks and sections of unknown kinds */
};

/* Records lost in all loss intervals. */
uint64_t db_facts_lost(const struct db_facts *f);

int db_tables_write(struct db_writer *w, const struct db_facts *f, struct error *err);

#endif
