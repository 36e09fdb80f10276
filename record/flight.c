#define _GNU_SOURCE /* eaccess */
#include "record/flight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "format/base/units.h"
#include "record/session.h"
#include "record/tracefs.h"

#define MEMORY_SHARE 2 /* rings of a flight recorder take at most one half */

/* Before 5.17 a traceoff trigger of an instance switches off the top instance instead. */
static bool triggers_stop_their_instance(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 5 || (major == 5 && minor >= 17);
}

int flight_trigger_parse(struct flight_trigger *t, const char *text, int top, struct error *err)
{
	size_t len = strcspn(text, "/"), all = strlen(text), system = strcspn(text, ":");
	char path[300];

	if (system >= len || !system || system + 1 == len || len > 200 ||
	    (text[len] && (all < len + 2 || text[all - 1] != '/')))
		return error_set(
			err, ERR_USAGE,
			"--trigger: '%s' is no event; write SYSTEM:NAME or SYSTEM:NAME/FILTER/",
			text);
	if (!triggers_stop_their_instance())
		return error_set(err, ERR_UNSUPPORTED,
				 "--trigger needs Linux 5.17: triggers of older kernels stop other"
				 " people's tracing");
	t->system = strndup(text, system);
	t->name = strndup(text + system + 1, len - system - 1);
	if (all > len + 2)
		t->filter = strndup(text + len + 1, all - len - 2);
	if (!t->system || !t->name || (all > len + 2 && !t->filter))
		return error_nomem(err);
	snprintf(path, sizeof(path), "events/%s/%s/trigger", t->system, t->name);
	if (strchr(t->name, '.') || strchr(t->system, '.') || !tracefs_has(top, path))
		return error_set(err, ERR_USAGE, "--trigger: this kernel has no event %s:%s",
				 t->system, t->name);
	return 0;
}

void flight_trigger_release(struct flight_trigger *t)
{
	free(t->system);
	free(t->name);
	free(t->filter);
	*t = (struct flight_trigger){ 0 };
}

static int check_memory(uint64_t bytes, struct error *err)
{
	char asked[UNITS_TEXT], most[UNITS_TEXT], all[UNITS_TEXT];
	struct sysinfo info;
	uint64_t memory;

	if (sysinfo(&info) < 0)
		return 0;
	memory = (uint64_t)info.totalram * info.mem_unit;
	if (bytes <= memory / MEMORY_SHARE)
		return 0;
	return error_set(err, ERR_USAGE,
			 "--size %s is more than half of this machine's memory (%s): at most %s",
			 units_bytes(asked, bytes), units_bytes(all, memory),
			 units_bytes(most, memory / MEMORY_SHARE));
}

static int check_output(const char *path, bool force, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *directory = !slash	? strdup(".") :
			  slash == path ? strdup("/") :
					  strndup(path, (size_t)(slash - path));
	struct stat st;
	int rc = 0;

	if (!directory)
		return error_nomem(err);
	if (eaccess(directory, W_OK | X_OK) < 0)
		rc = error_errno(err, "cannot write into '%s'", directory);
	else if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		rc = error_set(err, ERR_EXISTS, "'%s' is there and is no regular file", path);
	else if (lstat(path, &st) == 0 && !force)
		rc = error_set(err, ERR_EXISTS, "'%s' exists; -f overwrites it", path);
	free(directory);
	return rc;
}

int flight_check(const struct session_options *o, struct error *err)
{
	if (!o->overwrite && (o->flight_bytes || o->trigger))
		return error_set(err, ERR_USAGE, "%s is for a flight recorder: add --overwrite",
				 o->trigger ? "--trigger" : "--size");
	if (!o->overwrite)
		return 0;
	if (o->survivors_ns)
		return error_set(err, ERR_USAGE,
				 "--survivors folds while it records: it cannot be combined with"
				 " --overwrite");
	if (!strcmp(o->output, "-"))
		return error_set(
			err, ERR_USAGE,
			"--overwrite can write several captures: it needs a file, not -o -");
	if (o->flight_bytes && o->ring_bytes)
		return error_set(
			err, ERR_USAGE,
			"--size is memory of all CPUs together, --buffer of each: give one");
	if (check_memory(o->flight_bytes, err) < 0)
		return err->code;
	return check_output(o->output, o->force, err);
}

void flight_name(char *name, size_t room, const char *path, unsigned int *n, bool force)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');
	int stem = (int)(dot && dot != base ? (size_t)(dot - path) : strlen(path));
	struct stat st;

	for (;; (*n)++) {
		if (*n <= 1)
			snprintf(name, room, "%s", path);
		else
			snprintf(name, room, "%.*s.%u%s", stem, path, *n, path + stem);
		if (*n <= 1 || force || (lstat(name, &st) < 0 && errno == ENOENT))
			return;
	}
}
