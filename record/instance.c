#include "record/instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "record/tracefs.h"

#define NAME_PREFIX "kmem-record."

#define RING_BYTES_DEFAULT (16u << 20)
#define RING_MEMORY_SHARE  10 /* all rings together: at most 1/10 of memory */
#define SUBBUF_KB	   64 /* read() of 64 kB costs half of 4 kB per record, 256 kB more again */
#define WAKE_PERCENT	   25

/*
 * Field 22 of /proc/PID/stat: clock ticks from boot to the start of the process. 0: no such
 * process.
 */
static uint64_t process_start_time(pid_t pid)
{
	char path[32], text[1024], *p;
	uint64_t start = 0;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')'); /* the name before it may hold anything */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p)
		sscanf(p, "%" SCNu64, &start);
	return start;
}

/* ---- left-overs ---- */

static bool remove_if_dead(int top, const char *name)
{
	char path[300];
	uint64_t start;
	int pid, end = 0, more = 0, dir;
	bool removed = false;

	if (sscanf(name, NAME_PREFIX "%d.%" SCNu64 "%n-%*[0-9]%n", &pid, &start, &end, &more) !=
		    2 ||
	    name[more ? more : end] || pid <= 0)
		return false;
	if (process_start_time(pid) == start)
		return false;
	snprintf(path, sizeof(path), "instances/%s", name);
	dir = openat(top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	/* a recorder of another pid namespace looks dead from here, but holds its lock */
	if (flock(dir, LOCK_EX | LOCK_NB) == 0) {
		tracefs_write(dir, "tracing_on", "0", NULL);
		removed = unlinkat(top, path, AT_REMOVEDIR) == 0;
	}
	close(dir);
	return removed;
}

int instance_sweep(int top)
{
	int fd = openat(top, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC), count = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((d = readdir(dir)))
		if (!strncmp(d->d_name, NAME_PREFIX, strlen(NAME_PREFIX)))
			count += remove_if_dead(top, d->d_name);
	closedir(dir);
	return count;
}

/* ---- making one ---- */

static int make_directory(struct instance *inst, uint16_t number, struct error *err)
{
	char path[96], suffix[8] = "";

	if (number)
		snprintf(suffix, sizeof(suffix), "-%u", number);
	snprintf(inst->name, sizeof(inst->name), NAME_PREFIX "%d.%" PRIu64 "%s", (int)getpid(),
		 process_start_time(getpid()), suffix);
	snprintf(path, sizeof(path), "instances/%s", inst->name);
	if (mkdirat(inst->top, path, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make tracing instance '%s'", inst->name);
	inst->dir = openat(inst->top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (inst->dir < 0 || flock(inst->dir, LOCK_EX | LOCK_NB) < 0)
		return error_errno(err, "cannot open tracing instance '%s'", inst->name);
	return 0;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int list_cpus(struct instance *inst, struct error *err)
{
	int fd = openat(inst->dir, "per_cpu", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	unsigned int cpu;

	if (!dir) {
		rc = error_errno(err, "cannot list the CPUs of the tracing instance");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (d = readdir(dir))) {
		uint32_t *p;

		if (sscanf(d->d_name, "cpu%u", &cpu) != 1)
			continue;
		p = realloc(inst->cpus, (inst->cpu_count + 1) * sizeof(*p));
		if (!p) {
			rc = error_nomem(err);
			break;
		}
		inst->cpus = p;
		inst->cpus[inst->cpu_count++] = cpu;
	}
	closedir(dir);
	if (rc == 0 && !inst->cpu_count)
		rc = error_set(err, ERR_UNSUPPORTED,
			       "the kernel offers no ring buffer for any CPU");
	if (rc == 0)
		qsort(inst->cpus, inst->cpu_count, sizeof(*inst->cpus), compare_u32);
	return rc;
}

uint64_t instance_ring_bytes(uint64_t asked, uint32_t cpu_count)
{
	struct sysinfo info;
	uint64_t most;

	if (asked)
		return asked;
	if (sysinfo(&info) < 0)
		return RING_BYTES_DEFAULT / 4;
	most = (uint64_t)info.totalram * info.mem_unit / RING_MEMORY_SHARE / cpu_count;
	return most < RING_BYTES_DEFAULT ? most : RING_BYTES_DEFAULT;
}

static int set_up_rings(struct instance *inst, const struct instance_options *options,
			struct error *err)
{
	uint32_t rings = inst->cpu_count * (options->count ? options->count : 1);
	uint64_t asked = options->all_bytes ? options->all_bytes / inst->cpu_count :
					      options->ring_bytes;
	uint64_t kb = instance_ring_bytes(asked, rings) >> 10;
	struct buf b = { 0 };
	int rc;

	/* since 6.8; a ring must hold several sub-buffers, or one reader starves it */
	if (kb >= 4 * SUBBUF_KB && tracefs_has(inst->dir, "buffer_subbuf_size_kb"))
		tracefs_write_u64(inst->dir, "buffer_subbuf_size_kb", SUBBUF_KB, NULL);
	rc = tracefs_write_u64(inst->dir, "buffer_size_kb", kb ? kb : 1, err);
	if (rc == 0)
		rc = tracefs_read_u64(inst->dir, "buffer_size_kb", &kb, err);
	inst->ring_bytes = kb << 10;
	if (rc == 0)
		rc = tracefs_read(inst->dir, "events/header_page", &b, err);
	if (rc == 0)
		rc = ring_layout_parse(&inst->layout, (char *)b.data, b.len,
				       __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, err);
	buf_release(&b);
	return rc;
}

static uint64_t wake_percent(const struct instance *inst, const struct instance_options *options)
{
	uint64_t percent = options->wake_percent;

	if (options->wake_bytes)
		percent = options->wake_bytes * 100 / inst->ring_bytes + 1;
	return !percent ? WAKE_PERCENT : percent < 100 ? percent : 100;
}

int instance_new(struct instance **ret, int top, const struct instance_options *options,
		 struct error *err)
{
	struct instance *inst = calloc(1, sizeof(*inst));
	int rc;

	if (!inst)
		return error_nomem(err);
	inst->top = top;
	inst->dir = -1;
	inst->overwrite = options->overwrite;
	rc = make_directory(inst, options->number, err);
	if (rc == 0)
		rc = instance_switch(inst, false, err);
	if (rc == 0)
		rc = list_cpus(inst, err);
	if (rc == 0)
		rc = set_up_rings(inst, options, err);
	if (rc == 0)
		rc = tracefs_write(inst->dir, "trace_clock", "mono", err);
	if (rc ==
	    0) /* refuse new records when full: then nothing that was promised is taken back */
		rc = tracefs_write(inst->dir, "options/overwrite", options->overwrite ? "1" : "0",
				   err);
	/* of the kernel command line, if at all; a new instance has it from the top one, and each event two stacks */
	if (rc == 0 && tracefs_has(inst->dir, "options/stacktrace"))
		rc = tracefs_write(inst->dir, "options/stacktrace", "0", err);
	if (rc == 0 && tracefs_has(inst->dir, "buffer_percent"))
		rc = tracefs_write_u64(inst->dir, "buffer_percent", wake_percent(inst, options),
				       err);
	if (rc < 0)
		instance_free(inst);
	else
		*ret = inst;
	return rc;
}

void instance_free(struct instance *inst)
{
	char path[96];

	if (!inst)
		return;
	if (inst->dir >= 0) {
		tracefs_write(inst->dir, "tracing_on", "0", NULL);
		tracefs_write(inst->dir, "events/enable", "0", NULL);
	}
	if (inst->name[0]) {
		snprintf(path, sizeof(path), "instances/%s", inst->name);
		/* readers of a moment ago may hold it: EBUSY passes */
		for (int tries = 0;
		     tries < 100 && unlinkat(inst->top, path, AT_REMOVEDIR) < 0 && errno == EBUSY;
		     tries++)
			usleep(10000);
	}
	if (inst->dir >= 0)
		close(inst->dir);
	free(inst->cpus);
	free(inst);
}

int instance_enable(struct instance *inst, const char *system, const char *name, bool stacks,
		    const char *filter, struct error *err)
{
	char path[256], trigger[INSTANCE_FILTER_MAX + 32];
	int rc = 0;

	if (filter) {
		snprintf(path, sizeof(path), "events/%s/%s/filter", system, name);
		rc = tracefs_write(inst->dir, path, filter, err);
	}
	if (rc == 0 && stacks) {
		snprintf(path, sizeof(path), "events/%s/%s/trigger", system, name);
		snprintf(trigger, sizeof(trigger), filter ? "stacktrace if %s" : "stacktrace",
			 filter);
		rc = tracefs_write(inst->dir, path, trigger, err);
	}
	snprintf(path, sizeof(path), "events/%s/%s/enable", system, name);
	return rc < 0 ? rc : tracefs_write(inst->dir, path, "1", err);
}

int instance_disable_all(struct instance *inst, struct error *err)
{
	return tracefs_write(inst->dir, "events/enable", "0", err);
}

int instance_switch(struct instance *inst, bool on, struct error *err)
{
	return tracefs_write(inst->dir, "tracing_on", on ? "1" : "0", err);
}

int instance_stop_at(struct instance *inst, const char *system, const char *name,
		     const char *filter, struct error *err)
{
	char path[256], trigger[INSTANCE_FILTER_MAX + 32];

	snprintf(path, sizeof(path), "events/%s/%s/trigger", system, name);
	snprintf(trigger, sizeof(trigger), filter ? "traceoff if %s" : "traceoff", filter);
	return tracefs_write(inst->dir, path, trigger, err);
}

bool instance_is_on(const struct instance *inst)
{
	uint64_t on = 1; /* if it cannot be read it was not a trigger that we set */

	return tracefs_read_u64(inst->dir, "tracing_on", &on, NULL) < 0 || on;
}

int instance_clear(struct instance *inst, struct error *err)
{
	int fd = openat(inst->dir, "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		return error_errno(err, "cannot empty the tracing instance");
	close(fd);
	return 0;
}

int instance_open_cpu(const struct instance *inst, uint32_t cpu, const char *file, int flags,
		      struct error *err)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "per_cpu/cpu%u/%s", cpu, file);
	fd = openat(inst->dir, path, flags | O_CLOEXEC);
	return fd < 0 ? error_errno(err, "cannot open tracing file '%s'", path) : fd;
}
