#include "analyze/capture_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/array_room.h"
#include "analyze/id_index.h"

#define PAIRS_MAX	4096
#define PAIRS_SEEN_MAX	(1u << 16) /* repeated ones, too */
#define MARKS_MAX	65536
#define TASKS_MAX	(1u << 21)
#define FILES_MAX	65536
#define FILES_BYTES_MAX (256u << 20) /* of all files of the target together */
#define TEXT_BYTES_MAX	(128u << 20) /* of all facts, names and marks */

/* Appends a zeroed item; NULL when there is no memory. */
static void *append(void *array, size_t *cap, size_t *count, size_t size)
{
	void **p = array;

	if (!array_room(p, cap, *count, size))
		return NULL;
	return memset((char *)*p + size * (*count)++, 0, size);
}

static bool text_is(struct text t, const char *s)
{
	return t.len == strlen(s) && !memcmp(t.data, s, t.len);
}

/* A copy up to the first NUL, and in *ret_rc why there is none. */
static char *copy_text(struct capture_model *m, struct text t, int *ret_rc)
{
	char *copy = NULL;

	*ret_rc = ERR_DAMAGED;
	if (t.len > TEXT_BYTES_MAX - m->text_bytes)
		return NULL;
	copy = strndup(t.len ? t.data : "", t.len);
	*ret_rc = copy ? 0 : ERR_NOMEM;
	if (copy)
		m->text_bytes += strlen(copy);
	return copy;
}

static int on_pair(void *arg, struct text key, struct text value)
{
	struct capture_model *m = arg;
	struct model_pair *pair = NULL;
	char *copy;
	int rc;

	if (++m->pairs_seen > PAIRS_SEEN_MAX)
		return ERR_DAMAGED;
	for (size_t i = 0; i < m->pair_count && !pair; i++)
		if (text_is(key, m->pairs[i].key))
			pair = &m->pairs[i];
	if (!pair) {
		if (m->pair_count == PAIRS_MAX)
			return ERR_DAMAGED;
		copy = copy_text(m, key, &rc);
		if (!copy)
			return rc;
		pair = append(&m->pairs, &m->pair_cap, &m->pair_count, sizeof(*pair));
		if (!pair) {
			free(copy);
			return ERR_NOMEM;
		}
		pair->key = copy;
	}
	copy = copy_text(m, value, &rc);
	if (copy && pair->value)
		m->text_bytes -= strlen(pair->value);
	free(pair->value);
	pair->value = copy;
	if (!copy) { /* a fact has a value */
		free(pair->key);
		*pair = m->pairs[--m->pair_count];
	}
	return rc;
}

int capture_model_set(struct capture_model *m, const char *key, const char *value)
{
	return on_pair(m, (struct text){ key, strlen(key) }, (struct text){ value, strlen(value) });
}

static bool same_type(const struct event_type *a, const struct event_type *b)
{
	bool same = a->id == b->id && !strcmp(a->system, b->system) && !strcmp(a->name, b->name) &&
		    a->has_stack == b->has_stack && a->field_count == b->field_count;

	for (uint16_t i = 0; same && i < a->field_count; i++) {
		const struct event_field *x = &a->fields[i], *y = &b->fields[i];

		same = !strcmp(x->name, y->name) && x->offset == y->offset && x->size == y->size &&
		       x->kind == y->kind && x->place == y->place;
	}
	return same;
}

static int on_type(void *arg, struct event_type *type)
{
	struct capture_model *m = arg;
	struct event_type *slot = NULL;

	if (m->types_seen < m->type_count) {
		bool same = same_type(type, &m->types[m->types_seen++]);

		event_type_release(type);
		return same ? 0 : ERR_FORMAT;
	}
	m->types_seen++;
	if (m->type_count < EVENT_TYPES_MAX)
		slot = append(&m->types, &m->type_cap, &m->type_count, sizeof(*slot));
	if (!slot) {
		event_type_release(type);
		return m->type_count < EVENT_TYPES_MAX ? ERR_NOMEM : ERR_DAMAGED;
	}
	*slot = *type;
	return 0;
}

struct task_context {
	struct capture_model *model;
	uint64_t time;
};

struct entry_context {
	struct capture_model *model;
	uint32_t file;
};

