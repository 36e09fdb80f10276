#define _GNU_SOURCE /* memrchr */
#include "record/meta.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "record/direct_map.h"

#define FILE_MAX (256u << 20)

struct kept_block {
	struct block_header header;
	uint32_t raw_len;
	struct buf bytes; /* of its body, compressed */
};

void meta_init(struct meta *m, struct capture_writer *writer, struct tree tree, const char *moment)
{
	*m = (struct meta){
		.writer = writer, .tree = tree, .moment = moment, .clock = CLOCK_MONOTONIC
	};
}

void meta_release(struct meta *m)
{
	buf_release(&m->info);
	buf_release(&m->scratch);
	buf_release(&m->file);
	file_encoder_release(&m->file_encoder);
	block_body_release(&m->body);
	for (size_t i = 0; i < m->kept_count; i++)
		buf_release(&m->kept[i].bytes);
	free(m->kept);
	*m = (struct meta){ 0 };
}

static int keep_block(struct meta *m, const struct block_header *h, struct error *err)
{
	struct kept_block *p = realloc(m->kept, (m->kept_count + 1) * sizeof(*p));

	if (!p)
		return error_nomem(err);
	m->kept = p;
	p += m->kept_count++;
	*p = (struct kept_block){ .header = *h, .raw_len = m->body.raw_len };
	buf_bytes(&p->bytes, m->body.bytes.data, m->body.bytes.len);
	return p->bytes.oom ? error_nomem(err) : 0;
}

int meta_put_kept(struct meta *m, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->kept_count; i++) {
		const struct kept_block *k = &m->kept[i];
		const struct block_body body = { .bytes = k->bytes, .raw_len = k->raw_len };

		rc = capture_writer_put(m->writer, &k->header, &body, err);
	}
	return rc;
}

/* One block with what is in m->body. */
static int put_body(struct meta *m, const struct block_header *h, struct error *err)
{
	bool kept = m->keep &&
		    (h->type == BLOCK_INFO || h->type == BLOCK_FILE || h->type == BLOCK_TYPES);
	int rc = kept ? keep_block(m, h, err) : 0;

	return rc < 0 ? rc : capture_writer_put(m->writer, h, &m->body, err);
}

/* One block with the records in b. */
static int put_block(struct meta *m, const struct block_header *h, const struct buf *b,
		     struct error *err)
{
	if (b->oom)
		return error_nomem(err);
	block_body_clear(&m->body);
	block_body_add(&m->body, SECTION_RECORDS, 0, 0, b->data, b->len);
	return put_body(m, h, err);
}

static int put_records(struct meta *m, enum block_type type, uint64_t time, const struct buf *b,
		       struct error *err)
{
	struct block_header h = {
		.type = type, .cpu = CPU_NONE, .first_time = time, .last_time = time
	};

	return put_block(m, &h, b, err);
}

int meta_put_info(struct meta *m, struct error *err)
{
	int rc = put_records(m, BLOCK_INFO, 0, &m->info, err);

	buf_clear(&m->info);
	return rc;
}

/* ---- files ---- */

/* Parts end with a line, so that the lines of each can be split. */
static size_t part_length(const char *bytes, size_t len)
{
	const char *newline;

	if (len <= FILE_PART_MAX)
		return len;
	newline = memrchr(bytes, '\n', FILE_PART_MAX);
	return newline ? (size_t)(newline + 1 - bytes) : FILE_PART_MAX;
}

int meta_put_bytes(struct meta *m, const char *name, const char *moment, const void *data,
		   size_t len, struct error *err)
{
	const struct block_header h = { .type = BLOCK_FILE, .cpu = CPU_NONE };
	size_t done = 0, n;
	int rc;

	do {
		n = part_length((const char *)data + done, len - done);
		struct file_part part = {
			.name = { name, strlen(name) },
			.moment = { moment, strlen(moment) },
			.offset = done,
			.last = done + n == len,
			.bytes = { (const char *)data + done, n },
		};

		block_body_clear(&m->body);
		file_body_add(&m->file_encoder, &part, &m->body);
		rc = put_body(m, &h, err);
		done += n;
	} while (rc == 0 && done < len);
	return rc;
}

int meta_put_file(struct meta *m, const char *path, const char *moment, struct error *err)
{
	if (tree_read(&m->tree, path, FILE_MAX, &m->file, NULL) < 0 || !m->file.len)
		return m->file.oom ? error_nomem(err) : 0;
	return meta_put_bytes(m, path, moment, m->file.data, m->file.len, err);
}

