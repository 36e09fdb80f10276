#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "analyze/db_write.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyze/db_memory.h"
#include "analyze/db_pages.h"
#include "analyze/feed_table.h"
#include "analyze/ns_sum.h"
#include "format/base/fileio.h"
#include "schema_sql.h"

#define WATCH_STEPS \
	100000 /* virtual machine steps between looks at the flag: about a millisecond */

struct db_writer {
	char *target, *temporary;
	bool created; /* the temporary file is there and ours to remove */
	int lock;     /* an fd of it: as long as it is locked, somebody is writing it */
	sqlite3 *db;
	sqlite3_stmt *insert[2]; /* by enum feed_kind */
	const struct feed_batch *batch;
	char *declared; /* of the table allocation while it is filled under a plainer declaration; NULL: it is not */
};

/* A name beside the target that nobody can guess and prepare. */
static char *temporary_name(const char *target)
{
	uint64_t random = 0;
	char *name;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random) ||
	    asprintf(&name, "%s.tmp.%016llx", target, (unsigned long long)random) < 0)
		return NULL;
	return name;
}

/* TARGET.tmp. and 16 hexadecimal digits. */
static bool is_temporary_of(const char *name, const char *target)
{
	size_t len = strlen(target), digits = 0;

	if (strncmp(name, target, len) || strncmp(name + len, ".tmp.", 5))
		return false;
	while (isxdigit((unsigned char)name[len + 5 + digits]))
		digits++;
	return digits == 16 && !name[len + 5 + digits];
}

/* What a load that was killed has left: a file of ours that nobody holds a lock on. */
static void remove_left_over(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_nlink == 1 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir, name, 0);
	close(fd);
}

static void remove_left_overs(const char *target)
{
	const char *slash = strrchr(target, '/'), *base = slash ? slash + 1 : target;
	char *path = slash ? strndup(target, (size_t)(slash - target) + 1) : strdup(".");
	DIR *dir = path ? opendir(path) : NULL;

	for (struct dirent *e; dir && (e = readdir(dir));)
		if (is_temporary_of(e->d_name, base))
			remove_left_over(dirfd(dir), e->d_name);
	if (dir)
		closedir(dir);
	free(path);
}

static int check_target(const char *target, bool force, struct error *err)
{
	struct stat st;

	if (lstat(target, &st) < 0)
		return errno == ENOENT ? 0 : error_errno(err, "cannot write '%s'", target);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_EXISTS, "'%s' is there and is no regular file", target);
	if (!force)
		return error_set(err, ERR_EXISTS, "'%s' exists; -f overwrites it", target);
	return 0;
}

/* Creates and locks it. Where there are no locks nothing is ever taken for a left-over, either. */
static int create_locked(struct db_writer *w, struct error *err)
{
	struct stat st = { .st_nlink = 0 };

	/* another load may take it for a left-over before it is locked */
	for (int i = 0; i < 100 && !st.st_nlink; i++) {
		if (w->lock >= 0)
			close(w->lock);
		w->lock = open(w->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			       0600);
		if (w->lock < 0)
			return error_errno(err, "cannot create '%s'", w->temporary);
		w->created = true;
		flock(w->lock, LOCK_EX);
		if (fstat(w->lock, &st) < 0)
			break;
	}
	return st.st_nlink ? 0 : error_errno(err, "cannot create '%s'", w->temporary);
}

static int create_file(struct db_writer *w, struct error *err)
{
	int rc = create_locked(w, err);

	if (rc == 0)
		rc = db_pages_register(err);
	if (rc < 0)
		return rc;
	if (sqlite3_open_v2(w->temporary, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
			    DB_PAGES) != SQLITE_OK)
		return error_set(err, ERR_IO, "cannot open '%s': %s", w->temporary,
				 w->db ? sqlite3_errmsg(w->db) : "out of memory");
	return 0;
}

static const char pragmas[] =
	"PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
	"PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;"
	"PRAGMA cell_size_check = OFF;";

/* Declares the table allocation anew, as it stands: its rows are not touched. */
static int declare(struct db_writer *w, const char *sql, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = db_writer_run(w, "PRAGMA writable_schema = ON", err);

	if (rc == 0)
		rc = db_prepare(
			w, &stmt,
			"UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = 'allocation'",
			err);
	if (rc == 0)
		rc = db_put(w, stmt, err, "s", sql);
	sqlite3_finalize(stmt);
	return rc < 0 ? rc : db_writer_run(w, "PRAGMA writable_schema = RESET", err);
}

/*
 * While it is filled, the table allocation has columns without types and constraints, and an ordinary one in the place of
 * its id, always NULL: that is how SQLite stores the id, which is the row's number. The rows are the same bytes, and
 * take SQLite half as many steps: nothing is converted, checked or moved to its column. What is left out holds
 * by construction: feed_table.c hands out integers, and NULL only where the declaration allows it.
 */
