/*
 * every_alloc.c - in front of main() of a program: runs it again and again, each time with another allocation that
 * fails, and looks at how it ends.
 *
 *	kmem-analyze-nomem account --db "$DIR/x.db" cap.kmem
 *
 * Of more than EACH_MAX allocations those are tried that are the first or the last of their place: of who called whom.
 * NOMEM_DIR=DIR is where it writes, and nothing else does. NOMEM_TRIES=N: at most so many, spread evenly (0: all of these), which
 * of them says NOMEM_SEED. NOMEM_AT=N: that one only, with its messages. NOMEM_MODE=all: from that one on all fail.
 *
 * NOMEM_LIVE=1: its files are never twice the same.
 * NOMEM_LOOK=COMMAND: what it prints of a capture tells whether two are the same.
 *
 * It may end as it does with enough memory, with the same output and the same files (but for databases); or with
 * exit status 1, one line that says what is wrong (memory), and nothing in DIR but a whole database. All else is printed, and exit status 1.
 *
 * NOMEM_UNIT=1: it is a unit test. That may end well, or with a test that is not ok.
 */
#define _GNU_SOURCE /* memfd_create */
#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/faults/fail_alloc.h"

#define TEXT_MAX  (8u << 20)
#define FILES_MAX 16
#define SECONDS	  60
#define EACH_MAX  1000

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

struct text {
	char *data;
	size_t len;
};

/* How a run ended. */
struct run {
	int status; /* as wait tells it */
	struct text out, err;
	struct text files[FILES_MAX]; /* by name, in its order */
	char *names[FILES_MAX];
	int count;
	int fds; /* open at the end, more than at its beginning */
};

static struct {
	struct fail_alloc alloc;
	struct fail_place places[FAIL_PLACES];
	int fds;
} * shared;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static struct text slurp(int fd)
{
	struct text t = { malloc(TEXT_MAX + 1), 0 };
	ssize_t n = 0;

	if (!t.data)
		die("malloc");
	while (t.len < TEXT_MAX &&
	       (n = pread(fd, t.data + t.len, TEXT_MAX - t.len, (off_t)t.len)) > 0)
		t.len += (size_t)n;
	if (n < 0)
		die("pread");
	t.data[t.len] = '\0';
	t.data = realloc(t.data, t.len + 1);
	return t;
}

static int count_fds(void)
{
	int count = 0;

	for (int i = 0; i < 1024; i++)
		count += fcntl(i, F_GETFD) >= 0;
	return count;
}

static int is_name(const struct dirent *d)
{
	return strcmp(d->d_name, ".") && strcmp(d->d_name, "..");
}

/* What is in DIR, which is empty afterwards. */
static void take_files(struct run *r, const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_name, alphasort), at = open(dir, O_RDONLY | O_DIRECTORY);

	if (n < 0 || n > FILES_MAX || at < 0)
		die(dir);
	for (int i = 0; i < n; i++) {
		int fd = openat(at, list[i]->d_name, O_RDONLY | O_NOFOLLOW);

		if (fd < 0)
			die(list[i]->d_name);
		r->names[r->count] = strdup(list[i]->d_name);
		r->files[r->count++] = slurp(fd);
		close(fd);
		unlinkat(at, list[i]->d_name, 0);
		free(list[i]);
	}
	free(list);
	close(at);
}

static void run_release(struct run *r)
{
	free(r->out.data);
	free(r->err.data);
	for (int i = 0; i < r->count; i++) {
		free(r->names[i]);
		free(r->files[i].data);
	}
}

static void child_ends(void)
{
	fail_alloc_end();
	shared->fds = count_fds() - shared->fds;
}

static void child(int argc, char **argv, uint64_t fail_at, bool all, const int fds[2])
{
	struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	alarm(SECONDS);
	if (fds[0] >= 0) {
		int null = open("/dev/null", O_RDONLY);

		dup2(null, 0);
		dup2(fds[0], 1);
		dup2(fds[1], 2);
		close(null);
		close(fds[0]);
		close(fds[1]);
	}
	shared->fds = count_fds();
	atexit(child_ends);
	fail_alloc_begin(fail_at, all);
	exit(__real_main(argc, argv));
}

