#define _GNU_SOURCE /* memmem */
#include "record/event_plan.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/records.h"

int event_plan_new(struct event_plan **ret, const struct ring_layout *layout, struct error *err)
{
	struct event_plan *plan = calloc(1, sizeof(*plan));

	if (plan) {
		plan->by_id = calloc(UINT16_MAX + 1u, sizeof(*plan->by_id));
		/* they never move: types may come while events of others wait for their stack */
		plan->types = calloc(EVENT_TYPES_MAX, sizeof(*plan->types));
		plan->plans = calloc(EVENT_TYPES_MAX, sizeof(*plan->plans));
	}
	if (!plan || !plan->by_id || !plan->types || !plan->plans) {
		event_plan_free(plan);
		return error_nomem(err);
	}
	plan->layout = *layout;
	*ret = plan;
	return 0;
}

static void plan_type_release(struct plan_type *p)
{
	free(p->mask);
	free(p->key_fields);
	free(p->variable);
	free(p->columns);
}

void event_plan_free(struct event_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->count; i++) {
		event_type_release(&plan->types[i]);
		plan_type_release(&plan->plans[i]);
	}
	free(plan->types);
	free(plan->plans);
	free(plan->by_id);
	free(plan);
}

/* ---- the text of a format file ---- */

struct text_line {
	const char *at, *end;
};

static bool next_line(struct text_line *line, const char *end)
{
	line->at = line->end;
	if (line->at < end && *line->at == '\n')
		line->at++;
	if (line->at >= end)
		return false;
	line->end = memchr(line->at, '\n', (size_t)(end - line->at));
	if (!line->end)
		line->end = end;
	return true;
}

/* The decimal number after key, within the line. */
static bool line_number(const struct text_line *line, const char *key, unsigned int most,
			unsigned int *ret)
{
	size_t n = strlen(key);
	const char *p = memmem(line->at, (size_t)(line->end - line->at), key, n);
	unsigned int v = 0;

	if (!p || p + n >= line->end || !isdigit((unsigned char)p[n]))
		return false;
	for (p += n; p < line->end && isdigit((unsigned char)*p); p++)
		if ((v = v * 10 + (unsigned int)(*p - '0')) > most)
			return false;
	*ret = v;
	return true;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += n)
		if ((p == text || !(isalnum((unsigned char)p[-1]) || p[-1] == '_')) &&
		    !(isalnum((unsigned char)p[n]) || p[n] == '_'))
			return true;
	return false;
}

static enum field_kind field_kind_of(const char *type, unsigned int size, bool is_signed)
{
	bool chars = has_word(type, "char") && !has_word(type, "unsigned") &&
		     !has_word(type, "signed");

	if (has_word(type, "__data_loc") || has_word(type, "__rel_loc"))
		return chars ? FIELD_STRING : FIELD_BYTES;
	if (strchr(type, '['))
		return chars ? FIELD_FIXED_STRING : FIELD_BYTES;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return FIELD_BYTES;
	return is_signed ? FIELD_SIGNED : FIELD_UNSIGNED;
}

/*
 * "field:char comm[16];": the name is the last identifier outside brackets, the type is all the
 * rest. Allocates name and type.
 */
static int split_declaration(struct event_field *f, const char *at, const char *end,
			     struct error *err)
{
	const char *name_end = end, *name, *tail;
	size_t type_len, tail_len;

	while (name_end > at &&
	       name_end[-1] == ']') { /* an array: the bracket belongs to the type */
		while (name_end > at && *--name_end != '[')
			;
	}
	tail = name_end;
	tail_len = (size_t)(end - tail);
	for (name = name_end; name > at && (isalnum((unsigned char)name[-1]) || name[-1] == '_');
	     name--)
		;
	for (type_len = (size_t)(name - at); type_len && at[type_len - 1] == ' '; type_len--)
		;
	if (name == name_end || !type_len)
		return error_set(err, ERR_DAMAGED, "cannot understand '%.*s'", (int)(end - at), at);
	f->name = strndup(name, (size_t)(name_end - name));
	f->type = malloc(type_len + tail_len + 1);
	if (!f->name || !f->type)
		return error_nomem(err);
	memcpy(f->type, at, type_len);
	memcpy(f->type + type_len, tail, tail_len);
	f->type[type_len + tail_len] = '\0';
	return 0;
}

