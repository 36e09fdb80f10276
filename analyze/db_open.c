#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf, eaccess */
#endif
#include "analyze/db_open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/db_memory.h"
#include "analyze/db_pages.h"
#include "analyze/load.h"
#include "analyze/series.h"
#include "analyze/text_input.h"
#include "analyze/text_log.h"

static const char sqlite_magic[16] = "SQLite format 3";

/* What a database says about itself. */
struct db_identity {
	bool ours; /* application_id is */
	int64_t version, loader;
	char uuid[2 * CAPTURE_UUID_LEN + 1];
	int64_t length, tail_crc;
};

int db_path_kind(const char *path, enum db_path_kind *ret, struct error *err)
{
	unsigned char head[16];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
	struct stat st;
	ssize_t n;
	int rc = 0;

	if (fd < 0)
		return error_errno(err, "cannot read '%s'", path);
	n = fstat(fd, &st) < 0 ? -1 : S_ISREG(st.st_mode) ? pread(fd, head, sizeof(head), 0) : 0;
	if (n < 0)
		rc = error_errno(err, "cannot read '%s'", path);
	else if (S_ISDIR(st.st_mode))
		rc = capture_is_directory(path, fd, err);
	else if (!S_ISREG(st.st_mode))
		rc = error_set(err, ERR_FORMAT,
			       "'%s' is no regular file; name a capture or a database", path);
	else if (!n)
		rc = error_set(err, ERR_FORMAT, "'%s' is empty", path);
	else if (n == sizeof(head) && !memcmp(head, sqlite_magic, sizeof(head)))
		*ret = DB_PATH_DATABASE;
	else if (n >= 8 && !memcmp(head, CAPTURE_MAGIC, 8))
		*ret = DB_PATH_CAPTURE;
	else if ((rc = text_log_is_one(path, err)) == 1)
		*ret = DB_PATH_TEXT;
	else if (rc == 0)
		rc = error_set(err, ERR_FORMAT,
			       "'%s' is neither a capture of kmem-record nor a database of "
			       "kmem-analyze, and no ftrace text log",
			       path);
	close(fd);
	return rc < 0 ? rc : 0;
}

static void note(const struct db_open_options *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void note(const struct db_open_options *o, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!o->note)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	o->note(o->arg, text);
}

/* The first column of the first row, as a number and as text; false when there is none. */
static bool ask(sqlite3 *db, const char *sql, int64_t *number, char *text, size_t room)
{
	sqlite3_stmt *stmt = NULL;
	bool there = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK &&
		     sqlite3_step(stmt) == SQLITE_ROW;

	if (there && number)
		*number = sqlite3_column_int64(stmt, 0);
	if (there && text)
		snprintf(text, room, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return there;
}

static int open_read_only(sqlite3 **ret, const char *path, struct error *err)
{
	sqlite3 *db = NULL;
	int64_t id;
	int rc = db_pages_register(err);

	if (rc < 0)
		return rc;
	/* one thread: no locks for each column that is read */
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, DB_PAGES) !=
		    SQLITE_OK ||
	    !ask(db, "PRAGMA application_id", &id, NULL, 0)) {
		rc = db_memory_failed() || !db ?
			     error_nomem(err) :
			     error_set(err, ERR_FORMAT, "cannot read '%s' as a database: %s", path,
				       sqlite3_errmsg(db));
		sqlite3_close(db);
		return rc;
	}
	/*
	 * Its schema may be hostile: no functions with side effects from views, no writes to its
	 * own tables. Not mapped: the cells of a page are checked whenever it is fetched, of a page in the
	 * cache only once (2 us for every look-up otherwise).
	 */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_exec(db,
		     "PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;"
		     "PRAGMA cache_size = -65536;",
		     NULL, NULL, NULL);
	*ret = db;
	return 0;
}

