#define _GNU_SOURCE /* memmem */
#include "format/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "format/base/crc32.h"
#include "format/base/cursor.h"
#include "format/base/fileio.h"
#include "format/file_lines.h"

#define TAIL_LEN     4096
#define SECTIONS_MAX (1u << 17) /* of one block; kmem-record writes a few dozen at most */

struct capture_reader {
	int fd;
	char *path;
	uint64_t length, blocks_at, created_ns;
	bool clock_steps;
	uint32_t ignored; /* compatible features that are set: this version knows none */
	uint8_t uuid[CAPTURE_UUID_LEN];
	bool trusted;
};

static int not_a_capture(const char *path, const char *why, struct error *err)
{
	return error_set(err, ERR_FORMAT, "cannot read '%s': %s", path, why);
}

int capture_is_directory(const char *path, int fd, struct error *err)
{
	if (faccessat(fd, "tracing", F_OK, 0) < 0 &&
	    faccessat(fd, "sys/kernel/tracing", F_OK, 0) < 0)
		return not_a_capture(path, "it is a directory, no regular file; name a capture",
				     err);
	return error_set(
		err, ERR_FORMAT,
		"'%s' is a saved tracing directory; make a capture of it first: kmem-record "
		"dump --root '%s' -o FILE.kmem",
		path, path);
}

static int open_file(struct capture_reader *r, const char *path, struct error *err)
{
	struct stat st;

	/* O_NONBLOCK: a FIFO must be an error, not a wait */
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (r->fd < 0 || fstat(r->fd, &st) < 0)
		return error_errno(err, "cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return capture_is_directory(path, r->fd, err);
	if (!S_ISREG(st.st_mode))
		return not_a_capture(path, "it is no regular file; save the stream to a file first",
				     err);
	r->length = (uint64_t)st.st_size;
	if (!r->length)
		return not_a_capture(path, "it is empty", err);
	return 0;
}

static int check_header(struct capture_reader *r, struct error *err)
{
	uint8_t bytes[CAPTURE_HEADER_LEN];
	uint16_t version, header_len;
	uint32_t incompatible;
	struct cursor c;

	if (r->length < sizeof(bytes)) {
		if (r->length >= 8 && file_read_at(r->fd, bytes, 8, 0, r->path, NULL) == 0 &&
		    !memcmp(bytes, CAPTURE_MAGIC, 8))
			return error_set(err, ERR_TRUNCATED,
					 "cannot read '%s': the capture is cut off inside "
					 "its header (%" PRIu64 " of %u bytes)",
					 r->path, r->length, CAPTURE_HEADER_LEN);
		return not_a_capture(r->path,
				     "not a kmem capture (the first bytes are not its mark)", err);
	}
	if (file_read_at(r->fd, bytes, sizeof(bytes), 0, r->path, err) < 0)
		return err ? err->code : ERR_IO;
	if (memcmp(bytes, CAPTURE_MAGIC, 8))
		return not_a_capture(r->path,
				     "not a kmem capture (the first bytes are not its mark)", err);
	c = cursor_of(bytes + 8, sizeof(bytes) - 8);
	version = cursor_u16(&c);
	header_len = cursor_u16(&c);
	incompatible = cursor_u32(&c);
	r->ignored = cursor_u32(&c);
	memcpy(r->uuid, cursor_take(&c, CAPTURE_UUID_LEN), CAPTURE_UUID_LEN);
	r->created_ns = cursor_u64(&c);
	if (crc32_update(0, bytes, 60) != ((uint32_t)bytes[60] | (uint32_t)bytes[61] << 8 |
					   (uint32_t)bytes[62] << 16 | (uint32_t)bytes[63] << 24))
		return error_set(err, ERR_DAMAGED,
				 "cannot read '%s': checksum mismatch in the file header "
				 "(the capture was damaged after it was written)",
				 r->path);
	if (version > CAPTURE_VERSION)
		return error_set(err, ERR_FORMAT,
				 "cannot read '%s': it has format version %u and this "
				 "program knows up to %u; use a newer kmem-analyze",
				 r->path, version, CAPTURE_VERSION);
	r->clock_steps = incompatible & CAPTURE_CLOCK_STEPS;
	incompatible &= ~CAPTURE_CLOCK_STEPS;
	if (incompatible)
		return error_set(err, ERR_FORMAT,
				 "cannot read '%s': it uses features (0x%" PRIx32 ") that "
				 "this program does not know; use a newer kmem-analyze",
				 r->path, incompatible);
	if (!version || header_len < CAPTURE_HEADER_LEN || header_len > r->length)
		return error_set(err, ERR_DAMAGED,
				 "cannot read '%s': the file header makes no sense", r->path);
	r->blocks_at = header_len;
	return 0;
}

int capture_reader_open(struct capture_reader **ret, const char *path, struct error *err)
{
	struct capture_reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r || !(r->path = strdup(path))) {
		free(r);
		return error_nomem(err);
	}
	r->fd = -1;
	rc = open_file(r, path, err);
	if (rc == 0)
		rc = check_header(r, err);
	if (rc < 0)
		capture_reader_free(r);
	else
		*ret = r;
	return rc;
}

