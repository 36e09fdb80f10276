#include "tests/bench/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 12

static const char *file_name;
static unsigned int line_number;

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "makeload: %s:%u: %s%s%s\n", file_name, line_number, what,
		detail ? " " : "", detail ? detail : "");
	exit(1);
}

uint64_t roll(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t draw(const struct chances *c, struct dice *d)
{
	uint64_t at = roll_below(d, c->upto[c->count - 1]);
	size_t low = 0, high = c->count - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c->upto[middle] > at)
			high = middle;
		else
			low = middle + 1;
	}
	return c->value[low];
}

uint64_t draw_time(const struct chances *c, struct dice *d)
{
	uint32_t bucket = c->count ? draw(c, d) : 0;
	uint64_t half = (uint64_t)1 << bucket / 2 >> 1;

	if (!c->count)
		return 0;
	return ((uint64_t)1 << bucket / 2) + (bucket % 2 ? half : 0) +
	       (half ? roll_below(d, half) : 0);
}

static void *more(void *array, size_t count, size_t size)
{
	void *p = array;

	/* doubles at powers of two */
	if (!(count & (count - 1)))
		p = realloc(array, (count ? count * 2 : 1) * size);
	if (!p)
		die("out of memory", NULL);
	return p;
}

static void add_chance(struct chances *c, uint32_t value, uint64_t weight)
{
	if (!weight)
		return;
	c->value = more(c->value, c->count, sizeof(*c->value));
	c->upto = more(c->upto, c->count, sizeof(*c->upto));
	c->value[c->count] = value;
	c->upto[c->count] = (c->count ? c->upto[c->count - 1] : 0) + weight;
	c->count++;
}

static uint64_t number(const char *text, int base, uint64_t most)
{
	char *end;
	uint64_t v;

	errno = 0;
	v = text[0] == '-' ? (uint64_t)strtoll(text, &end, base) : strtoull(text, &end, base);
	if (end == text || *end || errno || (most && v > most))
		die("not a number here:", text);
	return v;
}

/* VALUE:WEIGHT,...; "-": none */
static void read_chances(struct chances *c, char *text, uint64_t most)
{
	char *save;

	if (!strcmp(text, "-"))
		return;
	for (char *item = strtok_r(text, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		char *weight = strchr(item, ':');

		if (!weight)
			die("not VALUE:COUNT:", item);
		*weight++ = 0;
		add_chance(c, (uint32_t)number(item, 10, most), number(weight, 10, UINT32_MAX));
	}
}

static char *copy(const char *text)
{
	char *p = strcmp(text, "-") ? strdup(text) : NULL;

	if (!p && strcmp(text, "-"))
		die("out of memory", NULL);
	return p;
}

static uint64_t frame_address(const struct shape *s, const char *text)
{
	uint64_t n = number(text, 10, s->frame_count);

	return n ? s->frames[n - 1].address : 0;
}

static void read_frame(struct shape *s, char **w)
{
	s->frames = more(s->frames, s->frame_count, sizeof(*s->frames));
	s->frames[s->frame_count++] = (struct shape_frame){ .address = number(w[1], 16, 0),
							    .symbol = copy(w[2]),
							    .offset = number(w[3], 16, 0),
							    .module = copy(w[4]) };
}

static void read_stack(struct shape *s, char **w)
{
	struct shape_stack k = { 0 };
	char *save;

	for (char *f = strtok_r(w[1], ",", &save); f; f = strtok_r(NULL, ",", &save)) {
		k.frames = more(k.frames, k.depth, sizeof(*k.frames));
		k.frames[k.depth++] = frame_address(s, f);
	}
	s->stacks = more(s->stacks, s->stack_count, sizeof(*s->stacks));
	s->stacks[s->stack_count++] = k;
}

static void read_alloc(struct shape *s, char **w)
{
	s->allocs = more(s->allocs, s->alloc_count, sizeof(*s->allocs));
	s->allocs[s->alloc_count++] = (struct shape_alloc){
		.event = copy(w[1]),
		.call_site = frame_address(s, w[2]),
		.stack = (uint32_t)number(w[3], 10, s->stack_count),
		.req = number(w[4], 10, 0),
		.alloc = number(w[5], 10, 0),
		.gfp = number(w[6], 10, 0),
		.node = (int64_t)number(w[7], 10, 0),
		.cache = copy(w[8]),
		.context = (uint8_t)number(w[9], 10, 3),
		.count = number(w[10], 10, 0)
	};
}

static void read_free(struct shape *s, char **w)
{
	struct shape_free f = { .event = copy(w[1]),
				.call_site = frame_address(s, w[2]),
				.stack = (uint32_t)number(w[3], 10, s->stack_count),
				.cache = copy(w[4]),
				.context = (uint8_t)number(w[5], 10, 3),
				.nulls = number(w[6], 10, UINT32_MAX),
				.unmatched = number(w[7], 10, UINT32_MAX) };

	s->frees = more(s->frees, s->free_count, sizeof(*s->frees));
	s->frees[s->free_count++] = f;
	add_chance(&s->nulls, (uint32_t)s->free_count, f.nulls);
	add_chance(&s->unmatched, (uint32_t)s->free_count, f.unmatched);
	s->null_count += f.nulls;
	s->unmatched_count += f.unmatched;
}

static struct shape_alloc *alloc_of(const struct shape *s, const char *text)
{
	uint64_t n = number(text, 10, s->alloc_count);

	if (!n)
		die("there is no allocation 0", NULL);
	return &s->allocs[n - 1];
}

static void read_pair(struct shape *s, char **w)
{
	struct shape_alloc *a = alloc_of(s, w[1]);
	uint64_t count = number(w[3], 10, UINT32_MAX);
	struct shape_pair p = { .free_site = (uint32_t)number(w[2], 10, s->free_count),
				.live = !strcmp(w[5], "-") };

	if (!count)
		die("a pair that never was", NULL);
	p.moved = (double)number(w[4], 10, count) / (double)count;
	read_chances(&p.lifetime, w[5], 125);
	s->pairs = more(s->pairs, s->pair_count, sizeof(*s->pairs));
	s->pairs[s->pair_count] = p;
	add_chance(&a->pairs, (uint32_t)s->pair_count++, count);
	s->objects += count;
	s->live += p.live ? count : 0;
	a->live += p.live && a->count ? (double)count / (double)a->count : 0;
	if (p.free_site && count > a->usual_count) {
		a->usual_free = p.free_site;
		a->usual_count = count;
	}
}

static void read_next(struct shape *s, char **w)
{
	struct shape_alloc *a = alloc_of(s, w[1]);

	read_chances(&a->gaps, w[2], 125);
	read_chances(&a->next, w[3], s->alloc_count);
}

/* %20 and the like */
static void read_name(char *to, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++) {
		unsigned int c;

		if (*text == '%' && sscanf(text + 1, "%2x", &c) == 1) {
			to[n++] = (char)c;
			text += 2;
		} else {
			to[n++] = *text;
		}
	}
	to[n] = 0;
}

