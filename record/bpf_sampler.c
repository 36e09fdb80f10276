/*
 * bpf_sampler.c - stacks of allocations that are chosen at random, by BPF programs on raw
 * tracepoints: one program per event, assembled here and loaded by the plain system call, so that
 * neither a compiler nor a library is needed on the target.
 *
 * Each CPU has a ring of its own. A sample is put together in memory of its CPU and program, since a
 * ring can reserve fixed sizes only and most stacks are short. An interrupt that allocates while the
 * program runs would write over it: it finds the memory busy, leaves, and is counted.
 *
 * Needs BPF ring buffers (5.8). Facts: include/uapi/linux/bpf.h, kernel/bpf/ringbuf.c of the kernel.
 */
#define _GNU_SOURCE /* syscall */
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "record/stack_sampler.h"

#define FRAMES_MAX	 127u /* kernel.perf_event_max_stack, unless somebody has changed it */
#define RING_BYTES_LEAST (256u << 10)
#define INSNS_MAX	 96u

/* As the program writes it. */
struct bpf_sample {
	uint64_t time, address, call_site;
	uint32_t pid, source;
	uint64_t bytes; /* of frames */
	uint64_t frames[FRAMES_MAX];
};

struct bpf_scratch {
	uint64_t busy;
	uint64_t missed; /* chosen while it was busy */
	uint64_t full;	 /* chosen when the ring had no room */
	struct bpf_sample sample;
};

/* A ring buffer of the kernel, mapped. Positions are longs, and never wrap on 64 bits. */
struct bpf_ring {
	int fd;
	unsigned long *consumed;
	const unsigned long *produced;
	const uint8_t *data; /* twice, so that no record lies on the end */
	unsigned long pos;   /* of the next record */
	uint32_t record;     /* bytes of the record that next has shown; 0: none */
	uint32_t *narrow;    /* frames of a 32-bit kernel */
};

struct bpf_sampler {
	struct stack_sampler base;
	int scratch_fd, rings_fd;
	int *programs, *links;	/* per source; -1: none */
	struct bpf_ring *rings; /* per CPU */
	uint32_t ring_count;
	unsigned long ring_bytes;
};

static struct bpf_sampler *bpf_of(struct stack_sampler *s)
{
	return (struct bpf_sampler *)s;
}

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* ---- the program ---- */

struct program {
	struct bpf_insn insns[INSNS_MAX];
	uint32_t count;
};

/* Places that jumps lead to, set when they are reached. */
struct jumps {
	uint32_t at[8], count;
};

static void insn(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		 int32_t imm)
{
	if (p->count < INSNS_MAX)
		p->insns[p->count++] = (struct bpf_insn){
			.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
		};
}

