/*
 * capture.h - the vocabulary of a capture file: limits, block and section types, and the records
 * that blocks carry. FORMAT.md describes the same bytes for people; the two change together.
 *
 * A capture is a 64-byte file header and then blocks. A block is an 80-byte header and a body; the
 * body is a list of sections, each stored raw or as one zstd frame. Blocks need nothing but blocks
 * before them.
 *
 *	writer.h	puts blocks into a file (recorder)
 *	reader.h	finds and checks blocks (analyser)
 *	records.h dict.h events.h process.h folded.h	what stands in a block: encode and decode side by side
 */
#ifndef KMEM_FORMAT_CAPTURE_H
#define KMEM_FORMAT_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_MAGIC	"\x89KMEM\r\n\x1a" /* 8 bytes: survives no text conversion */
#define CAPTURE_VERSION 1
#define CAPTURE_CLOCK_STEPS \
	1u /* incompatible feature: times may be counted in steps of the clock */
#define CAPTURE_HEADER_LEN 64
#define CAPTURE_UUID_LEN   16

#define BLOCK_MAGIC	 0x4b4c424bu /* "KBLK" as little-endian bytes */
#define BLOCK_HEADER_LEN 80
#define BLOCK_HEADER_MAX 1024 /* a later version may extend the header up to this */

/* Limits that a reader enforces before it allocates, and that a writer must keep. */
#define BLOCK_RAW_MAX	 (16u << 20) /* sum of all sections of one block, decompressed */
#define BLOCK_STORED_MAX (17u << 20)
/*
 * What all blocks of a file hold, decompressed, and how many events: so much in any file, and so much for each of its
 * bytes. A recorder's are at most some seven times as large as the file, with at most one event a byte. It is what
 * bounds the memory of a reader.
 */
#define CAPTURE_RAW_FREE     (4u << 20)
#define CAPTURE_RAW_TIMES    32u
#define CAPTURE_EVENTS_FREE  (256u << 10)
#define CAPTURE_EVENTS_TIMES 4u
#define BLOCK_EVENTS_MAX     65536 /* local ids fit 16 bits */
#define STACK_FRAMES_MAX     1024
#define STACK_USER	     0xfffffffffffffe00ull /* a frame that is none: user frames follow it */
#define EVENT_TYPES_MAX	     4096
#define EVENT_FIELDS_MAX     128
#define CPU_MAX		     65536
#define RING_MAX	     16 /* rings of one CPU */
#define WRITER_MAX	     1024
#define DICT_ENTRIES_MAX     (16u << 20) /* stacks, and tuples, of one writer in one generation */

/* The CPU of a block that belongs to none. */
#define CPU_NONE (-1)

enum block_type {
	BLOCK_INFO = 1,	   /* records.h: key=value facts about the machine and the request */
	BLOCK_FILE = 2,	   /* records.h: a file of the target, /proc/kallsyms for one */
	BLOCK_TYPES = 3,   /* records.h: event types and their fields */
	BLOCK_DICT = 4,	   /* dict.h: stacks and tuples that later event blocks refer to */
	BLOCK_EVENTS = 5,  /* events.h: events of one CPU in ring-buffer order, as columns */
	BLOCK_TASKS = 6,   /* records.h: names of tasks at one moment */
	BLOCK_STATS = 7,   /* records.h: ring-buffer statistics per CPU */
	BLOCK_END = 8,	   /* records.h: totals and index; its presence means a clean end */
	BLOCK_PROCESS = 9, /* process.h: processes and what they map, for user frames */
	BLOCK_MARKS = 10,  /* records.h: named moments, and when recording was paused */
	BLOCK_FOLDED = 11, /* folded.h: pairs of events that were counted instead of written */
};

struct block_header {
	uint8_t type;	     /* enum block_type; unknown ones are skipped */
	uint16_t writer;     /* who wrote it: 0 the session, 1.. the readers of rings */
	int32_t cpu;	     /* or CPU_NONE */
	uint16_t ring;	     /* which of the CPU's rings, from 0: EVENTS and STATS blocks */
	uint64_t seq;	     /* per writer, from 0, no gaps: a gap means that a block is missing */
	uint64_t first_time; /* ns of the trace clock; 0 where time means nothing */
	uint64_t last_time;
	uint64_t lost_before; /* BLOCK_EVENTS: records of this CPU's ring lost between the previous
				 * event block of this CPU and the first event of this one */
	uint32_t event_count;
	uint32_t generation; /* BLOCK_DICT, _EVENTS, _FOLDED: which dictionary of this writer */
	uint32_t raw_len;    /* sum of the raw lengths of the sections */
	uint32_t stored_len; /* bytes of the body that follow the header */
	uint64_t offset;     /* where the header stands in the file */
	uint32_t file; /* which of several files it stands in; whoever reads several sets it */
};