static void read_comm(struct shape *s, char **w)
{
	struct shape_comm c = { .runs = number(w[2], 10, UINT32_MAX),
				.allocs = number(w[3], 10, UINT32_MAX),
				.tasks = number(w[4], 10, UINT32_MAX) };

	read_name(c.name, sizeof(c.name), w[1]);
	read_chances(&c.begins, w[5], s->alloc_count);
	if (!c.runs || !c.allocs || !c.tasks || !c.begins.count)
		die("a task that never ran:", w[1]);
	s->comms = more(s->comms, s->comm_count, sizeof(*s->comms));
	s->comms[s->comm_count] = c;
	add_chance(&s->runs, (uint32_t)s->comm_count++, c.runs);
}

static void read_line(struct shape *s, char **w, int n)
{
	static const struct {
		const char *verb;
		int words;
		void (*read)(struct shape *s, char **w);
	} kinds[] = { { "frame", 5, read_frame },  { "stack", 2, read_stack },
		      { "alloc", 11, read_alloc }, { "free", 8, read_free },
		      { "pair", 6, read_pair },	   { "next", 4, read_next },
		      { "comm", 6, read_comm } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(w[0], kinds[i].verb))
			continue;
		if (n != kinds[i].words)
			die("wrong number of words after", w[0]);
		kinds[i].read(s, w);
		return;
	}
	if (!strcmp(w[0], "cpus") && n == 2)
		s->cpus = (unsigned int)number(w[1], 10, 64);
	else if (!strcmp(w[0], "turn") && n == 2)
		read_chances(&s->turns, w[1], 125);
	else
		die("what is", w[0]);
}

void shape_read(struct shape *s, const char *path)
{
	FILE *in = fopen(path, "r");
	char *line = NULL, *words[WORDS_MAX];
	size_t cap = 0;

	*s = (struct shape){ 0 };
	file_name = path;
	if (!in)
		die("cannot read it:", strerror(errno));
	while (getline(&line, &cap, in) > 0) {
		int n = 0;

		line_number++;
		if (line[0] == '#')
			continue;
		for (char *w = strtok(line, " \n"); w && n < WORDS_MAX; w = strtok(NULL, " \n"))
			words[n++] = w;
		if (n)
			read_line(s, words, n);
	}
	free(line);
	fclose(in);
	for (size_t i = 0; i < s->alloc_count; i++)
		if (s->allocs[i].count && !s->allocs[i].pairs.count)
			die("objects without an end", NULL);
	if (!s->cpus || !s->comm_count || !s->objects)
		die("no whole shape", NULL);
}

static void chances_release(struct chances *c)
{
	free(c->value);
	free(c->upto);
}

void shape_release(struct shape *s)
{
	for (size_t i = 0; i < s->frame_count; i++) {
		free(s->frames[i].symbol);
		free(s->frames[i].module);
	}
	for (size_t i = 0; i < s->stack_count; i++)
		free(s->stacks[i].frames);
	for (size_t i = 0; i < s->alloc_count; i++) {
		free(s->allocs[i].event);
		free(s->allocs[i].cache);
		chances_release(&s->allocs[i].pairs);
		chances_release(&s->allocs[i].gaps);
		chances_release(&s->allocs[i].next);
	}
	for (size_t i = 0; i < s->free_count; i++) {
		free(s->frees[i].event);
		free(s->frees[i].cache);
	}
	for (size_t i = 0; i < s->pair_count; i++)
		chances_release(&s->pairs[i].lifetime);
	for (size_t i = 0; i < s->comm_count; i++)
		chances_release(&s->comms[i].begins);
	chances_release(&s->turns);
	chances_release(&s->runs);
	chances_release(&s->nulls);
	chances_release(&s->unmatched);
	free(s->frames);
	free(s->stacks);
	free(s->allocs);
	free(s->frees);
	free(s->pairs);
	free(s->comms);
}
