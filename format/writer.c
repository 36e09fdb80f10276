#include "format/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include "format/base/crc32.h"
#include "format/records.h"

/*
 * The index of a recording that runs for weeks would outgrow the block that holds it: past this
 * many entries (24 MB of memory) it is given up, and readers scan the block headers instead.
 */
#define INDEX_MAX 600000u

struct capture_writer {
	int fd;
	bool regular; /* can be cut back to a block boundary */
	char *name;
	uint8_t uuid[CAPTURE_UUID_LEN];
	uint32_t clock_step;
	pthread_mutex_t lock; /* everything below */
	struct error failure;
	uint64_t bytes, events, last_time;
	uint64_t seq[WRITER_MAX];
	struct end_entry *index;
	size_t index_count, index_cap;
	bool index_full;
	uint64_t watched; /* how many bytes are to be told to watch_fd; UINT64_MAX: none */
	int watch_fd;
};

void block_body_clear(struct block_body *body)
{
	buf_clear(&body->bytes);
	body->bytes.oom = false;
	body->raw_len = 0;
	body->failed = false;
}

void block_body_release(struct block_body *body)
{
	buf_release(&body->bytes);
	ZSTD_freeCCtx(body->zstd);
	*body = (struct block_body){ 0 };
}

/* A section's head has varints in front of bytes whose length is known only after compression. */
#define SECTION_HEAD_MAX (2 + 4 * VARINT_MAX_LEN)

void block_body_add(struct block_body *body, enum section_kind kind, uint32_t a, uint32_t b,
		    const void *data, size_t len)
{
	size_t bound = ZSTD_compressBound(len), stored;
	uint8_t *head, *p, *payload;

	if (len > BLOCK_RAW_MAX - body->raw_len) {
		body->failed = true;
		return;
	}
	if (!body->zstd)
		body->zstd = ZSTD_createCCtx();
	if (!body->zstd || !buf_reserve(&body->bytes, SECTION_HEAD_MAX + bound)) {
		body->failed = true;
		return;
	}
	head = body->bytes.data + body->bytes.len;
	payload = head + SECTION_HEAD_MAX;
	stored = ZSTD_compressCCtx(body->zstd, payload, bound, data, len,
				   body->level ? body->level : CAPTURE_ZSTD_LEVEL);
	p = head;
	*p++ = (uint8_t)kind;
	*p++ = ZSTD_isError(stored) || stored >= len ? CODEC_RAW : CODEC_ZSTD;
	p = varint_put(p, a);
	p = varint_put(p, b);
	p = varint_put(p, len);
	if (head[1] == CODEC_RAW) {
		stored = len;
		memcpy(payload, data ? data : "", len);
	}
	p = varint_put(p, stored);
	memmove(p, payload, stored);
	body->bytes.len += (size_t)(p - head) + stored;
	body->raw_len += (uint32_t)len;
}