static void identify(sqlite3 *db, struct db_identity *ret)
{
	int64_t id = 0;

	*ret = (struct db_identity){ .version = 0 };
	ret->ours = ask(db, "PRAGMA application_id", &id, NULL, 0) && id == DB_APPLICATION_ID;
	ask(db, "PRAGMA user_version", &ret->version, NULL, 0);
	if (!ret->ours)
		return;
	ask(db, "SELECT value FROM capture WHERE key = 'load.version'", &ret->loader, NULL, 0);
	ask(db, "SELECT value FROM capture WHERE key = 'identity.uuid'", NULL, ret->uuid,
	    sizeof(ret->uuid));
	ask(db, "SELECT value FROM capture WHERE key = 'identity.length'", &ret->length, NULL, 0);
	ask(db, "SELECT value FROM capture WHERE key = 'identity.tail_crc'", &ret->tail_crc, NULL,
	    0);
}

/* Below 0: an older kmem-analyze made it, above: a newer one. What has no uuid is damaged, and of no version. */
static int compare_versions(const struct db_identity *id)
{
	if (id->version != DB_USER_VERSION)
		return id->version < DB_USER_VERSION ? -1 : 1;
	if (id->loader == DB_LOAD_VERSION || !id->uuid[0])
		return 0;
	return id->loader < DB_LOAD_VERSION ? -1 : 1;
}

static int refuse_version(const char *path, const struct db_identity *id, struct error *err)
{
	bool schema = id->version != DB_USER_VERSION;
	const char *what = schema ? "schema" : "loader";
	long long has = schema ? id->version : id->loader;
	int knows = schema ? DB_USER_VERSION : DB_LOAD_VERSION;

	if (compare_versions(id) > 0)
		return error_set(
			err, ERR_FORMAT,
			"'%s' was made by a newer kmem-analyze (%s %lld, this one knows %d)", path,
			what, has, knows);
	return error_set(
		err, ERR_FORMAT,
		"'%s' was made by an older kmem-analyze (%s %lld, this one needs %d); name "
		"its capture instead, and it is made anew",
		path, what, has, knows);
}

int db_open_database(sqlite3 **ret, const char *path, struct error *err)
{
	struct db_identity id;
	sqlite3 *db = NULL;
	int rc = open_read_only(&db, path, err);

	if (rc < 0)
		return rc;
	identify(db, &id);
	if (db_memory_failed())
		rc = error_nomem(err);
	else if (!id.ours)
		rc = error_set(err, ERR_FORMAT, "'%s' is a database, but not one of kmem-analyze",
			       path);
	else if (compare_versions(&id))
		rc = refuse_version(path, &id, err);
	else if (!id.uuid[0])
		rc = error_set(
			err, ERR_FORMAT,
			"'%s' is damaged: it does not say which capture it belongs to; load its capture "
			"again with kmem-analyze load -f",
			path);
	if (rc < 0)
		sqlite3_close(db);
	else
		*ret = db;
	return rc;
}

struct wanted {
	struct capture_identity identity;
	char uuid[2 * CAPTURE_UUID_LEN + 1];
};

static int wanted_identity(const struct path_list *files, struct wanted *ret, struct error *err)
{
	enum db_path_kind kind = DB_PATH_CAPTURE;
	struct series s = { 0 };
	int rc;

	if (files->count == 1 && db_path_kind(files->items[0], &kind, NULL) == 0 &&
	    kind == DB_PATH_TEXT) {
		rc = text_input_identity(files->items[0], &ret->identity, err);
	} else {
		rc = series_open(&s, files->items, files->count, err);
		if (rc == 0)
			series_identity(&s, &ret->identity);
	}
	if (rc < 0)
		return rc;
	for (int i = 0; i < CAPTURE_UUID_LEN; i++)
		snprintf(ret->uuid + 2 * i, 3, "%02x", ret->identity.uuid[i]);
	series_release(&s);
	return 0;
}

enum fit { FIT_NONE, FIT_GOOD, FIT_STALE, FIT_NEWER, FIT_FOREIGN, FIT_UNREADABLE };

/*
 * How the file that is under a database's name relates to the capture. Opens it when it fits. *ret_lines: it does not, and
 * has source lines, which a load does not bring back.
 */
