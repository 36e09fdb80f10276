/*
 * reader.h - finds the blocks of a capture and hands out their checked, decompressed sections.
 *
 * Input is hostile until checked: every length is bounded before it is used, damage is described
 * and stepped over, memory is bounded by the limits in capture.h.
 *
 *	struct capture_reader *r;
 *	struct capture_scan scan;
 *	struct block block = { 0 };
 *
 *	capture_reader_open(&r, "cap.kmem", &err);
 *	capture_reader_scan(r, &scan, NULL, NULL, &err);	// all block headers, damage, clean end or not
 *	for (i = 0; i < scan.count; i++)
 *		if (capture_reader_load(r, &scan, i, &block, &err) == 0)
 *			use(block.sections, block.section_count);
 *	block_release(&block);
 *	capture_scan_release(&scan);
 *	capture_reader_free(r);
 *
 * The file must be seekable. The reader never writes and holds no state between loads: several
 * threads may load at once, each with its own struct block.
 */
#ifndef KMEM_FORMAT_READER_H
#define KMEM_FORMAT_READER_H

#include "format/base/buf.h"
#include "format/base/error.h"
#include "format/capture.h"

struct capture_reader;

/*
 * What makes this capture this one: a database belongs to its capture by these, never by a file
 * time.
 */
struct capture_identity {
	uint8_t uuid[CAPTURE_UUID_LEN];
	uint64_t length;   /* bytes */
	uint32_t tail_crc; /* of the last 4096 bytes, or of all if there are fewer */
};

enum damage_kind {
	DAMAGE_CUT = 1, /* the file ends inside a block, or without an END block (length 0) */
	DAMAGE_BYTES,	/* bytes that are no intact block */
	DAMAGE_MISSING, /* sequence numbers jump: `count` blocks of a writer are not there */
	DAMAGE_BODY, /* a block whose header is good and whose body is not (found by loading it) */
};

struct capture_damage {
	enum damage_kind kind;
	uint64_t offset, length; /* bytes of the file concerned */
	uint64_t count;		 /* DAMAGE_MISSING */
	uint16_t writer;	 /* DAMAGE_MISSING */
	uint32_t file;		 /* as in struct block_header */
	char text[160];		 /* one sentence */
};

struct capture_scan {
	struct block_header *blocks; /* intact headers, in file order */
	uint32_t *header_len;	     /* of each */
	size_t count;
	struct capture_damage *damage;
	size_t damage_count;
	bool clean_end;	 /* the last block is an END block */
	uint64_t length; /* of the file when it was scanned */
};

/* One loaded block; reuse it for many. Sections point into it. */
struct block {
	struct section *sections;
	size_t section_count, section_cap;
	uint8_t *stored, *raw;
	size_t stored_cap, raw_cap;
	struct ZSTD_DCtx_s *zstd;
	struct buf joined;	   /* the record of a FILE whose lines were split */
	uint32_t unknown_sections; /* stepped over in the block loaded last */
};

/* Checks that path is a capture of a version we know. On success *ret is the caller's to free. */
int capture_reader_open(struct capture_reader **ret, const char *path, struct error *err);
void capture_reader_free(struct capture_reader *r);

/* The file may unpack to any size: memory is what bounds it then. */
void capture_reader_trust(struct capture_reader *r);

const char *capture_reader_path(const struct capture_reader *r);
uint64_t capture_reader_created_ns(const struct capture_reader *r); /* wall clock */
/*
 * How many compatible features the file uses that this version does not know: worth a note, no
 * more.
 */
unsigned int capture_reader_ignored_features(const struct capture_reader *r);
/* Times may be counted in steps of the clock (events.h). */
bool capture_reader_clock_steps(const struct capture_reader *r);
int capture_reader_identity(const struct capture_reader *r, struct capture_identity *ret,
			    struct error *err);

/*
 * Reads all block headers; bodies are not touched. Damage is not a failure: it is listed. Fails on
 * I/O errors and out of memory, and with ERR_DAMAGED for a file that is not trusted and would unpack to far more
 * than its size (CAPTURE_RAW_TIMES, CAPTURE_EVENTS_TIMES). progress (may be NULL) is called now and then with bytes done and
 * in all.
 */
int capture_reader_scan(const struct capture_reader *r, struct capture_scan *ret,
			void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg,
			struct error *err);
void capture_scan_release(struct capture_scan *scan);

/* Records one more piece of damage (ERR_NOMEM aside it cannot fail). */
int capture_scan_add_damage(struct capture_scan *scan, const struct capture_damage *damage);

/*
 * Loads block i of the scan: checks the body's checksum, decompresses its sections. ERR_DAMAGED
 * with a text that names block and offset when it is not what its header says.
 */
int capture_reader_load(const struct capture_reader *r, const struct capture_scan *scan, size_t i,
			struct block *ret, struct error *err);
void block_release(struct block *block);

/*
 * Loads the first block alone, without a scan of the file. ERR_TRUNCATED or ERR_DAMAGED when it is not
 * there or not intact.
 */
int capture_reader_first(const struct capture_reader *r, struct block_header *ret_header,
			 struct block *ret, struct error *err);

/* The first section of that kind, or NULL. */
const struct section *block_section(const struct block *block, enum section_kind kind);

/*
 * ERR_FORMAT, in words for a directory that was named where a capture should be: one that
 * collect-ftrace.sh saved can be made one. fd: the open directory.
 */
int capture_is_directory(const char *path, int fd, struct error *err);

#endif