static int parse_field(struct event_type *t, const struct text_line *line, const char *declaration,
		       struct error *err)
{
	const char *semicolon = memchr(declaration, ';', (size_t)(line->end - declaration));
	struct text_line rest = { semicolon, line->end };
	unsigned int offset, size, is_signed = 0;
	struct event_field *f;
	int rc;

	if (!semicolon || !line_number(&rest, "offset:", UINT16_MAX - 1, &offset) ||
	    !line_number(&rest, "size:", UINT16_MAX, &size))
		return error_set(err, ERR_DAMAGED, "cannot understand '%.*s'",
				 (int)(line->end - line->at), line->at);
	line_number(&rest, "signed:", 1, &is_signed);
	if (t->field_count == EVENT_FIELDS_MAX)
		return error_set(err, ERR_UNSUPPORTED, "more than %d fields", EVENT_FIELDS_MAX);
	f = &t->fields[t->field_count++];
	rc = split_declaration(f, declaration, semicolon, err);
	if (rc < 0)
		return rc;
	f->offset = (uint16_t)offset;
	f->size = (uint16_t)size;
	f->kind = (uint8_t)field_kind_of(f->type, size, is_signed);
	return 0;
}

int event_format_parse(struct event_type *ret, const char *system, const char *text, size_t len,
		       struct error *err)
{
	struct event_type t = { .system = strdup(system) };
	struct text_line line = { text, text };
	const char *end = text + len;
	unsigned int id = 0;
	int rc = 0;

	t.fields = calloc(EVENT_FIELDS_MAX, sizeof(*t.fields));
	if (!t.system || !t.fields) {
		rc = error_nomem(err);
		goto out;
	}
	while (rc == 0 && next_line(&line, end)) {
		const char *p = line.at;

		if (line.end - p > 6 && !memcmp(p, "name: ", 6) && !t.name) {
			t.name = strndup(p + 6, (size_t)(line.end - p - 6));
			if (!t.name)
				rc = error_nomem(err);
		} else if (line.end - p > 4 && !memcmp(p, "ID: ", 4)) {
			line_number(&line, "ID: ", UINT16_MAX, &id);
		} else if (line.end - p > 7 && !memcmp(p, "\tfield:", 7)) {
			rc = parse_field(&t, &line, p + 7, err);
		} else if (line.end - p > 9 && !memcmp(p, "print fmt", 9)) {
			break;
		}
	}
	if (rc == 0 && (!t.name || !id || !t.field_count))
		rc = error_set(err, ERR_DAMAGED, "no event format");
	t.id = (uint16_t)id;
out:
	if (rc < 0)
		event_type_release(&t);
	else
		*ret = t;
	return rc;
}

/* ---- the plan ---- */

static const struct event_field *find_field(const struct event_type *t, const char *name)
{
	for (uint16_t i = 0; i < t->field_count; i++)
		if (!strcmp(t->fields[i].name, name))
			return &t->fields[i];
	return NULL;
}

static bool is_number(const struct event_field *f)
{
	return f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED;
}

