/*
 * mkcapture - makes a small capture from a readable script, through the public writer, so that
 * every case of a load or a report can be a test whose input a person can read.
 *
 *	mkcapture SCRIPT OUT.kmem		SCRIPT may be "-"
 *
 * One directive a line; # starts a comment. Numbers are decimal or 0x hex; an address may be SYMBOL
 * or SYMBOL+0xN once the symbol is declared.
 *
 *	info KEY VALUE...		an INFO pair (page_size 4096, clock mono and recorder.tgid 1 are preset)
 *				keys segment.* stand in a block of their own, the first of the file
 *	task PID TGID PPID COMM		a task at the start
 *	map TIME PID TGID START LENGTH OFFSET PATH [BUILD-ID] [snapshot]	records of processes;
 *	comm TIME PID TGID NAME [exec]	BUILD-ID is hexadecimal, - for none
 *	fork TIME PID TGID PARENT-PID PARENT-TGID
 *	exit TIME PID TGID
 *	file NAME MOMENT TEXT...	a file of the target; \n in TEXT begins a line
 *	symbol ADDRESS NAME [MODULE]	a line of kallsyms; symbols must come before the first event
 *	type SYSTEM NAME FIELD:KIND:PLACE...	one more tracepoint. KIND: u1 u2 u4 u8 s1 s2 s4 s8 str bytes strN;
 *					PLACE: tuple column address
 *	TIME CPU PID EVENT [FIELD=VALUE]... [flags=N] [stack=FRAME,FRAME...|stack=lost] (FRAME may be
 *					`user`: user frames follow)
 *					an event: kmalloc kmem_cache_alloc kfree kmem_cache_free (and their
 *					_node forms) mm_page_alloc mm_page_free percpu_alloc_percpu
 *					percpu_free_percpu alloc_vmap_area free_vmap_area_noflush task_newtask
 *					task_rename, or one of `type`. Fields left out are 0 or empty.
 *	mark TIME TEXT...		a named moment
 *	pause TIME, resume TIME		recording was paused
 *	ring N				events, lost and stats from here on are of ring N of their CPU
 *	lost CPU N			N records lost before that CPU's next event
 *	flush				close all open blocks
 *	generation			flush, then start a new dictionary
 *	stats CPU NAME=N...		ring statistics at the end (names as in FORMAT.md)
 *	startstats CPU NAME=N...	the same at the start; overrun= is what a flight recorder overwrote
 *	damage [dict]			flip a bit in the middle of the last block of events (of the dictionary)
 *	erase [dict]			overwrite that block with zeros
 *	noend				no END block
 *	cut N				cut the last N bytes off the finished file
 *
 * \xNN in a word is that byte, blanks and # included; \x00 in TEXT only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "format/dict.h"
#include "format/events.h"
#include "format/file_lines.h"
#include "format/process.h"
#include "format/records.h"
#include "format/writer.h"

#define WORDS_MAX 160
#define CPUS_MAX  64
#define RINGS_MAX 4
#define TYPES_MAX 64
#define WRITER	  1

struct symbol {
	char *name;
	uint64_t address;
};

struct cpu {
	struct event_block block;
	uint64_t lost;
};

struct maker {
	const char *script;
	unsigned int line;
	int fd;
	struct capture_writer *writer;
	struct block_body body;
	struct events_encoder encoder;
	struct event_type types[TYPES_MAX];
	unsigned int type_count, types_written;
	struct symbol *symbols;
	size_t symbol_count;
	struct buf info, tasks, kallsyms, stats[2][RINGS_MAX]; /* by enum stats_moment, ring */
	struct buf place;				       /* segment.* */
	bool started, no_end;
	struct cpu cpus[RINGS_MAX][CPUS_MAX];
	uint16_t ring;			     /* of what follows */
	uint32_t generation, stacks, tuples; /* numbers used in this generation */
	struct stack_encoder *stack_encoder;
	struct tuple_encoder tuple_encoder;
	struct process_encoder processes;
	uint64_t last_offset[2],
		last_end[2]; /* of the block written last; [1]: of the dictionary */
	uint64_t cut;
};

static void die(const struct maker *m, const char *what, const char *detail)
{
	fprintf(stderr, "mkcapture: %s:%u: %s%s%s\n", m->script, m->line, what, detail ? " " : "",
		detail ? detail : "");
	exit(1);
}

