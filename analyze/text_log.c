#include "analyze/text_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/text_input.h"
#include "analyze/text_tuples.h"

#define ROWS	      16384
#define WINDOW	      4096 /* rows held back: a softirq may free thousands before a stack comes */
#define WINDOW_OTHER  64   /* how far back to look where the stack is likely another event's */
#define COMM_MAX      16
#define COMM_SLOTS    4096 /* a power of two */
#define PAGE_SIZE     4096 /* the text does not say */
#define ZERO_SIZE_PTR 16   /* include/linux/slab.h */
#define SNIFF_BYTES   (1u << 20)
#define NO_ROW	      UINT64_MAX

/* What a row of the stream does not hold. */
struct side {
	uint16_t cpu;
	bool news; /* the task's name or process is to be told */
	uint8_t comm_len;
	int32_t tgid;
	char comm[COMM_MAX];
};

struct cpu_state {
	uint64_t last;	   /* time of its last entry */
	uint64_t last_row; /* number of the row that its last entry is; NO_ROW: it is none */
	uint64_t lost;	   /* since then */
	bool seen, has_lost;
	bool other; /* its last entry was an event that is left out */
};

struct comm_slot {
	int32_t pid, tgid;
	uint8_t len;
	bool used;
	char comm[COMM_MAX];
};

struct open_stack {
	bool open, bad;
	int32_t cpu, pid;
	uint8_t flags;
	uint32_t depth;
	uint32_t path[STACK_FRAMES_MAX];
};

struct text_log {
	char *path;
	struct text_input *input;
	struct text_targets to;
	struct text_names names;
	struct text_tuples tuples;
	struct cpu_stream stream;
	struct side *side; /* beside stream.rows */
	uint64_t first;	   /* number of rows[0], from the beginning of the log */
	uint32_t ready;	   /* rows before this one are complete */
	bool end, started;
	struct cpu_state *cpus;
	size_t cpu_count;
	struct comm_slot *comms;
	struct open_stack stack;
	uint64_t base, clock, last_raw;
	uint64_t zero_size; /* how ZERO_SIZE_PTR is printed; 0: not seen */
	bool wide, odd;	    /* pointers of 64 bits were seen; or such as no allocation returns */
	bool sixteen;	    /* pointers have 16 digits */
	struct text_counts counts;
};

int text_log_open(struct text_log **ret, const char *path, struct error *err)
{
	struct text_log *log = calloc(1, sizeof(*log));
	int rc = log ? text_input_open(&log->input, path, err) : error_nomem(err);

	if (rc == 0) {
		log->path = strdup(path);
		log->side = calloc(ROWS, sizeof(*log->side));
		log->comms = calloc(COMM_SLOTS, sizeof(*log->comms));
		log->stream.rows.rows = calloc(ROWS, sizeof(*log->stream.rows.rows));
		log->stream.rows.cap = ROWS;
		if (!log->path || !log->side || !log->comms || !log->stream.rows.rows)
			rc = error_nomem(err);
	}
	if (rc < 0)
		text_log_free(log);
	else
		*ret = log;
	return rc;
}

void text_log_free(struct text_log *log)
{
	if (!log)
		return;
	text_input_free(log->input);
	text_tuples_release(&log->tuples);
	text_names_release(&log->names);
	event_block_release(&log->stream.rows);
	free(log->side);
	free(log->comms);
	free(log->cpus);
	free(log->path);
	free(log);
}

/* ---- what is not understood ---- */

static void keep_example(struct text_example *examples, uint64_t count, uint64_t line,
			 struct text text)
{
	struct text_example *e = &examples[count];
	size_t used = 0;

	if (count >= TEXT_EXAMPLES)
		return;
	e->line = line;
	for (size_t i = 0; i < text.len && used + 5 < sizeof(e->text); i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c >= ' ' && c < 0x7f)
			e->text[used++] = (char)c;
		else
			used += (size_t)snprintf(e->text + used, sizeof(e->text) - used, "\\x%02x",
						 c);
	}
	e->text[used] = '\0';
}