static int declare_plain(struct db_writer *w, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = db_prepare(w, &stmt, "SELECT sql FROM sqlite_master WHERE name = 'allocation'",
			    err);

	if (rc == 0 && sqlite3_step(stmt) != SQLITE_ROW)
		rc = db_writer_error(w, err);
	if (rc == 0) {
		w->declared = strdup((const char *)sqlite3_column_text(stmt, 0));
		rc = w->declared ? 0 : error_nomem(err);
	}
	sqlite3_finalize(stmt);
	return rc < 0 ?
		       rc :
		       declare(w,
			       "CREATE TABLE allocation(id, time, lifetime, address, alloc_site, free_site, task,"
			       " free_task, cpu, free_cpu, end)",
			       err);
}

int db_writer_rows_end(struct db_writer *w, struct error *err)
{
	for (int i = 0; i < 2; i++) {
		sqlite3_finalize(w->insert[i]);
		w->insert[i] = NULL;
	}
	return w->declared ? declare(w, w->declared, err) : 0;
}

static int prepare(struct db_writer *w, struct error *err)
{
	/* no id of unmatched_free: SQLite counts on from 1, and need not look whether it is there already */
	static const char *const inserts[] = {
		"INSERT INTO allocation SELECT NULL, time, lifetime, address, alloc_site, free_site, task, free_task, "
		"cpu, free_cpu, end FROM feed",
		"INSERT INTO unmatched_free (time, address, free_site, task, cpu) "
		"SELECT time, address, free_site, task, cpu FROM feed",
	};
	int rc = db_writer_run(w, pragmas, err);

	if (rc == 0)
		rc = db_pages_reserve(w->db, err);
	if (rc == 0)
		rc = feed_table_register(w->db, &w->batch, err);
	if (rc == 0)
		rc = db_writer_run(w, schema_tables_sql, err);
	if (rc == 0)
		rc = db_writer_run(w, "BEGIN", err);
	if (rc == 0)
		rc = declare_plain(w, err);
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = db_prepare(w, &w->insert[i], inserts[i], err);
	return rc;
}

/* A writer with an empty temporary file beside the target. */
static int new_writer(struct db_writer **ret, const char *target, bool force, struct error *err)
{
	struct db_writer *w;
	int rc = check_target(target, force, err);

	if (rc < 0)
		return rc;
	w = calloc(1, sizeof(*w));
	if (!w)
		return error_nomem(err);
	w->lock = -1;
	remove_left_overs(target);
	w->target = strdup(target);
	w->temporary = temporary_name(target);
	rc = w->target && w->temporary ? create_file(w, err) : error_nomem(err);
	if (rc < 0)
		db_writer_free(w);
	else
		*ret = w;
	return rc;
}

/* What SQLite itself copies is whole, whoever writes to the original. */
static int copy_from(struct db_writer *w, const char *path, struct error *err)
{
	sqlite3 *from = NULL;
	sqlite3_backup *backup = NULL;
	int rc = 0;

	if (sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY, DB_PAGES) != SQLITE_OK)
		rc = error_set(err, ERR_IO, "cannot read '%s': %s", path,
			       from ? sqlite3_errmsg(from) : "out of memory");
	if (rc == 0)
		backup = sqlite3_backup_init(w->db, "main", from, "main");
	if (rc == 0 && !backup)
		rc = db_writer_error(w, err);
	if (backup) {
		sqlite3_backup_step(backup, -1);
		if (sqlite3_backup_finish(backup) != SQLITE_OK)
			rc = db_writer_error(w, err);
	}
	sqlite3_close(from);
	return rc;
}

int db_writer_copy(struct db_writer **ret, const char *target, struct error *err)
{
	struct db_writer *w;
	int rc = new_writer(&w, target, true, err);

	if (rc < 0)
		return rc;
	rc = db_writer_run(w, pragmas, err);
	if (rc == 0)
		rc = db_pages_reserve(w->db, err);
	if (rc == 0)
		rc = copy_from(w, target, err);
	if (rc == 0)
		rc = db_writer_run(w, "BEGIN", err);
	if (rc < 0)
		db_writer_free(w);
	else
		*ret = w;
	return rc;
}

int db_writer_new(struct db_writer **ret, const char *target, bool force, struct error *err)
{
	struct db_writer *w;
	int rc = new_writer(&w, target, force, err);

	if (rc < 0)
		return rc;
	rc = prepare(w, err);
	if (rc < 0) {
		db_writer_free(w);
		return rc;
	}
	*ret = w;
	return 0;
}

void db_writer_free(struct db_writer *w)
{
	if (!w)
		return;
	sqlite3_finalize(w->insert[0]);
	sqlite3_finalize(w->insert[1]);
	sqlite3_close(w->db);
	if (w->created)
		unlink(w->temporary);
	/* not before: closing any fd of a file takes SQLite's own locks away */
	if (w->lock >= 0)
		close(w->lock);
	free(w->target);
	free(w->temporary);
	free(w->declared);
	free(w);
}