static void check(const struct maker *m, int rc, const struct error *err)
{
	if (rc < 0)
		die(m, err->text, NULL);
}

static uint64_t number(const struct maker *m, const char *text)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = text[0] == '-' ? (uint64_t)strtoll(text, &end, 0) : strtoull(text, &end, 0);
	if (end == text || *end || errno)
		die(m, "not a number:", text);
	return v;
}

static uint64_t address(const struct maker *m, const char *text)
{
	size_t len = strcspn(text, "+");

	for (size_t i = 0; i < m->symbol_count; i++)
		if (strlen(m->symbols[i].name) == len && !memcmp(m->symbols[i].name, text, len))
			return m->symbols[i].address + (text[len] ? number(m, text + len + 1) : 0);
	return number(m, text);
}

/* The tracepoints of a 6.18 kernel, with the places that kmem-record gives to their fields. */
static const char *const builtin_types[] = {
	"kmem kmalloc call_site:u8:tuple ptr:u8:address bytes_req:u8:tuple bytes_alloc:u8:tuple "
	"gfp_flags:u8:tuple node:s4:tuple",
	"kmem kmem_cache_alloc call_site:u8:tuple ptr:u8:address name:str:tuple bytes_req:u8:tuple "
	"bytes_alloc:u8:tuple gfp_flags:u8:tuple node:s4:tuple accounted:u1:tuple",
	"kmem kmalloc_node call_site:u8:tuple ptr:u8:address bytes_req:u8:tuple bytes_alloc:u8:tuple "
	"gfp_flags:u8:tuple node:s4:tuple",
	"kmem kmem_cache_alloc_node call_site:u8:tuple ptr:u8:address bytes_req:u8:tuple bytes_alloc:u8:tuple "
	"gfp_flags:u8:tuple node:s4:tuple",
	"kmem kfree call_site:u8:tuple ptr:u8:address",
	"kmem kmem_cache_free call_site:u8:tuple ptr:u8:address name:str:tuple",
	"kmem mm_page_alloc pfn:u8:address order:u4:tuple gfp_flags:u8:tuple migratetype:s4:tuple",
	"kmem mm_page_free pfn:u8:address order:u4:tuple",
	"percpu percpu_alloc_percpu call_site:u8:tuple size:u8:tuple ptr:u8:address bytes_alloc:u8:tuple "
	"gfp_flags:u8:tuple",
	"percpu percpu_free_percpu off:s4:tuple ptr:u8:address",
	"vmalloc alloc_vmap_area addr:u8:address size:u8:tuple failed:s4:tuple",
	"vmalloc free_vmap_area_noflush va_start:u8:address nr_lazy:u8:tuple",
	"task task_newtask pid:s4:column comm:str16:column clone_flags:u8:column oom_score_adj:s2:column",
	"task task_rename pid:s4:column oldcomm:str16:column newcomm:str16:column oom_score_adj:s2:column",
};

