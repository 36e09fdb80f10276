#include "analyze/text_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif

#include "format/base/crc32.h"
#include "format/base/fileio.h"
#include "format/base/hash.h"

#define STORED_ROOM   (256u << 10)
#define TEXT_ROOM     (1u << 20)
#define XZ_MEMORY_MAX (256ull << 20)
/* What a packed file may unpack to; logs are some ten times as large as their packed files. */
#define UNPACKED_FREE  (1ull << 30)
#define UNPACKED_TIMES 1000u
#define IDENTITY_BYTES 4096u
#define IDENTITY_HEAD  256u /* stays when a log grows */
#define SAMPLES	       16

struct text_input {
	char *path;
	int fd;
	uint64_t read, length, unpacked;
	/* what unpacks; NULL: the file is plain text */
	int (*unpack)(struct text_input *in, struct error *err);
	uint8_t *stored; /* as in the file */
	size_t stored_at, stored_len;
	bool file_end, frame_open;
	char *text; /* unpacked: lines from at to len */
	size_t at, len;
	bool end, half_line;
	const char *cut;
	char long_line[TEXT_LINE_MAX];
	ZSTD_DCtx *zstd;
#ifdef HAVE_ZLIB
	z_stream gzip;
	bool has_gzip;
#endif
#ifdef HAVE_LZMA
	lzma_stream xz;
#endif
};

/* Reads on into p; 0 at the end of the file. */
static ssize_t read_some(struct text_input *in, void *p, size_t room, struct error *err)
{
	ssize_t n;

	do
		n = read(in->fd, p, room);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "cannot read '%s'", in->path);
	in->read += (uint64_t)n;
	return n;
}

static int fill_stored(struct text_input *in, struct error *err)
{
	ssize_t n;

	if (in->stored_at < in->stored_len || in->file_end)
		return 0;
	n = read_some(in, in->stored, STORED_ROOM, err);
	if (n < 0)
		return (int)n;
	in->stored_at = 0;
	in->stored_len = (size_t)n;
	in->file_end = !n;
	return 0;
}

/* Each unpacker adds what it can to the text; it sets `end` when there is no more. */

static void stop(struct text_input *in, const char *why)
{
	in->end = true;
	in->cut = why;
}

static const char cut_off[] = "the compressed file was cut off";
static const char bad_data[] = "the compressed data is damaged";
static const char bomb[] = "it unpacks to more than a thousand times its size, which no log does";

static int unpack_zstd(struct text_input *in, struct error *err)
{
	ZSTD_inBuffer from = { in->stored, in->stored_len, in->stored_at };
	ZSTD_outBuffer to = { in->text, TEXT_ROOM, in->len };
	size_t rc;

	(void)err;
	if (in->file_end && from.pos == from.size && !in->frame_open) {
		in->end = true;
		return 0;
	}
	rc = ZSTD_decompressStream(in->zstd, &to, &from);
	if (ZSTD_isError(rc))
		stop(in, bad_data);
	else if (in->file_end && from.pos == from.size && to.pos == in->len)
		stop(in, cut_off);
	in->frame_open = rc != 0;
	in->stored_at = from.pos;
	in->len = to.pos;
	return 0;
}

#ifdef HAVE_ZLIB
static int unpack_gzip(struct text_input *in, struct error *err)
{
	int rc;

	(void)err;
	if (in->file_end && in->stored_at == in->stored_len) {
		if (in->frame_open)
			stop(in, cut_off);
		in->end = true;
		return 0;
	}
	in->gzip.next_in = in->stored + in->stored_at;
	in->gzip.avail_in = (uInt)(in->stored_len - in->stored_at);
	in->gzip.next_out = (Bytef *)in->text + in->len;
	in->gzip.avail_out = (uInt)(TEXT_ROOM - in->len);
	in->frame_open = true;
	rc = inflate(&in->gzip, Z_NO_FLUSH);
	in->stored_at = in->stored_len - in->gzip.avail_in;
	in->len = TEXT_ROOM - in->gzip.avail_out;
	if (rc == Z_STREAM_END) { /* another member may follow */
		in->frame_open = false;
		inflateReset(&in->gzip);
	} else if (rc != Z_OK && rc != Z_BUF_ERROR) {
		stop(in, bad_data);
	}
	return 0;
}
#endif