static uint64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void make_uuid(uint8_t uuid[CAPTURE_UUID_LEN])
{
	/*
	 * early in boot the pool may not be ready: better a clock-made name than a recorder that
	 * waits
	 */
	if (getrandom(uuid, CAPTURE_UUID_LEN, GRND_NONBLOCK) != CAPTURE_UUID_LEN) {
		uint64_t parts[2] = { wall_ns(), (uint64_t)getpid() * 0x9e3779b97f4a7c15ull };

		memcpy(uuid, parts, CAPTURE_UUID_LEN);
	}
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static int writer_fail(struct capture_writer *w, struct error *err)
{
	return error_set(err, w->failure.code, "%s", w->failure.text);
}

/* Writes all or, on a regular file, nothing: a half-written block is cut off again. Lock held. */
static int write_whole(struct capture_writer *w, struct iovec *iov, int count, struct error *err)
{
	uint64_t all = 0, done = 0;
	int i;

	for (i = 0; i < count; i++)
		all += iov[i].iov_len;
	for (i = 0; i < count;) {
		ssize_t n = writev(w->fd, iov + i, count - i);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			goto fail;
		done += (uint64_t)n;
		for (; i < count && (size_t)n >= iov[i].iov_len; i++)
			n -= (ssize_t)iov[i].iov_len;
		if (i < count) {
			iov[i].iov_base = (uint8_t *)iov[i].iov_base + n;
			iov[i].iov_len -= (size_t)n;
		}
	}
	__atomic_store_n(&w->bytes, w->bytes + all, __ATOMIC_RELAXED);
	return 0;
fail:
	error_errno(&w->failure, "cannot write '%s'", w->name);
	if (done && w->regular && ftruncate(w->fd, (off_t)w->bytes) < 0) {
		/* the reader finds the half block and says so: nothing more can be done here */
	}
	return writer_fail(w, err);
}

int capture_writer_new(struct capture_writer **ret, int fd, const char *name, uint32_t clock_step,
		       struct error *err)
{
	struct capture_writer *w = calloc(1, sizeof(*w));
	struct buf b = { 0 };
	struct iovec iov;
	struct stat st;
	off_t start;
	int rc;

	if (!w || !(w->name = strdup(name))) {
		free(w);
		return error_nomem(err);
	}
	w->fd = fd;
	w->clock_step = clock_step;
	w->watched = UINT64_MAX;
	start = lseek(fd, 0, SEEK_CUR);
	w->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && start == 0;
	pthread_mutex_init(&w->lock, NULL);
	make_uuid(w->uuid);

	buf_bytes(&b, CAPTURE_MAGIC, 8);
	buf_u16(&b, CAPTURE_VERSION);
	buf_u16(&b, CAPTURE_HEADER_LEN);
	buf_u32(&b, clock_step ? CAPTURE_CLOCK_STEPS : 0);
	buf_u32(&b, 0);
	buf_bytes(&b, w->uuid, CAPTURE_UUID_LEN);
	buf_u64(&b, wall_ns());
	buf_u64(&b, 0);
	buf_u64(&b, 0);
	if (!b.oom)
		buf_u32(&b, crc32_update(0, b.data, b.len));
	if (b.oom) {
		rc = error_nomem(err);
	} else {
		iov = (struct iovec){ b.data, b.len };
		rc = write_whole(w, &iov, 1, err);
	}
	buf_release(&b);
	if (rc < 0)
		capture_writer_free(w);
	else
		*ret = w;
	return rc;
}

void capture_writer_free(struct capture_writer *w)
{
	if (!w)
		return;
	pthread_mutex_destroy(&w->lock);
	free(w->index);
	free(w->name);
	free(w);
}

static void index_add(struct capture_writer *w, const struct block_header *h)
{
	if (w->index_full)
		return;
	if (w->index_count == w->index_cap) {
		size_t cap = w->index_cap ? w->index_cap * 2 : 1024;
		struct end_entry *p = NULL;

		if (w->index_count < INDEX_MAX)
			p = realloc(w->index, cap * sizeof(*p));
		if (!p) {
			w->index_full = true; /* the index is a convenience: go on without it */
			return;
		}
		w->index = p;
		w->index_cap = cap;
	}
	w->index[w->index_count++] = (struct end_entry){
		.offset = w->bytes,
		.cpu = (uint32_t)h->cpu,
		.event_count = h->event_count,
		.first_time = h->first_time,
		.last_time = h->last_time,
	};
}

static void header_encode(struct buf *b, const struct block_header *h, uint32_t body_crc)
{
	buf_u32(b, BLOCK_MAGIC);
	buf_u8(b, h->type);
	buf_u8(b, 0);
	buf_u16(b, BLOCK_HEADER_LEN);
	buf_u16(b, h->writer);
	buf_u16(b, h->ring);
	buf_u32(b, (uint32_t)h->cpu);
	buf_u64(b, h->seq);
	buf_u64(b, h->first_time);
	buf_u64(b, h->last_time);
	buf_u64(b, h->lost_before);
	buf_u32(b, h->event_count);
	buf_u32(b, h->generation);
	buf_u32(b, h->raw_len);
	buf_u32(b, h->stored_len);
	buf_u64(b, h->offset);
	buf_u32(b, body_crc);
	buf_u32(b, crc32_update(0, b->data, b->len));
}

/* The lock is held. */
static void tell_watcher(struct capture_writer *w)
{
	uint64_t one = 1;

	if (w->bytes < w->watched)
		return;
	w->watched = UINT64_MAX;
	while (write(w->watch_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void capture_writer_watch(struct capture_writer *w, uint64_t bytes, int fd)
{
	pthread_mutex_lock(&w->lock);
	w->watched = bytes;
	w->watch_fd = fd;
	tell_watcher(w);
	pthread_mutex_unlock(&w->lock);
}

int capture_writer_put(struct capture_writer *w, const struct block_header *header,
		       const struct block_body *body, struct error *err)
{
	uint32_t crc = crc32_update(0, body->bytes.data, body->bytes.len);
	uint8_t room[BLOCK_HEADER_LEN];
	struct buf b = { .data = room, .cap = sizeof(room) };
	struct block_header h = *header;
	struct iovec iov[2];
	int rc;

	if (body->failed || body->bytes.oom || body->bytes.len > BLOCK_STORED_MAX)
		return error_nomem(err);
	if (h.writer >= WRITER_MAX)
		return error_set(err, ERR_USAGE, "too many writers for one capture");
	h.raw_len = body->raw_len;
	h.stored_len = (uint32_t)body->bytes.len;

	pthread_mutex_lock(&w->lock);
	if (w->failure.code) {
		rc = writer_fail(w, err);
		goto out;
	}
	h.seq = w->seq[h.writer];
	h.offset = w->bytes;
	header_encode(&b, &h, crc);
	iov[0] = (struct iovec){ room, sizeof(room) };
	iov[1] = (struct iovec){ body->bytes.data, body->bytes.len };
	if (h.type == BLOCK_EVENTS)
		index_add(w, &h);
	rc = write_whole(w, iov, body->bytes.len ? 2 : 1, err);
	if (rc < 0)
		goto out;
	w->seq[h.writer]++;
	if (h.type == BLOCK_EVENTS && h.event_count && h.last_time > w->last_time)
		__atomic_store_n(&w->last_time, h.last_time, __ATOMIC_RELAXED);
	tell_watcher(w);
	if (h.type == BLOCK_EVENTS)
		__atomic_fetch_add(&w->events, h.event_count, __ATOMIC_RELAXED);
out:
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int capture_writer_sync(struct capture_writer *w, struct error *err)
{
	if (fdatasync(w->fd) == 0 || errno == EINVAL || errno == EROFS || errno == EBADF)
		return 0;
	return error_errno(err, "cannot bring '%s' to the disk", w->name);
}

int capture_writer_end(struct capture_writer *w, uint64_t lost, struct error *err)
{
	struct block_header h = { .type = BLOCK_END, .cpu = CPU_NONE };
	struct block_body body = { 0 };
	struct end_totals totals;
	struct buf b = { 0 };
	int rc;

	pthread_mutex_lock(&w->lock);
	totals = (struct end_totals){
		.events = w->events,
		.lost = lost,
		.bytes = w->bytes,
		.block_count = w->index_full ? 0 : w->index_count,
	};
	end_encode(&b, &totals, w->index);
	pthread_mutex_unlock(&w->lock);

	if (b.oom)
		rc = error_nomem(err);
	else {
		block_body_add(&body, SECTION_RECORDS, 0, 0, b.data, b.len);
		rc = capture_writer_put(w, &h, &body, err);
	}
	if (rc == 0)
		rc = capture_writer_sync(w, err);
	block_body_release(&body);
	buf_release(&b);
	return rc;
}

uint64_t capture_writer_bytes(const struct capture_writer *w)
{
	return __atomic_load_n(&w->bytes, __ATOMIC_RELAXED);
}

uint64_t capture_writer_events(const struct capture_writer *w)
{
	return __atomic_load_n(&w->events, __ATOMIC_RELAXED);
}

uint64_t capture_writer_last_time(const struct capture_writer *w)
{
	return __atomic_load_n(&w->last_time, __ATOMIC_RELAXED);
}

uint32_t capture_writer_clock_step(const struct capture_writer *w)
{
	return w->clock_step;
}

const uint8_t *capture_writer_uuid(const struct capture_writer *w)
{
	return w->uuid;
}