static void copy(struct program *p, uint8_t dst, uint8_t src)
{
	insn(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void number(struct program *p, uint8_t dst, int32_t imm)
{
	insn(p, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm);
}

static void add(struct program *p, uint8_t dst, int32_t imm)
{
	insn(p, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm);
}

static void load(struct program *p, uint8_t dst, uint8_t src, size_t off)
{
	insn(p, BPF_LDX | BPF_MEM | BPF_DW, dst, src, (int16_t)off, 0);
}

static void store(struct program *p, uint8_t dst, size_t off, uint8_t src)
{
	insn(p, BPF_STX | BPF_MEM | BPF_DW, dst, src, (int16_t)off, 0);
}

static void call(struct program *p, int32_t function)
{
	insn(p, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

static void jump(struct program *p, struct jumps *to, uint8_t how, uint8_t dst, int32_t imm)
{
	to->at[to->count++] = p->count;
	insn(p, (uint8_t)(BPF_JMP | how | BPF_K), dst, 0, 0, imm);
}

static void here(struct program *p, const struct jumps *from)
{
	for (uint32_t i = 0; i < from->count; i++)
		p->insns[from->at[i]].off = (int16_t)(p->count - from->at[i] - 1);
}

/* r0 = the element of the map whose key, a u32, is on the stack. */
static void look_up(struct program *p, int map_fd)
{
	copy(p, BPF_REG_2, BPF_REG_10);
	add(p, BPF_REG_2, -4);
	insn(p, BPF_LD | BPF_IMM | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map_fd);
	insn(p, 0, 0, 0, 0, 0);
	call(p, BPF_FUNC_map_lookup_elem);
}

static void count_up(struct program *p, size_t off)
{
	load(p, BPF_REG_1, BPF_REG_7, off);
	add(p, BPF_REG_1, 1);
	store(p, BPF_REG_7, off, BPF_REG_1);
}

#define SCRATCH(member) offsetof(struct bpf_scratch, member)

/* r7 = scratch, marked busy; r8 = the time; else to `end`. */
static void enter(struct program *p, const struct bpf_sampler *b, uint32_t source,
		  struct jumps *end)
{
	struct jumps idle = { 0 };

	call(p, BPF_FUNC_get_prandom_u32);
	/* compared as 64 bits with a sign-extended immediate: at most 2^31 - 1, N is 2 or more */
	jump(p, end, BPF_JGT, BPF_REG_0, (int32_t)((1ull << 32) / b->base.period - 1));
	call(p, BPF_FUNC_ktime_get_ns);
	copy(p, BPF_REG_8, BPF_REG_0);
	insn(p, BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, (int32_t)source);
	look_up(p, b->scratch_fd);
	jump(p, end, BPF_JEQ, BPF_REG_0, 0);
	copy(p, BPF_REG_7, BPF_REG_0);
	load(p, BPF_REG_1, BPF_REG_7, SCRATCH(busy));
	jump(p, &idle, BPF_JEQ, BPF_REG_1, 0);
	count_up(p, SCRATCH(missed));
	jump(p, end, BPF_JA, 0, 0);
	here(p, &idle);
	insn(p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_7, 0, SCRATCH(busy), 1);
}

/* r6 = arguments of the tracepoint. r8 = bytes of the sample. */
static void take(struct program *p, const struct sample_source *source, uint32_t number_of_it)
{
	struct jumps good = { 0 };

	store(p, BPF_REG_7, SCRATCH(sample.time), BPF_REG_8);
	load(p, BPF_REG_1, BPF_REG_6, source->address_arg * 8u);
	store(p, BPF_REG_7, SCRATCH(sample.address), BPF_REG_1);
	if (source->site_arg < 0)
		number(p, BPF_REG_1, 0);
	else
		load(p, BPF_REG_1, BPF_REG_6, (size_t)source->site_arg * 8u);
	store(p, BPF_REG_7, SCRATCH(sample.call_site), BPF_REG_1);
	call(p, BPF_FUNC_get_current_pid_tgid);
	insn(p, BPF_STX | BPF_MEM | BPF_W, BPF_REG_7, BPF_REG_0, SCRATCH(sample.pid), 0);
	insn(p, BPF_ST | BPF_MEM | BPF_W, BPF_REG_7, 0, SCRATCH(sample.source),
	     (int32_t)number_of_it);
	copy(p, BPF_REG_1, BPF_REG_6);
	copy(p, BPF_REG_2, BPF_REG_7);
	add(p, BPF_REG_2, SCRATCH(sample.frames));
	number(p, BPF_REG_3, FRAMES_MAX * 8);
	number(p, BPF_REG_4, 0);
	call(p, BPF_FUNC_get_stack);
	jump(p, &good, BPF_JSGT, BPF_REG_0, 0);
	number(p, BPF_REG_0, 0);
	here(p, &good);
	store(p, BPF_REG_7, SCRATCH(sample.bytes), BPF_REG_0);
	copy(p, BPF_REG_8, BPF_REG_0);
	add(p, BPF_REG_8, offsetof(struct bpf_sample, frames));
}

/* Into the ring of this CPU. Its reader looks by itself: nobody is woken. */
static void hand_out(struct program *p, const struct bpf_sampler *b)
{
	struct jumps full = { 0 }, done = { 0 };

	call(p, BPF_FUNC_get_smp_processor_id);
	insn(p, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_0, -4, 0);
	look_up(p, b->rings_fd);
	jump(p, &full, BPF_JEQ, BPF_REG_0, 0);
	copy(p, BPF_REG_1, BPF_REG_0);
	copy(p, BPF_REG_2, BPF_REG_7);
	add(p, BPF_REG_2, SCRATCH(sample));
	copy(p, BPF_REG_3, BPF_REG_8);
	number(p, BPF_REG_4, BPF_RB_NO_WAKEUP);
	call(p, BPF_FUNC_ringbuf_output);
	jump(p, &done, BPF_JEQ, BPF_REG_0, 0);
	here(p, &full);
	count_up(p, SCRATCH(full));
	here(p, &done);
	insn(p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_7, 0, SCRATCH(busy), 0);
}

static void assemble(struct program *p, const struct bpf_sampler *b, uint32_t source)
{
	struct jumps end = { 0 };

	p->count = 0;
	copy(p, BPF_REG_6, BPF_REG_1);
	enter(p, b, source, &end);
	take(p, &b->base.sources[source], source);
	hand_out(p, b);
	here(p, &end);
	number(p, BPF_REG_0, 0);
	insn(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* ---- maps and programs ---- */

/* Kernels before 5.11 count maps as locked memory. */
static int bpf_with_memory(int command, union bpf_attr *attr)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY }, before;
	int fd = bpf(command, attr), why;

	if (fd >= 0 || errno != EPERM || getrlimit(RLIMIT_MEMLOCK, &before) < 0 ||
	    setrlimit(RLIMIT_MEMLOCK, &limit) < 0)
		return fd;
	fd = bpf(command, attr);
	why = errno;
	setrlimit(RLIMIT_MEMLOCK, &before);
	errno = why;
	return fd;
}

static int make_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, int inner,
		    struct error *err)
{
	union bpf_attr attr = { 0 };
	int fd;

	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = entries;
	attr.inner_map_fd = inner < 0 ? 0 : (uint32_t)inner;
	fd = bpf_with_memory(BPF_MAP_CREATE, &attr);
	return fd < 0 ? error_errno(err, "bpf() makes no map (of type %u)", type) : fd;
}

static int load_program(struct bpf_sampler *b, uint32_t source, struct error *err)
{
	struct program p;
	union bpf_attr attr = { 0 };

	assemble(&p, b, source);
	attr.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	attr.insns = (uintptr_t)p.insns;
	attr.insn_cnt = p.count;
	attr.license = (uintptr_t) "GPL";
	snprintf(attr.prog_name, sizeof(attr.prog_name), "kmem_sample");
	b->programs[source] = bpf_with_memory(BPF_PROG_LOAD, &attr);
	return b->programs[source] < 0 ? error_errno(err, "bpf() refuses the program") : 0;
}

static int attach(struct bpf_sampler *b, uint32_t source, struct error *err)
{
	union bpf_attr attr = { 0 };

	attr.raw_tracepoint.name = (uintptr_t)b->base.sources[source].name;
	attr.raw_tracepoint.prog_fd = (uint32_t)b->programs[source];
	b->links[source] = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	return b->links[source] < 0 ? error_errno(err, "cannot attach to the tracepoint %s",
						  b->base.sources[source].name) :
				      0;
}

static int map_ring(struct bpf_sampler *b, uint32_t cpu, struct bpf_ring *r, struct error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	union bpf_attr attr = { 0 };
	const uint8_t *kernel;
	void *own;

	own = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (own == MAP_FAILED)
		return error_errno(err, "cannot map a BPF ring");
	r->consumed = own;
	kernel = mmap(NULL, page + 2 * b->ring_bytes, PROT_READ, MAP_SHARED, r->fd, (off_t)page);
	if (kernel == MAP_FAILED)
		return error_errno(err, "cannot map a BPF ring");
	r->produced = (const unsigned long *)(const void *)kernel;
	r->data = kernel + page;
	if (b->base.plan->layout.long_size == 4 &&
	    !(r->narrow = calloc(FRAMES_MAX, sizeof(*r->narrow))))
		return error_nomem(err);
	attr.map_fd = (uint32_t)b->rings_fd;
	attr.key = (uintptr_t)&cpu;
	attr.value = (uintptr_t)&r->fd;
	return bpf(BPF_MAP_UPDATE_ELEM, &attr) < 0 ? error_errno(err, "cannot set a BPF map") : 0;
}

static bool is_online(uint32_t cpu)
{
	char path[64], digit = '1';
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	f = fopen(path, "re"); /* a CPU that cannot go has no such file */
	if (f && fread(&digit, 1, 1, f) != 1)
		digit = '0';
	if (f)
		fclose(f);
	return digit != '0';
}

/* A CPU that comes later has no ring: what is chosen there is counted as lost. */
static int make_rings(struct bpf_sampler *b, struct error *err)
{
	uint32_t most = 0;
	int rc = 0;

	for (uint32_t i = 0; i < b->ring_count; i++)
		most = b->base.cpus[i] > most ? b->base.cpus[i] : most;
	for (uint32_t i = 0; rc == 0 && i < b->ring_count; i++) {
		struct bpf_ring *r = &b->rings[i];

		if (!is_online(b->base.cpus[i]))
			continue;
		r->fd = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, (uint32_t)b->ring_bytes, -1, err);
		if (r->fd >= 0 && b->rings_fd < 0)
			b->rings_fd = make_map(BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, most + 1, r->fd,
					       err);
		rc = r->fd < 0 ? r->fd : b->rings_fd < 0 ? b->rings_fd : 0;
		if (rc == 0)
			rc = map_ring(b, b->base.cpus[i], r, err);
	}
	return rc;
}

/* ---- samples ---- */

static bool parse(struct bpf_sampler *b, const struct bpf_ring *r, const uint8_t *bytes,
		  uint32_t len, struct stack_sample *ret)
{
	const size_t head = offsetof(struct bpf_sample, frames);
	const struct sample_source *source;
	struct bpf_sample s;
	uint64_t frame;

	if (len < head)
		return false;
	memcpy(&s, bytes, head);
	if (s.source >= b->base.source_count || s.bytes > len - head)
		return false;
	source = &b->base.sources[s.source];
	*ret = (struct stack_sample){ .time = s.time,
				      .address = s.address,
				      .call_site = s.call_site,
				      .pid = (int32_t)s.pid,
				      .struct_page = source->struct_page,
				      .source = source,
				      .frames = bytes + head,
				      .depth = (uint32_t)(s.bytes / 8) };
	for (uint32_t i = 0; r->narrow && i < ret->depth; i++) {
		memcpy(&frame, bytes + head + (size_t)i * 8, sizeof(frame));
		r->narrow[i] = (uint32_t)frame;
	}
	if (r->narrow)
		ret->frames = (const uint8_t *)r->narrow;
	return true;
}

static void pass(struct stack_sampler *s, uint32_t ring)
{
	struct bpf_ring *r = &bpf_of(s)->rings[ring];

	r->pos += r->record;
	r->record = 0;
	__atomic_store_n(r->consumed, r->pos, __ATOMIC_RELEASE);
}

static bool next(struct stack_sampler *s, uint32_t ring, struct stack_sample *ret)
{
	struct bpf_sampler *b = bpf_of(s);
	struct bpf_ring *r = &b->rings[ring];
	const uint8_t *p;
	uint32_t len;

	while (r->data && r->pos != __atomic_load_n(r->produced, __ATOMIC_ACQUIRE)) {
		p = r->data + (r->pos & (b->ring_bytes - 1));
		len = __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_ACQUIRE);
		if (len & BPF_RINGBUF_BUSY_BIT)
			return false;
		r->record = ((len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) & ~7u;
		if (!(len & BPF_RINGBUF_DISCARD_BIT) &&
		    parse(b, r, p + BPF_RINGBUF_HDR_SZ, len, ret))
			return true;
		pass(s, ring);
	}
	return false;
}

static void stop(struct stack_sampler *s)
{
	for (uint32_t i = 0; i < s->source_count; i++) {
		if (bpf_of(s)->links[i] >= 0)
			close(bpf_of(s)->links[i]);
		bpf_of(s)->links[i] = -1;
	}
}

static int start(struct stack_sampler *s, struct error *err)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < s->source_count; i++)
		rc = attach(bpf_of(s), i, err);
	if (rc < 0)
		stop(s);
	return rc;
}

