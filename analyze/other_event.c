#include "analyze/other_event.h"

#include <string.h>

/* What events of tasks and modules say; a name is NULL until seen. */
struct task_news {
	int32_t pid;
	bool has_pid;
	uint64_t clone_flags;
	const uint8_t *comm;
	size_t comm_len;
};

static bool is_number(const struct event_field *f)
{
	return f->kind == FIELD_UNSIGNED || f->kind == FIELD_SIGNED;
}

/* The next value of the tuple, as dictionary.c keeps it. */
static void tuple_value(struct cursor *c, const struct event_field *f, struct value *v)
{
	*v = (struct value){ 0 };
	if (is_number(f)) {
		v->number = cursor_u64(c);
		return;
	}
	v->len = cursor_u32(c);
	v->bytes = cursor_take(c, v->len);
}

static void put_value(struct buf *b, const struct event_field *f, const struct value *v)
{
	if (is_number(f)) {
		buf_u8(b, 1);
		buf_u64(b, v->number);
	} else {
		buf_u8(b, 2);
		buf_blob(b, v->bytes, v->len);
	}
}

static void note_task(struct task_news *news, const struct event_field *f, const struct value *v)
{
	if (!strcmp(f->name, "pid") && is_number(f)) {
		news->pid = (int32_t)v->number;
		news->has_pid = true;
	} else if (!strcmp(f->name, "clone_flags") && is_number(f)) {
		news->clone_flags = v->number;
	} else if (!is_number(f) && (!strcmp(f->name, "comm") || !strcmp(f->name, "newcomm") ||
				     !strcmp(f->name, "name"))) {
		news->comm = v->bytes;
		news->comm_len = v->len;
	}
}

static bool tell_tasks(struct replay *r, const struct event_row *row, const struct task_news *news)
{
	int64_t time = (int64_t)(row->time - r->base);
	enum role_kind kind = r->roles[row->type].kind;
	struct text name = { (const char *)news->comm, news->comm_len };

	if (kind == ROLE_MODULE_LOAD && news->comm &&
	    !modules_loaded(r->late->modules, name, row->pid, row->time))
		return false;
	if (kind == ROLE_MODULE_FREE && news->comm)
		modules_freed(r->late->modules, name);
	if (kind != ROLE_NEWTASK && kind != ROLE_RENAME)
		return true;
	if (!news->has_pid || !news->comm)
		return true;
	if (kind == ROLE_NEWTASK)
		return tasks_fork(r->tasks, row->pid, news->pid, news->clone_flags, news->comm,
				  news->comm_len, time);
	return tasks_rename(r->tasks, news->pid, news->comm, news->comm_len, time);
}

/*
 * An initcall is known by its address only, and kallsyms is not kept: its name stays as that of a frame, of
 * a return address one byte into the function.
 */
static bool name_initcall(struct replay *r, const struct event_row *row, uint64_t address)
{
	struct modules *modules = r->late->modules;
	bool by_pid;

	if (!address || address == UINT64_MAX)
		return true;
	if (modules_is_late(modules, address + 1))
		return modules_frame(modules, address + 1, row->pid, &by_pid) != 0;
	return stacks_frame(r->sites->stacks, address + 1) != 0;
}

static bool is_initcall(const struct event_type *type)
{
	return !strcmp(type->system, "initcall");
}

int other_event(struct replay *r, struct cpu_stream *s, const struct event_row *row,
		const struct tuple_fact *fact, uint32_t task, uint32_t stack)
{
	const struct event_type *type = &r->types[row->type];
	struct cursor tuple = fact ? cursor_of(s->dictionary->values.data,
					       s->dictionary->values.len) :
				     cursor_of(NULL, 0);
	struct buf *b = feed_other(r->feed);
	struct task_news news = { 0 };

	if (!b)
		return ERR_INTERRUPTED;
	if (fact)
		cursor_take(&tuple, fact->address);
	buf_u16(b, row->type);
	buf_u64(b, row->time - r->base);
	buf_u32(b, (uint32_t)s->cpu);
	buf_u32(b, task);
	buf_u32(b, stack);
	for (uint16_t i = 0; i < type->field_count; i++) {
		const struct event_field *f = &type->fields[i];
		struct value v = { .number = row->address };
		bool there = true;

		if (f->place == PLACE_COMMON)
			continue;
		if (f->place == PLACE_COLUMN) {
			there = event_block_value(&s->rows, type, row->type, i, &v, NULL) == 0;
		} else if (f->place == PLACE_TUPLE) {
			tuple_value(&tuple, f, &v);
			there = !tuple.bad;
		}
		if (!there) {
			buf_u8(b, 0);
			continue;
		}
		put_value(b, f, &v);
		if (is_initcall(type) && is_number(f) && !strcmp(f->name, "func") &&
		    !name_initcall(r, row, v.number))
			return ERR_NOMEM;
		if (r->roles[row->type].kind != ROLE_NONE)
			note_task(&news, f, &v);
	}
	if (b->oom || !tell_tasks(r, row, &news))
		return ERR_NOMEM;
	return 0;
}
