/*
 * process.h - the PROCESS record of a capture: what became of processes and their address spaces,
 * so that a user-space address can be named later and elsewhere. Encode and decode stand side by
 * side in process.c; FORMAT.md describes the bytes.
 *
 * A block holds the records of one source (the side band of one CPU's ring, or a walk over /proc)
 * in their order there; a reader orders the records of all blocks by time. Files (path and
 * build-id) are written once per block.
 *
 *	struct process_encoder e = { 0 };
 *
 *	process_encode(&e, &(struct process_record){ .kind = PROCESS_MAP, .time = now, .tgid = 7, ... });
 *	if (process_encoder_full(&e)) {		// and at the end, if e.count
 *		header = process_block_header(&e, writer, cpu);
 *		block_body_add(&body, SECTION_RECORDS, 0, 0, e.bytes.data, e.bytes.len);
 *		capture_writer_put(w, &header, &body, &err);
 *		process_encoder_clear(&e);
 *	}
 *	process_encoder_release(&e);		// e.bytes.oom: there was no memory
 */
#ifndef KMEM_FORMAT_PROCESS_H
#define KMEM_FORMAT_PROCESS_H

#include "format/base/buf.h"
#include "format/base/error.h"
#include "format/capture.h"
#include "format/records.h"

#define BUILD_ID_MAX	    64 /* bytes; 20 are usual */
#define PROCESS_FILES_MAX   3072
#define PROCESS_BLOCK_BYTES (256u << 10)

enum process_kind {
	PROCESS_MAP = 1,  /* executable memory was mapped, or found mapped (snapshot) */
	PROCESS_COMM = 2, /* a thread took a name; is_exec: its process began a new program */
	PROCESS_FORK =
		3, /* a thread began: with the tgid of its parent, or as a process of its own */
	PROCESS_EXIT = 4, /* a thread ended */
	PROCESS_FILE = 5, /* in the file only: numbers a path and build-id for the maps behind it */
};

#define PROCESS_SNAPSHOT 1 /* MAP: from /proc: it was so by then, and for how long is not known */
#define PROCESS_EXEC	 2 /* COMM: by exec */

/* Members that a kind does not name below are 0. Strings live as long as the section. */
struct process_record {
	uint8_t kind;  /* enum process_kind, never PROCESS_FILE */
	uint8_t flags; /* PROCESS_SNAPSHOT, PROCESS_EXEC */
	uint64_t time; /* trace clock, ns */
	int32_t pid, tgid;
	int32_t parent_pid, parent_tgid; /* FORK */
	uint64_t start, length;		 /* MAP: addresses, bytes */
	uint64_t offset;		 /* MAP: of start in the file, bytes */
	uint32_t prot, map_flags;	 /* MAP: PROT_*, MAP_* of the target; 0 unknown */
	struct text name;		 /* MAP: path, or "[heap]", "//anon"...; COMM: the name */
	struct text build_id;		 /* MAP: at most BUILD_ID_MAX bytes; empty: unknown */
};

struct process_encoder {
	struct buf bytes;
	uint32_t count;
	uint64_t first_time, last_time; /* of the first record; the latest of all */
	/* from here on its own */
	uint64_t time;	   /* of the record before */
	struct buf record; /* the one in the making */
	struct process_file *files;
	uint32_t file_count;
};

void process_encode(struct process_encoder *e, const struct process_record *record);
bool process_encoder_full(const struct process_encoder *e); /* time to put a block */
struct block_header process_block_header(const struct process_encoder *e, uint16_t writer,
					 int32_t cpu);
void process_encoder_clear(struct process_encoder *e); /* ready for the next block */
void process_encoder_release(struct process_encoder *e);

/*
 * first_time: of the block's header. Records of unknown kinds are stepped over. The record lives
 * until the callback returns, its strings as long as data.
 */
int process_decode(const void *data, size_t len, uint64_t first_time,
		   int (*record)(void *arg, const struct process_record *record), void *arg,
		   struct error *err);

#endif