void capture_reader_free(struct capture_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	free(r->path);
	free(r);
}

void capture_reader_trust(struct capture_reader *r)
{
	r->trusted = true;
}

const char *capture_reader_path(const struct capture_reader *r)
{
	return r->path;
}

bool capture_reader_clock_steps(const struct capture_reader *r)
{
	return r->clock_steps;
}

unsigned int capture_reader_ignored_features(const struct capture_reader *r)
{
	return (unsigned int)__builtin_popcount(r->ignored);
}

uint64_t capture_reader_created_ns(const struct capture_reader *r)
{
	return r->created_ns;
}

int capture_reader_identity(const struct capture_reader *r, struct capture_identity *ret,
			    struct error *err)
{
	size_t n = r->length < TAIL_LEN ? (size_t)r->length : TAIL_LEN;
	uint8_t tail[TAIL_LEN];
	int rc = file_read_at(r->fd, tail, n, r->length - n, r->path, err);

	if (rc < 0)
		return rc;
	memcpy(ret->uuid, r->uuid, sizeof(ret->uuid));
	ret->length = r->length;
	ret->tail_crc = crc32_update(0, tail, n);
	return 0;
}

/* ---- scanning: all block headers ---- */

struct scan_state {
	const struct capture_reader *r;
	struct capture_scan *scan;
	size_t cap;
	uint64_t next_seq[WRITER_MAX];
	/* a window over the file, so that headers and the search for them cost few reads */
	uint8_t *window;
	uint64_t window_at;
	size_t window_len;
};

#define WINDOW_LEN (256u << 10)

int capture_scan_add_damage(struct capture_scan *scan, const struct capture_damage *damage)
{
	struct capture_damage *p = realloc(scan->damage, (scan->damage_count + 1) * sizeof(*p));

	if (!p)
		return ERR_NOMEM;
	scan->damage = p;
	p[scan->damage_count++] = *damage;
	return 0;
}

/*
 * n bytes at offset, in place; NULL when the file has fewer or cannot be read. n is at most
 * WINDOW_LEN.
 */
static const uint8_t *window_at(struct scan_state *s, uint64_t offset, size_t n)
{
	uint64_t left = s->r->length - offset;
	size_t want;

	if (offset > s->r->length || n > left)
		return NULL;
	if (offset >= s->window_at && offset + n <= s->window_at + s->window_len)
		return s->window + (offset - s->window_at);
	/*
	 * a jump to the next header wants only the header; a search will ask for the neighbourhood
	 */
	want = n > BLOCK_HEADER_MAX ? WINDOW_LEN : BLOCK_HEADER_MAX;
	if (want > left)
		want = (size_t)left;
	if (want < n || file_read_at(s->r->fd, s->window, want, offset, s->r->path, NULL) < 0)
		return NULL;
	s->window_at = offset;
	s->window_len = want;
	return s->window;
}