/* ---- the account ---- */

/* What the programs have counted, on all CPUs. */
static uint64_t scratch_lost(const struct bpf_sampler *b, uint32_t source)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	size_t count = b->ring_count > (size_t)(cpus > 0 ? cpus : 1) ? b->ring_count : (size_t)cpus;
	struct bpf_scratch *all = calloc(count, sizeof(*all));
	union bpf_attr attr = { 0 };
	uint64_t lost = 0;

	attr.map_fd = (uint32_t)b->scratch_fd;
	attr.key = (uintptr_t)&source;
	attr.value = (uintptr_t)all;
	if (all && bpf(BPF_MAP_LOOKUP_ELEM, &attr) == 0)
		for (size_t i = 0; i < count; i++)
			lost += all[i].missed + all[i].full;
	free(all);
	return lost;
}

/* Since 6.1 the kernel itself does not run a program that runs already: then nobody has chosen. */
static uint64_t kernel_missed(int program)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = { 0 };

	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 ? 0 : info.recursion_misses;
}

static uint64_t lost(const struct stack_sampler *s)
{
	const struct bpf_sampler *b = (const struct bpf_sampler *)s;
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->source_count; i++)
		n += scratch_lost(b, i) + kernel_missed(b->programs[i]);
	return n;
}

/* ---- making one ---- */

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void release(struct stack_sampler *s)
{
	struct bpf_sampler *b = bpf_of(s);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (b->links)
		stop(s);
	for (uint32_t i = 0; b->programs && i < s->source_count; i++)
		close_fd(b->programs[i]);
	for (uint32_t i = 0; b->rings && i < b->ring_count; i++) {
		struct bpf_ring *r = &b->rings[i];

		if (r->consumed)
			munmap(r->consumed, page);
		if (r->produced)
			munmap((void *)(uintptr_t)r->produced, page + 2 * b->ring_bytes);
		close_fd(r->fd);
		free(r->narrow);
	}
	close_fd(b->rings_fd);
	close_fd(b->scratch_fd);
	free(b->programs);
	free(b->links);
	free(b->rings);
	free(b);
}