static void damaged(struct text_log *log, struct text line)
{
	struct text_counts *c = &log->counts;

	keep_example(c->damaged_lines, c->damaged++, c->lines, line);
}

static void other_event(struct text_log *log, struct text name)
{
	struct text_counts *c = &log->counts;
	size_t len = name.len < TEXT_OTHER_ROOM - 1 ? name.len : TEXT_OTHER_ROOM - 1;

	c->others++;
	for (size_t i = 0; i < TEXT_OTHER_NAMES; i++) {
		char *known = c->other[i].name;

		if (!c->other[i].events)
			for (size_t k = 0; k < len; k++)
				known[k] = name.data[k] > ' ' && name.data[k] < 0x7f ?
						   name.data[k] :
						   '?';
		if (c->other[i].events && (strlen(known) != len || memcmp(known, name.data, len)))
			continue;
		c->other[i].events++;
		return;
	}
}

/* ---- CPUs and losses ---- */

static struct cpu_state *cpu_of(struct text_log *log, int32_t cpu)
{
	size_t want = (size_t)cpu + 1;
	struct cpu_state *p;

	if (want <= log->cpu_count)
		return &log->cpus[cpu];
	p = realloc(log->cpus, want * sizeof(*p));
	if (!p)
		return NULL;
	log->cpus = p;
	for (; log->cpu_count < want; log->cpu_count++)
		p[log->cpu_count] = (struct cpu_state){ .last_row = NO_ROW };
	return &p[cpu];
}

static int add_loss(struct text_log *log, int32_t cpu, uint64_t from, uint64_t to, uint64_t records)
{
	const struct loss loss = { .cpu = cpu,
				   .from = (int64_t)(from - log->base),
				   .to = (int64_t)(to - log->base),
				   .records = records };

	return losses_insert(log->to.losses, &loss) ? 0 : ERR_NOMEM;
}

/* The kernel may not say how many; at least one. */
static int note_lost(struct text_log *log, const struct text_line *l)
{
	struct cpu_state *cpu = cpu_of(log, l->cpu);

	if (!cpu)
		return ERR_NOMEM;
	cpu->has_lost = true;
	cpu->lost += l->lost ? l->lost : 1;
	log->counts.lost += l->lost ? l->lost : 1;
	return 0;
}

static int end_loss(struct text_log *log, struct cpu_state *cpu, int32_t number)
{
	int rc = add_loss(log, number, cpu->seen ? cpu->last : log->base, log->clock, cpu->lost);

	cpu->has_lost = false;
	cpu->lost = 0;
	return rc;
}

/* Any entry: moves the clock on. NULL: no memory. */
static struct cpu_state *entry(struct text_log *log, const struct text_line *l)
{
	struct cpu_state *cpu = cpu_of(log, l->cpu);
	struct text_counts *c = &log->counts;

	if (!cpu)
		return NULL;
	if (!c->entries++) {
		log->base = l->time_ns;
		c->ticks = !l->digits;
		c->nanoseconds = l->digits == 9;
		log->clock = l->time_ns;
	} else if (l->time_ns > log->clock) {
		log->clock = l->time_ns;
	} else {
		log->clock++;
		if (l->time_ns < log->last_raw) {
			c->back++;
			if (log->last_raw - l->time_ns > c->back_most)
				c->back_most = log->last_raw - l->time_ns;
		}
	}
	log->last_raw = l->time_ns;
	if (cpu->has_lost && end_loss(log, cpu, l->cpu) < 0)
		return NULL;
	cpu->seen = true;
	cpu->last = log->clock;
	return cpu;
}

/* ---- stacks ---- */

