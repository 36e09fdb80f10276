#include "record/perf_side.h"

#include <linux/perf_event.h>
#include <unistd.h>

/* At the end of every record but samples: u32 process, u32 thread, u64 time, u64 id. */
#define TAIL_BYTES 24u

/* Records as include/uapi/linux/perf_event.h lays them out, without header and tail. */
struct map_body {
	uint32_t pid, tid;
	uint64_t address, length, offset;
	union {
		struct {
			uint32_t major, minor;
			uint64_t inode, generation;
		} file;
		struct {
			uint8_t len, reserved[3], bytes[20];
		} build_id;
	};
	uint32_t prot, flags;
};

struct comm_body {
	uint32_t pid, tid;
};

struct task_body {
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};

struct side_record {
	const uint8_t *body;
	uint32_t len; /* without the tail */
	uint16_t misc;
	uint64_t time;
};

/* The string behind the fixed part; it is terminated and padded to 8. */
static bool string_behind(const struct side_record *r, size_t fixed, struct text *ret)
{
	const char *at = (const char *)r->body + fixed;
	size_t room = r->len - fixed;

	*ret = (struct text){ at, strnlen(at, room) };
	return ret->len < room;
}

static bool put_map(struct perf_side *side, const struct side_record *r)
{
	const struct build_id *id;
	struct process_record p;
	struct map_body m;

	if (r->len < sizeof(m))
		return false;
	memcpy(&m, r->body, sizeof(m));
	p = (struct process_record){
		.kind = PROCESS_MAP,
		.time = r->time,
		.pid = (int32_t)m.tid,
		.tgid = (int32_t)m.pid,
		.start = m.address,
		.length = m.length,
		.offset = m.offset,
		.prot = m.prot,
		.map_flags = m.flags,
	};
	if (!string_behind(r, sizeof(m), &p.name))
		return false;
	if (r->misc & PERF_RECORD_MISC_MMAP_BUILD_ID) {
		if (m.build_id.len > sizeof(m.build_id.bytes))
			return false;
		p.build_id = (struct text){ (const char *)m.build_id.bytes, m.build_id.len };
	} else {
		id = build_ids_of_map(&side->build_ids, p.tgid, m.address, m.address + m.length,
				      p.name.data, m.file.major, m.file.minor, m.file.inode);
		if (id)
			p.build_id = (struct text){ (const char *)id->bytes, id->len };
	}
	process_encode(&side->encoder, &p);
	return true;
}

static bool put_comm(struct perf_side *side, const struct side_record *r)
{
	struct process_record p;
	struct comm_body c;

	if (r->len < sizeof(c))
		return false;
	memcpy(&c, r->body, sizeof(c));
	p = (struct process_record){
		.kind = PROCESS_COMM,
		.flags = r->misc & PERF_RECORD_MISC_COMM_EXEC ? PROCESS_EXEC : 0,
		.time = r->time,
		.pid = (int32_t)c.tid,
		.tgid = (int32_t)c.pid,
	};
	if (!string_behind(r, sizeof(c), &p.name))
		return false;
	process_encode(&side->encoder, &p);
	return true;
}

static void tell_exit(const struct perf_side *side, int32_t tgid)
{
	if (side->exits_fd > 0 && write(side->exits_fd, &tgid, sizeof(tgid)) < 0) {
		/* no room: its files are looked for at the end */
	}
}

static bool put_task(struct perf_side *side, const struct side_record *r, bool is_fork)
{
	struct process_record p;
	struct task_body t;

	if (r->len < sizeof(t))
		return false;
	memcpy(&t, r->body, sizeof(t));
	p = (struct process_record){
		.kind = is_fork ? PROCESS_FORK : PROCESS_EXIT,
		.time = r->time,
		.pid = (int32_t)t.tid,
		.tgid = (int32_t)t.pid,
	};
	if (is_fork) {
		p.parent_pid = (int32_t)t.ptid;
		p.parent_tgid = (int32_t)t.ppid;
	} else if (t.pid == t.tid) {
		tell_exit(side, p.tgid);
	}
	process_encode(&side->encoder, &p);
	return true;
}

bool perf_side_record(struct perf_side *side, const struct perf_ring_record *rec)
{
	struct side_record r = { .body = rec->body, .misc = rec->misc };

	if (rec->len < TAIL_BYTES)
		return false;
	r.len = rec->len - TAIL_BYTES;
	memcpy(&r.time, rec->body + r.len + 8, sizeof(r.time));
	switch (rec->type) {
	case PERF_RECORD_MMAP2: return put_map(side, &r);
	case PERF_RECORD_COMM: return put_comm(side, &r);
	case PERF_RECORD_FORK: return put_task(side, &r, true);
	case PERF_RECORD_EXIT: return put_task(side, &r, false);
	default: return false;
	}
}

void perf_side_release(struct perf_side *side)
{
	process_encoder_release(&side->encoder);
	build_ids_release(&side->build_ids);
}
