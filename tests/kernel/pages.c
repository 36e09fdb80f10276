/*
 * pages: the project's decoder of ring-buffer pages against libtraceevent's, on real pages of this
 * kernel.
 *
 * Makes a tracing instance of its own, records the allocations of a small load with stacks, reads
 * the raw sub-buffers and walks each with both decoders: the same records, byte for byte and ns for
 * ns. Then the event formats of this kernel: our parser against libtraceevent's. Prints "ok" lines;
 * needs root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <traceevent/event-parse.h>
#include <traceevent/kbuffer.h>
#include <unistd.h>

#include "format/records.h"
#include "record/event_plan.h"
#include "record/instance.h"
#include "record/tracefs.h"

static int failures;

static void result(bool ok, const char *name, const char *why)
{
	if (ok)
		printf("ok %s\n", name);
	else
		printf("not ok %s: %s\n", name, why);
	failures += !ok;
}

/*
 * One page with both decoders. Returns the number of records, or -1 and prints where they differ.
 */
static long compare_page(const struct ring_layout *layout, uint8_t *bytes, size_t len,
			 struct kbuffer *kbuf)
{
	unsigned long long theirs = 0;
	struct ring_record ours;
	struct error err = { 0 };
	struct ring_page page;
	long count = 0;
	void *data;
	int rc;

	if (ring_page_open(&page, layout, bytes, len, &err) < 0) {
		printf("# %s\n", err.text);
		return -1;
	}
	kbuffer_load_subbuffer(kbuf, bytes);
	data = kbuffer_read_event(kbuf, &theirs);
	while ((rc = ring_page_next(&page, &ours)) > 0) {
		if (!data || (const uint8_t *)data != ours.data || theirs != ours.time ||
		    (uint32_t)kbuffer_event_size(kbuf) != ours.len) {
			printf("# record %ld: ours at %zu, %u bytes, time %llu; theirs at %zd, %d bytes, time %llu\n",
			       count, (size_t)(ours.data - bytes), ours.len,
			       (unsigned long long)ours.time, data ? (uint8_t *)data - bytes : -1,
			       data ? kbuffer_event_size(kbuf) : 0, theirs);
			return -1;
		}
		count++;
		data = kbuffer_next_event(kbuf, &theirs);
	}
	if (rc < 0 || data) {
		printf("# page ends differently after %ld records\n", count);
		return -1;
	}
	return count;
}

static void make_load(void)
{
	for (int i = 0; i < 3000; i++) {
		int fds[2];

		if (pipe(fds) == 0) {
			close(fds[0]);
			close(fds[1]);
		}
		/* pauses longer than 2^27 ns make the kernel write time extends */
		if (i % 1000 == 999)
			usleep(200000);
	}
}

static void test_pages(struct instance *inst)
{
	struct kbuffer *kbuf = kbuffer_alloc(KBUFFER_LSIZE_SAME_AS_HOST,
					     KBUFFER_ENDIAN_SAME_AS_HOST);
	uint8_t *page = malloc(inst->layout.subbuf_size);
	long pages = 0, records = 0;
	bool ok = kbuf && page;

	instance_switch(inst, true, NULL);
	make_load();
	instance_switch(inst, false, NULL);
	for (uint32_t i = 0; ok && i < inst->cpu_count; i++) {
		int fd = instance_open_cpu(inst, inst->cpus[i], "trace_pipe_raw",
					   O_RDONLY | O_NONBLOCK, NULL);
		ssize_t n;

		while (ok && (n = read(fd, page, inst->layout.subbuf_size)) > 0) {
			long more = compare_page(&inst->layout, page, (size_t)n, kbuf);

			ok = more >= 0;
			records += more;
			pages++;
		}
		close(fd);
	}
	printf("# %ld pages, %ld records\n", pages, records);
	result(ok && records > 6000, "pages decoded as libtraceevent does",
	       ok ? "too few records to mean anything" : "decoders differ");
	kbuffer_free(kbuf);
	free(page);
}