/* What the bytes of a header say, if they are an intact header of a block that starts at offset. */
static bool header_decode(const uint8_t *bytes, uint64_t offset, struct block_header *ret,
			  uint32_t *ret_len)
{
	struct cursor c = cursor_of(bytes, BLOCK_HEADER_LEN);
	struct block_header h = { 0 };
	uint32_t len;

	if (cursor_u32(&c) != BLOCK_MAGIC)
		return false;
	h.type = cursor_u8(&c);
	cursor_u8(&c);
	len = cursor_u16(&c);
	h.writer = cursor_u16(&c);
	h.ring = cursor_u16(&c);
	h.cpu = (int32_t)cursor_u32(&c);
	h.seq = cursor_u64(&c);
	h.first_time = cursor_u64(&c);
	h.last_time = cursor_u64(&c);
	h.lost_before = cursor_u64(&c);
	h.event_count = cursor_u32(&c);
	h.generation = cursor_u32(&c);
	h.raw_len = cursor_u32(&c);
	h.stored_len = cursor_u32(&c);
	h.offset = cursor_u64(&c);
	cursor_u32(&c); /* body's checksum: capture_reader_load looks at it */
	if (cursor_u32(&c) != crc32_update(0, bytes, BLOCK_HEADER_LEN - 4) || h.offset != offset)
		return false;
	if (len < BLOCK_HEADER_LEN || len > BLOCK_HEADER_MAX || h.raw_len > BLOCK_RAW_MAX ||
	    h.stored_len > BLOCK_STORED_MAX || h.writer >= WRITER_MAX || h.cpu < CPU_NONE ||
	    h.cpu >= CPU_MAX || h.ring >= RING_MAX || h.event_count > BLOCK_EVENTS_MAX)
		return false;
	*ret = h;
	*ret_len = len;
	return true;
}

/* The offset of the next intact header after `from`, or the end of the file. */
static uint64_t find_header(struct scan_state *s, uint64_t from)
{
	static const uint8_t magic[4] = { 'K', 'B', 'L', 'K' };
	struct block_header h;
	uint32_t len;

	while (from + BLOCK_HEADER_LEN <= s->r->length) {
		uint64_t left = s->r->length - from;
		size_t n = left < WINDOW_LEN ? (size_t)left : WINDOW_LEN;
		const uint8_t *p = window_at(s, from, n), *hit;
		size_t at = 0;

		if (!p)
			return s->r->length;
		while (at + BLOCK_HEADER_LEN <= n && (hit = memmem(p + at, n - at, magic, 4))) {
			at = (size_t)(hit - p);
			if (at + BLOCK_HEADER_LEN > n)
				break;
			if (header_decode(p + at, from + at, &h, &len))
				return from + at;
			at++;
		}
		from += n - BLOCK_HEADER_LEN + 1;
	}
	return s->r->length;
}

static int add_block(struct scan_state *s, const struct block_header *h, uint32_t header_len)
{
	struct capture_scan *scan = s->scan;

	if (scan->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 256;
		struct block_header *blocks = realloc(scan->blocks, cap * sizeof(*blocks));
		uint32_t *lens;

		if (blocks)
			scan->blocks = blocks;
		lens = realloc(scan->header_len, cap * sizeof(*lens));
		if (lens)
			scan->header_len = lens;
		if (!blocks || !lens)
			return ERR_NOMEM;
		s->cap = cap;
	}
	scan->header_len[scan->count] = header_len;
	scan->blocks[scan->count++] = *h;
	return 0;
}

static int note_gap(struct scan_state *s, const struct block_header *h)
{
	uint64_t expected = s->next_seq[h->writer];
	struct capture_damage d = { .kind = DAMAGE_MISSING,
				    .offset = h->offset,
				    .writer = h->writer };

	s->next_seq[h->writer] = h->seq + 1;
	if (h->seq == expected)
		return 0;
	d.count = h->seq > expected ? h->seq - expected : 0;
	if (d.count)
		snprintf(d.text, sizeof(d.text),
			 "%" PRIu64 " block%s of writer %u %s missing before offset %" PRIu64,
			 d.count, d.count == 1 ? "" : "s", h->writer, d.count == 1 ? "is" : "are",
			 h->offset);
	else
		snprintf(d.text, sizeof(d.text),
			 "a block of writer %u at offset %" PRIu64
			 " stands there twice or in the wrong place",
			 h->writer, h->offset);
	return capture_scan_add_damage(s->scan, &d);
}

