/*
 * witness: the events of a saved tracefs directory as libtraceevent decodes them, one line each, CPU by
 * CPU in the order of the ring:
 *
 *	CPU TIME PID FLAGS PREEMPT SYSTEM:NAME FIELD=VALUE... stack=FRAME,FRAME...
 *
 * Values are hexadecimal and as wide as their field, strings are their bytes in hexadecimal; stack=- says
 * that no stack came. It shares no code with the recorder: pages, formats and numbers are libtraceevent's
 * affair, and a stack belongs to the last event of the same task in the same context (task, softirq, irq, NMI).
 * One that comes when that event has one already, or before any, is a line "orphan CPU TIME" on standard error.
 *
 *	witness little|big DIR			DIR/header_page is that of the target
 */
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <traceevent/event-parse.h>
#include <traceevent/kbuffer.h>

#define INTERRUPT_FLAGS 0x58 /* TRACE_FLAG_HARDIRQ, _SOFTIRQ, _NMI */

struct seen {
	char *text, *stack;
	unsigned long long context[3]; /* pid, flags, preempt count */
};

struct ring {
	struct seen *events;
	size_t count, room;
};

static void die(const char *what, const char *name)
{
	fprintf(stderr, "witness: %s: %s\n", what, name);
	exit(1);
}

static char *read_file(const char *name, size_t *ret_len)
{
	FILE *file = fopen(name, "rb");
	char *text = NULL;
	size_t len = 0, n;

	if (!file)
		die("cannot open", name);
	do {
		text = realloc(text, len + (1 << 20) + 1);
		if (!text)
			die("out of memory", name);
		n = fread(text + len, 1, 1 << 20, file);
		len += n;
	} while (n);
	fclose(file);
	text[len] = 0;
	*ret_len = len;
	return text;
}

static void parse_formats(struct tep_handle *tep, const char *dir)
{
	char pattern[4096];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/events/*/*/format", dir);
	if (glob(pattern, 0, NULL, &found) != 0)
		die("no formats", pattern);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *system = strdup(strstr(found.gl_pathv[i] + strlen(dir), "/events/") + 8);
		size_t len;
		char *text = read_file(found.gl_pathv[i], &len);

		*strchr(system, '/') = 0;
		/* it gives up on some print formats, and has the fields all the same */
		tep_parse_event(tep, text, len, system);
		free(text);
		free(system);
	}
	globfree(&found);
}

static void print_bytes(FILE *out, const char *bytes, size_t len, bool is_string)
{
	if (is_string)
		len = strnlen(bytes, len);
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", (unsigned char)bytes[i]);
}

static void print_field(FILE *out, struct tep_handle *tep, struct tep_format_field *field,
			struct tep_record *rec)
{
	const char *data = (char *)rec->data + field->offset;
	bool is_string = field->flags & TEP_FIELD_IS_STRING;
	unsigned long long where;

	fprintf(out, " %s=", field->name);
	if (field->flags & TEP_FIELD_IS_DYNAMIC) {
		where = tep_read_number(tep, data, 4);
		if ((where & 0xffff) + (where >> 16) > (unsigned int)rec->size)
			die("a string outside of its record", field->name);
		print_bytes(out, (char *)rec->data + (where & 0xffff), where >> 16, is_string);
	} else if (field->flags & TEP_FIELD_IS_ARRAY) {
		print_bytes(out, data, field->size, is_string);
	} else {
		unsigned long long v = tep_read_number(tep, data, field->size);

		fprintf(out, "%llx", field->size < 8 ? v & ((1ull << 8 * field->size) - 1) : v);
	}
}

static unsigned long long common(struct tep_event *event, const char *name, struct tep_record *rec)
{
	unsigned long long v = 0;

	if (tep_get_common_field_val(NULL, event, name, rec, &v, 0) < 0)
		die("no common field", name);
	return v;
}

static void take_event(struct ring *ring, struct tep_handle *tep, struct tep_event *event,
		       struct tep_record *rec)
{
	struct tep_format_field **fields = tep_event_fields(event);
	struct seen *seen;
	size_t len;
	FILE *out;

	if (ring->count == ring->room) {
		ring->room = ring->room ? ring->room * 2 : 4096;
		ring->events = realloc(ring->events, ring->room * sizeof(*ring->events));
		if (!ring->events)
			die("out of memory", event->name);
	}
	seen = &ring->events[ring->count++];
	*seen = (struct seen){
		.context = { common(event, "common_pid", rec), common(event, "common_flags", rec),
			     common(event, "common_preempt_count", rec) },
	};
	out = open_memstream(&seen->text, &len);
	fprintf(out, "%d %llu %llu %llx %llx %s:%s", rec->cpu, rec->ts, seen->context[0],
		seen->context[1], seen->context[2], event->system, event->name);
	for (size_t i = 0; fields[i]; i++)
		print_field(out, tep, fields[i], rec);
	fclose(out);
	free(fields);
}