/* ---- pages of other machines, put together by hand ---- */

struct crafter {
	uint8_t bytes[512];
	size_t len;
	bool big;
};

static void put_number(struct crafter *c, uint64_t v, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		c->bytes[c->len++] = (uint8_t)(v >> 8 * (c->big ? size - 1 - i : i));
}

static void put_head(struct crafter *c, uint32_t type, uint32_t delta)
{
	put_number(c, c->big ? type << 27 | delta : type | delta << 5, 4);
}

static void put_words(struct crafter *c, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		put_number(c, 0x01020304u * (i + 1), 4);
}

/* Every kind of record that a page can hold, with long_size bytes per kernel long. */
static void craft(struct crafter *c, bool big, unsigned int long_size)
{
	size_t start;

	*c = (struct crafter){ .big = big };
	put_number(c, (5ull << 59) + 1000,
		   8);	     /* a clock so late that absolute stamps lack its high bits */
	c->len += long_size; /* commit: filled in at the end */
	start = c->len;
	put_head(c, 3, 7); /* 12 bytes */
	put_words(c, 3);
	put_head(c, 30, 5); /* time extend: 5 + (2 << 27) */
	put_number(c, 2, 4);
	put_head(c, 28, 1);
	put_words(c, 28);
	put_head(c, 0, 9); /* long form: length counts its own word */
	put_number(c, 4 + 40 * 4, 4);
	put_words(c, 40);
	put_head(c, 31, 77); /* absolute time stamp */
	put_number(c, 1u << 20, 4);
	put_head(c, 2, 0);
	put_words(c, 2);
	put_head(c, 29, 3); /* a discarded record: its time passes all the same */
	put_number(c, 4 + 8, 4);
	put_words(c, 2);
	put_head(c, 2, 11);
	put_words(c, 2);
	put_head(c, 29, 0); /* the rest is padding */
	put_words(c, 3);
	start = c->len - start;
	c->len = 8;
	put_number(c, start, long_size);
	c->len = 8 + long_size + start;
}

static void test_crafted(void)
{
	for (int variant = 0; variant < 4; variant++) {
		bool big = variant & 1;
		unsigned int long_size = variant & 2 ? 4 : 8;
		struct kbuffer *kbuf = kbuffer_alloc(long_size == 8 ? KBUFFER_LSIZE_8 :
								      KBUFFER_LSIZE_4,
						     big ? KBUFFER_ENDIAN_BIG :
							   KBUFFER_ENDIAN_LITTLE);
		struct ring_layout layout = {
			.subbuf_size = 512,
			.commit_offset = 8,
			.data_offset = 8 + long_size,
			.long_size = (uint8_t)long_size,
			.big_endian = big,
			.swap = big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__),
		};
		struct crafter c;
		char name[96];
		long n;

		craft(&c, big, long_size);
		n = compare_page(&layout, c.bytes, sizeof(c.bytes), kbuf);
		snprintf(name, sizeof(name), "a page of every kind of record, %s, %u-byte longs",
			 big ? "big-endian" : "little-endian", long_size);
		result(n == 5, name, "decoders differ, or not 5 records");
		kbuffer_free(kbuf);
	}
}

/* Random bytes: no crash and no endless walk (sanitizers watch). */
static void test_damage(const struct ring_layout *layout)
{
	uint8_t page[4096];
	struct ring_record rec;
	struct ring_page p;
	uint64_t seed = 1, records = 0;

	for (int round = 0; round < 20000; round++) {
		size_t len = 16 + (size_t)(round % 4080);

		for (size_t i = 0; i < len; i++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			page[i] = (uint8_t)(seed >> 56) & (round & 1 ? 0xff : 0x1f);
		}
		page[layout->commit_offset + 1] &= 0x0f;
		for (unsigned int i = 2; i < layout->long_size; i++)
			page[layout->commit_offset + i] = 0;
		if (ring_page_open(&p, layout, page, len, NULL) < 0)
			continue;
		while (ring_page_next(&p, &rec) > 0 && records < 1u << 30) {
			if (rec.data < page || rec.data + rec.len > page + len)
				records = 1u << 31;
			records++;
		}
	}
	result(records < 1u << 30, "random pages stay within their bytes",
	       "a record lies outside of its page");
}