/* offset holds no intact block: describes what is there and returns where to go on. */
static int step_over(struct scan_state *s, uint64_t offset, bool cut, uint64_t *ret_next)
{
	struct capture_damage d = { .kind = DAMAGE_BYTES, .offset = offset };
	uint64_t next = find_header(s, offset + 1);

	d.length = next - offset;
	if (next == s->r->length && cut) {
		d.kind = DAMAGE_CUT;
		snprintf(d.text, sizeof(d.text),
			 "the capture is cut off inside a block at offset %" PRIu64 " (%" PRIu64
			 " bytes of it are there)",
			 offset, d.length);
	} else {
		snprintf(d.text, sizeof(d.text),
			 "%" PRIu64 " bytes at offset %" PRIu64 " are no intact block "
			 "(the capture was damaged after it was written)",
			 d.length, offset);
	}
	*ret_next = next;
	return capture_scan_add_damage(s->scan, &d);
}

static int note_end(struct scan_state *s)
{
	struct capture_scan *scan = s->scan;
	struct capture_damage d = { .kind = DAMAGE_CUT, .offset = s->r->length };

	scan->clean_end = scan->count && scan->blocks[scan->count - 1].type == BLOCK_END;
	for (size_t i = 0; i < scan->damage_count; i++)
		if (scan->damage[i].kind == DAMAGE_CUT)
			scan->clean_end = false;
	if (scan->clean_end ||
	    (scan->damage_count && scan->damage[scan->damage_count - 1].kind == DAMAGE_CUT))
		return 0;
	snprintf(d.text, sizeof(d.text),
		 "the capture has no END block: it was cut off, or is still being written");
	return capture_scan_add_damage(scan, &d);
}

static bool exceeds(uint64_t n, uint64_t all, uint32_t times, uint64_t length)
{
	return n > all && (n - all) / times > length;
}

/* What the headers say that the blocks hold. */
static int check_size(const struct capture_reader *r, uint64_t raw, uint64_t events,
		      struct error *err)
{
	static const char way_out[] = "which no recorder writes; if you trust whoever made it: "
				      "kmem-analyze load --trust";

	if (r->trusted)
		return 0;
	if (exceeds(raw, CAPTURE_RAW_FREE, CAPTURE_RAW_TIMES, r->length))
		return error_set(err, ERR_DAMAGED,
				 "will not read '%s': its %" PRIu64
				 " bytes would unpack to %" PRIu64 ", %s",
				 r->path, r->length, raw, way_out);
	if (exceeds(events, CAPTURE_EVENTS_FREE, CAPTURE_EVENTS_TIMES, r->length))
		return error_set(err, ERR_DAMAGED,
				 "will not read '%s': its %" PRIu64 " bytes would hold %" PRIu64
				 " events, %s",
				 r->path, r->length, events, way_out);
	return 0;
}

int capture_reader_scan(const struct capture_reader *r, struct capture_scan *ret,
			void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg,
			struct error *err)
{
	struct capture_scan scan = { .length = r->length };
	struct scan_state s = { .r = r, .scan = &scan, .window = malloc(WINDOW_LEN) };
	uint64_t offset = r->blocks_at, raw = 0, events = 0;
	int rc = s.window ? 0 : ERR_NOMEM;