static enum fit fit_of(const char *path, const struct wanted *w, sqlite3 **ret, bool *ret_lines,
		       struct error *err)
{
	int64_t lines = 0;
	enum db_path_kind kind = DB_PATH_CAPTURE;
	struct db_identity id;
	struct stat st;
	sqlite3 *db = NULL;
	bool same;

	*ret_lines = false;
	if (lstat(path, &st) < 0 && errno == ENOENT)
		return FIT_NONE;
	if (access(path, R_OK) < 0) {
		error_errno(err, "cannot read '%s'", path);
		return FIT_UNREADABLE;
	}
	if (db_path_kind(path, &kind, NULL) < 0 || kind != DB_PATH_DATABASE ||
	    open_read_only(&db, path, NULL) < 0) {
		if (!db_memory_failed())
			return FIT_FOREIGN;
		error_nomem(err);
		return FIT_UNREADABLE;
	}
	identify(db, &id);
	if (db_memory_failed()) {
		sqlite3_close(db);
		error_nomem(err);
		return FIT_UNREADABLE;
	}
	same = id.ours && !strcmp(id.uuid, w->uuid);
	if (same && !compare_versions(&id) && id.length == (int64_t)w->identity.length &&
	    id.tail_crc == w->identity.tail_crc) {
		*ret = db;
		return FIT_GOOD;
	}
	if (same)
		ask(db, "SELECT EXISTS (SELECT 1 FROM frame WHERE unit IS NOT NULL)", &lines, NULL,
		    0);
	*ret_lines = lines;
	sqlite3_close(db);
	if (same && compare_versions(&id) > 0)
		return FIT_NEWER;
	return same ? FIT_STALE : FIT_FOREIGN;
}

static bool directory_is_writable(const char *path)
{
	char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
	bool writable;

	if (slash)
		slash[slash == copy] = 0;
	writable = copy && eaccess(slash ? copy : ".", W_OK | X_OK) == 0;
	free(copy);
	return writable;
}

/* A directory of our own; false when something else, or somebody else's, has that name. */
static bool make_private_directory(const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return false;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & 022);
}

/*
 * $XDG_CACHE_HOME/kmem-analyze/UUID.db, else below ~/.cache, else below TMPDIR. Heap; NULL when
 * none will do.
 */
static char *cache_name(const char *uuid)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *tmp = getenv("TMPDIR");
	char *dirs[3] = { NULL, NULL, NULL }, *name = NULL;

	if (xdg && *xdg == '/' && asprintf(&dirs[0], "%s/kmem-analyze", xdg) < 0)
		dirs[0] = NULL;
	if (home && *home == '/' && asprintf(&dirs[1], "%s/.cache", home) >= 0) {
		mkdir(dirs[1], 0700);
		free(dirs[1]);
		if (asprintf(&dirs[1], "%s/.cache/kmem-analyze", home) < 0)
			dirs[1] = NULL;
	}
	if (asprintf(&dirs[2], "%s/kmem-analyze-%u", tmp && *tmp == '/' ? tmp : "/tmp", geteuid()) <
	    0)
		dirs[2] = NULL;
	for (int i = 0; i < 3 && !name; i++)
		if (dirs[i] && make_private_directory(dirs[i]) &&
		    eaccess(dirs[i], W_OK | X_OK) == 0 &&
		    asprintf(&name, "%s/%s.db", dirs[i], uuid) < 0)
			name = NULL;
	for (int i = 0; i < 3; i++)
		free(dirs[i]);
	return name;
}

/* Where the capture's database is or goes, when the user named no place. Heap. */
static char *default_name(const struct path_list *files, const struct wanted *w)
{
	char *beside = files->count > 1 ? load_series_db_name(files->items[0]) :
					  load_db_name(files->items[0]),
	     *cached;

	if (!beside || directory_is_writable(beside) || access(beside, R_OK) == 0)
		return beside;
	cached = cache_name(w->uuid);
	if (!cached)
		return beside;
	free(beside);
	return cached;
}