int meta_put_memory_files(struct meta *m, const char *moment, struct error *err)
{
	/*
	 * slabinfo first: it is what the capture is compared with, so it must be close to the
	 * moment
	 */
	static const char *const paths[] = { "/proc/slabinfo", "/proc/vmstat", "/proc/meminfo",
					     "/proc/allocinfo" };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(paths) / sizeof(paths[0]); i++)
		rc = meta_put_file(m, paths[i], moment, err);
	return rc;
}

static int put_directory_files(struct meta *m, const char *directory, const char *moment,
			       struct error *err)
{
	DIR *dir = tree_list(&m->tree, directory);
	struct dirent *d;
	char path[1024];
	int rc = 0;

	while (dir && rc == 0 && (d = readdir(dir))) {
		if (d->d_type != DT_REG && d->d_type != DT_UNKNOWN)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, d->d_name);
		rc = meta_put_file(m, path, moment, err);
	}
	if (dir)
		closedir(dir);
	return rc;
}

int meta_put_module(struct meta *m, const char *name, const char *moment, struct error *err)
{
	char path[512];
	int rc;

	snprintf(path, sizeof(path), "/sys/module/%s/sections", name);
	rc = put_directory_files(m, path, moment, err);
	snprintf(path, sizeof(path), "/sys/module/%s/notes/.note.gnu.build-id", name);
	return rc < 0 ? rc : meta_put_file(m, path, moment, err);
}

static int put_modules(struct meta *m, struct error *err)
{
	DIR *dir = tree_list(&m->tree, "/sys/module");
	struct dirent *d;
	int rc = 0;

	while (dir && rc == 0 && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			rc = meta_put_module(m, d->d_name, m->moment, err);
	if (dir)
		closedir(dir);
	return rc;
}

/* Which CPUs are near which memory. */
static int put_nodes(struct meta *m, struct error *err)
{
	static const char top[] = "/sys/devices/system/node";
	DIR *dir = tree_list(&m->tree, top);
	struct dirent *d;
	char path[512];
	int rc = 0;

	while (dir && rc == 0 && (d = readdir(dir))) {
		if (strncmp(d->d_name, "node", 4) || d->d_name[4] < '0' || d->d_name[4] > '9')
			continue;
		snprintf(path, sizeof(path), "%s/%s/cpulist", top, d->d_name);
		rc = meta_put_file(m, path, m->moment, err);
	}
	if (dir)
		closedir(dir);
	return rc;
}

int meta_put_kernel_files(struct meta *m, bool kallsyms, struct error *err)
{
	static const char *const paths[] = { "/proc/modules", "/proc/iomem", "/sys/kernel/notes" };
	int rc = 0;

	if (kallsyms)
		rc = meta_put_file(m, "/proc/kallsyms", m->moment, err);
	for (size_t i = 0; rc == 0 && i < sizeof(paths) / sizeof(paths[0]); i++)
		rc = meta_put_file(m, paths[i], m->moment, err);
	if (rc == 0)
		rc = put_nodes(m, err);
	return rc < 0 ? rc : put_modules(m, err);
}

int meta_put_format(struct meta *m, const struct event_type *type, struct error *err)
{
	char path[600];

	snprintf(path, sizeof(path), "events/%s/%s/format", type->system, type->name);
	return meta_put_file(m, path, m->moment, err);
}

int meta_put_formats(struct meta *m, const struct event_plan *plan, struct error *err)
{
	static const char *const paths[] = { "events/header_page", "events/header_event",
					     "events/ftrace/kernel_stack/format" };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(paths) / sizeof(paths[0]); i++)
		rc = meta_put_file(m, paths[i], m->moment, err);
	for (size_t i = 0; rc == 0 && i < plan->count; i++)
		rc = meta_put_format(m, &plan->types[i], err);
	return rc;
}

int meta_put_types(struct meta *m, const struct event_plan *plan, size_t first, struct error *err)
{
	struct block_header h = { .type = BLOCK_TYPES, .cpu = CPU_NONE };

	buf_clear(&m->scratch);
	for (size_t i = first; i < plan->count; i++)
		type_encode(&m->scratch, &plan->types[i]);
	if (m->scratch.oom)
		return error_nomem(err);
	block_body_clear(&m->body);
	block_body_add(&m->body, SECTION_RECORDS, (uint32_t)first, 0, m->scratch.data,
		       m->scratch.len);
	return put_body(m, &h, err);
}

