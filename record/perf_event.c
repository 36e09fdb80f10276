#define _GNU_SOURCE /* syscall */
#include "record/perf_event.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NO_SYSCTL (-100)

long perf_sysctl(const char *name)
{
	char path[96], text[32];
	long value = NO_SYSCTL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	f = fopen(path, "re");
	if (f && fgets(text, sizeof(text), f))
		value = atol(text);
	if (f)
		fclose(f);
	return value;
}

static void fill_attr(struct perf_event_attr *a, const struct perf_request *r)
{
	*a = (struct perf_event_attr){
		.size = sizeof(*a),
		.type = r->kind == PERF_KIND_TRACEPOINT ? PERF_TYPE_TRACEPOINT : PERF_TYPE_SOFTWARE,
		.config = r->config,
		.sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TIME,
		.disabled = 1,
		.inherit = r->inherit,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC, /* as the trace clock of the other backend */
	};
	if (r->watermark) {
		a->watermark = 1;
		a->wakeup_watermark = r->watermark;
	}
	if (r->kind == PERF_KIND_SIDE_BAND) {
		a->config = PERF_COUNT_SW_DUMMY;
		a->sample_type |= PERF_SAMPLE_TID;
		a->comm = a->comm_exec = a->task = 1;
		a->mmap = a->mmap2 = a->build_id = r->maps;
		a->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED;
		return;
	}
	a->sample_period = r->period ? r->period : 1;
	if (r->period)
		a->read_format = PERF_FORMAT_TOTAL_TIME_ENABLED;
	a->sample_type |= r->kind == PERF_KIND_TRACEPOINT ?
				  PERF_SAMPLE_RAW :
				  PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_ADDR;
	if (r->stack) {
		a->sample_type |= PERF_SAMPLE_CALLCHAIN;
		a->exclude_callchain_user = !r->user_stack;
		a->sample_max_stack = r->max_stack;
	}
}

static int open_once(struct perf_event_attr *a, const struct perf_request *r)
{
	unsigned long flags = PERF_FLAG_FD_CLOEXEC;
	pid_t pid = r->pid;

	if (r->pid < 0 && r->cgroup_fd >= 0) {
		flags |= PERF_FLAG_PID_CGROUP;
		pid = r->cgroup_fd;
	}
	return (int)syscall(SYS_perf_event_open, a, pid, r->cpu, -1, flags);
}

/* Room for more descriptors: true when trying again may help. */
static bool raise_file_limit(void)
{
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return false;
	before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_cur == before) { /* root may go beyond */
		limit.rlim_cur = limit.rlim_max = before * 2;
	}
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > before;
}

static int not_permitted(struct error *err)
{
	long paranoid = perf_sysctl("perf_event_paranoid");

	if (paranoid > -1)
		return error_set(
			err, ERR_UNSUPPORTED,
			"perf events are refused: kernel.perf_event_paranoid is %ld; run as root, with "
			"CAP_PERFMON (kernels before 5.8: CAP_SYS_ADMIN), or after "
			"'sysctl kernel.perf_event_paranoid=-1'",
			paranoid);
	return error_set(
		err, ERR_UNSUPPORTED,
		"perf events are refused although kernel.perf_event_paranoid allows them: a "
		"security policy (LSM, seccomp of a container) forbids perf_event_open");
}

static int open_error(const struct perf_request *r, int why, struct error *err)
{
	errno = why;
	switch (why) {
	case EACCES:
	case EPERM: return not_permitted(err);
	case ENOSYS:
		return error_set(err, ERR_UNSUPPORTED,
				 "this kernel has no perf events (CONFIG_PERF_EVENTS): use "
				 "--backend ftrace");
	case ESRCH: return error_set(err, ERR_USAGE, "there is no task %d", (int)r->pid);
	case ENODEV: return error_set(err, ERR_USAGE, "CPU %d is not online", r->cpu);
	case EMFILE:
		return error_set(err, ERR_UNSUPPORTED,
				 "perf needs more files than this process may open: raise the hard "
				 "limit (ulimit -Hn) or select fewer tasks, CPUs or events");
	case EOVERFLOW:
		return error_set(
			err, ERR_UNSUPPORTED,
			"stacks of %u frames are more than kernel.perf_event_max_stack (%ld)",
			r->max_stack, perf_sysctl("perf_event_max_stack"));
	case EBADF:
		if (r->cgroup_fd >= 0)
			return error_set(
				err, ERR_USAGE,
				"that directory is in no cgroup hierarchy that perf knows: give one of "
				"cgroup v2, or of the v1 hierarchy of the controller perf_event");
	}
	return error_errno(err, "cannot open a perf event on CPU %d", r->cpu);
}

int perf_event_open_one(const struct perf_request *r, struct error *err)
{
	struct perf_event_attr a;
	int fd;

	fill_attr(&a, r);
	while ((fd = open_once(&a, r)) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EINVAL && a.build_id) /* before 5.12 the file has to be asked */
			a.build_id = 0;
		else if (errno != EMFILE || !raise_file_limit())
			return open_error(r, errno, err);
	}
	return fd;
}

int perf_event_switch(int fd, bool on, struct error *err)
{
	unsigned long what = on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE;

	return ioctl(fd, what, 0) < 0 ?
		       error_errno(err, "cannot switch a perf event %s", on ? "on" : "off") :
		       0;
}

int perf_event_count(int fd, uint64_t *ret, struct error *err)
{
	ssize_t n;

	do
		n = read(fd, ret, sizeof(*ret));
	while (n < 0 && errno == EINTR);
	if (n == 0) /* in error state: its CPU or its group is gone */
		*ret = 0;
	return n < 0 ? error_errno(err, "cannot read the count of a perf event") : 0;
}

int perf_event_enabled_ns(int fd, uint64_t *ret, struct error *err)
{
	uint64_t values[2] = { 0 }; /* its count, and for how long */
	ssize_t n;

	do
		n = read(fd, values, sizeof(values));
	while (n < 0 && errno == EINTR);
	*ret = n == (ssize_t)sizeof(values) ? values[1] : 0;
	return n < 0 ? error_errno(err, "cannot read the time of a perf event") : 0;
}

int perf_event_id(int fd, uint64_t *ret, struct error *err)
{
	return ioctl(fd, PERF_EVENT_IOC_ID, ret) < 0 ?
		       error_errno(err, "cannot get the number of a perf event") :
		       0;
}

int perf_event_redirect(int fd, int ring_fd, struct error *err)
{
	return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring_fd) < 0 ?
		       error_errno(err, "cannot send a perf event to the ring of its CPU") :
		       0;
}

int perf_event_filter(int fd, const char *filter, struct error *err)
{
	return ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter) < 0 ?
		       error_errno(err, "the kernel rejects the filter '%s' for perf", filter) :
		       0;
}
