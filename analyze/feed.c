#include "analyze/feed.h"

#include <pthread.h>
#include <stdlib.h>

#define BATCH_ROWS  8192
#define BATCH_BYTES (256u << 10)
#define BATCHES	    8

struct feed {
	pthread_mutex_t lock;
	pthread_cond_t full_one, free_one;
	struct feed_batch batches[BATCHES];
	struct feed_batch *free_list, *first, *last; /* under the lock */
	bool finished, cancelled;
	struct feed_batch *open[FEED_KINDS]; /* the producer's */
	int64_t count[FEED_KINDS];
};

int feed_new(struct feed **ret, struct error *err)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f)
		return error_nomem(err);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->full_one, NULL);
	pthread_cond_init(&f->free_one, NULL);
	for (int i = 0; i < BATCHES; i++) {
		struct feed_batch *b = &f->batches[i];

		b->rows = malloc(BATCH_ROWS * sizeof(*b->rows));
		if (!b->rows) {
			feed_free(f);
			return error_nomem(err);
		}
		b->next = f->free_list;
		f->free_list = b;
	}
	*ret = f;
	return 0;
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	for (int i = 0; i < BATCHES; i++) {
		free(f->batches[i].rows);
		buf_release(&f->batches[i].bytes);
	}
	pthread_cond_destroy(&f->full_one);
	pthread_cond_destroy(&f->free_one);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Hands the open batch of a kind to the consumer. */
static void push(struct feed *f, enum feed_kind kind)
{
	struct feed_batch *b = f->open[kind];

	if (!b)
		return;
	f->open[kind] = NULL;
	b->next = NULL;
	pthread_mutex_lock(&f->lock);
	if (f->last)
		f->last->next = b;
	else
		f->first = b;
	f->last = b;
	pthread_cond_signal(&f->full_one);
	pthread_mutex_unlock(&f->lock);
}

static struct feed_batch *open_batch(struct feed *f, enum feed_kind kind)
{
	struct feed_batch *b;

	pthread_mutex_lock(&f->lock);
	while (!f->free_list && !f->cancelled)
		pthread_cond_wait(&f->free_one, &f->lock);
	b = f->cancelled ? NULL : f->free_list;
	if (b)
		f->free_list = b->next;
	pthread_mutex_unlock(&f->lock);
	if (!b)
		return NULL;
	b->kind = kind;
	b->count = 0;
	b->first_id = f->count[kind] + 1;
	buf_clear(&b->bytes);
	f->open[kind] = b;
	return b;
}

struct feed_row *feed_row(struct feed *f, enum feed_kind kind)
{
	struct feed_batch *b = f->open[kind];

	if (!b || b->count == BATCH_ROWS) {
		push(f, kind);
		b = open_batch(f, kind);
		if (!b)
			return NULL;
	}
	f->count[kind]++;
	return &b->rows[b->count++];
}

struct buf *feed_other(struct feed *f)
{
	struct feed_batch *b = f->open[FEED_OTHER];

	if (!b || b->bytes.len >= BATCH_BYTES) {
		push(f, FEED_OTHER);
		b = open_batch(f, FEED_OTHER);
		if (!b)
			return NULL;
	}
	f->count[FEED_OTHER]++;
	b->count++;
	return b->bytes.oom ? NULL : &b->bytes;
}

int64_t feed_rows(const struct feed *f, enum feed_kind kind)
{
	return f->count[kind];
}

void feed_finish(struct feed *f)
{
	for (int kind = 0; kind < FEED_KINDS; kind++)
		push(f, (enum feed_kind)kind);
	pthread_mutex_lock(&f->lock);
	f->finished = true;
	pthread_cond_signal(&f->full_one);
	pthread_mutex_unlock(&f->lock);
}

struct feed_batch *feed_next(struct feed *f)
{
	struct feed_batch *b;

	pthread_mutex_lock(&f->lock);
	while (!f->first && !f->finished)
		pthread_cond_wait(&f->full_one, &f->lock);
	b = f->first;
	if (b) {
		f->first = b->next;
		if (!f->first)
			f->last = NULL;
	}
	pthread_mutex_unlock(&f->lock);
	return b;
}

void feed_recycle(struct feed *f, struct feed_batch *batch)
{
	pthread_mutex_lock(&f->lock);
	batch->next = f->free_list;
	f->free_list = batch;
	pthread_cond_signal(&f->free_one);
	pthread_mutex_unlock(&f->lock);
}

void feed_cancel(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	f->cancelled = true;
	pthread_cond_signal(&f->free_one);
	pthread_mutex_unlock(&f->lock);
}