/* Whether two frames are one place, as far as both are known; *ret_known: they can be compared. */
static bool same_place(const struct stacks *s, uint32_t a, uint32_t b, bool *ret_known)
{
	const struct frame *x = &s->frames[a - 1], *y = &s->frames[b - 1];

	if (a == b)
		return *ret_known = true;
	if (x->known && y->known) {
		*ret_known = true;
		return (y->no_offset || x->address - x->hit.start == y->address - y->hit.start) &&
		       x->hit.name.len == y->hit.name.len &&
		       !memcmp(x->hit.name.data, y->hit.name.data, x->hit.name.len);
	}
	*ret_known |= !x->known && !y->known; /* two addresses */
	return false;
}

enum match { MATCH_NONE, MATCH_LAST, MATCH_CALL_SITE };

/* A frame of the stack that is told without an offset is the call site, which has one. */
static enum match match(struct text_log *log, uint64_t row)
{
	struct open_stack *k = &log->stack;
	const struct event_row *r = &log->stream.rows.rows[row - log->first];
	uint32_t site = text_tuple_call_site(&log->tuples, r->tuple);
	bool known = false;

	if (log->side[row - log->first].cpu != k->cpu || r->pid != k->pid ||
	    text_tuple_has_stack(&log->tuples, r->tuple) ||
	    context_of(log->tuples.list[r->tuple].flags) != context_of(k->flags))
		return MATCH_NONE;
	if (!site) /* nothing to be sure by: only the entry right before it */
		return log->cpus[k->cpu].last_row == row ? MATCH_LAST : MATCH_NONE;
	for (uint32_t i = 0; i < k->depth; i++) {
		if (!same_place(log->to.sites->stacks, site, k->path[i], &known))
			continue;
		if (log->to.sites->stacks->frames[k->path[i] - 1].no_offset)
			k->path[i] = site;
		return MATCH_CALL_SITE;
	}
	return !known && log->cpus[k->cpu].last_row == row ? MATCH_LAST : MATCH_NONE;
}

static int end_stack(struct text_log *log)
{
	struct open_stack *k = &log->stack;
	uint64_t last = log->first + log->stream.rows.count, least = log->first + log->stream.next;
	uint64_t span, found = 0;
	enum match how = MATCH_NONE;
	struct event_row *row;
	uint32_t id;
	int rc;

	if (!k->open)
		return 0;
	k->open = false;
	span = log->cpus[k->cpu].other ? WINDOW_OTHER : WINDOW;
	if (last - least > span)
		least = last - span;
	while (!k->bad && k->depth && last > least && how != MATCH_CALL_SITE) {
		enum match this = match(log, --last);

		if (this > how) {
			how = this;
			found = last;
		}
	}
	if (how == MATCH_NONE) {
		log->counts.orphan_stacks += !log->cpus[k->cpu].other;
		return 0;
	}
	log->counts.stacks++;
	id = stacks_add_path(log->to.sites->stacks, k->path, k->depth);
	if (!id)
		return ERR_NOMEM;
	row = &log->stream.rows.rows[found - log->first];
	log->to.types[row->type].has_stack = true;
	rc = text_tuples_stack(&log->tuples, row->tuple, id, &row->tuple);
	return rc < 0 ? rc : 0;
}

static int begin_stack(struct text_log *log, const struct text_line *l)
{
	int rc = end_stack(log);

	log->stack.open = l->kind == LINE_STACK;
	log->stack.bad = false;
	log->stack.cpu = l->cpu;
	log->stack.pid = l->pid;
	log->stack.flags = l->flags;
	log->stack.depth = 0;
	log->counts.user_stacks += l->kind == LINE_USER_STACK;
	return rc < 0 ? rc : entry(log, l) ? 0 : ERR_NOMEM;
}