sqlite3 *db_writer_db(struct db_writer *w)
{
	return w->db;
}

static int on_progress(void *arg)
{
	return __atomic_load_n((const int *)arg, __ATOMIC_RELAXED) != 0;
}

void db_writer_watch(struct db_writer *w, const int *flag)
{
	sqlite3_progress_handler(w->db, WATCH_STEPS, on_progress, (void *)(uintptr_t)flag);
}

int db_writer_error(struct db_writer *w, struct error *err)
{
	int code = sqlite3_errcode(w->db) & 0xff;

	if (code == SQLITE_NOMEM || db_memory_failed())
		return error_nomem(err);
	if (code == SQLITE_FULL)
		return error_set(err, ERR_FULL, "cannot write '%s': no space left on the device",
				 w->target);
	if (code == SQLITE_INTERRUPT)
		return error_set(err, ERR_INTERRUPTED, "interrupted; nothing was written to '%s'",
				 w->target);
	return error_set(err, ERR_IO, "cannot write '%s': %s", w->target, sqlite3_errmsg(w->db));
}

int db_writer_run(struct db_writer *w, const char *sql, struct error *err)
{
	return sqlite3_exec(w->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 :
									 db_writer_error(w, err);
}

int db_prepare(struct db_writer *w, sqlite3_stmt **ret, const char *sql, struct error *err)
{
	return sqlite3_prepare_v2(w->db, sql, -1, ret, NULL) == SQLITE_OK ? 0 :
									    db_writer_error(w, err);
}

int db_writer_batch(struct db_writer *w, const struct feed_batch *batch, struct error *err)
{
	sqlite3_stmt *stmt = w->insert[batch->kind];
	int rc;

	w->batch = batch;
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_DONE)
		return db_writer_error(w, err);
	sqlite3_reset(stmt);
	w->batch = NULL;
	return 0;
}

static void bind_text(sqlite3_stmt *stmt, int i, const char *text, size_t len)
{
	if (text)
		sqlite3_bind_text64(stmt, i, text, strnlen(text, len), SQLITE_TRANSIENT,
				    SQLITE_UTF8);
}

int db_put(struct db_writer *w, sqlite3_stmt *stmt, struct error *err, const char *kinds, ...)
{
	va_list ap;
	int rc;

	sqlite3_clear_bindings(stmt);
	va_start(ap, kinds);
	for (int i = 1; kinds[i - 1]; i++) {
		const char *text;
		uint32_t n;
		int there;

		switch (kinds[i - 1]) {
		case 'i': sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t)); break;
		case 'n':
			n = va_arg(ap, uint32_t);
			if (n)
				sqlite3_bind_int64(stmt, i, n);
			break;
		case 'N':
			there = va_arg(ap, int);
			if (there)
				sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
			else
				va_arg(ap, int64_t);
			break;
		case 'S': ns_sum_bind(stmt, i, va_arg(ap, const struct ns_sum *)); break;
		case 's':
			text = va_arg(ap, const char *);
			bind_text(stmt, i, text, text ? strlen(text) : 0);
			break;
		case 't':
			text = va_arg(ap, const char *);
			bind_text(stmt, i, text, va_arg(ap, size_t));
			break;
		default:
			text = va_arg(ap, const char *);
			sqlite3_bind_blob64(stmt, i, text ? text : "", va_arg(ap, size_t),
					    SQLITE_TRANSIENT);
			break;
		}
	}
	va_end(ap);
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_DONE)
		return db_writer_error(w, err);
	sqlite3_reset(stmt);
	return 0;
}

static int sync_file(const char *path, uint64_t *ret_bytes, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	if (fd < 0 || fsync(fd) < 0 || fstat(fd, &st) < 0)
		rc = error_errno(err, "cannot write '%s'", path);
	else
		*ret_bytes = (uint64_t)st.st_size;
	if (fd >= 0)
		close(fd);
	return rc;
}

int db_writer_commit(struct db_writer *w, uint64_t *ret_bytes, struct error *err)
{
	uint64_t bytes = 0;
	int rc = db_writer_run(w, "COMMIT; PRAGMA locking_mode = NORMAL;", err);

	if (rc < 0)
		return rc;
	if (db_memory_failed())
		return error_nomem(err);
	if (sqlite3_close(w->db) != SQLITE_OK)
		return db_writer_error(w, err);
	w->db = NULL;
	rc = sync_file(w->temporary, &bytes, err);
	if (rc < 0)
		return rc;
	if (rename(w->temporary, w->target) < 0)
		return error_errno(err, "cannot rename '%s' to '%s'", w->temporary, w->target);
	w->created = false;
	rc = file_sync_parent(w->target, err);
	if (rc == 0 && ret_bytes)
		*ret_bytes = bytes;
	return rc;
}
