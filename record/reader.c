#define _GNU_SOURCE /* CPU sets */
#include "record/reader.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 16u
#define POLL_MS	    200
#define FINAL_TRIES 200 /* x 5 ms: writers that were inside an event when tracing stopped */

struct reader {
	struct readers *all;
	pthread_t thread;
	bool started;
	struct ring **rings;
	uint32_t ring_count;
	struct emitter emitter;
	struct folding *folding; /* NULL: everything is written */
	uint8_t *page;
	struct pollfd *polls; /* one per ring, then stop_fd */
	struct error failure;
};

struct readers {
	int stop_fd; /* readable for ever once stopping */
	int event_fd;
	struct ring_list rings;
	struct reader *threads;
	uint32_t thread_count;
	uint64_t lost;		       /* atomic */
	struct capture_writer *writer; /* atomic: where blocks are to go */
	uint32_t changed;	       /* atomic: threads that put them there */
	const struct placement *placement;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void ring_list_release(struct ring_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		row_sink_release(&list->items[i]->sink);
		list->items[i]->ops->release(list->items[i]);
	}
	free(list->items);
	*list = (struct ring_list){ 0 };
}

static void ring_account(const struct ring *c, struct ring_stats *ret)
{
	const struct stream *s = &c->sink.stream;

	*ret = (struct ring_stats){ 0 };
	c->ops->stats(c, ret);
	ret->cpu = c->cpu;
	ret->ring = c->number;
	ret->decoded = s->decoded;
	ret->events = s->events;
	ret->stacks = s->stacks;
	ret->orphan_stacks = s->orphan_stacks;
	ret->missing_stacks = s->missing_stacks;
}

static struct capture_writer *wanted_writer(const struct reader *r)
{
	return __atomic_load_n(&r->all->writer, __ATOMIC_ACQUIRE);
}

/* All blocks have been put. */
static void change_over(struct reader *r)
{
	for (uint32_t i = 0; i < r->ring_count; i++) {
		struct ring *c = r->rings[i];

		ring_account(c, &c->at_change);
		c->at_change.entries = 0;
		c->at_change.read = c->at_change.decoded;
	}
	emitter_change(&r->emitter, wanted_writer(r));
	__atomic_fetch_add(&r->all->changed, 1, __ATOMIC_RELEASE);
}

/* Blocks that are old enough, or all of them when a new generation of the dictionary is due. */
static int put_old_blocks(struct reader *r)
{
	bool change = wanted_writer(r) != r->emitter.writer;
	bool generation = change || emitter_wants_generation(&r->emitter);
	uint64_t now = now_ns();
	int rc = 0;

	/*
	 * an event that waits would lose its stack for nothing: a new generation can wait instead
	 */
	for (uint32_t i = 0; i < r->ring_count; i++)
		generation &= !stream_waiting(&r->rings[i]->sink.stream) &&
			      r->rings[i]->sink.settled;
	for (uint32_t i = 0; rc == 0 && i < r->ring_count; i++) {
		struct row_sink *sink = &r->rings[i]->sink;

		if (generation || row_sink_due(sink, now))
			rc = row_sink_put(sink, &r->failure);
	}
	if (rc == 0 && generation && change)
		change_over(r);
	else if (rc == 0 && generation)
		emitter_new_generation(&r->emitter);
	return rc;
}

/* ---- a thread ---- */

static int drain_ready(struct reader *r, bool timeout)
{
	uint64_t start = now_ns();
	bool empty;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < r->ring_count; i++) {
		struct pollfd *p = &r->polls[i];

		if (timeout || r->folding || (p->revents & POLLIN))
			rc = r->rings[i]->ops->drain(r->rings[i], &empty, &r->failure);
		/*
		 * the ring of a CPU that is offline answers at once, always: look at it when time
		 * is up only
		 */
		if (p->revents & (POLLERR | POLLNVAL))
			p->fd = -1;
		else if (timeout)
			p->fd = r->rings[i]->fd;
	}
	if (rc < 0)
		return rc;
	return r->folding ? folding_round(r->folding, start, &r->failure) : put_old_blocks(r);
}