static int load_into(const struct path_list *files, const char *name, enum fit fit, bool had_lines,
		     const struct db_open_options *o, struct error *err)
{
	const struct load_options options = { .captures = files->items,
					      .count = files->count,
					      .db = name,
					      .force = fit != FIT_NONE,
					      .progress = o->progress };
	const char
		*why = fit == FIT_STALE ?
			       "; what was there was of an older kmem-analyze, or of the capture "
			       "as it was before" :
			       "";
	int rc = load_capture(&options, NULL, err);

	if (rc == 0 && files->count > 1)
		note(o, "loaded %zu segments beside '%s' into '%s'%s", files->count,
		     files->items[0], name, why);
	else if (rc == 0)
		note(o, "loaded '%s' into '%s'%s", files->items[0], name, why);
	if (rc == 0 && had_lines)
		note(o,
		     "it had source lines, which are gone: kmem-analyze symbolize '%s' -k VMLINUX adds them again",
		     name);
	return rc;
}

static int open_captures(sqlite3 **ret, const struct path_list *files,
			 const struct db_open_options *o, struct error *err)
{
	const char *path = files->items[0];
	struct wanted w = { .uuid = "" };
	char *name = NULL;
	bool had_lines;
	enum fit fit;
	int rc = wanted_identity(files, &w, err);

	if (rc < 0)
		return rc;
	name = o->db ? strdup(o->db) : default_name(files, &w);
	if (!name)
		return error_nomem(err);
	fit = fit_of(name, &w, ret, &had_lines, err);
	if (fit == FIT_STALE && !o->db && !directory_is_writable(name)) {
		char *cached = cache_name(
			w.uuid); /* an old one in a place that has become read-only */

		if (cached) {
			free(name);
			name = cached;
			fit = fit_of(name, &w, ret, &had_lines, err);
		}
	}
	if (fit == FIT_UNREADABLE)
		rc = err ? err->code : ERR_IO;
	else if (fit == FIT_NEWER && !o->force)
		rc = error_set(
			err, ERR_EXISTS,
			"'%s' was made by a newer kmem-analyze; -f overwrites it, --db names another "
			"place",
			name);
	else if (fit == FIT_FOREIGN && !o->force)
		rc = error_set(err, ERR_EXISTS,
			       "'%s' is not the database of '%s'; -f overwrites it", name, path);
	else if (fit != FIT_GOOD)
		rc = load_into(files, name, fit, had_lines, o, err);
	if (rc == 0 && fit != FIT_GOOD)
		rc = db_open_database(ret, name, err);
	free(name);
	return rc;
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

int db_open(sqlite3 **ret, const char *path, const struct db_open_options *options,
	    struct error *err)
{
	enum db_path_kind kind = DB_PATH_CAPTURE;
	char *one[] = { (char *)(uintptr_t)path };
	const struct path_list alone = { one, 1 };
	struct path_list files = { 0 };
	/* a name that is not there may stand for segments */
	int rc = is_there(path) ? db_path_kind(path, &kind, err) : 0;

	if (rc == 0 && kind == DB_PATH_DATABASE)
		return db_open_database(ret, path, err);
	if (rc == 0 && kind == DB_PATH_TEXT)
		return open_captures(ret, &alone, options, err);
	if (rc == 0)
		rc = series_find(&files, path, options->note, options->arg, err);
	if (rc == 0 && files.count == 1 && !is_there(files.items[0]))
		rc = db_path_kind(files.items[0], &kind, err);
	if (rc == 0)
		rc = open_captures(ret, &files, options, err);
	path_list_release(&files);
	return rc;
}

int db_open_several(sqlite3 **ret, char *const *paths, size_t count,
		    const struct db_open_options *options, struct error *err)
{
	const struct path_list files = { (char **)(uintptr_t)paths, count };

	return count == 1 ? db_open(ret, paths[0], options, err) :
			    open_captures(ret, &files, options, err);
}