static const struct sampler_ops ops = {
	.by = "random",
	.start = start,
	.stop = stop,
	.next = next,
	.pass = pass,
	.lost = lost,
	.release = release,
};

/*
 * A tracing ring full of allocations and frees, 50 bytes each, has so many chosen ones whose samples
 * are 250 bytes: then it is the tracing ring that is full first.
 */
static unsigned long ring_size(uint64_t ring_bytes, uint64_t period)
{
	unsigned long size = RING_BYTES_LEAST;

	while (size * 2 <= ring_bytes && size * 2 <= ring_bytes * 4 / period)
		size *= 2;
	return size;
}

static bool allocate(struct bpf_sampler *b)
{
	b->programs = calloc(b->base.source_count, sizeof(*b->programs));
	b->links = calloc(b->base.source_count, sizeof(*b->links));
	b->rings = calloc(b->ring_count, sizeof(*b->rings));
	for (uint32_t i = 0; i < b->base.source_count; i++) {
		if (b->programs)
			b->programs[i] = -1;
		if (b->links)
			b->links[i] = -1;
	}
	for (uint32_t i = 0; b->rings && i < b->ring_count; i++)
		b->rings[i].fd = -1;
	return b->programs && b->links && b->rings;
}

static int make(struct bpf_sampler *b, struct error *err)
{
	int rc;

	rc = b->scratch_fd = make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct bpf_scratch),
				      b->base.source_count, -1, err);
	if (rc >= 0)
		rc = make_rings(b, err);
	for (uint32_t i = 0; rc == 0 && i < b->base.source_count; i++)
		rc = load_program(b, i, err);
	return rc;
}

int bpf_sampler_new(struct stack_sampler **ret, const struct stack_sampler *s, uint64_t ring_bytes,
		    struct error *err)
{
	struct bpf_sampler *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return error_nomem(err);
	*b = (struct bpf_sampler){
		.base = *s,
		.scratch_fd = -1,
		.rings_fd = -1,
		.ring_count = s->cpu_count,
		.ring_bytes = ring_size(ring_bytes, s->period),
	};
	b->base.ops = &ops;
	rc = allocate(b) ? make(b, err) : error_nomem(err);
	if (rc == 0) /* whether the tracepoints are there, too */
		rc = start(&b->base, err);
	if (rc < 0) {
		release(&b->base);
		return rc;
	}
	stop(&b->base);
	*ret = &b->base;
	return 0;
}
