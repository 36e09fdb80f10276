#define _GNU_SOURCE /* CPU sets */
#include "record/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "record/stream.h"
#include "record/tracefs.h"

#define THREADS_MAX  16u
#define POLL_MS	     200
#define BLOCK_AGE_NS 1000000000u /* a block is put when it is this old */
/*
 * A reader needs a fifth to a third of its CPU when the workload does nothing but allocate. Among
 * ten busy tasks it would get a tenth, the ring would fill and records would be lost; it never
 * takes more than there is to read.
 */
#define READER_NICE -20
#define FINAL_TRIES 200 /* x 5 ms: writers that were inside an event when tracing stopped */

struct cpu_ring {
	uint32_t cpu;
	uint16_t number; /* of its instance */
	int fd, stats_fd;
	struct stream stream;
	uint64_t opened_ns; /* when the first event of the open block was read; 0: it is empty */
	struct ring_stats counts;  /* the kernel's, as read last */
	uint64_t lost_seen;	   /* lost records at the last look */
	uint64_t lost_told;	   /* of them, told in front of a block, or about to be */
	uint64_t lost_before;	   /* to be told in front of the open block */
	uint64_t lost_at_boundary; /* lost records when a page boundary was last crossed */
	uint32_t pages_since_look;
	uint64_t bytes; /* read from the ring */
};

struct reader {
	struct readers *all;
	pthread_t thread;
	bool started;
	struct cpu_ring **rings;
	uint32_t ring_count;
	struct emitter emitter;
	uint8_t *page;
	struct pollfd *polls; /* one per ring, then stop_fd */
	struct error failure;
};