/* \xNN becomes the byte. */
static char *unescaped(char *word)
{
	char *to = word;
	unsigned int byte;

	for (const char *p = word; *p; p++) {
		if (p[0] == '\\' && p[1] == 'x' && sscanf(p + 2, "%2x", &byte) == 1 && byte) {
			*to++ = (char)byte;
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = 0;
	return word;
}

static int split(char *text, char **words)
{
	int n = 0;

	text[strcspn(text, "#\n")] = 0;
	for (char *w = strtok(text, " \t"); w && n < WORDS_MAX; w = strtok(NULL, " \t"))
		words[n++] = unescaped(w);
	return n;
}

static void parse_field(const struct maker *m, char *text, struct event_field *f, uint16_t *offset)
{
	char *kind = strchr(text, ':'), *place = kind ? strchr(kind + 1, ':') : NULL;

	if (!place)
		die(m, "not FIELD:KIND:PLACE:", text);
	*kind++ = *place++ = 0;
	f->name = strdup(text);
	f->type = strdup(kind);
	if (!strcmp(kind, "str"))
		f->kind = FIELD_STRING, f->size = 4;
	else if (!strncmp(kind, "str", 3))
		f->kind = FIELD_FIXED_STRING, f->size = (uint16_t)number(m, kind + 3);
	else if (!strcmp(kind, "bytes"))
		f->kind = FIELD_BYTES, f->size = 4;
	else
		f->kind = kind[0] == 's' ? FIELD_SIGNED : FIELD_UNSIGNED,
		f->size = (uint16_t)number(m, kind + 1);
	f->place = !strcmp(place, "tuple")   ? PLACE_TUPLE :
		   !strcmp(place, "address") ? PLACE_ADDRESS :
					       PLACE_COLUMN;
	f->offset = *offset;
	*offset = (uint16_t)(*offset + f->size);
}

static void add_type(struct maker *m, char **words, int n)
{
	struct event_type *t = &m->types[m->type_count];
	uint16_t offset = 8;

	if (n < 2 || m->type_count == TYPES_MAX)
		die(m, "a type needs SYSTEM NAME, and there may be 64", NULL);
	t->id = (uint16_t)(100 + m->type_count++);
	t->system = strdup(words[0]);
	t->name = strdup(words[1]);
	t->has_stack = strstr(words[1], "alloc") != NULL;
	t->field_count = (uint16_t)(n - 2);
	t->fields = calloc((size_t)n, sizeof(*t->fields));
	for (int i = 2; i < n; i++)
		parse_field(m, words[i], &t->fields[i - 2], &offset);
}

static void put(struct maker *m, struct block_header *header)
{
	struct error err = { 0 };

	m->last_offset[header->type == BLOCK_DICT] = capture_writer_bytes(m->writer);
	check(m, capture_writer_put(m->writer, header, &m->body, &err), &err);
	m->last_end[header->type == BLOCK_DICT] = capture_writer_bytes(m->writer);
	block_body_clear(&m->body);
}

static void put_record(struct maker *m, enum block_type type, uint32_t first, struct buf *b)
{
	block_body_add(&m->body, SECTION_RECORDS, first, 0, b->data, b->len);
	put(m, &(struct block_header){ .type = (uint8_t)type, .cpu = CPU_NONE });
	buf_clear(b);
}

static void put_file_block(struct maker *m, struct text name, struct text moment,
			   const struct buf *bytes)
{
	struct file_encoder encoder = { 0 };

	file_body_add(&encoder,
		      &(struct file_part){ .name = name,
					   .moment = moment,
					   .last = true,
					   .bytes = { (const char *)bytes->data, bytes->len } },
		      &m->body);
	put(m, &(struct block_header){ .type = BLOCK_FILE, .cpu = CPU_NONE });
	file_encoder_release(&encoder);
}

/* Metadata goes out before the first event, types again whenever new ones were declared. */
static void start(struct maker *m)
{
	struct buf types = { 0 };
	uint32_t first = m->types_written;

	if (m->place.len)
		put_record(m, BLOCK_INFO, 0, &m->place);
	for (; m->types_written < m->type_count; m->types_written++)
		type_encode(&types, &m->types[m->types_written]);
	if (types.len)
		put_record(m, BLOCK_TYPES, first, &types);
	buf_release(&types);
	if (m->started)
		return;
	m->started = true;
	put_record(m, BLOCK_INFO, 0, &m->info);
	if (m->tasks.len)
		put_record(m, BLOCK_TASKS, 0, &m->tasks);
	if (m->kallsyms.len)
		put_file_block(m, (struct text){ "/proc/kallsyms", 14 },
			       (struct text){ "start", 5 }, &m->kallsyms);
}

static void put_stats(struct maker *m, enum stats_moment moment, uint16_t ring)
{
	struct buf *b = &m->stats[moment][ring];

	block_body_add(&m->body, SECTION_RECORDS, 0, 0, b->data, b->len);
	put(m, &(struct block_header){ .type = BLOCK_STATS, .cpu = CPU_NONE, .ring = ring });
}

static void flush_dictionary(struct maker *m)
{
	struct stack_encoder *s = m->stack_encoder;
	struct tuple_encoder *t = &m->tuple_encoder;
	struct block_header header = {
		.type = BLOCK_DICT, .cpu = CPU_NONE, .writer = WRITER, .generation = m->generation
	};

	if (s->count) {
		block_body_add(&m->body, SECTION_STACKS, m->stacks - s->count, s->count,
			       s->bytes.data, s->bytes.len);
		put(m, &header);
	}
	if (t->count) {
		block_body_add(&m->body, SECTION_TUPLES, m->tuples - t->count, t->count,
			       t->bytes.data, t->bytes.len);
		put(m, &header);
	}
	stack_encoder_clear(s);
	tuple_encoder_clear(t);
}

static void flush_processes(struct maker *m)
{
	struct block_header header = process_block_header(&m->processes, WRITER, 0);

	if (!m->processes.count)
		return;
	block_body_add(&m->body, SECTION_RECORDS, 0, 0, m->processes.bytes.data,
		       m->processes.bytes.len);
	put(m, &header);
	process_encoder_clear(&m->processes);
}

static void flush_ring(struct maker *m, uint16_t ring)
{
	struct error err = { 0 };

	for (int i = 0; i < CPUS_MAX; i++) {
		struct cpu *cpu = &m->cpus[ring][i];
		struct event_block *b = &cpu->block;
		struct block_header header = { .type = BLOCK_EVENTS,
					       .cpu = i,
					       .ring = ring,
					       .writer = WRITER,
					       .generation = m->generation,
					       .event_count = b->count,
					       .lost_before = cpu->lost };

		if (!b->count && !cpu->lost)
			continue;
		if (b->count) {
			header.first_time = b->rows[0].time;
			header.last_time = b->rows[b->count - 1].time;
			check(m, events_encode(&m->encoder, b, m->types, &m->body, &err), &err);
		}
		put(m, &header);
		event_block_clear(b);
		cpu->lost = 0;
	}
}

static void flush(struct maker *m)
{
	start(m);
	flush_processes(m);
	flush_dictionary(m);
	for (uint16_t ring = 0; ring < RINGS_MAX; ring++)
		flush_ring(m, ring);
}

static uint32_t intern_stack(struct maker *m, char *list)
{
	uint64_t frames[STACK_FRAMES_MAX];
	uint32_t depth = 0;

	if (!strcmp(list, "lost"))
		return STACK_LOST;
	for (char *save, *f = strtok_r(list, ",", &save); f && depth < STACK_FRAMES_MAX;
	     f = strtok_r(NULL, ",", &save))
		frames[depth++] = strcmp(f, "user") ? address(m, f) : STACK_USER;
	stack_encode(m->stack_encoder, frames, depth);
	return STACK_FIRST + m->stacks++;
}

static void set_value(const struct maker *m, const struct event_field *f, const char *text,
		      struct value *v)
{
	if (f->kind != FIELD_UNSIGNED && f->kind != FIELD_SIGNED) {
		v->bytes = (const uint8_t *)text;
		v->len = strlen(text);
	} else {
		v->number = address(m, text);
	}
}

static struct event_type *find_type(struct maker *m, const char *name)
{
	for (unsigned int i = m->type_count; i--;)
		if (!strcmp(m->types[i].name, name))
			return &m->types[i];
	die(m, "no such event:", name);
	return NULL;
}

/*
 * TIME CPU PID EVENT FIELD=VALUE...: every event is a tuple of its own, which a reader must bear
 * anyway.
 */
static void add_event(struct maker *m, char **words, int n)
{
	struct value values[EVENT_FIELDS_MAX] = { 0 }, in_tuple[EVENT_FIELDS_MAX];
	struct event_row row = { 0 }, *slot;
	struct event_block *block;
	struct event_type *type;
	struct tuple tuple = { .values = in_tuple };
	uint64_t cpu;
	int used = 0;

	if (n < 4)
		die(m, "an event needs TIME CPU PID EVENT", NULL);
	start(m);
	type = find_type(m, words[3]);
	tuple.type = row.type = (uint16_t)(type - m->types);
	row.time = number(m, words[0]);
	cpu = number(m, words[1]);
	row.pid = (int32_t)number(m, words[2]);
	if (cpu >= CPUS_MAX)
		die(m, "CPUs are 0 to 63, not", words[1]);
	for (int i = 4; i < n; i++) {
		char *value = strchr(words[i], '=');
		int f = 0;

		if (!value)
			die(m, "not FIELD=VALUE:", words[i]);
		*value++ = 0;
		if (!strcmp(words[i], "stack")) {
			tuple.stack = intern_stack(m, value);
			continue;
		}
		if (!strcmp(words[i], "flags")) {
			tuple.flags = (uint8_t)number(m, value);
			continue;
		}
		while (f < type->field_count && strcmp(type->fields[f].name, words[i]))
			f++;
		if (f == type->field_count)
			die(m, "the event has no field", words[i]);
		set_value(m, &type->fields[f], value, &values[f]);
	}
	block = &m->cpus[m->ring][cpu].block;
	slot = event_block_add(block);
	for (uint16_t f = 0; f < type->field_count; f++) {
		const struct event_field *field = &type->fields[f];

		if (field->place == PLACE_TUPLE)
			in_tuple[used++] = values[f];
		else if (field->place == PLACE_ADDRESS)
			row.address = values[f].number;
		else if (field->kind == FIELD_UNSIGNED || field->kind == FIELD_SIGNED)
			event_block_put_number(block, row.type, f, values[f].number);
		else
			event_block_put_bytes(block, row.type, f, values[f].bytes, values[f].len);
	}
	row.tuple = m->tuples++;
	tuple_encode(&m->tuple_encoder, type, &tuple);
	*slot = row;
}

static void add_stats(struct maker *m, enum stats_moment moment, char **words, int n)
{
	static const char *const names[] = { "entries",	       "overrun", "commit_overrun",
					     "dropped",	       "read",	  "decoded",
					     "events",	       "stacks",  "orphan_stacks",
					     "missing_stacks", "bytes" };
	struct ring_stats s = { .cpu = (uint32_t)number(m, words[0]) };
	uint64_t *const to[] = { &s.entries,	   &s.overrun,	      &s.commit_overrun, &s.dropped,
				 &s.read,	   &s.decoded,	      &s.events,	 &s.stacks,
				 &s.orphan_stacks, &s.missing_stacks, &s.bytes };

	for (int i = 1; i < n; i++) {
		char *value = strchr(words[i], '=');

		if (!value)
			die(m, "not NAME=N:", words[i]);
		*value++ = 0;
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (!strcmp(names[k], words[i]))
				*to[k] = number(m, value);
	}
	if (!m->stats[moment][m->ring].len)
		stats_encode_moment(&m->stats[moment][m->ring], moment);
	stats_encode(&m->stats[moment][m->ring], &s);
}

static void add_mark(struct maker *m, enum mark_kind kind, const char *time, const char *text)
{
	struct mark_record mark = { (uint8_t)kind, number(m, time), { text, strlen(text) } };
	struct buf b = { 0 };

	start(m);
	mark_encode(&b, mark.time, &mark);
	block_body_add(&m->body, SECTION_RECORDS, 0, 0, b.data, b.len);
	put(m, &(struct block_header){ .type = BLOCK_MARKS,
				       .cpu = CPU_NONE,
				       .first_time = mark.time,
				       .last_time = mark.time });
	buf_release(&b);
}

/* flip: one bit in the middle of the body; else zeros over the whole block. */
static void spoil(struct maker *m, bool flip, bool dict)
{
	uint64_t from, to;
	char byte = 0;

	flush(m);
	from = m->last_offset[dict];
	to = m->last_end[dict];
	if (flip) {
		from = from + BLOCK_HEADER_LEN + (to - from - BLOCK_HEADER_LEN) / 2;
		to = from + 1;
		if (pread(m->fd, &byte, 1, (off_t)from) != 1)
			die(m, "cannot read back", NULL);
		byte ^= 0x10;
	}
	for (; from < to; from++)
		if (pwrite(m->fd, &byte, 1, (off_t)from) != 1)
			die(m, "cannot write", NULL);
}

static struct text text_of(const char *s)
{
	return (struct text){ s, strlen(s) };
}

static size_t hex_bytes(const struct maker *m, const char *text, uint8_t *bytes)
{
	size_t n = 0;

	if (!strcmp(text, "-"))
		return 0;
	for (; text[2 * n] && n < BUILD_ID_MAX; n++)
		if (sscanf(text + 2 * n, "%2hhx", &bytes[n]) != 1)
			die(m, "not hexadecimal:", text);
	return n;
}

/* False: it is no record of a process. */
static bool add_process(struct maker *m, char **words, int n)
{
	static const struct {
		const char *verb;
		int least;
		enum process_kind kind;
	} kinds[] = { { "map", 8, PROCESS_MAP },
		      { "comm", 5, PROCESS_COMM },
		      { "fork", 6, PROCESS_FORK },
		      { "exit", 4, PROCESS_EXIT } };
	struct process_record r = { 0 };
	uint8_t id[BUILD_ID_MAX];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(words[0], kinds[i].verb) && n >= kinds[i].least)
			r.kind = (uint8_t)kinds[i].kind;
	if (!r.kind)
		return false;
	r.time = number(m, words[1]);
	r.pid = (int32_t)number(m, words[2]);
	r.tgid = (int32_t)number(m, words[3]);
	if (r.kind == PROCESS_MAP) {
		r.start = number(m, words[4]);
		r.length = number(m, words[5]);
		r.offset = number(m, words[6]);
		r.prot = 5;
		r.name = text_of(words[7]);
		if (n > 8 && strcmp(words[8], "snapshot"))
			r.build_id = (struct text){ (char *)id, hex_bytes(m, words[8], id) };
		r.flags = !strcmp(words[n - 1], "snapshot") ? PROCESS_SNAPSHOT : 0;
	} else if (r.kind == PROCESS_COMM) {
		r.name = text_of(words[4]);
		r.flags = !strcmp(words[n - 1], "exec") ? PROCESS_EXEC : 0;
	} else if (r.kind == PROCESS_FORK) {
		r.parent_pid = (int32_t)number(m, words[4]);
		r.parent_tgid = (int32_t)number(m, words[5]);
	}
	process_encode(&m->processes, &r);
	return true;
}

static void add_file(struct maker *m, char **words, int n)
{
	struct buf content = { 0 };

	start(m);
	for (int i = 3; i < n; i++) {
		for (const char *p = words[i]; *p; p++) {
			bool newline = p[0] == '\\' && p[1] == 'n';

			if (!strncmp(p, "\\x00", 4)) { /* which no word can hold */
				buf_u8(&content, 0);
				p += 3;
				continue;
			}
			buf_u8(&content, newline ? '\n' : (uint8_t)*p);
			p += newline;
		}
		if (i + 1 < n)
			buf_u8(&content, ' ');
	}
	put_file_block(m, text_of(words[1]), text_of(words[2]), &content);
	buf_release(&content);
}

static void directive(struct maker *m, char **words, int n)
{
	const char *verb = words[0];
	char text[512] = "";

	for (int i = 2; i < n; i++) {
		strncat(text, i > 2 ? " " : "", sizeof(text) - strlen(text) - 1);
		strncat(text, words[i], sizeof(text) - strlen(text) - 1);
	}
	if (!strcmp(verb, "info") && n >= 2) {
		info_encode(strncmp(words[1], "segment.", 8) ? &m->info : &m->place, words[1],
			    text);
	} else if (!strcmp(verb, "mark") && n >= 3) {
		add_mark(m, MARK_NAMED, words[1], text);
	} else if (!strcmp(verb, "pause") && n == 2) {
		add_mark(m, MARK_PAUSE, words[1], "");
	} else if (!strcmp(verb, "resume") && n == 2) {
		add_mark(m, MARK_RESUME, words[1], "");
	} else if (!strcmp(verb, "task") && n == 5) {
		task_encode(&m->tasks,
			    &(struct task_record){ .pid = (int32_t)number(m, words[1]),
						   .tgid = (int32_t)number(m, words[2]),
						   .ppid = (int32_t)number(m, words[3]),
						   .comm = { words[4], strlen(words[4]) } });
	} else if (add_process(m, words, n)) {
		return;
	} else if (!strcmp(verb, "file") && n >= 4) {
		add_file(m, words, n);
	} else if (!strcmp(verb, "symbol") && (n == 3 || n == 4)) {
		uint64_t at = number(m, words[1]);

		m->symbols = realloc(m->symbols, (m->symbol_count + 1) * sizeof(*m->symbols));
		m->symbols[m->symbol_count++] = (struct symbol){ strdup(words[2]), at };
		snprintf(text, sizeof(text), "%016llx T %s%s%s%s\n", (unsigned long long)at,
			 words[2], n == 4 ? "\t[" : "", n == 4 ? words[3] : "", n == 4 ? "]" : "");
		buf_bytes(&m->kallsyms, text, strlen(text));
	} else if (!strcmp(verb, "type")) {
		add_type(m, words + 1, n - 1);
	} else if (!strcmp(verb, "ring") && n == 2) {
		m->ring = (uint16_t)number(m, words[1]);
		if (m->ring >= RINGS_MAX)
			die(m, "rings are 0 to 3, not", words[1]);
	} else if (!strcmp(verb, "lost") && n == 3) {
		flush(m);
		m->cpus[m->ring][number(m, words[1]) % CPUS_MAX].lost = number(m, words[2]);
	} else if (!strcmp(verb, "flush")) {
		flush(m);
	} else if (!strcmp(verb, "generation")) {
		flush(m);
		m->generation++;
		m->stacks = m->tuples = 0;
	} else if (!strcmp(verb, "stats") && n >= 2) {
		add_stats(m, STATS_END, words + 1, n - 1);
	} else if (!strcmp(verb, "startstats") && n >= 2) {
		add_stats(m, STATS_START, words + 1, n - 1);
	} else if (!strcmp(verb, "damage") || !strcmp(verb, "erase")) {
		spoil(m, verb[0] == 'd', n > 1 && !strcmp(words[1], "dict"));
	} else if (!strcmp(verb, "noend")) {
		m->no_end = true;
	} else if (!strcmp(verb, "cut") && n == 2) {
		m->cut = number(m, words[1]);
	} else {
		add_event(m, words, n);
	}
}

static void finish(struct maker *m)
{
	struct error err = { 0 };
	uint64_t size;

	flush(m);
	for (int i = 0; i < 2 * RINGS_MAX; i++)
		if (m->stats[i % 2][i / 2].len)
			put_stats(m, (enum stats_moment)(i % 2), (uint16_t)(i / 2));
	if (!m->no_end)
		check(m, capture_writer_end(m->writer, 0, &err), &err);
	size = capture_writer_bytes(m->writer);
	if (m->cut && ftruncate(m->fd, (off_t)(m->cut < size ? size - m->cut : 0)))
		die(m, "cannot cut", NULL);
	if (close(m->fd))
		die(m, "cannot close the output", NULL);
}

static void release(struct maker *m)
{
	capture_writer_free(m->writer);
	block_body_release(&m->body);
	events_encoder_release(&m->encoder);
	stack_encoder_release(m->stack_encoder);
	free(m->stack_encoder);
	tuple_encoder_release(&m->tuple_encoder);
	for (unsigned int i = 0; i < m->type_count; i++)
		event_type_release(&m->types[i]);
	for (size_t i = 0; i < m->symbol_count; i++)
		free(m->symbols[i].name);
	free(m->symbols);
	for (int i = 0; i < RINGS_MAX * CPUS_MAX; i++)
		event_block_release(&m->cpus[i / CPUS_MAX][i % CPUS_MAX].block);
	for (int i = 0; i < 2 * RINGS_MAX; i++)
		buf_release(&m->stats[i % 2][i / 2]);
	process_encoder_release(&m->processes);
	buf_release(&m->place);
	buf_release(&m->info);
	buf_release(&m->tasks);
	buf_release(&m->kallsyms);
}

/* name: of the script, for messages. Ends the program when the script is wrong. */
static void make_capture(const char *name, FILE *in, const char *path)
{
	struct maker m = { .script = name };
	char *words[WORDS_MAX], *line = NULL;
	struct error err = { 0 };
	size_t cap = 0;

	unlink(path);
	m.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (m.fd < 0)
		die(&m, "cannot create", path);
	m.stack_encoder = calloc(1, sizeof(*m.stack_encoder));
	check(&m, capture_writer_new(&m.writer, m.fd, path, 0, &err), &err);
	info_encode(&m.info, "page_size", "4096");
	info_encode(&m.info, "long_size", "8");
	info_encode(&m.info, "clock", "mono");
	info_encode(&m.info, "recorder.tgid", "1");
	for (size_t i = 0; i < sizeof(builtin_types) / sizeof(builtin_types[0]); i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s", builtin_types[i]);
		add_type(&m, words, split(text, words));
	}
	while (getline(&line, &cap, in) > 0) {
		int n = split(line, words);

		m.line++;
		if (n)
			directive(&m, words, n);
	}
	finish(&m);
	release(&m);
	free(line);
}

#ifndef MKCAPTURE_NO_MAIN /* unit tests include this file for make_capture */
int main(int argc, char **argv)
{
	FILE *in;

	if (argc != 3) {
		fprintf(stderr, "usage: mkcapture SCRIPT OUT.kmem\n");
		return 2;
	}
	in = strcmp(argv[1], "-") ? fopen(argv[1], "r") : stdin;
	if (!in) {
		fprintf(stderr, "mkcapture: cannot open '%s'\n", argv[1]);
		return 1;
	}
	make_capture(argv[1], in, argv[2]);
	if (in != stdin)
		fclose(in);
	return 0;
}
#endif