/* Our fields of a format against libtraceevent's: names, offsets, sizes; -1: they differ. */
static int compare_format(struct tep_handle *tep, const char *system, const struct buf *text)
{
	struct tep_format_field **common, **fields, **f;
	struct event_type t = { 0 };
	struct tep_event *event = NULL;
	uint16_t i = 0;
	int rc = 0;

	if (event_format_parse(&t, system, (char *)text->data, text->len, NULL) < 0)
		return -1;
	if (tep_parse_format(tep, &event, (char *)text->data, text->len, system) != 0 || !event) {
		event_type_release(&t);
		return 1; /* theirs gives up on some print formats */
	}
	common = tep_event_common_fields(event);
	fields = tep_event_fields(event);
	for (int part = 0; part < 2; part++)
		for (f = part ? fields : common; f && *f && rc == 0; f++, i++)
			if (i >= t.field_count || strcmp(t.fields[i].name, (*f)->name) ||
			    t.fields[i].offset != (*f)->offset || t.fields[i].size != (*f)->size)
				rc = -1;
	if (i != t.field_count || t.id != event->id)
		rc = -1;
	if (rc < 0)
		printf("# %s:%s differs at field %u\n", system, t.name, i);
	free(common);
	free(fields);
	event_type_release(&t);
	return rc;
}

static void test_formats(int top)
{
	struct tep_handle *tep = tep_alloc();
	DIR *systems = fdopendir(openat(top, "events", O_RDONLY | O_DIRECTORY)), *events;
	long same = 0, theirs_failed = 0, differ = 0;
	struct dirent *s, *e;
	struct buf text = { 0 };
	char path[600];

	tep_set_loglevel(TEP_LOG_NONE);
	while (systems && (s = readdir(systems))) {
		snprintf(path, sizeof(path), "events/%s", s->d_name);
		if (s->d_name[0] == '.' || s->d_type != DT_DIR ||
		    !(events = fdopendir(openat(top, path, O_RDONLY | O_DIRECTORY))))
			continue;
		while ((e = readdir(events))) {
			int rc;

			snprintf(path, sizeof(path), "events/%s/%s/format", s->d_name, e->d_name);
			if (e->d_name[0] == '.' || e->d_type != DT_DIR ||
			    tracefs_read(top, path, &text, NULL) < 0)
				continue;
			rc = compare_format(tep, s->d_name, &text);
			same += rc == 0;
			theirs_failed += rc > 0;
			differ += rc < 0;
		}
		closedir(events);
	}
	if (systems)
		closedir(systems);
	printf("# %ld formats the same, %ld that libtraceevent could not parse, %ld differ\n", same,
	       theirs_failed, differ);
	result(same > 100 && !differ, "event formats parsed as libtraceevent does", "see above");
	buf_release(&text);
	tep_free(tep);
}

int main(void)
{
	struct instance_options options = { 0 };
	struct instance *inst = NULL;
	struct error err = { 0 };
	int top = tracefs_open(&err);

	if (top < 0) {
		printf("skip pages: %s\n", err.text);
		return 0;
	}
	if (instance_new(&inst, top, &options, &err) < 0 ||
	    instance_enable(inst, "kmem", "kmalloc", true, NULL, &err) < 0 ||
	    instance_enable(inst, "kmem", "kmem_cache_alloc", true, NULL, &err) < 0 ||
	    instance_enable(inst, "kmem", "kfree", false, NULL, &err) < 0) {
		printf("not ok pages: %s\n", err.text);
		instance_free(inst);
		return 1;
	}
	test_pages(inst);
	test_crafted();
	test_damage(&inst->layout);
	test_formats(top);
	instance_free(inst);
	close(top);
	return failures ? 1 : 0;
}