/* The field that names the object, for the systems that allocate memory. */
static const struct event_field *address_field(const struct event_type *t)
{
	/* clang-format off */
	static const struct { const char *system, *field; } known[] = {
		{ "kmem", "ptr" }, { "kmem", "pfn" }, { "percpu", "ptr" },
		{ "vmalloc", "addr" }, { "vmalloc", "va_start" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct event_field *f = NULL;

		if (!strcmp(t->system, known[i].system))
			f = find_field(t, known[i].field);
		if (f && is_number(f))
			return f;
	}
	return NULL;
}

static void decide_places(struct event_type *t)
{
	static const char *const common[] = { "common_type", "common_flags", "common_preempt_count",
					      "common_pid" };
	const struct event_field *address = address_field(t);

	for (uint16_t i = 0; i < t->field_count; i++) {
		struct event_field *f = &t->fields[i];

		f->place = f == address ? PLACE_ADDRESS : address ? PLACE_TUPLE : PLACE_COLUMN;
		for (size_t c = 0; c < sizeof(common) / sizeof(common[0]); c++)
			if (!strcmp(f->name, common[c]))
				f->place = PLACE_COMMON;
	}
}

static bool common_offset(const struct event_type *t, const char *name, unsigned int size,
			  uint16_t *ret)
{
	const struct event_field *f = find_field(t, name);

	/* every record has 8 bytes at least; more is not checked each time */
	if (!f || f->size != size || f->offset + size > 8)
		return false;
	*ret = f->offset;
	return true;
}

static int plan_common(struct event_plan *plan, const struct event_type *t, struct error *err)
{
	if (!common_offset(t, "common_type", 2, &plan->type_offset) ||
	    !common_offset(t, "common_flags", 1, &plan->flags_offset) ||
	    !common_offset(t, "common_preempt_count", 1, &plan->preempt_offset) ||
	    !common_offset(t, "common_pid", 4, &plan->pid_offset))
		return error_set(err, ERR_UNSUPPORTED,
				 "event %s:%s lacks the common fields that every "
				 "kernel since 3.0 writes",
				 t->system, t->name);
	return 0;
}

int event_plan_set_stack(struct event_plan *plan, const char *text, size_t len, struct error *err)
{
	const struct event_field *size, *caller;
	uint8_t mask[8] = { 0 };
	struct event_type t;
	int rc = event_format_parse(&t, "ftrace", text, len, err);

	if (rc < 0)
		return error_prefix(err, "events/ftrace/kernel_stack/format");
	caller = find_field(&t, "caller");
	size = find_field(&t, "size");
	rc = plan_common(plan, &t, err);
	if (rc == 0 && !caller)
		rc = error_set(err, ERR_UNSUPPORTED,
			       "events/ftrace/kernel_stack/format has no field 'caller'");
	/* whoever reads a stack looks whether its record reaches to the frames, and no further */
	if (rc == 0 && size && size->size == 4 && size->offset + 4u > caller->offset)
		rc = error_set(err, ERR_UNSUPPORTED,
			       "events/ftrace/kernel_stack/format has its field 'size' behind the"
			       " frames");
	if (rc == 0) {
		plan->stack_id = t.id;
		plan->stack_caller_offset = caller->offset;
		plan->stack_size_offset = size && size->size == 4 ? size->offset : NO_OFFSET;
		memset(mask + plan->type_offset, 0xff, 2);
		mask[plan->flags_offset] = FLAG_HARDIRQ | FLAG_SOFTIRQ | FLAG_NMI;
		memcpy(&plan->stack_head_mask, mask, sizeof(mask));
	}
	event_type_release(&t);
	return rc;
}

/* The bytes of a field stay in the key. */
static void keep(struct plan_type *p, uint16_t offset, uint16_t size)
{
	memset((uint8_t *)p->mask + offset, 0xff, size);
}

static struct plan_field plan_field_of(const struct event_type *t, uint16_t i)
{
	const struct event_field *f = &t->fields[i];
	bool dynamic = f->size == 4 && (f->kind == FIELD_STRING || f->kind == FIELD_BYTES);

	return (struct plan_field){
		.field = i,
		.offset = f->offset,
		.size = f->size,
		.kind = f->kind,
		.where = dynamic && has_word(f->type, "__data_loc") ? WHERE_LOC :
			 dynamic && has_word(f->type, "__rel_loc")  ? WHERE_REL_LOC :
								      WHERE_IN_PLACE,
	};
}

static bool is_variable(const struct plan_field *f)
{
	return f->where != WHERE_IN_PLACE || f->kind == FIELD_FIXED_STRING;
}

static void plan_one_field(struct plan_type *p, const struct event_type *t, uint16_t i)
{
	const struct event_field *f = &t->fields[i];
	struct plan_field field = plan_field_of(t, i);

	if (f->place == PLACE_ADDRESS) {
		p->address_offset = f->offset;
		p->address_size = (uint8_t)f->size;
	} else if (f->place == PLACE_COLUMN) {
		p->columns[p->column_count++] = field;
	} else if (f->place == PLACE_TUPLE) {
		p->key_fields[p->key_field_count++] = (struct key_field){ i, is_variable(&field) };
		if (is_variable(&field))
			p->variable[p->variable_count++] = field;
		else
			keep(p, f->offset, f->size);
	}
}

static int build_plan(struct plan_type *p, const struct event_plan *plan,
		      const struct event_type *t, struct error *err)
{
	const struct event_field *call_site = find_field(t, "call_site");
	size_t n = t->field_count, most = 0, words;

	for (uint16_t i = 0; i < t->field_count; i++)
		if ((size_t)t->fields[i].offset + t->fields[i].size > most)
			most = (size_t)t->fields[i].offset + t->fields[i].size;
	if (most > KEY_RECORD_MAX)
		return error_set(err, ERR_UNSUPPORTED, "event %s:%s is too large", t->system,
				 t->name);
	words = (most + 7) / 8;
	*p = (struct plan_type){
		.index = (uint16_t)plan->count,
		.wants_stack = t->has_stack,
		.min_len = (uint16_t)most,
		.address_offset = NO_OFFSET,
		.call_site_offset = call_site && is_number(call_site) ? call_site->offset :
									NO_OFFSET,
		.mask = calloc(words, sizeof(*p->mask)),
		.key_fields = calloc(n, sizeof(*p->key_fields)),
		.variable = calloc(n, sizeof(*p->variable)),
		.columns = calloc(n, sizeof(*p->columns)),
	};
	if (!p->mask || !p->key_fields || !p->variable || !p->columns)
		return error_nomem(err);
	keep(p, plan->flags_offset, 1);
	keep(p, plan->preempt_offset, 1);
	for (uint16_t i = 0; i < t->field_count; i++)
		plan_one_field(p, t, i);
	p->key_words = (uint16_t)words;
	while (p->key_words > 1 && !p->mask[p->key_words - 1])
		p->key_words--;
	return 0;
}

int event_plan_add(struct event_plan *plan, const char *system, const char *text, size_t len,
		   bool wants_stack, struct error *err)
{
	struct event_type t = { 0 };
	struct plan_type p = { 0 };
	int rc;

	if (plan->count == EVENT_TYPES_MAX)
		return error_set(err, ERR_UNSUPPORTED, "more than %d event types", EVENT_TYPES_MAX);
	rc = event_format_parse(&t, system, text, len, err);
	if (rc < 0)
		return rc;
	t.has_stack = wants_stack;
	decide_places(&t);
	rc = plan_common(plan, &t, err);
	if (rc == 0)
		rc = build_plan(&p, plan, &t, err);
	if (rc == 0 && plan->by_id[t.id])
		rc = error_set(err, ERR_DAMAGED, "two events have the number %u", t.id);
	if (rc < 0) {
		event_type_release(&t);
		plan_type_release(&p);
		return rc;
	}
	plan->types[plan->count] = t;
	plan->plans[plan->count] = p;
	plan->by_id[t.id] = (uint16_t)++plan->count;
	return 0;
}

/* ---- values ---- */

void plan_key_values(const struct event_plan *plan, const struct plan_type *type,
		     const uint8_t *key, struct value *values)
{
	const struct event_field *fields = plan->types[type->index].fields;
	const uint8_t *variable = key + KEY_HEAD + type->key_words * 8u;

	for (uint16_t i = 0; i < type->key_field_count; i++) {
		const struct event_field *f = &fields[type->key_fields[i].field];
		const uint8_t *p = key + KEY_HEAD + f->offset;
		uint16_t len = f->size;

		if (type->key_fields[i].variable) {
			memcpy(&len, variable, sizeof(len));
			p = variable + sizeof(len);
			variable = p + len;
		}
		if (is_number(f))
			values[i] = (struct value){
				.number = plan_signed_number(&plan->layout, p, f->size, f->kind),
			};
		else
			values[i] = (struct value){ .bytes = p, .len = len };
	}
}

void event_plan_max_stack(struct event_plan *plan, uint16_t frames)
{
	plan->plans[plan->count - 1].max_stack = frames;
}

void event_plan_sampled(struct event_plan *plan)
{
	plan->plans[plan->count - 1].wants_stack = false;
}