/* ---- tasks ---- */

/* "123 (comm may hold anything) S 1 ..." */
static void add_task(struct buf *b, const char *stat, int32_t tgid)
{
	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');
	struct task_record task = { .tgid = tgid };
	int ppid = 0;

	if (!open || !close || close < open)
		return;
	task.pid = atoi(stat);
	sscanf(close + 1, " %*c %d", &ppid);
	task.ppid = ppid;
	task.comm = (struct text){ open + 1, (size_t)(close - open - 1) };
	task_encode(b, &task);
}

static void scan_threads(struct buf *b, int proc, const char *pid)
{
	char path[300], text[1024];
	struct dirent *d;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%s/task", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir && fd >= 0)
		close(fd);
	while (dir && (d = readdir(dir))) {
		ssize_t n;

		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "%s/stat", d->d_name);
		fd = openat(dirfd(dir), path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (fd >= 0)
			close(fd);
		if (n <= 0)
			continue; /* it has just ended */
		text[n] = '\0';
		add_task(b, text, atoi(pid));
	}
	if (dir)
		closedir(dir);
}

static void add_running_tasks(struct buf *b)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]))
			scan_threads(b, dirfd(dir), d->d_name);
	if (dir)
		closedir(dir);
}

/* The file `tasks` of a saved tree: a tgid and what /proc/TGID/task/PID/stat said, a line each. */
static void add_saved_tasks(struct meta *m)
{
	char *save = NULL, *stat;

	if (tree_read(&m->tree, "/tasks", FILE_MAX, &m->file, NULL) < 0)
		return;
	for (char *line = strtok_r((char *)m->file.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		long tgid = strtol(line, &stat, 10);

		if (stat != line && *stat == ' ')
			add_task(&m->scratch, stat + 1, (int32_t)tgid);
	}
}

/* The tracer's own list, "PID COMM" lines: of tasks that have ended, too. */
static void add_traced_tasks(struct meta *m)
{
	char *save = NULL, *comm;

	if (tree_read(&m->tree, "saved_cmdlines", FILE_MAX, &m->file, NULL) < 0)
		return;
	for (char *line = strtok_r((char *)m->file.data, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		struct task_record task = { .pid = (int32_t)strtol(line, &comm, 10) };

		if (comm == line || *comm != ' ' || !strcmp(comm + 1, "<...>"))
			continue;
		task.comm = (struct text){ comm + 1, strlen(comm + 1) };
		task_encode(&m->scratch, &task);
	}
}

int meta_put_tasks(struct meta *m, uint64_t time, struct error *err)
{
	buf_clear(&m->scratch);
	if (m->tree.saved)
		add_saved_tasks(m);
	else
		add_running_tasks(&m->scratch);
	return put_records(m, BLOCK_TASKS, time, &m->scratch, err);
}

int meta_put_traced_tasks(struct meta *m, uint64_t time, struct error *err)
{
	buf_clear(&m->scratch);
	add_traced_tasks(m);
	return put_records(m, BLOCK_TASKS, time, &m->scratch, err);
}

int meta_put_mark(struct meta *m, enum mark_kind kind, uint64_t time, const char *text,
		  struct error *err)
{
	const struct mark_record mark = { (uint8_t)kind, time, { text, strlen(text) } };

	buf_clear(&m->scratch);
	mark_encode(&m->scratch, time, &mark);
	return put_records(m, BLOCK_MARKS, time, &m->scratch, err);
}

/* ---- statistics and facts ---- */

int meta_put_stats(struct meta *m, enum stats_moment moment, const struct ring_stats *stats,
		   size_t count, struct error *err)
{
	size_t i = 0;
	int rc = 0;

	while (rc == 0 && i < count) { /* a block for each ring number */
		struct block_header h = { .type = BLOCK_STATS,
					  .cpu = CPU_NONE,
					  .ring = stats[i].ring };

		buf_clear(&m->scratch);
		stats_encode_moment(&m->scratch, moment);
		for (; i < count && stats[i].ring == h.ring; i++)
			stats_encode(&m->scratch, &stats[i]);
		rc = put_block(m, &h, &m->scratch, err);
	}
	return rc;
}

/* The first line of a file as a pair. */
static void add_line(struct meta *m, const char *key, const char *path)
{
	char *end;

	if (tree_read(&m->tree, path, 1u << 20, &m->file, NULL) < 0)
		return;
	end = strpbrk((char *)m->file.data, "\n");
	if (end)
		*end = '\0';
	if (m->file.data[0])
		info_encode(&m->info, key, (char *)m->file.data);
}

#define NOTE_BUILD_ID 3u

/* /sys/kernel/notes: ELF notes; the build-id is the one of name GNU and type 3. */
static void add_build_id(struct meta *m)
{
	const uint8_t *p;
	size_t left;

	if (tree_read(&m->tree, "/sys/kernel/notes", 1u << 20, &m->file, NULL) < 0)
		return;
	for (p = m->file.data, left = m->file.len; left >= 12;) {
		uint32_t head[3];
		size_t name_len, desc_len;
		char hex[2 * 64 + 1];

		memcpy(head, p, sizeof(head));
		/* the target's byte order; no name and no type is that large */
		for (int i = 0; i < 3 && m->swapped; i++)
			head[i] = __builtin_bswap32(head[i]);
		name_len = ((size_t)head[0] + 3) & ~(size_t)3;
		desc_len = ((size_t)head[1] + 3) & ~(size_t)3;
		if (name_len > left - 12 || desc_len > left - 12 - name_len)
			return;
		if (head[2] == NOTE_BUILD_ID && head[0] == 4 && !memcmp(p + 12, "GNU", 4) &&
		    head[1] <= 64) {
			for (uint32_t i = 0; i < head[1]; i++)
				snprintf(hex + 2 * i, 3, "%02x", p[12 + name_len + i]);
			info_encode(&m->info, "kernel.build_id", hex);
			return;
		}
		p += 12 + name_len + desc_len;
		left -= 12 + name_len + desc_len;
	}
}

static void add_running_machine(struct meta *m)
{
	struct utsname u;
	char ranges[4096];

	if (uname(&u) == 0) {
		info_encode(&m->info, "machine", u.machine);
		info_encode(&m->info, "kernel.release", u.release);
		info_encode(&m->info, "kernel.version", u.version);
		info_encode(&m->info, "hostname", u.nodename);
	}
	if (direct_map_read("/proc/kcore", ranges, sizeof(ranges)))
		info_encode(&m->info, "direct_map", ranges);
	info_encode_u64(&m->info, "page_size", (uint64_t)sysconf(_SC_PAGESIZE));
}

static void add_saved_machine(struct meta *m)
{
	static const char *const facts[] = { "machine", "kernel.release", "kernel.version",
					     "hostname", "page_size" };
	char text[400];

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (tree_fact(&m->tree, facts[i], text, sizeof(text)))
			info_encode(&m->info, facts[i], text);
	if (tree_fact(&m->tree, "kernel.release", text, sizeof(text)))
		return;
	add_line(m, "kernel.release", "/proc/sys/kernel/osrelease");
	add_line(m, "hostname", "/proc/sys/kernel/hostname");
}

void meta_add_machine(struct meta *m)
{
	bool big = (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) != m->swapped;

	if (m->tree.saved)
		add_saved_machine(m);
	else
		add_running_machine(m);
	add_line(m, "kernel.cmdline", "/proc/cmdline");
	add_build_id(m);
	add_line(m, "boot_id", "/proc/sys/kernel/random/boot_id");
	add_line(m, "cpus.possible", "/sys/devices/system/cpu/possible");
	add_line(m, "cpus.online", "/sys/devices/system/cpu/online");
	info_encode(&m->info, "endian", big ? "big" : "little");
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void meta_add_clocks(struct meta *m, const char *prefix)
{
	uint64_t best = UINT64_MAX, trace = 0, wall = 0;
	char key[64];

	/* the tightest of several tries: in between we may have been off the CPU */
	for (int i = 0; i < 8; i++) {
		uint64_t before = clock_ns(m->clock), w = clock_ns(CLOCK_REALTIME);
		uint64_t gap = clock_ns(m->clock) - before;

		if (gap >= best)
			continue;
		best = gap;
		trace = before + gap / 2;
		wall = w;
	}
	snprintf(key, sizeof(key), "%s.trace_ns", prefix);
	info_encode_u64(&m->info, key, trace);
	snprintf(key, sizeof(key), "%s.wall_ns", prefix);
	info_encode_u64(&m->info, key, wall);
}