static int add_frame(struct text_log *log, const struct text_line *l, struct text line)
{
	struct open_stack *k = &log->stack;
	uint32_t frame;

	if (!k->open || k->depth == STACK_FRAMES_MAX)
		return 0; /* of a user stack */
	if (text_names_frame(&log->names, l->args, &frame) < 0)
		return ERR_NOMEM;
	if (frame) {
		k->path[k->depth++] = frame;
	} else {
		k->bad = true;
		damaged(log, line);
	}
	return 0;
}

/* ---- events ---- */

/* Whether what the line says about its task is new. */
static bool is_news(struct text_log *log, const struct text_line *l)
{
	struct comm_slot *slot = &log->comms[(uint32_t)l->pid & (COMM_SLOTS - 1)];
	size_t len = l->comm.len < COMM_MAX ? l->comm.len : COMM_MAX;

	if (slot->used && slot->pid == l->pid && slot->len == len && slot->tgid == l->tgid &&
	    !memcmp(slot->comm, l->comm.data, len))
		return false;
	*slot = (struct comm_slot){ .used = true, .pid = l->pid, .tgid = l->tgid };
	slot->len = (uint8_t)len;
	memcpy(slot->comm, l->comm.data, len);
	return true;
}

static void note_task(struct text_log *log, const struct text_line *l, struct side *side)
{
	side->news = is_news(log, l);
	if (!side->news)
		return;
	side->tgid = l->tgid;
	side->comm_len = (uint8_t)(l->comm.len < COMM_MAX ? l->comm.len : COMM_MAX);
	if (side->comm_len == 5 && !memcmp(l->comm.data, "<...>", 5))
		side->comm_len = 0;
	memcpy(side->comm, l->comm.data, side->comm_len);
}

static bool is_slab(enum text_type type)
{
	return type <= TEXT_CACHE_FREE;
}

/* Learns how pointers are printed, from those of the slab. */
static uint64_t slab_pointer(struct text_log *log, const struct text_split *split, uint32_t tuple)
{
	if (text_tuple_is_zero_size(&log->tuples, tuple)) {
		log->zero_size = split->address;
		return split->address ? ZERO_SIZE_PTR : 0;
	}
	if (log->zero_size && split->address == log->zero_size)
		return ZERO_SIZE_PTR;
	log->wide |= split->address > UINT32_MAX;
	log->odd |= (split->address & 7) != 0;
	log->sixteen |= split->digits == 16;
	return split->address;
}

static int memory_event(struct text_log *log, const struct text_line *l, struct text line)
{
	struct text_split split;
	struct cpu_state *cpu = entry(log, l);
	uint32_t tuple, at = log->stream.rows.count;
	int rc = 0;

	if (!cpu)
		return ERR_NOMEM;
	cpu->last_row = NO_ROW;
	cpu->other = false;
	if (text_event_split(l->type, l->args, &split))
		rc = text_tuples_add(&log->tuples, l->type, l->flags, &split, &tuple);
	if (rc < 0)
		return rc;
	if (!rc) {
		damaged(log, line);
		return 0;
	}
	log->counts.no_flags += !l->has_flags;
	if (split.pointer == POINTER_HIDDEN) {
		log->counts.hidden++;
		return 0;
	}
	log->counts.pages += l->type == TEXT_PAGE_ALLOC;
	if (is_slab(l->type))
		split.address = slab_pointer(log, &split, tuple);
	log->stream.rows.rows[at] = (struct event_row){ .time = log->clock,
							.address = split.address,
							.tuple = tuple,
							.pid = l->pid,
							.type = (uint16_t)l->type };
	log->side[at].cpu = (uint16_t)l->cpu;
	note_task(log, l, &log->side[at]);
	cpu->last_row = log->first + at;
	log->stream.rows.count++;
	return 0;
}

static int event(struct text_log *log, const struct text_line *l, struct text line)
{
	struct cpu_state *cpu;
	int rc = end_stack(log);

	if (rc < 0)
		return rc;
	if (l->type != TEXT_OTHER)
		return memory_event(log, l, line);
	cpu = entry(log, l);
	if (!cpu)
		return ERR_NOMEM;
	cpu->last_row = NO_ROW;
	cpu->other = true;
	other_event(log, l->name);
	return 0;
}