/*
 * Recording is off: everything that is in the ring is read, until the kernel agrees that it was all.
 */
static int drain_rest(struct reader *r, struct ring *c)
{
	bool empty;
	int rc = 0;

	for (int tries = 0; rc == 0 && tries < FINAL_TRIES; tries++) {
		do
			rc = c->ops->drain(c, &empty, &r->failure);
		while (rc == 0 && !empty);
		if (rc < 0 || c->ops->is_done(c))
			break;
		usleep(5000);
	}
	if (rc == 0 && c->ops->finish)
		rc = c->ops->finish(c, &r->failure);
	return rc < 0 ? rc : row_sink_put(&c->sink, &r->failure);
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
	if (rc == 0 && r->folding)
		rc = folding_finish(r->folding, &r->failure);
	else if (rc == 0 && wanted_writer(r) != r->emitter.writer)
		change_over(r);
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
	setpriority(PRIO_PROCESS, (id_t)gettid(), r->all->placement->nice);
	if (r->folding)
		folding_start(r->folding);
	if (reader_loop(r) < 0)
		signal_fd(r->all->event_fd);
	return NULL;
}

/* ---- all of them ---- */

static int reader_init(struct reader *r, struct readers *all, uint32_t number,
		       const struct event_plan *plan, struct capture_writer *writer,
		       struct error *err)
{
	int rc = emitter_init(&r->emitter, writer, (uint16_t)(number + 1), plan, err);

	r->all = all;
	if (rc < 0)
		return rc;
	r->rings = calloc(all->rings.count, sizeof(*r->rings));
	r->polls = calloc(all->rings.count + 1u, sizeof(*r->polls));
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

	for (uint32_t i = 0; i < all->rings.count; i++) {
		struct ring *c = all->rings.items[i];
		bool on = c->cpu < CPU_SETSIZE && CPU_ISSET(c->cpu, online);
		uint32_t n = on ? cpu_rank(online, c->cpu) * all->thread_count / online_count :
				  all->thread_count - 1;
		struct reader *r = &all->threads[n];

		r->polls[r->ring_count] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
		r->rings[r->ring_count++] = c;
		c->page = r->page;
		rc = row_sink_init(&c->sink, c->cpu, c->number, &r->emitter, &all->lost, err);
		c->sink.samples = c->samples;
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < all->thread_count; i++)
		all->threads[i].polls[all->threads[i].ring_count] = (struct pollfd){
			.fd = all->stop_fd, .events = POLLIN
		};
	return 0;
}

/* On the CPU that was asked for, or on those whose rings it reads. */
static void pin(struct reader *r, uint32_t number)
{
	const struct number_list *places = &r->all->placement->cpus;
	char name[32];
	cpu_set_t set;

	CPU_ZERO(&set);
	if (places->count && places->items[number % places->count] < CPU_SETSIZE)
		CPU_SET(places->items[number % places->count], &set);
	for (uint32_t i = 0; !places->count && i < r->ring_count; i++)
		if (r->rings[i]->cpu < CPU_SETSIZE)
			CPU_SET(r->rings[i]->cpu, &set);
	/* not allowed in some containers: then the scheduler places it, which costs only speed */
	pthread_setaffinity_np(r->thread, sizeof(set), &set);
	snprintf(name, sizeof(name), "kmem-read/%u", number % THREADS_MAX);
	pthread_setname_np(r->thread, name);
}

