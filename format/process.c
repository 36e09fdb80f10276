#include "format/process.h"

#include <stdlib.h>

#include "format/base/cursor.h"
#include "format/base/hash.h"

#define FILE_SLOTS 4096 /* a power of two above PROCESS_FILES_MAX: probing always ends */

/* A FILE record written to the block: where its body is, and its number + 1; 0: a free slot. */
struct process_file {
	uint32_t number;
	uint32_t at, len;
};

/* ---- encoding ---- */

/* Appends e->record as a record of that kind. */
static void put_record(struct process_encoder *e, uint8_t kind, uint64_t time)
{
	if (!e->count) {
		e->count = 1;
		e->first_time = e->last_time = e->time = time;
	} else {
		e->count++;
	}
	if (time > e->last_time)
		e->last_time = time;
	buf_varint(&e->bytes, kind);
	buf_svarint(&e->bytes, (int64_t)(time - e->time));
	buf_blob(&e->bytes, e->record.data, e->record.len);
	e->bytes.oom |= e->record.oom;
	e->time = time;
}

/* The number of a map's file + 1, after a FILE record if it is new to the block. 0: full, or no memory. */
static uint32_t file_number(struct process_encoder *e, const struct process_record *r)
{
	struct process_file *f;
	uint64_t slot;

	if (!e->files)
		e->files = calloc(FILE_SLOTS, sizeof(*e->files));
	if (!e->files) {
		e->bytes.oom = true;
		return 0;
	}
	buf_clear(&e->record);
	buf_blob(&e->record, r->name.data, r->name.len);
	buf_blob(&e->record, r->build_id.data, r->build_id.len);
	if (e->record.oom)
		return 0;
	for (slot = hash_bytes(0, e->record.data, e->record.len);; slot++) {
		f = &e->files[slot % FILE_SLOTS];
		if (!f->number)
			break;
		if (f->len == e->record.len &&
		    !memcmp(e->bytes.data + f->at, e->record.data, f->len))
			return f->number;
	}
	if (e->file_count > PROCESS_FILES_MAX)
		return 0;
	put_record(e, PROCESS_FILE, r->time);
	if (e->bytes.oom)
		return 0;
	*f = (struct process_file){ ++e->file_count, (uint32_t)(e->bytes.len - e->record.len),
				    (uint32_t)e->record.len };
	return f->number;
}

void process_encode(struct process_encoder *e, const struct process_record *r)
{
	struct buf *b = &e->record;
	uint32_t file = r->kind == PROCESS_MAP ? file_number(e, r) : 0;

	buf_clear(b);
	buf_varint(b, r->flags);
	buf_svarint(b, r->pid);
	buf_svarint(b, r->tgid);
	switch (r->kind) {
	case PROCESS_MAP:
		buf_varint(b, r->start);
		buf_varint(b, r->length);
		buf_varint(b, r->offset);
		buf_varint(b, r->prot);
		buf_varint(b, r->map_flags);
		buf_varint(b, file);
		break;
	case PROCESS_COMM: buf_blob(b, r->name.data, r->name.len); break;
	case PROCESS_FORK:
		buf_svarint(b, r->parent_pid);
		buf_svarint(b, r->parent_tgid);
		break;
	default: break;
	}
	put_record(e, r->kind, r->time);
}

bool process_encoder_full(const struct process_encoder *e)
{
	return e->bytes.len >= PROCESS_BLOCK_BYTES || e->file_count >= PROCESS_FILES_MAX;
}

struct block_header process_block_header(const struct process_encoder *e, uint16_t writer,
					 int32_t cpu)
{
	return (struct block_header){ .type = BLOCK_PROCESS,
				      .writer = writer,
				      .cpu = cpu,
				      .first_time = e->first_time,
				      .last_time = e->last_time };
}

void process_encoder_clear(struct process_encoder *e)
{
	buf_clear(&e->bytes);
	if (e->files)
		memset(e->files, 0, FILE_SLOTS * sizeof(*e->files));
	e->count = e->file_count = 0;
}

void process_encoder_release(struct process_encoder *e)
{
	buf_release(&e->bytes);
	buf_release(&e->record);
	free(e->files);
	*e = (struct process_encoder){ 0 };
}