static int take_line(struct text_log *log, struct text line)
{
	struct text_counts *c = &log->counts;
	struct text_line l;

	c->lines++;
	text_line_parse(line.data, line.len, &l);
	switch (l.kind) {
	case LINE_EVENT: return event(log, &l, line);
	case LINE_STACK:
	case LINE_USER_STACK: return begin_stack(log, &l);
	case LINE_FRAME: return add_frame(log, &l, line);
	case LINE_LOST: return note_lost(log, &l);
	case LINE_ENTRIES:
		c->header_entries += l.entries;
		c->header_lost += l.written > l.entries ? l.written - l.entries : 0;
		return 0;
	case LINE_DAMAGED: damaged(log, line); return 0;
	case LINE_FOREIGN: keep_example(c->foreign_lines, c->foreign++, c->lines, line); return 0;
	case LINE_BLANK: break;
	}
	return 0;
}

/* ---- the stream ---- */

static int finish(struct text_log *log)
{
	struct text_counts *c = &log->counts;
	int rc = end_stack(log);

	log->end = true;
	for (size_t i = 0; i < log->cpu_count && rc == 0; i++)
		if (log->cpus[i].has_lost)
			rc = end_loss(log, &log->cpus[i], (int32_t)i);
	if (rc == 0 && c->header_lost)
		rc = add_loss(log, LOSS_CPU_UNKNOWN, log->base, log->base, c->header_lost);
	c->cut = text_input_cut(log->input);
	if (!c->cut && text_input_half_line(log->input))
		c->cut = "its last line has no end";
	c->hashed = log->sixteen && log->odd && !log->wide;
	c->plain = log->names.plain;
	c->plain_named = log->names.plain_named;
	return rc;
}

/* Reads on until there are ROWS rows, or no more lines. */
static int fill(struct text_log *log, struct error *err)
{
	struct event_block *b = &log->stream.rows;
	struct text line;
	int rc = 1;

	b->count -= log->ready;
	memmove(b->rows, b->rows + log->ready, b->count * sizeof(*b->rows));
	memmove(log->side, log->side + log->ready, b->count * sizeof(*log->side));
	log->first += log->ready;
	log->stream.next = 0;
	while (b->count < ROWS && (rc = text_input_line(log->input, &line, err)) > 0) {
		if (text_input_half_line(log->input)) /* half a number is a wrong one */
			break;
		if (take_line(log, line) < 0)
			return error_nomem(err);
	}
	if (rc < 0)
		return rc;
	if ((rc == 0 || b->count < ROWS) && finish(log) < 0)
		return error_nomem(err);
	log->ready = log->end ? b->count : b->count - WINDOW;
	return 0;
}

int text_log_start(struct text_log *log, const struct text_targets *targets, struct error *err)
{
	int rc;

	log->to = *targets;
	log->names.stacks = targets->sites->stacks;
	log->tuples.sites = targets->sites;
	log->tuples.names = &log->names;
	log->tuples.page_size = PAGE_SIZE;
	rc = fill(log, err);
	if (rc < 0)
		return rc;
	if (!log->stream.rows.count)
		return error_set(
			err, ERR_FORMAT,
			"'%s' has no event of memory: in %llu lines there are %llu entries of ftrace, %llu of them damaged",
			log->path, (unsigned long long)log->counts.lines,
			(unsigned long long)log->counts.entries,
			(unsigned long long)log->counts.damaged);
	return 0;
}