	while (rc == 0 && offset < r->length) {
		const uint8_t *p = window_at(&s, offset, BLOCK_HEADER_LEN);
		struct block_header h;
		uint32_t len;

		if (progress)
			progress(arg, offset, r->length);
		if (!p || !header_decode(p, offset, &h, &len)) {
			rc = step_over(&s, offset, !p, &offset);
			continue;
		}
		if (h.stored_len > r->length - offset - BLOCK_HEADER_LEN ||
		    len + (uint64_t)h.stored_len > r->length - offset) {
			rc = step_over(&s, offset, true, &offset);
			continue;
		}
		raw += h.raw_len;
		events += h.event_count;
		rc = note_gap(&s, &h);
		if (rc == 0)
			rc = add_block(&s, &h, len);
		offset += len + (uint64_t)h.stored_len;
	}
	if (rc == 0)
		rc = note_end(&s);
	free(s.window);
	if (rc < 0) {
		capture_scan_release(&scan);
		return error_nomem(err);
	}
	rc = check_size(r, raw, events, err);
	if (rc < 0)
		capture_scan_release(&scan);
	else
		*ret = scan;
	return rc;
}

void capture_scan_release(struct capture_scan *scan)
{
	free(scan->blocks);
	free(scan->header_len);
	free(scan->damage);
	*scan = (struct capture_scan){ 0 };
}

/* ---- loading: one block's sections ---- */

void block_release(struct block *block)
{
	free(block->sections);
	free(block->stored);
	free(block->raw);
	buf_release(&block->joined);
	ZSTD_freeDCtx(block->zstd);
	*block = (struct block){ 0 };
}

static bool room(uint8_t **p, size_t *cap, size_t want)
{
	uint8_t *bigger;

	if (want <= *cap)
		return true;
	bigger = realloc(*p, want);
	if (!bigger)
		return false;
	*p = bigger;
	*cap = want;
	return true;
}

static bool known_section(uint8_t kind)
{
	return (kind >= SECTION_RECORDS && kind <= SECTION_FILE_LINES) || kind == SECTION_STACKS ||
	       kind == SECTION_TUPLES ||
	       (kind >= SECTION_EVENT_IDMAP && kind <= SECTION_EVENT_STEPS_AWAY) ||
	       (kind >= SECTION_FOLDED_PAIRS && kind <= SECTION_FOLDED_REUSED);
}

static int body_damaged(const struct capture_reader *r, const struct capture_scan *scan, size_t i,
			const char *what, struct error *err)
{
	return error_set(err, ERR_DAMAGED, "cannot read '%s': block %zu at offset %" PRIu64 ": %s",
			 r->path, i, scan->blocks[i].offset, what);
}

static bool add_section(struct block *block, const struct section *s)
{
	if (block->section_count == block->section_cap) {
		size_t cap = block->section_cap ? block->section_cap * 2 : 32;
		struct section *p = realloc(block->sections, cap * sizeof(*p));

		if (!p)
			return false;
		block->sections = p;
		block->section_cap = cap;
	}
	block->sections[block->section_count++] = *s;
	return true;
}

/* Splits a body whose checksum is right. Returns what is wrong with it, or NULL; not whether there is no memory. */
static const char *split_body(struct block *block, const uint8_t *body,
			      const struct block_header *h, bool *ret_oom)
{
	struct cursor c = cursor_of(body, h->stored_len);
	size_t used = 0;

	while (cursor_left(&c)) {
		struct section s = { .kind = cursor_u8(&c) };
		uint8_t codec = cursor_u8(&c);
		uint64_t a = cursor_varint(&c), b = cursor_varint(&c), raw = cursor_varint(&c),
			 stored;
		const uint8_t *data;

		stored = cursor_varint(&c);
		data = cursor_take(&c, stored);
		if (c.bad || raw > h->raw_len - used || block->section_count >= SECTIONS_MAX)
			return "its sections do not fit its length";
		if (!known_section(s.kind)) {
			block->unknown_sections++;
			used += raw;
			continue;
		}
		if (a > UINT32_MAX || b > UINT32_MAX || codec > CODEC_ZSTD ||
		    (!codec && stored != raw))
			return "a section's head makes no sense";
		s.a = (uint32_t)a;
		s.b = (uint32_t)b;
		s.data = codec ? block->raw + used : data;
		s.len = raw;
		if (codec &&
		    ZSTD_decompressDCtx(block->zstd, block->raw + used, raw, data, stored) != raw)
			return "a section does not decompress";
		used += raw;
		if (!add_section(block, &s)) {
			*ret_oom = true;
			return NULL;
		}
	}
	return NULL;
}

