#include "record/perf_ring.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/perf_event.h"

uint64_t perf_ring_round(uint64_t bytes)
{
	uint64_t size = (uint64_t)sysconf(_SC_PAGESIZE);

	while (size * 2 <= bytes)
		size *= 2;
	return size;
}

int perf_ring_map(struct perf_ring *r, int fd, uint64_t bytes, unsigned int long_size,
		  struct error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map = mmap(NULL, page + (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED && errno == EPERM)
		return error_set(
			err, ERR_UNSUPPORTED,
			"a ring of %llu kB per CPU is more than kernel.perf_event_mlock_kb (%ld) "
			"and RLIMIT_MEMLOCK allow: take a smaller -m, raise one of them, or run "
			"with CAP_IPC_LOCK",
			(unsigned long long)(bytes >> 10), perf_sysctl("perf_event_mlock_kb"));
	if (map == MAP_FAILED)
		return error_errno(err, "cannot map a perf ring of %llu kB",
				   (unsigned long long)(bytes >> 10));
	*r = (struct perf_ring){
		.map = map,
		.map_bytes = page + (size_t)bytes,
		.data = (uint8_t *)map + page,
		.size = bytes,
		.wrap = long_size == 4 ? UINT32_MAX : UINT64_MAX,
		.joined = malloc(PERF_RECORD_BYTES),
	};
	if (r->joined)
		return 0;
	perf_ring_unmap(r);
	return error_nomem(err);
}

void perf_ring_unmap(struct perf_ring *r)
{
	if (r->map)
		munmap(r->map, r->map_bytes);
	free(r->joined);
	*r = (struct perf_ring){ 0 };
}

void perf_ring_give_back(struct perf_ring *r)
{
	struct perf_event_mmap_page *page = r->map;

	__atomic_store_n(&page->data_tail, r->pos, __ATOMIC_RELEASE);
}

/* The bytes at pos in one piece. */
static const uint8_t *piece(struct perf_ring *r, uint64_t pos, uint32_t len)
{
	size_t at = (size_t)(pos & (r->size - 1)), first = (size_t)r->size - at;

	if (first >= len)
		return r->data + at;
	memcpy(r->joined, r->data + at, first);
	memcpy(r->joined + first, r->data, len - first);
	return r->joined;
}

int perf_ring_next(struct perf_ring *r, struct perf_ring_record *ret, struct error *err)
{
	const struct perf_event_mmap_page *page = r->map;
	struct perf_event_header h;
	uint64_t left;

	if (r->pos == r->head) {
		r->head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
		if (r->pos == r->head)
			return 0;
	}
	left = (r->head - r->pos) & r->wrap;
	/* the header never lies on the end: all lengths are multiples of 8 */
	memcpy(&h, r->data + (r->pos & (r->size - 1)), sizeof(h));
	if (left > r->size || left < sizeof(h) || h.size < sizeof(h) || h.size % 8 || h.size > left)
		return error_set(
			err, ERR_DAMAGED,
			"a perf record of %u bytes (type %u) with %llu bytes left in the ring",
			h.size, h.type, (unsigned long long)left);
	*ret = (struct perf_ring_record){
		.type = h.type,
		.misc = h.misc,
		.body = piece(r, r->pos, h.size) + sizeof(h),
		.len = h.size - (uint32_t)sizeof(h),
	};
	r->pos = (r->pos + h.size) & r->wrap;
	return 1;
}