static struct run run(int argc, char **argv, uint64_t fail_at, bool all)
{
	const char *dir = getenv("NOMEM_DIR");
	int fds[2] = { memfd_create("out", 0), memfd_create("err", 0) };
	struct run r = { 0 };
	pid_t pid;

	if (fds[0] < 0 || fds[1] < 0)
		die("memfd_create");
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		child(argc, argv, fail_at, all, fds);
	while (waitpid(pid, &r.status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	r.out = slurp(fds[0]);
	r.err = slurp(fds[1]);
	r.fds = shared->fds;
	close(fds[0]);
	close(fds[1]);
	if (dir)
		take_files(&r, dir);
	return r;
}

static bool same_text(const struct text *a, const struct text *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), n = strlen(end);

	return len > n && !strcmp(name + len - n, end);
}

static bool is_database(const char *name)
{
	return ends_with(name, ".db");
}

static bool is_capture(const char *name)
{
	return ends_with(name, ".kmem");
}

/* Two captures of the same directory have file headers of their own. */
static bool same_bytes(const struct text *a, const struct text *b, bool captures)
{
	size_t skip = captures && a->len >= 64 && b->len >= 64 ? 64 : 0;

	return a->len == b->len && !memcmp(a->data + skip, b->data + skip, a->len - skip);
}

/* What NOMEM_LOOK says of it. */
static struct text look_at(const struct text *file)
{
	const char *command = getenv("NOMEM_LOOK");
	int in = memfd_create("in", 0), out = memfd_create("out", 0);
	struct text said;
	char line[1024];