/* What the line of a row says about its task comes to be known with that row. */
static bool tell_task(struct text_log *log, uint32_t row)
{
	const struct event_row *r = &log->stream.rows.rows[row];
	const struct side *s = &log->side[row];
	bool ok = true;

	if (!r->pid) /* the idle tasks share it */
		return true;
	if (s->comm_len && !tasks_known(log->to.tasks, r->pid))
		ok = tasks_name(log->to.tasks, r->pid, s->tgid > 0 ? s->tgid : 0, s->comm,
				s->comm_len);
	else if (s->comm_len)
		ok = tasks_rename(log->to.tasks, r->pid, s->comm, s->comm_len,
				  (int64_t)(r->time - log->base));
	return ok && (s->tgid <= 0 || tasks_belongs(log->to.tasks, r->pid, s->tgid));
}

int text_log_next(struct text_log *log, struct cpu_stream **ret, uint32_t *count, struct error *err)
{
	struct cpu_stream *s = &log->stream;
	uint32_t i, n;

	while (s->next >= log->ready) {
		int rc = log->end ? 0 : fill(log, err);

		if (rc < 0)
			return rc;
		if (log->end && s->next >= log->ready)
			return 0;
	}
	i = s->next;
	if (log->side[i].news && !tell_task(log, i))
		return error_nomem(err);
	for (n = 0; i + n < log->ready; n++) {
		if (n && (log->side[i + n].news || log->side[i + n].cpu != log->side[i].cpu))
			break;
		if (text_tuples_settle(&log->tuples, s->rows.rows[i + n].tuple) < 0)
			return error_nomem(err);
	}
	s->cpu = log->side[i].cpu;
	s->dictionary = &log->tuples.dictionary;
	*ret = s;
	*count = n;
	return 1;
}

int text_log_count(struct text_log *log, uint64_t *ret_events, struct error *err)
{
	struct event_type types[TEXT_TYPES] = { 0 };
	struct symbols *symbols = NULL;
	struct stacks stacks = { 0 };
	struct sites sites = { .stacks = &stacks };
	struct tasks tasks = { 0 };
	struct losses losses = { 0 };
	const struct text_targets to = { types, &sites, &tasks, &losses };
	struct cpu_stream *stream;
	uint32_t n;
	int rc = symbols_new(&symbols, NULL, 0, err);

	*ret_events = 0;
	stacks.symbols = symbols;
	if (rc == 0)
		rc = text_log_start(log, &to, err);
	while (rc == 0 && (rc = text_log_next(log, &stream, &n, err)) > 0) {
		stream->next += n;
		*ret_events += n;
		rc = 0;
	}
	losses_release(&losses);
	tasks_release(&tasks);
	sites_release(&sites);
	stacks_release(&stacks);
	symbols_free(symbols);
	return rc;
}

uint64_t text_log_base(const struct text_log *log)
{
	return log->base;
}

uint64_t text_log_end(const struct text_log *log)
{
	return log->clock;
}

uint64_t text_log_read(const struct text_log *log)
{
	return text_input_read(log->input);
}

uint64_t text_log_length(const struct text_log *log)
{
	return text_input_length(log->input);
}

const struct text_counts *text_log_counts(const struct text_log *log)
{
	return &log->counts;
}

int text_log_is_one(const char *path, struct error *err)
{
	struct text_input *in;
	struct text line;
	bool found = false;
	size_t bytes = 0;
	int rc = text_input_open(&in, path, NULL);

	if (rc < 0)
		return rc == ERR_NOMEM ? error_nomem(err) : 0;
	while (!found && bytes < SNIFF_BYTES && (rc = text_input_line(in, &line, NULL)) > 0) {
		struct text_line l;

		bytes += line.len + 1;
		text_line_parse(line.data, line.len, &l);
		found = l.kind == LINE_EVENT || l.kind == LINE_STACK || l.kind == LINE_LOST ||
			l.kind == LINE_ENTRIES ||
			(line.len >= 9 && !memcmp(line.data, "# tracer:", 9));
	}
	text_input_free(in);
	return rc == ERR_NOMEM ? error_nomem(err) : found;
}