static struct section *find_section(const struct block *block, enum section_kind kind)
{
	for (size_t i = 0; i < block->section_count; i++)
		if (block->sections[i].kind == kind)
			return &block->sections[i];
	return NULL;
}

/* A file that was split into numbers and lines is one record again. Returns what is wrong with it, or NULL. */
static const char *join_lines(struct block *block, bool *ret_oom)
{
	struct section *record = find_section(block, SECTION_RECORDS),
		       *numbers = find_section(block, SECTION_FILE_NUMBERS),
		       *lines = find_section(block, SECTION_FILE_LINES);
	const char *bad;

	if (!numbers && !lines)
		return NULL;
	if (!record || !numbers || !lines)
		return "a part of a file lacks its lines";
	bad = file_join(record, numbers, lines, &block->joined);
	*ret_oom = block->joined.oom;
	*record = (struct section){ .kind = SECTION_RECORDS,
				    .data = block->joined.data,
				    .len = block->joined.len };
	return bad;
}

int capture_reader_load(const struct capture_reader *r, const struct capture_scan *scan, size_t i,
			struct block *ret, struct error *err)
{
	const struct block_header *h = &scan->blocks[i];
	uint32_t header_len = scan->header_len[i], crc;
	size_t extra = header_len - BLOCK_HEADER_LEN, all = header_len + (size_t)h->stored_len;
	const uint8_t *p;
	const char *bad;
	bool oom = false;
	int rc;

	ret->section_count = 0;
	ret->unknown_sections = 0;
	if (!ret->zstd)
		ret->zstd = ZSTD_createDCtx();
	/* one byte more than nothing: sections of length 0 need an address too */
	if (!ret->zstd || !room(&ret->stored, &ret->stored_cap, all) ||
	    !room(&ret->raw, &ret->raw_cap, (size_t)h->raw_len + 1))
		return error_nomem(err);
	rc = file_read_at(r->fd, ret->stored, all, h->offset, r->path, err);
	if (rc < 0)
		return rc;
	p = ret->stored;
	crc = (uint32_t)p[72] | (uint32_t)p[73] << 8 | (uint32_t)p[74] << 16 |
	      (uint32_t)p[75] << 24;
	if (crc32_update(0, p + BLOCK_HEADER_LEN, extra + h->stored_len) != crc)
		return body_damaged(
			r, scan, i,
			"checksum mismatch (the capture was damaged after it was written)", err);
	bad = split_body(ret, p + header_len, h, &oom);
	if (!bad && !oom && h->type == BLOCK_FILE)
		bad = join_lines(ret, &oom);
	if (oom)
		return error_nomem(err);
	if (bad)
		return body_damaged(r, scan, i, bad, err);
	return 0;
}

int capture_reader_first(const struct capture_reader *r, struct block_header *ret_header,
			 struct block *ret, struct error *err)
{
	uint8_t bytes[BLOCK_HEADER_LEN];
	struct block_header h;
	uint32_t len;
	const struct capture_scan scan = { .blocks = &h, .header_len = &len, .count = 1 };
	int rc = file_read_at(r->fd, bytes, sizeof(bytes), r->blocks_at, r->path, err);

	if (rc < 0)
		return rc;
	if (!header_decode(bytes, r->blocks_at, &h, &len))
		return error_set(err, ERR_DAMAGED,
				 "cannot read '%s': its first block, at offset %" PRIu64
				 ", is damaged",
				 r->path, r->blocks_at);
	rc = capture_reader_load(r, &scan, 0, ret, err);
	if (rc == 0)
		*ret_header = h;
	return rc;
}

const struct section *block_section(const struct block *block, enum section_kind kind)
{
	return find_section(block, kind);
}