/* As many as there are CPUs to serve, or as there are places. */
static uint32_t thread_count(const struct placement *placement, const cpu_set_t *online)
{
	uint32_t n = (uint32_t)CPU_COUNT(online);

	if (placement->cpus.count && placement->cpus.count < n)
		n = (uint32_t)placement->cpus.count;
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

static int by_cpu(const void *a, const void *b)
{
	const struct ring *x = *(struct ring *const *)a, *y = *(struct ring *const *)b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return x->number - y->number;
}

/* The one thread that there is folds what its rings give, in the order of CPU and ring. */
static int start_folding(struct reader *r, const struct folding_options *options, struct error *err)
{
	struct ring **order = calloc(r->ring_count, sizeof(*order));
	int rc = order ? folding_new(&r->folding, options, r->emitter.plan, &r->emitter,
				     r->ring_count, err) :
			 error_nomem(err);

	if (rc == 0) {
		memcpy(order, r->rings, r->ring_count * sizeof(*order));
		qsort(order, r->ring_count, sizeof(*order), by_cpu);
		for (uint32_t i = 0; i < r->ring_count; i++)
			folding_attach(r->folding, i, &order[i]->sink);
	}
	free(order);
	return rc;
}

static int set_up(struct readers *all, const struct event_plan *plan, struct capture_writer *writer,
		  const struct folding_options *fold, struct error *err)
{
	cpu_set_t online;
	int rc = 0;

	online_cpus(&online);
	all->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	all->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->stop_fd < 0 || all->event_fd < 0)
		return error_errno(err, "cannot make an event fd");
	all->threads = calloc(THREADS_MAX, sizeof(*all->threads));
	if (!all->threads)
		return error_nomem(err);
	all->thread_count = all->changed = fold ? 1 : thread_count(all->placement, &online);
	all->writer = writer;
	for (uint32_t i = 0; rc == 0 && i < all->thread_count; i++)
		rc = reader_init(&all->threads[i], all, i, plan, writer, err);
	if (rc == 0)
		rc = share_out(all, &online, err);
	if (rc == 0 && fold)
		rc = start_folding(&all->threads[0], fold, err);
	return rc < 0 ? rc : start_threads(all, err);
}

int readers_start(struct readers **ret, struct ring_list *rings, const struct event_plan *plan,
		  struct capture_writer *writer, const struct placement *placement,
		  const struct folding_options *fold, struct error *err)
{
	struct readers *all = calloc(1, sizeof(*all));
	int rc;

	if (!all) {
		ring_list_release(rings);
		return error_nomem(err);
	}
	*all = (struct readers){
		.stop_fd = -1, .event_fd = -1, .rings = *rings, .placement = placement
	};
	*rings = (struct ring_list){ 0 };
	rc = set_up(all, plan, writer, fold, err);
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

		folding_free(r->folding);
		emitter_release(&r->emitter);
		free(r->rings);
		free(r->polls);
		free(r->page);
	}
	ring_list_release(&all->rings);
	if (all->stop_fd >= 0)
		close(all->stop_fd);
	if (all->event_fd >= 0)
		close(all->event_fd);
	free(all->threads);
	free(all);
}

uint64_t readers_lost(const struct readers *r)
{
	return __atomic_load_n(&r->lost, __ATOMIC_RELAXED);
}

size_t readers_ring_count(const struct readers *r)
{
	return r->rings.count;
}

void readers_stats(const struct readers *r, size_t i, struct ring_stats *ret)
{
	ring_account(r->rings.items[i], ret);
}

void readers_change(struct readers *r, struct capture_writer *writer)
{
	__atomic_store_n(&r->changed, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&r->writer, writer, __ATOMIC_RELEASE);
}

bool readers_changed(const struct readers *r)
{
	return __atomic_load_n(&r->changed, __ATOMIC_ACQUIRE) == r->thread_count;
}

void readers_change_stats(const struct readers *r, size_t i, struct ring_stats *ret)
{
	*ret = r->rings.items[i]->at_change;
}

void readers_interrupt(const struct readers *r, uint64_t until_ns)
{
	if (r->thread_count && r->threads[0].folding)
		folding_interrupt(r->threads[0].folding, until_ns);
}

bool readers_folded(const struct readers *r, struct folding_report *ret)
{
	if (!r->thread_count || !r->threads[0].folding)
		return false;
	folding_report(r->threads[0].folding, ret);
	return true;
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