static void take_stack(struct ring *ring, struct tep_handle *tep, struct tep_event *event,
		       struct tep_record *rec)
{
	struct tep_format_field *caller = tep_find_field(event, "caller");
	unsigned long long pid = common(event, "common_pid", rec),
			   flags = common(event, "common_flags", rec);
	int word = tep_get_long_size(tep);
	unsigned long long depth = 0;
	struct seen *seen = NULL;
	size_t len;
	FILE *out;

	for (size_t i = ring->count; i > 0 && !seen; i--)
		if (ring->events[i - 1].context[0] == pid &&
		    !((ring->events[i - 1].context[1] ^ flags) & INTERRUPT_FLAGS))
			seen = &ring->events[i - 1];
	if (!seen || seen->stack) {
		fprintf(stderr, "orphan %d %llu\n", rec->cpu, rec->ts);
		return;
	}
	if (tep_get_field_val(NULL, event, "size", rec, &depth, 0) < 0 ||
	    caller->offset + depth * word > (unsigned int)rec->size)
		die("a stack longer than its record", event->name);
	out = open_memstream(&seen->stack, &len);
	for (unsigned long long i = 0; i < depth; i++)
		fprintf(out, "%s%llx", i ? "," : "",
			tep_read_number(tep, (char *)rec->data + caller->offset + i * word, word));
	fclose(out);
}

static void take_page(struct ring *ring, struct tep_handle *tep, struct kbuffer *kbuf, char *page,
		      int cpu)
{
	unsigned long long time;
	void *data;

	if (kbuffer_load_subbuffer(kbuf, page) < 0)
		die("a page that is none", "trace_pipe_raw");
	for (data = kbuffer_read_event(kbuf, &time); data; data = kbuffer_next_event(kbuf, &time)) {
		struct tep_record rec = {
			.ts = time, .data = data, .size = kbuffer_event_size(kbuf), .cpu = cpu
		};
		struct tep_event *event = tep_find_event(tep, tep_data_type(tep, &rec));

		if (!event)
			die("an event whose format was not saved", "trace_pipe_raw");
		if (!strcmp(event->system, "ftrace") && !strcmp(event->name, "kernel_stack"))
			take_stack(ring, tep, event, &rec);
		else
			take_event(ring, tep, event, &rec);
	}
}

/* Bytes of a sub-buffer: the end of its last field. */
static size_t page_size(const char *header)
{
	const char *data = strstr(header, "char data;");
	unsigned int offset = 0, size = 0;

	if (!data || sscanf(data, "char data; offset:%u; size:%u", &offset, &size) != 2)
		die("no data field", "header_page");
	return offset + size;
}

int main(int argc, char **argv)
{
	struct tep_handle *tep = tep_alloc();
	bool big = argc > 1 && !strcmp(argv[1], "big");
	size_t len, page;
	char name[4096], *text;
	glob_t cpus;

	if (argc != 3)
		die("usage", "witness little|big DIR");
	tep_set_loglevel(TEP_LOG_NONE);
	tep_set_file_bigendian(tep, big ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	snprintf(name, sizeof(name), "%s/events/header_page", argv[2]);
	text = read_file(name, &len);
	tep_parse_header_page(tep, text, len, tep_get_header_page_size(tep));
	/* the commit word is as wide as a long of the target */
	tep_set_long_size(tep, strstr(text, "commit;\toffset:8;\tsize:4;") ? 4 : 8);
	page = page_size(text);
	free(text);
	parse_formats(tep, argv[2]);

	snprintf(name, sizeof(name), "%s/per_cpu/cpu*/trace_pipe_raw", argv[2]);
	if (glob(name, 0, NULL, &cpus) != 0)
		die("no pages", name);
	for (size_t i = 0; i < cpus.gl_pathc; i++) {
		struct kbuffer *kbuf = kbuffer_alloc(tep_get_long_size(tep) == 4 ? KBUFFER_LSIZE_4 :
										   KBUFFER_LSIZE_8,
						     big ? KBUFFER_ENDIAN_BIG :
							   KBUFFER_ENDIAN_LITTLE);
		struct ring ring = { 0 };
		int cpu = atoi(strstr(cpus.gl_pathv[i] + strlen(argv[2]), "/cpu") + 4);

		text = read_file(cpus.gl_pathv[i], &len);
		if (len % page)
			die("half a page at the end", cpus.gl_pathv[i]);
		for (size_t at = 0; at < len; at += page)
			take_page(&ring, tep, kbuf, text + at, cpu);
		for (size_t k = 0; k < ring.count; k++) {
			printf("%s stack=%s\n", ring.events[k].text,
			       ring.events[k].stack ? ring.events[k].stack : "-");
			free(ring.events[k].text);
			free(ring.events[k].stack);
		}
		free(ring.events);
		free(text);
		kbuffer_free(kbuf);
	}
	globfree(&cpus);
	tep_free(tep);
	return fflush(stdout) == 0 ? 0 : 1;
}