/* Section kinds. What a and b mean is said in the header of the record, and in FORMAT.md. */
enum section_kind {
	SECTION_RECORDS =
		1, /* the whole record of INFO, FILE, TYPES, TASKS, STATS, END, PROCESS, MARKS */
	SECTION_FILE_NUMBERS = 2, /* FILE; file_lines.h. a: digits */
	SECTION_FILE_LINES = 3,
	SECTION_STACKS = 16,	  /* DICT */
	SECTION_TUPLES = 17,	  /* DICT */
	SECTION_EVENT_IDMAP = 32, /* EVENTS: local id -> tuple id */
	SECTION_EVENT_ID_LOW = 33,
	SECTION_EVENT_ID_HIGH = 34,
	SECTION_EVENT_TIME_LOW = 35,
	SECTION_EVENT_TIME_HIGH = 36,
	SECTION_EVENT_PID = 37,
	SECTION_EVENT_ADDRESS_CODE = 38,
	SECTION_EVENT_ADDRESS_NEW = 39,
	SECTION_EVENT_COLUMN = 40,    /* a: event type, b: field */
	SECTION_EVENT_STEPS_LOW = 41, /* instead of 35 and 36; a: step of the clock, 2^-20 ns */
	SECTION_EVENT_STEPS_HIGH = 42,
	SECTION_EVENT_STEPS_AWAY = 43,
	SECTION_FOLDED_PAIRS = 48,  /* FOLDED; b: how many entries */
	SECTION_FOLDED_FREES = 49,  /* FOLDED */
	SECTION_FOLDED_REUSED = 50, /* FOLDED */
};

enum section_codec { CODEC_RAW = 0, CODEC_ZSTD = 1 };

/*
 * A section as the reader hands it out: bytes owned by the block, valid until the next block is
 * loaded.
 */
struct section {
	uint8_t kind;
	uint32_t a, b;
	const uint8_t *data;
	size_t len;
};

/* How the value of a field is read from a ring-buffer record. */
enum field_kind {
	FIELD_UNSIGNED = 1, /* size 1, 2, 4 or 8 */
	FIELD_SIGNED = 2,
	FIELD_STRING = 3, /* __data_loc char[]: stored without its terminating NUL */
	FIELD_BYTES = 4,  /* any other array, dynamic or fixed: stored as the target's own bytes */
	FIELD_FIXED_STRING = 5, /* char[N]: stored up to its first NUL */
};

/* Where the value of a field is stored. */
enum field_place {
	PLACE_TUPLE = 1,   /* in the dictionary: values that repeat (call site, sizes, gfp flags) */
	PLACE_COLUMN = 2,  /* in a column of the event block: values that differ each time */
	PLACE_ADDRESS = 3, /* the one object address or pfn of the event; at most one per type */
	PLACE_COMMON = 4, /* common_type, common_flags, common_preempt_count, common_pid: not stored
				 * again, the tuple and the pid column hold them */
};

struct event_field {
	char *name;	       /* "bytes_alloc" */
	char *type;	       /* as the format file says it: "size_t" */
	uint16_t offset, size; /* in the target's ring-buffer record */
	uint8_t kind;	       /* enum field_kind */
	uint8_t place;	       /* enum field_place */
};

struct event_type {
	uint16_t id;	     /* common_type on the target */
	char *system, *name; /* "kmem", "kmalloc" */
	bool has_stack;	     /* stacks were asked for */
	uint16_t field_count;
	struct event_field *fields;
};

/* One value of a tuple or a column. Which member counts follows from the field's kind. */
struct value {
	uint64_t number;      /* FIELD_UNSIGNED; FIELD_SIGNED sign-extended to 64 bits */
	const uint8_t *bytes; /* FIELD_STRING, FIELD_FIXED_STRING, FIELD_BYTES; not terminated */
	size_t len;
};

/* What a tuple's stack reference says. */
#define STACK_NONE  0u /* no stack was asked for */
#define STACK_LOST  1u /* asked for, but its record never came */
#define STACK_FIRST 2u /* stack n of the dictionary is STACK_FIRST + n */

#endif