struct readers {
	int stop_fd; /* readable for ever once stopping */
	int event_fd;
	uint32_t ring_pages; /* sub-buffers of the largest ring */
	struct cpu_ring *rings;
	uint32_t ring_count;
	struct reader *threads;
	uint32_t thread_count;
	uint64_t lost; /* atomic */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- the kernel's counts ---- */

int ring_counts_read(int fd, struct ring_stats *ret, struct error *err)
{
	/* clang-format off */
	const struct { const char *key; uint64_t *to; } rows[] = {
		{ "entries: ", &ret->entries }, { "overrun: ", &ret->overrun },
		{ "commit overrun: ", &ret->commit_overrun }, { "dropped events: ", &ret->dropped },
		{ "read events: ", &ret->read },
	};
	/* clang-format on */
	char text[1024], *line, *end;
	unsigned int found = 0;
	ssize_t n;

	do
		n = pread(fd, text, sizeof(text) - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_errno(err, "cannot read the statistics of a ring buffer");
	text[n] = '\0';
	for (line = text; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			size_t len = strlen(rows[i].key);

			if (strncmp(line, rows[i].key, len))
				continue;
			*rows[i].to = strtoull(line + len, NULL, 10);
			found++;
		}
	}
	if (found != sizeof(rows) / sizeof(rows[0]))
		return error_set(err, ERR_UNSUPPORTED,
				 "the statistics of a ring buffer lack a line that is needed");
	return 0;
}

/* ---- one ring ---- */

static int put_block(struct reader *r, struct cpu_ring *c)
{
	int rc;

	if (!c->stream.block.count && !c->lost_before)
		return 0;
	rc = stream_give_up(&c->stream, &r->failure);
	if (rc == 0)
		rc = emitter_put_events(&r->emitter, &c->stream.block, c->cpu, c->number,
					c->lost_before, &r->failure);
	if (rc < 0)
		return rc;
	stream_block_done(&c->stream);
	c->lost_before = 0;
	c->opened_ns = 0;
	return 0;
}

/*
 * Looks whether records were lost. With the ring empty, everything that was lost lies behind us.
 * With the ring not empty the gap may still be in front: then only what an earlier look, a whole
 * ring ago, had seen is certain to be behind us. Told too late is safe (more objects are in doubt),
 * too early is not.
 */
static int look_for_loss(struct reader *r, struct cpu_ring *c, bool ring_empty)
{
	uint64_t lost, behind;
	int rc = ring_counts_read(c->stats_fd, &c->counts, &r->failure);

	if (rc < 0)
		return rc;
	lost = ring_stats_lost(&c->counts);
	behind = ring_empty ? lost : c->lost_seen;
	__atomic_fetch_add(&r->all->lost, lost - c->lost_seen, __ATOMIC_RELAXED);
	c->lost_seen = lost;
	c->pages_since_look = 0;
	if (behind == c->lost_told)
		return 0;
	if (c->stream.block.count)
		rc = put_block(r, c);
	c->lost_before += behind - c->lost_told;
	c->lost_told = behind;
	return rc;
}

/* An event waits for its stack over a page boundary: may anything have been lost there? */
static bool lost_at_boundary(struct reader *r, struct cpu_ring *c)
{
	struct ring_stats now = { 0 };
	uint64_t before = c->lost_at_boundary;

	if (ring_counts_read(c->stats_fd, &now, &r->failure) < 0)
		return true;
	c->lost_at_boundary = ring_stats_lost(&now);
	return c->lost_at_boundary != before;
}

static int after_page(struct reader *r, struct cpu_ring *c)
{
	if (!c->opened_ns && c->stream.block.count)
		c->opened_ns = now_ns();
	if ((stream_full(&c->stream) && !stream_waiting(&c->stream)) || stream_overfull(&c->stream))
		return put_block(r, c);
	return 0;
}

/*
 * Reads until the ring is empty, or as many sub-buffers as it has: then other rings get their turn.
 */
static int drain(struct reader *r, struct cpu_ring *c, bool *ret_empty)
{
	uint32_t size = r->emitter.plan->layout.subbuf_size;
	int rc;

	*ret_empty = false;
	for (uint32_t pages = 0; pages < r->all->ring_pages;) {
		ssize_t n = read(c->fd, r->page, size);
		bool gap;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return error_errno(&r->failure, "cannot read the ring buffer of CPU %u",
					   c->cpu);
		if (n <= 0) {
			*ret_empty = true;
			break;
		}
		gap = stream_waiting(&c->stream) && lost_at_boundary(r, c);
		rc = stream_page(&c->stream, r->page, (size_t)n, gap, &r->failure);
		if (rc == 0)
			rc = after_page(r, c);
		if (rc < 0)
			return rc;
		c->bytes += (uint64_t)n;
		c->pages_since_look++;
		pages++;
	}
	if (*ret_empty || c->pages_since_look >= r->all->ring_pages)
		return look_for_loss(r, c, *ret_empty);
	return 0;
}

/* Blocks that are old enough, or all of them when a new generation of the dictionary is due. */
static int put_old_blocks(struct reader *r)
{
	bool generation = emitter_wants_generation(&r->emitter);
	uint64_t now = now_ns();
	int rc = 0;

	/*
	 * an event that waits would lose its stack for nothing: a new generation can wait instead
	 */
	for (uint32_t i = 0; i < r->ring_count; i++)
		generation &= !stream_waiting(&r->rings[i]->stream);
	for (uint32_t i = 0; rc == 0 && i < r->ring_count; i++) {
		struct cpu_ring *c = r->rings[i];
		uint64_t age = c->opened_ns ? now - c->opened_ns : 0;
		uint64_t most = BLOCK_AGE_NS * (stream_waiting(&c->stream) ? 2ull : 1ull);

		if (generation || age >= most)
			rc = put_block(r, c);
	}
	if (rc == 0 && generation)
		emitter_new_generation(&r->emitter);
	return rc;
}

/* ---- a thread ---- */

static int drain_ready(struct reader *r, bool timeout)
{
	bool empty;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < r->ring_count; i++) {
		struct pollfd *p = &r->polls[i];

		if (timeout || (p->revents & POLLIN))
			rc = drain(r, r->rings[i], &empty);
		/*
		 * the ring of a CPU that is offline answers at once, always: look at it when time
		 * is up only
		 */
		if (p->revents & (POLLERR | POLLNVAL))
			p->fd = -1;
		else if (timeout)
			p->fd = r->rings[i]->fd;
	}
	return rc < 0 ? rc : put_old_blocks(r);
}

