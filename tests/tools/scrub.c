/*
 * scrub - copies a capture without what tells whose machine it came from, so that it can live in a
 * public tree.
 *
 *	scrub IN.kmem OUT.kmem
 *
 * The host's name, its kernel's command line and build host, and the names of tasks other than the
 * kernel's and the workload's are replaced; files of the target that no report reads are left out.
 * Events, stacks, sizes and addresses stay as they were recorded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/base/fileio.h"
#include "format/reader.h"
#include "format/records.h"
#include "format/writer.h"

static int is(struct text t, const char *s)
{
	return t.len == strlen(s) && !memcmp(t.data, s, t.len);
}

static int starts(struct text t, const char *s)
{
	return t.len >= strlen(s) && !memcmp(t.data, s, strlen(s));
}

static int on_pair(void *arg, struct text key, struct text value)
{
	struct buf *b = arg;

	if (is(key, "hostname"))
		value = (struct text){ "target", 6 };
	else if (is(key, "kernel.cmdline"))
		value = (struct text){ "quiet", 5 };
	else if (is(key, "kernel.release") && memchr(value.data, '-', value.len))
		value.len = (size_t)((const char *)memchr(value.data, '-', value.len) - value.data);
	else if (is(key, "recorder.command"))
		value = (struct text){ "kmem-record --symbols used -- WORKLOAD", 38 };
	else if (is(key, "command"))
		value = (struct text){ "WORKLOAD", 8 };
	else if (is(key, "kernel.version") || is(key, "boot_id") || is(key, "kernel.build_id"))
		return 0;
	buf_blob(b, key.data, key.len);
	buf_blob(b, value.data, value.len);
	return 0;
}

static int on_task(void *arg, const struct task_record *task)
{
	static const char *const kept[] = { "kmem-record", "plant",	"churn", "sh",
					    "kworker",	   "ksoftirqd", "rcu",	 "kthreadd",
					    "swapper",	   "migration", "cpuhp", "kswapd",
					    "kcompactd",   "jbd2",	"ext4",	 "init" };
	struct task_record t = *task;
	char name[24];
	size_t i;

	for (i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if (starts(t.comm, kept[i]))
			break;
	if (i == sizeof(kept) / sizeof(*kept)) {
		snprintf(name, sizeof(name), "task-%d", t.pid);
		t.comm = (struct text){ name, strlen(name) };
	}
	task_encode(arg, &t);
	return 0;
}

static int keep_file(const struct section *s, struct buf *b, struct error *err)
{
	struct file_part part;
	int rc = file_decode(s->data, s->len, &part, err);

	if (rc == 0 && (starts(part.name, "/proc/kallsyms") || starts(part.name, "events/") ||
			is(part.name, "/proc/slabinfo")))
		file_encode(b, &part);
	return rc;
}

static int copy_block(const struct capture_reader *r, const struct capture_scan *scan, size_t i,
		      struct capture_writer *w, struct error *err)
{
	const struct block_header *h = &scan->blocks[i];
	const struct section *s;
	struct block block = { 0 };
	struct block_body body = { .level = 19 };
	struct buf b = { 0 };
	int rc = capture_reader_load(r, scan, i, &block, err);

	if (rc < 0)
		return rc;
	s = block_section(&block, SECTION_RECORDS);
	if (h->type == BLOCK_INFO)
		rc = info_decode(s->data, s->len, on_pair, &b, err);
	else if (h->type == BLOCK_TASKS)
		rc = tasks_decode(s->data, s->len, on_task, &b, err);
	else if (h->type == BLOCK_FILE)
		rc = keep_file(s, &b, err);
	if (b.len)
		block_body_add(&body, SECTION_RECORDS, 0, 0, b.data, b.len);
	else if (h->type != BLOCK_FILE)
		for (size_t n = 0; n < block.section_count; n++)
			block_body_add(&body, block.sections[n].kind, block.sections[n].a,
				       block.sections[n].b, block.sections[n].data,
				       block.sections[n].len);
	if (rc == 0 && body.bytes.len)
		rc = capture_writer_put(w, h, &body, err);
	buf_release(&b);
	block_body_release(&body);
	block_release(&block);
	return rc;
}

int main(int argc, char **argv)
{
	struct capture_reader *r = NULL;
	struct capture_writer *w = NULL;
	struct capture_scan scan = { 0 };
	struct error err = { 0 };
	uint64_t lost = 0;
	int fd, rc;

	if (argc != 3) {
		fprintf(stderr, "usage: scrub IN.kmem OUT.kmem\n");
		return 2;
	}
	rc = capture_reader_open(&r, argv[1], &err);
	if (rc == 0)
		rc = capture_reader_scan(r, &scan, NULL, NULL, &err);
	fd = rc == 0 ? file_create(argv[2], false, &err) : rc;
	if (fd >= 0)
		rc = capture_writer_new(&w, fd, argv[2], capture_reader_clock_steps(r), &err);
	for (size_t i = 0; rc == 0 && fd >= 0 && i < scan.count; i++) {
		lost += scan.blocks[i].type == BLOCK_EVENTS ? scan.blocks[i].lost_before : 0;
		if (scan.blocks[i].type != BLOCK_END)
			rc = copy_block(r, &scan, i, w, &err);
	}
	if (rc == 0 && fd >= 0)
		rc = capture_writer_end(w, lost, &err);
	if (err.code)
		fprintf(stderr, "scrub: %s\n", err.text);
	capture_writer_free(w);
	capture_scan_release(&scan);
	capture_reader_free(r);
	return err.code ? 1 : 0;
}