#ifdef HAVE_LZMA
static int unpack_xz(struct text_input *in, struct error *err)
{
	lzma_ret rc;

	in->xz.next_in = in->stored + in->stored_at;
	in->xz.avail_in = in->stored_len - in->stored_at;
	in->xz.next_out = (uint8_t *)in->text + in->len;
	in->xz.avail_out = TEXT_ROOM - in->len;
	rc = lzma_code(&in->xz, in->file_end ? LZMA_FINISH : LZMA_RUN);
	in->stored_at = in->stored_len - in->xz.avail_in;
	in->len = TEXT_ROOM - in->xz.avail_out;
	if (rc == LZMA_MEM_ERROR)
		return error_nomem(err);
	if (rc == LZMA_MEMLIMIT_ERROR)
		return error_set(err, ERR_UNSUPPORTED,
				 "'%s' needs more than %llu MB to unpack; unpack it with xz first",
				 in->path, XZ_MEMORY_MAX >> 20);
	if (rc == LZMA_STREAM_END)
		in->end = true;
	else if (rc == LZMA_BUF_ERROR)
		stop(in, cut_off);
	else if (rc != LZMA_OK)
		stop(in, bad_data);
	return 0;
}
#endif

static int fill_text(struct text_input *in, struct error *err)
{
	size_t before;
	ssize_t n;

	memmove(in->text, in->text + in->at, in->len - in->at);
	in->len -= in->at;
	in->at = 0;
	before = in->len;
	while (!in->end && in->len == before) {
		int rc;

		if (in->unpack) {
			rc = fill_stored(in, err);
			if (rc == 0)
				rc = in->unpack(in, err);
			if (rc < 0)
				return rc;
			in->unpacked += in->len - before;
			if (in->unpacked > UNPACKED_FREE &&
			    (in->unpacked - UNPACKED_FREE) / UNPACKED_TIMES > in->read)
				stop(in, bomb);
			continue;
		}
		n = read_some(in, in->text + in->len, TEXT_ROOM - in->len, err);
		if (n < 0)
			return (int)n;
		in->len += (size_t)n;
		in->end = !n;
	}
	return 0;
}

/* Steps over what is left of a line that is too long. */
static int skip_line(struct text_input *in, struct error *err)
{
	for (;;) {
		const char *eol = memchr(in->text + in->at, '\n', in->len - in->at);
		int rc;

		if (eol) {
			in->at = (size_t)(eol + 1 - in->text);
			return 0;
		}
		in->at = in->len;
		if (in->end) {
			in->half_line = true;
			return 0;
		}
		rc = fill_text(in, err);
		if (rc < 0)
			return rc;
	}
}

int text_input_line(struct text_input *in, struct text *ret, struct error *err)
{
	for (;;) {
		const char *line = in->text + in->at;
		size_t there = in->len - in->at;
		const char *eol = memchr(line, '\n', there);
		int rc;

		if (eol && (size_t)(eol - line) <= TEXT_LINE_MAX) {
			in->at += (size_t)(eol - line) + 1;
			*ret = (struct text){ line, (size_t)(eol - line) };
			break;
		}
		if (eol || there > TEXT_LINE_MAX) {
			memcpy(in->long_line, line, TEXT_LINE_MAX);
			*ret = (struct text){ in->long_line, TEXT_LINE_MAX };
			rc = skip_line(in, err);
			return rc < 0 ? rc : 1;
		}
		if (in->end) {
			in->half_line = there > 0;
			in->at = in->len;
			*ret = (struct text){ line, there };
			return there > 0;
		}
		rc = fill_text(in, err);
		if (rc < 0)
			return rc;
	}
	if (ret->len && ret->data[ret->len - 1] == '\r')
		ret->len--;
	return 1;
}

static int without(const char *path, const char *library, const char *tool, struct error *err)
	__attribute__((unused));

static int without(const char *path, const char *library, const char *tool, struct error *err)
{
	return error_set(
		err, ERR_UNSUPPORTED,
		"'%s' is compressed, and this kmem-analyze was built without %s; unpack it with %s first",
		path, library, tool);
}

static int open_gzip(struct text_input *in, struct error *err)
{
#ifdef HAVE_ZLIB
	if (inflateInit2(&in->gzip, 15 + 16) != Z_OK) /* 16: of gzip, not of zlib */
		return error_nomem(err);
	in->has_gzip = true;
	in->unpack = unpack_gzip;
	return 0;
#else
	return without(in->path, "zlib", "gunzip", err);
#endif
}