/*
 * Tracing is off: everything that is in the rings is read, until the kernel agrees that it was all.
 */
static int drain_rest(struct reader *r, struct cpu_ring *c)
{
	bool empty;
	int rc = 0;

	for (int tries = 0; rc == 0 && tries < FINAL_TRIES; tries++) {
		do
			rc = drain(r, c, &empty);
		while (rc == 0 && !empty);
		if (rc < 0 || (!c->counts.entries && c->counts.read == c->stream.decoded))
			break;
		usleep(5000);
	}
	return rc < 0 ? rc : put_block(r, c);
}

static int reader_loop(struct reader *r)
{
	bool stopping = false;
	uint64_t last_all = now_ns();
	int rc = 0;

	while (rc == 0 && !stopping) {
		int n = poll(r->polls, r->ring_count + 1, POLL_MS);
		bool timeout = n == 0 || now_ns() - last_all >= POLL_MS * 1000000ull;

		if (n < 0 && errno != EINTR)
			return error_errno(&r->failure, "cannot wait for the ring buffers");
		if (n < 0)
			continue;
		stopping = r->polls[r->ring_count].revents & POLLIN;
		if (timeout)
			last_all = now_ns();
		rc = drain_ready(r, timeout);
	}
	for (uint32_t i = 0; rc == 0 && i < r->ring_count; i++)
		rc = drain_rest(r, r->rings[i]);
	return rc;
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *reader_main(void *arg)
{
	struct reader *r = arg;

	/* not allowed without CAP_SYS_NICE: then the rings have to last longer */
	setpriority(PRIO_PROCESS, (id_t)gettid(), READER_NICE);
	if (reader_loop(r) < 0)
		signal_fd(r->all->event_fd);
	return NULL;
}

/* ---- all of them ---- */

static int open_ring(struct cpu_ring *c, const struct instance *inst, uint16_t number, uint32_t cpu,
		     struct error *err)
{
	c->cpu = cpu;
	c->number = number;
	c->fd = instance_open_cpu(inst, cpu, "trace_pipe_raw", O_RDONLY | O_NONBLOCK, err);
	if (c->fd < 0)
		return c->fd;
	c->stats_fd = instance_open_cpu(inst, cpu, "stats", O_RDONLY, err);
	return c->stats_fd < 0 ? c->stats_fd : 0;
}

static int open_rings(struct readers *all, struct instance *const *instances, uint16_t count,
		      uint32_t subbuf_size, struct error *err)
{
	struct cpu_ring *c;
	int rc = 0;

	for (uint16_t i = 0; i < count; i++) {
		uint32_t pages = (uint32_t)(instances[i]->ring_bytes / subbuf_size) + 2;

		all->ring_count += instances[i]->cpu_count;
		if (pages > all->ring_pages)
			all->ring_pages = pages;
	}
	c = all->rings = calloc(all->ring_count, sizeof(*all->rings));
	if (!all->rings) {
		all->ring_count = 0;
		return error_nomem(err);
	}
	for (uint32_t i = 0; i < all->ring_count; i++)
		all->rings[i].fd = all->rings[i].stats_fd = -1;
	for (uint16_t i = 0; rc == 0 && i < count; i++)
		for (uint32_t k = 0; rc == 0 && k < instances[i]->cpu_count; k++)
			rc = open_ring(c++, instances[i], i, instances[i]->cpus[k], err);
	return rc;
}

static int reader_init(struct reader *r, struct readers *all, uint32_t number,
		       const struct event_plan *plan, struct capture_writer *writer,
		       struct error *err)
{
	int rc = emitter_init(&r->emitter, writer, (uint16_t)(number + 1), plan, err);

	r->all = all;
	if (rc < 0)
		return rc;
	r->rings = calloc(all->ring_count, sizeof(*r->rings));
	r->polls = calloc(all->ring_count + 1u, sizeof(*r->polls));
	r->page = aligned_alloc(4096, (plan->layout.subbuf_size + 4095u) & ~4095u);
	return r->rings && r->polls && r->page ? 0 : error_nomem(err);
}

/* How many online CPUs have lower numbers. */
static uint32_t cpu_rank(const cpu_set_t *online, uint32_t cpu)
{
	uint32_t rank = 0;

	for (uint32_t i = 0; i < cpu; i++)
		rank += CPU_ISSET(i, online) != 0;
	return rank;
}

/*
 * CPUs that are online now are shared out evenly, neighbours together; those that are not go to the
 * last.
 */
static int share_out(struct readers *all, const cpu_set_t *online, struct error *err)
{
	uint32_t online_count = (uint32_t)CPU_COUNT(online);
	int rc;

	for (uint32_t i = 0; i < all->ring_count; i++) {
		struct cpu_ring *c = &all->rings[i];
		bool on = c->cpu < CPU_SETSIZE && CPU_ISSET(c->cpu, online);
		uint32_t n = on ? cpu_rank(online, c->cpu) * all->thread_count / online_count :
				  all->thread_count - 1;
		struct reader *r = &all->threads[n];

		r->polls[r->ring_count] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
		r->rings[r->ring_count++] = c;
		rc = stream_init(&c->stream, c->cpu, c->number, &r->emitter, err);
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < all->thread_count; i++)
		all->threads[i].polls[all->threads[i].ring_count] = (struct pollfd){
			.fd = all->stop_fd, .events = POLLIN
		};
	return 0;
}

static void pin(struct reader *r, uint32_t number)
{
	char name[32];
	cpu_set_t set;

	CPU_ZERO(&set);
	for (uint32_t i = 0; i < r->ring_count; i++)
		if (r->rings[i]->cpu < CPU_SETSIZE)
			CPU_SET(r->rings[i]->cpu, &set);
	/* not allowed in some containers: then the scheduler places it, which costs only speed */
	pthread_setaffinity_np(r->thread, sizeof(set), &set);
	snprintf(name, sizeof(name), "kmem-read/%u", number % THREADS_MAX);
	pthread_setname_np(r->thread, name);
}

static uint32_t thread_count(const cpu_set_t *online)
{
	uint32_t n = (uint32_t)CPU_COUNT(online);

	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

/* The CPUs that are online, whatever this process may run on. */
static void online_cpus(cpu_set_t *ret)
{
	FILE *f = fopen("/sys/devices/system/cpu/online", "re");
	unsigned int first, last;
	int n;

	CPU_ZERO(ret);
	while (f && (n = fscanf(f, "%u-%u", &first, &last)) >= 1) {
		for (unsigned int i = first; i <= (n == 2 ? last : first) && i < CPU_SETSIZE; i++)
			CPU_SET(i, ret);
		if (fgetc(f) != ',')
			break;
	}
	if (f)
		fclose(f);
}

static int start_threads(struct readers *all, struct error *err)
{
	for (uint32_t i = 0; i < all->thread_count; i++) {
		struct reader *r = &all->threads[i];
		int e = pthread_create(&r->thread, NULL, reader_main, r);

		if (e) {
			errno = e;
			return error_errno(err, "cannot start a thread");
		}
		r->started = true;
		pin(r, i);
	}
	return 0;
}

int readers_start(struct readers **ret, struct instance *const *instances, uint16_t count,
		  const struct event_plan *plan, struct capture_writer *writer, struct error *err)
{
	struct readers *all = calloc(1, sizeof(*all));
	cpu_set_t online;
	int rc;

	if (!all)
		return error_nomem(err);
	*all = (struct readers){ .stop_fd = -1, .event_fd = -1 };
	rc = open_rings(all, instances, count, plan->layout.subbuf_size, err);
	if (rc < 0)
		goto out;
	online_cpus(&online);
	all->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	all->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->stop_fd < 0 || all->event_fd < 0) {
		rc = error_errno(err, "cannot make an event fd");
		goto out;
	}
	all->threads = calloc(THREADS_MAX, sizeof(*all->threads));
	if (!all->threads) {
		rc = error_nomem(err);
		goto out;
	}
	all->thread_count = thread_count(&online);
	for (uint32_t i = 0; rc == 0 && i < all->thread_count; i++)
		rc = reader_init(&all->threads[i], all, i, plan, writer, err);
	if (rc == 0)
		rc = share_out(all, &online, err);
	if (rc == 0)
		rc = start_threads(all, err);
out:
	if (rc < 0)
		readers_free(all);
	else
		*ret = all;
	return rc;
}

int readers_event_fd(const struct readers *r)
{
	return r->event_fd;
}

static void join_threads(struct readers *all)
{
	signal_fd(all->stop_fd);
	for (uint32_t i = 0; i < all->thread_count; i++) {
		if (all->threads[i].started)
			pthread_join(all->threads[i].thread, NULL);
		all->threads[i].started = false;
	}
}

int readers_stop(struct readers *all, struct error *err)
{
	int rc = 0;

	join_threads(all);
	for (uint32_t i = 0; i < all->thread_count; i++) {
		const struct error *e = &all->threads[i].failure;

		if (e->code && rc == 0)
			rc = error_set(err, e->code, "%s", e->text);
	}
	return rc;
}

void readers_free(struct readers *all)
{
	if (!all)
		return;
	if (all->threads)
		join_threads(all);
	for (uint32_t i = 0; i < all->thread_count; i++) {
		struct reader *r = &all->threads[i];

		emitter_release(&r->emitter);
		free(r->rings);
		free(r->polls);
		free(r->page);
	}
	for (uint32_t i = 0; i < all->ring_count; i++) {
		stream_release(&all->rings[i].stream);
		if (all->rings[i].fd >= 0)
			close(all->rings[i].fd);
		if (all->rings[i].stats_fd >= 0)
			close(all->rings[i].stats_fd);
	}
	if (all->stop_fd >= 0)
		close(all->stop_fd);
	if (all->event_fd >= 0)
		close(all->event_fd);
	free(all->threads);
	free(all->rings);
	free(all);
}

uint64_t readers_lost(const struct readers *r)
{
	return __atomic_load_n(&r->lost, __ATOMIC_RELAXED);
}

size_t readers_ring_count(const struct readers *r)
{
	return r->ring_count;
}

void readers_stats(const struct readers *r, size_t i, struct ring_stats *ret)
{
	const struct cpu_ring *c = &r->rings[i];

	*ret = c->counts;
	ret->cpu = c->cpu;
	ret->ring = c->number;
	ret->decoded = c->stream.decoded;
	ret->events = c->stream.events;
	ret->stacks = c->stream.stacks;
	ret->orphan_stacks = c->stream.orphan_stacks;
	ret->missing_stacks = c->stream.missing_stacks;
	ret->bytes = c->bytes;
}

uint64_t readers_unknown(const struct readers *r)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < r->ring_count; i++)
		n += r->rings[i].stream.unknown;
	return n;
}

int readers_addresses(const struct readers *r, struct intern *set, struct error *err)
{
	for (uint32_t i = 0; i < r->thread_count; i++) {
		const struct intern *from = &r->threads[i].emitter.addresses;

		for (uint32_t n = 0; n < from->count; n++) {
			uint32_t len;
			const uint8_t *key = intern_bytes(from, n, &len);
			bool is_new;

			if (intern(set, key, len, &is_new) == INTERN_FULL)
				return error_nomem(err);
		}
	}
	return 0;
}