static int on_task(void *arg, const struct task_record *task)
{
	struct task_context *c = arg;
	struct capture_model *m = c->model;
	struct model_task *t;
	int rc;

	if (m->task_count == TASKS_MAX)
		return ERR_DAMAGED;
	t = append(&m->tasks, &m->task_cap, &m->task_count, sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	*t = (struct model_task){ c->time, task->pid, task->tgid, copy_text(m, task->comm, &rc) };
	m->task_count -= !t->comm;
	return rc;
}

static int on_mark(void *arg, const struct mark_record *mark)
{
	struct capture_model *m = arg;
	struct model_mark *slot;
	int rc;

	if (m->mark_count == MARKS_MAX)
		return ERR_DAMAGED;
	slot = append(&m->marks, &m->mark_cap, &m->mark_count, sizeof(*slot));
	if (!slot)
		return ERR_NOMEM;
	*slot = (struct model_mark){ mark->kind, mark->time, copy_text(m, mark->text, &rc) };
	m->mark_count -= !slot->text;
	return rc;
}

struct ring_list {
	struct ring_stats *list;
	size_t count, cap;
};

struct stats_context {
	uint16_t ring;
	uint32_t *of_cpu; /* by CPU: its place in the list + 1 */
	struct ring_list found;
};

static int on_stats(void *arg, const struct ring_stats *stats)
{
	struct stats_context *c = arg;
	struct ring_stats *s;

	if (stats->cpu >= CPU_MAX)
		return ERR_DAMAGED;
	if (!c->of_cpu[stats->cpu]) {
		if (!append(&c->found.list, &c->found.cap, &c->found.count, sizeof(*s)))
			return ERR_NOMEM;
		c->of_cpu[stats->cpu] = (uint32_t)c->found.count;
	}
	s = &c->found.list[c->of_cpu[stats->cpu] - 1];
	*s = *stats;
	s->ring = c->ring;
	return 0;
}

static int on_end_entry(void *arg, const struct end_entry *entry)
{
	struct entry_context *c = arg;
	struct capture_model *m = c->model;
	struct model_entry *e = append(&m->index, &m->index_cap, &m->index_count, sizeof(*e));

	if (!e)
		return ERR_NOMEM;
	*e = (struct model_entry){ c->file, *entry };
	return 0;
}

static int compare_text(struct text t, const char *s)
{
	size_t len = strlen(s);
	int order = memcmp(t.len ? t.data : "", s, t.len < len ? t.len : len);

	return order ? order : (t.len > len) - (t.len < len);
}

/* The place of a file in file_order; *ret_there: it is there, else it belongs there. */
static size_t find_file(const struct capture_model *m, struct text name, struct text moment,
			bool *ret_there)
{
	size_t low = 0, high = m->file_count;

	*ret_there = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct model_file *f = &m->files[m->file_order[middle]];
		int order = compare_text(name, f->name);

		if (!order)
			order = compare_text(moment, f->moment);
		if (!order) {
			*ret_there = true;
			return middle;
		}
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* At that place of the order. NULL: *ret_rc says why. */
static struct model_file *add_file(struct capture_model *m, size_t place,
				   const struct file_part *part, int *ret_rc)
{
	char *name = copy_text(m, part->name, ret_rc),
	     *moment = name ? copy_text(m, part->moment, ret_rc) : NULL;
	struct model_file *f = NULL;

	if (moment && array_room((void **)&m->file_order, &m->file_order_cap, m->file_count,
				 sizeof(*m->file_order)))
		f = append(&m->files, &m->file_cap, &m->file_count, sizeof(*f));
	if (!f) {
		*ret_rc = moment ? ERR_NOMEM : *ret_rc;
		free(name);
		free(moment);
		return NULL;
	}
	f->name = name;
	f->moment = moment;
	memmove(m->file_order + place + 1, m->file_order + place,
		(m->file_count - 1 - place) * sizeof(*m->file_order));
	m->file_order[place] = (uint32_t)m->file_count - 1;
	return f;
}

/* Of what was at the start the first whole copy is kept, of what was at the end the last. */
static bool file_is_settled(struct model_file *f, uint32_t file)
{
	if (f->file == file)
		return false;
	if (f->whole && !f->torn && !strcmp(f->moment, "start"))
		return true;
	buf_clear(&f->content);
	f->next = 0;
	f->torn = f->whole = false;
	f->file = file;
	return false;
}

static int read_file_part(struct capture_model *m, const struct block_header *h,
			  const struct section *s, struct error *err)
{
	struct file_part part;
	struct model_file *f = NULL;
	size_t place, skip = 0;
	bool there;
	int rc = file_decode(s->data, s->len, &part, err);

	if (rc < 0)
		return rc;
	part.name.len = strnlen(part.name.len ? part.name.data : "", part.name.len);
	part.moment.len = strnlen(part.moment.len ? part.moment.data : "", part.moment.len);
	place = find_file(m, part.name, part.moment, &there);
	if (part.bytes.len > FILES_BYTES_MAX - m->file_bytes ||
	    (!there && m->file_count == FILES_MAX))
		return error_set(err, ERR_DAMAGED, "files of the target: more than %u bytes",
				 FILES_BYTES_MAX);
	if (there) {
		f = &m->files[m->file_order[place]];
	} else {
		f = add_file(m, place, &part, &rc);
		if (!f)
			return rc;
		f->file = h->file;
	}
	m->file_bytes += part.bytes.len;
	if (file_is_settled(f, h->file))
		return 0;
	if (part.offset != f->next) {
		/*
		 * Half a line would be a wrong line: cut both sides of the hole back to whole ones.
		 */
		const uint8_t *nl = part.bytes.len ? memchr(part.bytes.data, '\n', part.bytes.len) :
						     NULL;

		f->torn = m->torn = true;
		while (f->content.len && f->content.data[f->content.len - 1] != '\n')
			f->content.len--;
		skip = nl ? (size_t)(nl + 1 - (const uint8_t *)part.bytes.data) : part.bytes.len;
	}
	f->next = part.offset + part.bytes.len;
	f->whole = part.last;
	buf_bytes(&f->content, part.bytes.data + skip, part.bytes.len - skip);
	return f->content.oom ? error_nomem(err) : 0;
}

static void note_decoded(struct model_part *p, enum stats_moment moment,
			 const struct ring_list *found)
{
	p->has_stats[moment] = true;
	for (size_t i = 0; i < found->count; i++)
		p->decoded[moment] += found->list[i].decoded;
}

static int begin_stats(struct capture_model *m, struct error *err)
{
	m->stats_of_cpu = calloc(CPU_MAX, sizeof(*m->stats_of_cpu));
	for (int moment = STATS_START; moment <= STATS_END; moment++)
		m->ring_stats[moment] = calloc(RING_MAX, sizeof(struct ring_list));
	return m->stats_of_cpu && m->ring_stats[STATS_START] && m->ring_stats[STATS_END] ?
		       0 :
		       error_nomem(err);
}

static int read_stats(struct capture_model *m, const struct block_header *h,
		      const struct section *s, struct error *err)
{
	struct stats_context c = { .ring = h->ring };
	enum stats_moment moment = STATS_END;
	int rc = m->stats_of_cpu ? 0 : begin_stats(m, err);

	if (rc < 0)
		return rc;
	c.of_cpu = m->stats_of_cpu;
	rc = stats_decode(s->data, s->len, &moment, on_stats, &c, err);
	for (size_t i = 0; i < c.found.count; i++)
		c.of_cpu[c.found.list[i].cpu] = 0;
	if (rc == 0 && moment > STATS_END)
		rc = error_set(err, ERR_DAMAGED, "ring statistics of an unknown moment");
	if (rc == 0)
		note_decoded(&m->parts[h->file], moment, &c.found);
	/* of a later file: the recording began before */
	if (rc < 0 || (moment == STATS_START && m->has_start_stats && m->stats_file != h->file)) {
		free(c.found.list);
		return rc;
	}
	if (moment == STATS_START) {
		m->stats_file = h->file;
		m->has_start_stats |= c.found.count > 0;
	}
	/* those of the other rings stay */
	free(m->ring_stats[moment][h->ring].list);
	m->ring_stats[moment][h->ring] = c.found;
	return 0;
}

/* The lists of all rings as one. */
static int join_stats(struct capture_model *m, struct error *err)
{
	for (int moment = STATS_START; moment <= STATS_END; moment++) {
		struct ring_list *lists = m->ring_stats[moment], all = { 0 };

		for (int ring = 0; lists && ring < RING_MAX; ring++)
			all.count += lists[ring].count;
		if (!all.count)
			continue;
		all.list = malloc(all.count * sizeof(*all.list));
		if (!all.list)
			return error_nomem(err);
		m->stats[moment] = all.list;
		m->stats_count[moment] = all.count;
		for (int ring = 0; ring < RING_MAX; ring++) {
			if (lists[ring].count)
				memcpy(all.list, lists[ring].list,
				       lists[ring].count * sizeof(*all.list));
			all.list += lists[ring].count;
		}
	}
	return 0;
}

static void release_ring_stats(struct capture_model *m)
{
	for (int moment = STATS_START; moment <= STATS_END; moment++) {
		for (int ring = 0; m->ring_stats[moment] && ring < RING_MAX; ring++)
			free(m->ring_stats[moment][ring].list);
		free(m->ring_stats[moment]);
		m->ring_stats[moment] = NULL;
	}
	free(m->stats_of_cpu);
	m->stats_of_cpu = NULL;
}

static int read_block(struct capture_model *m, const struct block_header *h, const struct block *b,
		      struct error *err)
{
	const struct section *s = block_section(b, SECTION_RECORDS);
	struct task_context tasks = { m, h->first_time };
	struct entry_context entries = { m, h->file };
	struct end_totals totals;

	if (!s)
		return error_set(err, ERR_DAMAGED, "block at offset %llu has no record",
				 (unsigned long long)h->offset);
	switch (h->type) {
	case BLOCK_INFO: return info_decode(s->data, s->len, on_pair, m, err);
	case BLOCK_FILE: return read_file_part(m, h, s, err);
	case BLOCK_TYPES:
		if (s->a != m->types_seen)
			return error_set(err, ERR_DAMAGED,
					 "event types %zu to %u are missing before it",
					 m->types_seen, s->a);
		return types_decode(s->data, s->len, on_type, m, err);
	case BLOCK_TASKS:
		/* events have told of all that was born since the file before began */
		if (h->file && !capture_model_hole_before(m, h->file))
			return 0;
		return tasks_decode(s->data, s->len, on_task, &tasks, err);
	case BLOCK_STATS: return read_stats(m, h, s, err);
	case BLOCK_MARKS: return marks_decode(s->data, s->len, h->first_time, on_mark, m, err);
	case BLOCK_PROCESS:
		return process_log_add(&m->processes, s->data, s->len, h->first_time, err);
	default:
		m->parts[h->file].has_end = true;
		while (m->index_count && m->index[m->index_count - 1].file == h->file)
			m->index_count--;
		return end_decode(s->data, s->len, &totals, on_end_entry, &entries, err);
	}
}

/* What a file says about the end holds only until another file follows it. */
static void forget_end(struct capture_model *m)
{
	static const char *const keys[] = { "end.reason", "time.end_ns", "clock.end.trace_ns",
					    "clock.end.wall_ns", "command.status" };

	for (size_t i = 0; i < m->pair_count; i++) {
		bool forget = false;

		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			forget |= !strcmp(m->pairs[i].key, keys[k]);
		if (!forget)
			continue;
		free(m->pairs[i].key);
		free(m->pairs[i].value);
		m->pairs[i--] = m->pairs[--m->pair_count];
	}
}

static void end_part(struct capture_model *m, size_t file)
{
	const char *reason = capture_model_info(m, "end.reason");

	m->parts[file].rotated = reason && !strcmp(reason, "rotated");
}

bool capture_model_hole_before(const struct capture_model *m, size_t file)
{
	const struct model_part *before = &m->parts[file - 1], *part = &m->parts[file];

	return !before->has_end || part->number != before->number + 1;
}

int capture_model_note_damage(struct capture_scan *scan, size_t block, struct error *why,
			      struct error *err)
{
	const struct block_header *h = &scan->blocks[block];
	struct capture_damage d = { .kind = DAMAGE_BODY,
				    .offset = h->offset,
				    .file = h->file,
				    .writer = h->writer,
				    .length = (uint64_t)scan->header_len[block] + h->stored_len };

	snprintf(d.text, sizeof(d.text), "%.*s", (int)sizeof(d.text) - 1, why->text);
	error_clear(why);
	return capture_scan_add_damage(scan, &d) < 0 ? error_nomem(err) : 0;
}

static int begin_parts(struct capture_model *m, const struct series *series, struct error *err)
{
	m->parts = calloc(series->count, sizeof(*m->parts));
	if (!m->parts)
		return error_nomem(err);
	m->part_count = series->count;
	for (size_t i = 0; i < series->count; i++)
		m->parts[i].number = series->files[i].number;
	return 0;
}

int capture_model_read(struct capture_model *m, const struct series *series,
		       struct capture_scan *scan, struct error *err)
{
	struct block block = { 0 };
	uint32_t file = 0;
	int rc = begin_parts(m, series, err);

	for (size_t i = 0; i < scan->count && rc == 0; i++) {
		const struct block_header *h = &scan->blocks[i];
		struct error why = { 0 };

		for (; file < h->file; file++) {
			end_part(m, file);
			forget_end(m);
			m->types_seen = 0;
		}
		if (h->type == BLOCK_DICT || h->type == BLOCK_EVENTS || h->type == BLOCK_FOLDED)
			continue;
		if (h->type < BLOCK_INFO || h->type > BLOCK_MARKS) {
			m->unknown++;
			continue;
		}
		rc = series_load(series, scan, i, &block, &why);
		if (rc == 0)
			rc = read_block(m, h, &block, &why);
		if (rc == 0 && m->torn) {
			m->torn = false;
			rc = error_set(&why, ERR_DAMAGED,
				       "block %zu at offset %llu: parts of a file of the target are"
				       " missing before it",
				       i, (unsigned long long)h->offset);
		}
		m->unknown += rc == 0 ? block.unknown_sections : 0;
		if (rc == ERR_NOMEM)
			error_nomem(err);
		else if (rc == ERR_FORMAT)
			error_set(
				err, ERR_FORMAT,
				"'%s' has other event types than the files before it: it is not of "
				"this series",
				capture_reader_path(series->files[h->file].reader));
		else if (rc < 0)
			rc = capture_model_note_damage(scan, i, &why, err);
	}
	if (rc == 0) {
		end_part(m, file);
		rc = join_stats(m, err);
	}
	release_ring_stats(m);
	block_release(&block);
	return rc < 0 ? rc : process_log_sort(&m->processes, err);
}

void capture_model_release(struct capture_model *m)
{
	for (size_t i = 0; i < m->type_count; i++)
		event_type_release(&m->types[i]);
	for (size_t i = 0; i < m->pair_count; i++) {
		free(m->pairs[i].key);
		free(m->pairs[i].value);
	}
	for (size_t i = 0; i < m->file_count; i++) {
		free(m->files[i].name);
		free(m->files[i].moment);
		buf_release(&m->files[i].content);
	}
	for (size_t i = 0; i < m->task_count; i++)
		free(m->tasks[i].comm);
	for (size_t i = 0; i < m->mark_count; i++)
		free(m->marks[i].text);
	free(m->types);
	free(m->pairs);
	free(m->files);
	free(m->file_order);
	free(m->tasks);
	free(m->marks);
	process_log_release(&m->processes);
	free(m->stats[STATS_START]);
	free(m->stats[STATS_END]);
	free(m->index);
	free(m->parts);
	*m = (struct capture_model){ 0 };
}

const char *capture_model_info(const struct capture_model *m, const char *key)
{
	for (size_t i = 0; i < m->pair_count; i++)
		if (!strcmp(m->pairs[i].key, key))
			return m->pairs[i].value;
	return NULL;
}

bool capture_model_is_flight(const struct capture_model *m)
{
	const char *mode = capture_model_info(m, "recorder.mode");

	return mode && !strcmp(mode, "flight");
}

uint64_t capture_model_number(const struct capture_model *m, const char *key, uint64_t otherwise)
{
	const char *text = capture_model_info(m, key);
	unsigned long long v;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return otherwise;
	errno = 0;
	v = strtoull(text, &end, 10);
	return *end || errno ? otherwise : v;
}

const struct model_file *capture_model_file(const struct capture_model *m, const char *name,
					    const char *moment)
{
	bool there;
	size_t place = find_file(m, (struct text){ name, strlen(name) },
				 (struct text){ moment, strlen(moment) }, &there);

	return there ? &m->files[m->file_order[place]] : NULL;
}