	if (in < 0 || out < 0 || write(in, file->data, file->len) != (ssize_t)file->len)
		die("memfd_create");
	snprintf(line, sizeof(line), "%s /proc/%d/fd/%d >/proc/%d/fd/%d", command, (int)getpid(),
		 in, (int)getpid(), out);
	if (system(line))
		die(line);
	said = slurp(out);
	close(in);
	close(out);
	return said;
}

static bool look_same(const struct text *a, const struct text *b)
{
	struct text x, y;
	bool same;

	if (!getenv("NOMEM_LOOK"))
		return false;
	x = look_at(a);
	y = look_at(b);
	same = same_text(&x, &y);
	free(x.data);
	free(y.data);
	return same;
}

static bool same_files(const struct run *a, const struct run *b)
{
	if (a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++) {
		bool captures = is_capture(a->names[i]);

		if (strcmp(a->names[i], b->names[i]))
			return false;
		if (!is_database(a->names[i]) && !getenv("NOMEM_LIVE") &&
		    !same_bytes(&a->files[i], &b->files[i], captures) &&
		    !(captures && look_same(&a->files[i], &b->files[i])))
			return false;
	}
	return true;
}

static int lines(const struct text *t)
{
	int n = 0;

	for (size_t i = 0; i < t->len; i++)
		n += t->data[i] == '\n';
	return n;
}

/* NULL if it ended as it may. */
static const char *judge(const struct run *good, const struct run *r, bool *ret_said)
{
	bool partial = false;

	*ret_said = false;
	if (WIFSIGNALED(r->status))
		return WTERMSIG(r->status) == SIGALRM ? "does not end" : "killed by a signal";
	if (r->fds > good->fds)
		return "files are left open";
	if (r->status == good->status) {
		if (!same_text(&r->out, &good->out))
			return "the same exit status, another output";
		if (!same_files(r, good))
			return "the same exit status, other files";
		return NULL;
	}
	*ret_said = true;
	if (WEXITSTATUS(r->status) != 1)
		return "another exit status";
	for (int i = 0; i < r->count; i++) /* a recorder says where it is, too */
		partial |= is_capture(r->names[i]);
	if (!partial && lines(&r->err) != lines(&good->err) + 1 && lines(&r->err) != 1)
		return "not one line on stderr";
	/* a thread needs memory, too */
	if (!strcasestr(r->err.data, "memory") && !strstr(r->err.data, "cannot start a thread"))
		return "does not say what is wrong";
	/* a load that ended well before the report failed; what a recorder has written stays readable */
	for (int i = 0; i < r->count; i++)
		if (!is_database(r->names[i]) && !is_capture(r->names[i]))
			return "leaves a file";
	return NULL;
}

/* The same of a unit test, which need not say why it failed. */
static const char *judge_unit(const struct run *r, bool *ret_said)
{
	*ret_said = !WIFEXITED(r->status) || WEXITSTATUS(r->status);
	if (WIFSIGNALED(r->status))
		return WTERMSIG(r->status) == SIGALRM ? "does not end" : "killed by a signal";
	if (!*ret_said)
		return NULL;
	if (WEXITSTATUS(r->status) != 1)
		return "another exit status";
	return strstr(r->out.data, "not ok ") ? NULL : "failed, and no test did";
}

static void tell(uint64_t number, const char *what, const struct run *r)
{
	printf("# allocation %" PRIu64 ": %s (exit status %d, signal %d)\n", number, what,
	       WIFEXITED(r->status) ? WEXITSTATUS(r->status) : -1,
	       WIFSIGNALED(r->status) ? WTERMSIG(r->status) : 0);
	printf("#   stderr: %.1000s\n", r->err.data);
	for (int i = 0; i < r->count; i++)
		printf("#   file: %s\n", r->names[i]);
	fflush(stdout);
	backtrace_symbols_fd(shared->alloc.frames, shared->alloc.depth, 1);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The allocations to try, by number; heap. */
static uint64_t *choose(uint64_t all, size_t *ret_count, size_t *ret_places)
{
	uint64_t *list = malloc((EACH_MAX + 2 * FAIL_PLACES) * sizeof(*list));
	size_t n = 0, kept = 0, noted = 0;

	if (!list)
		die("malloc");
	for (size_t i = 0; i < FAIL_PLACES; i++) {
		const struct fail_place *p = &shared->places[i];

		noted += p->hash != 0;
		if (!p->hash || all <= EACH_MAX)
			continue;
		list[n++] = p->first;
		list[n++] = p->last;
	}
	/* and one more: threads, not each run has as many */
	for (uint64_t i = 1; i <= all + 1 && all <= EACH_MAX; i++)
		list[n++] = i;
	qsort(list, n, sizeof(*list), by_number);
	for (size_t i = 0; i < n; i++)
		if (!kept || list[i] != list[kept - 1])
			list[kept++] = list[i];
	*ret_count = kept;
	*ret_places = noted;
	return list;
}

int __wrap_main(int argc, char **argv)
{
	uint64_t tries = number_of("NOMEM_TRIES", 0), at = number_of("NOMEM_AT", 0), all, tried = 0;
	uint64_t said = 0, wrong = 0, step, seed = number_of("NOMEM_SEED", 0), *list;
	size_t count, places;
	const char *mode = getenv("NOMEM_MODE");
	bool from_then_on = mode && !strcmp(mode, "all");
	struct run good;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		die("mmap");
	fail_alloc_use(&shared->alloc);
	if (getenv("NOMEM_DIR")) {
		struct run nothing = { 0 };

		take_files(&nothing, getenv("NOMEM_DIR"));
		run_release(&nothing);
	}
	if (at)
		child(argc, argv, at, from_then_on, (int[]){ -1, -1 });
	fail_alloc_note_places(shared->places);
	good = run(argc, argv, 0, false);
	fail_alloc_note_places(NULL);
	all = shared->alloc.count;
	if (WIFSIGNALED(good.status) || WEXITSTATUS(good.status) % 3) {
		tell(0, "fails with enough memory", &good);
		return 2;
	}
	list = choose(all, &count, &places);
	step = tries && count > tries ? (count + tries - 1) / tries : 1;
	for (size_t i = seed % step; i < count; i += step) {
		struct run r = run(argc, argv, list[i], from_then_on);
		bool was_said;
		const char *what = getenv("NOMEM_UNIT") ? judge_unit(&r, &was_said) :
							  judge(&good, &r, &was_said);
		bool hit = shared->alloc.failed;

		tried += hit;
		said += hit && was_said;
		wrong += what != NULL;
		if (what)
			tell(list[i], what, &r);
		run_release(&r);
	}
	run_release(&good);
	free(list);
	printf("%" PRIu64 " allocations of %zu places, %" PRIu64 " made to fail: %" PRIu64
	       " said so, %" PRIu64 " did not matter, %" PRIu64 " wrong\n",
	       all, places, tried, said, tried - said, wrong);
	return wrong ? 1 : 0;
}