/* ---- decoding ---- */

struct file_name {
	struct text path, build_id;
};

struct decoder {
	struct file_name *files;
	size_t file_count, file_cap;
	uint64_t time;
};

static struct text take_text(struct cursor *c)
{
	struct text t = { "", 0 };
	const uint8_t *p = cursor_blob(c, &t.len);

	if (p)
		t.data = (const char *)p;
	return t;
}

static int32_t take_pid(struct cursor *c)
{
	int64_t v = cursor_svarint(c);

	if (v < INT32_MIN || v > INT32_MAX)
		c->bad = true;
	return (int32_t)v;
}

static uint32_t take_u32(struct cursor *c)
{
	uint64_t v = cursor_varint(c);

	if (v > UINT32_MAX)
		c->bad = true;
	return (uint32_t)v;
}

/* Files are as many as their records: the section bounds them. */
static bool add_file(struct decoder *d, struct cursor *c)
{
	struct file_name f;

	f.path = take_text(c);
	f.build_id = take_text(c);
	if (f.build_id.len > BUILD_ID_MAX)
		c->bad = true;
	if (c->bad)
		return true;
	if (d->file_count == d->file_cap) {
		size_t cap = d->file_cap ? d->file_cap * 2 : 64;
		struct file_name *more = realloc(d->files, cap * sizeof(*more));

		if (!more)
			return false;
		d->files = more;
		d->file_cap = cap;
	}
	d->files[d->file_count++] = f;
	return true;
}

static void take_map(const struct decoder *d, struct cursor *c, struct process_record *r)
{
	uint64_t file;

	r->start = cursor_varint(c);
	r->length = cursor_varint(c);
	r->offset = cursor_varint(c);
	r->prot = take_u32(c);
	r->map_flags = take_u32(c);
	file = cursor_varint(c);
	if (file > d->file_count || r->length > UINT64_MAX - r->start)
		c->bad = true;
	if (c->bad || !file)
		return;
	r->name = d->files[file - 1].path;
	r->build_id = d->files[file - 1].build_id;
}

static void take_record(const struct decoder *d, struct cursor *c, struct process_record *r)
{
	r->flags = (uint8_t)cursor_varint(c);
	r->pid = take_pid(c);
	r->tgid = take_pid(c);
	if (r->kind == PROCESS_MAP) {
		take_map(d, c, r);
	} else if (r->kind == PROCESS_COMM) {
		r->name = take_text(c);
	} else if (r->kind == PROCESS_FORK) {
		r->parent_pid = take_pid(c);
		r->parent_tgid = take_pid(c);
	}
}

/* One record; c is what it holds. */
static int decode_one(struct decoder *d, uint64_t kind, struct cursor *c,
		      int (*record)(void *arg, const struct process_record *record), void *arg,
		      struct error *err)
{
	struct process_record r = {
		.kind = (uint8_t)kind, .time = d->time, .name = { "", 0 }, .build_id = { "", 0 }
	};

	if (kind == PROCESS_FILE)
		return add_file(d, c) ? 0 : error_nomem(err);
	if (kind < PROCESS_MAP || kind > PROCESS_EXIT)
		return 0;
	take_record(d, c, &r);
	return c->bad ? 0 : record(arg, &r);
}

int process_decode(const void *data, size_t len, uint64_t first_time,
		   int (*record)(void *arg, const struct process_record *record), void *arg,
		   struct error *err)
{
	struct decoder d = { .time = first_time };
	struct cursor c = cursor_of(data, len);
	int rc = 0;

	while (rc == 0 && cursor_left(&c)) {
		uint64_t kind = cursor_varint(&c);
		struct cursor body;
		const uint8_t *p;
		size_t n;

		d.time += (uint64_t)cursor_svarint(&c);
		p = cursor_blob(&c, &n);
		body = cursor_of(p, n);
		if (!c.bad)
			rc = decode_one(&d, kind, &body, record, arg, err);
		if (rc == 0 && (c.bad || body.bad))
			rc = error_set(err, ERR_DAMAGED, "PROCESS record: malformed at byte %zu",
				       cursor_offset(&c));
	}
	free(d.files);
	return rc;
}