static int open_xz(struct text_input *in, struct error *err)
{
#ifdef HAVE_LZMA
	if (lzma_stream_decoder(&in->xz, XZ_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK)
		return error_nomem(err);
	in->unpack = unpack_xz;
	return 0;
#else
	return without(in->path, "liblzma", "xz -d", err);
#endif
}

static int open_zstd(struct text_input *in, struct error *err)
{
	in->zstd = ZSTD_createDCtx();
	in->unpack = unpack_zstd;
	return in->zstd ? 0 : error_nomem(err);
}

static int choose_unpacker(struct text_input *in, struct error *err)
{
	uint8_t head[6] = { 0 };
	ssize_t n = pread(in->fd, head, sizeof(head), 0);

	if (n < 0)
		return error_errno(err, "cannot read '%s'", in->path);
	if (!memcmp(head, "\x1f\x8b\x08", 3))
		return open_gzip(in, err);
	if (!memcmp(head, "\x28\xb5\x2f\xfd", 4))
		return open_zstd(in, err);
	return memcmp(head,
		      "\xfd"
		      "7zXZ",
		      6) ?
		       0 :
		       open_xz(in, err);
}

static int open_regular(const char *path, struct stat *st, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return error_errno(err, "cannot read '%s'", path);
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return error_set(err, ERR_FORMAT, "'%s' is no regular file", path);
}

int text_input_open(struct text_input **ret, const char *path, struct error *err)
{
	struct text_input *in = calloc(1, sizeof(*in));
	struct stat st;
	int rc = 0;

	if (!in)
		return error_nomem(err);
#ifdef HAVE_LZMA
	in->xz = (lzma_stream)LZMA_STREAM_INIT;
#endif
	in->fd = -1;
	in->path = strdup(path);
	in->text = malloc(TEXT_ROOM);
	in->stored = malloc(STORED_ROOM);
	if (!in->path || !in->text || !in->stored)
		rc = error_nomem(err);
	if (rc == 0) {
		in->fd = open_regular(path, &st, err);
		rc = in->fd < 0 ? in->fd : 0;
	}
	if (rc == 0) {
		in->length = (uint64_t)st.st_size;
		rc = choose_unpacker(in, err);
	}
	if (rc < 0)
		text_input_free(in);
	else
		*ret = in;
	return rc;
}

void text_input_free(struct text_input *in)
{
	if (!in)
		return;
	ZSTD_freeDCtx(in->zstd);
#ifdef HAVE_ZLIB
	if (in->has_gzip)
		inflateEnd(&in->gzip);
#endif
#ifdef HAVE_LZMA
	lzma_end(&in->xz);
#endif
	if (in->fd >= 0)
		close(in->fd);
	free(in->stored);
	free(in->text);
	free(in->path);
	free(in);
}

uint64_t text_input_read(const struct text_input *in)
{
	return in->read;
}

uint64_t text_input_length(const struct text_input *in)
{
	return in->length;
}

const char *text_input_cut(const struct text_input *in)
{
	return in->cut;
}

bool text_input_half_line(const struct text_input *in)
{
	return in->half_line;
}

int text_input_identity(const char *path, struct capture_identity *ret, struct error *err)
{
	struct capture_identity id = { .length = 0 };
	uint8_t bytes[IDENTITY_BYTES];
	struct stat st;
	int rc = 0, fd = open_regular(path, &st, err);
	/* stands in databases: never to be changed */
	static const uint64_t identity[2] = { 0x9e3779b97f4a7c15ull, 0xd1b54a32d192ed03ull };
	uint64_t hash[2] = { 0, 0 };
	size_t n, head;

	if (fd < 0)
		return fd;
	id.length = (uint64_t)st.st_size;
	n = id.length < sizeof(bytes) ? (size_t)id.length : sizeof(bytes);
	for (uint64_t i = 0; i <= SAMPLES && rc == 0; i++) {
		rc = file_read_at(fd, bytes, n, (id.length - n) / SAMPLES * i, path, err);
		head = n < IDENTITY_HEAD ? n : IDENTITY_HEAD;
		for (int k = 0; k < 2 && rc == 0 && !i; k++)
			hash[k] = hash_bytes_with((uint64_t)k, bytes, head, identity);
		if (rc == 0)
			id.tail_crc = crc32_update(id.tail_crc, bytes, n);
	}
	if (rc == 0)
		rc = file_read_at(fd, bytes, n, id.length - n, path, err);
	close(fd);
	if (rc < 0)
		return rc;
	id.tail_crc = crc32_update(id.tail_crc, bytes, n);
	memcpy(id.uuid, hash, sizeof(id.uuid));
	*ret = id;
	return 0;
}
