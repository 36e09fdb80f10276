/*
 * The database around the rows: stacks, other tracepoints, damage, and when it is made, reused or
 * refused.
 */
#include <fcntl.h>

#include "tests/unit/load_script.h"

#define SYMBOLS \
	"symbol 0xffffffff81000100 outer\n" \
	"symbol 0xffffffff81000200 middle\n" \
	"symbol 0xffffffff81000300 trace_event_raw_event_kmalloc\n" \
	"symbol 0xffffffffc0000000 mod_fn ext4\n"

static void test_stacks(void)
{
	sqlite3 *db = load_script(
		SYMBOLS
		"10 0 1 kmalloc ptr=0x1000 call_site=middle+0x10 "
		"stack=trace_event_raw_event_kmalloc+5,middle+0x10,outer+0x20,0x1234\n"
		"11 0 1 kmalloc ptr=0x2000 call_site=middle+0x10 stack=middle+0x10,outer+0x20,0x1234\n"
		"generation\n"
		"12 0 1 kmalloc ptr=0x3000 call_site=middle+0x10 stack=middle+0x10,outer+0x20,0x1234\n"
		"13 0 1 kmalloc ptr=0x4000 call_site=mod_fn+0x30 stack=lost\n"
		"14 0 1 kmalloc ptr=0x5000 call_site=mod_fn+0x30 stack=trace_event_raw_event_kmalloc+5\n"
		"15 0 1 mm_page_alloc pfn=7 stack=outer+1\n");

	CHECK(answers(
		db, "SELECT stack, stack_lost, caller, function, module FROM object ORDER BY id",
		"1|0|middle+0x10|middle|- 1|0|middle+0x10|middle|- 1|0|middle+0x10|middle|- "
		"-|1|mod_fn+0x30 [ext4]|mod_fn|ext4 2|0|mod_fn+0x30 [ext4]|mod_fn|ext4 3|0|outer+0x1|outer|-"));
	CHECK(answers(db, "SELECT position, text FROM stack_line WHERE stack = 1",
		      "0|middle+0x10 1|outer+0x20 2|0x1234"));
	/* three allocations that differ in their dictionaries only are one site */
	CHECK(answers(db, "SELECT count(*) FROM alloc_site", "4"));
	CHECK(fact_is(db, "stacks.lost", "1"));
	CHECK(answers(db,
		      "SELECT caller, objects, live_objects FROM caller_total ORDER BY 2 DESC, 1",
		      "middle+0x10|3|3 mod_fn+0x30 [ext4]|2|2 outer+0x1|1|1"));
	load_script_done(db);
}

/* A return address behind a call that never returns is the start of the next function. */
static void test_return_address(void)
{
	sqlite3 *db = load_script(SYMBOLS
				  "10 0 1 kmalloc ptr=0x1000 call_site=0xffffffff81000200\n");

	CHECK(answers(db, "SELECT caller FROM object", "outer+0x100"));
	load_script_done(db);
}

/* Names that try to be SQL, columns that are there already. */
static void test_other_tracepoints(void)
{
	sqlite3 *db = load_script(
		"type sys\");DROP-- ev'il cpu:u4:column CPU:u4:column text:str:column blob:bytes:tuple "
		"neg:s4:column ad:u8:address big:u8:column\n"
		"10 3 9 ev'il cpu=7 CPU=8 text=hello blob=ab neg=-5 ad=0x99 big=0xffffffffffffffff stack=0x10\n"
		"11 3 9 ev'il\n");

	CHECK(answers(db, "SELECT name FROM sqlite_schema WHERE name LIKE 'event_sys%'",
		      "event_sys___DROP___ev_il"));
	CHECK(answers(db,
		      "SELECT id, time, cpu, stack, cpu_2, cpu_3, text, typeof(blob), neg, ad, big "
		      "FROM event_sys___DROP___ev_il",
		      "1|0|3|1|7|8|hello|blob|-5|153|-1 2|1|3|-|0|0||blob|0|0|0"));
	CHECK(answers(db, "SELECT events FROM event WHERE name = 'ev''il'", "2"));
	load_script_done(db);
}

static void test_empty(void)
{
	sqlite3 *db = load_script("");

	CHECK(answers(db, "PRAGMA integrity_check", "ok"));
	CHECK(answers(db, "SELECT count(*) FROM object", "0"));
	CHECK(fact_is(db, "events", "0"));
	CHECK(fact_is(db, "clean_end", "1"));
	load_script_done(db);
}

/* The body of a block of events is damaged: its events are lost, the others are there. */
static void test_damaged_events(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"10 0 1 kmalloc ptr=0x1000 bytes_alloc=8\nflush\n"
		"20 0 1 kfree ptr=0x1000\n30 0 1 kmalloc ptr=0x2000 bytes_alloc=8\ndamage\n"
		"40 0 1 kmalloc ptr=0x3000 bytes_alloc=8\n");

	CHECK(answers(db, "SELECT address >> 12, state, in_doubt_by_loss FROM object ORDER BY id",
		      "1|live|1 3|live|0"));
	CHECK(answers(db, "SELECT cpu, from_time, to_time, records FROM loss", "0|20|30|2"));
	CHECK(answers(db, "SELECT count(*) FROM damage", "1"));
	CHECK(fact_is(db, "events.lost", "2"));
	load_script_done(db);
}

/* The same, but the block is not there at all: the closing index knows what was in it. */
static void test_missing_events(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"10 0 1 kmalloc ptr=0x1000 bytes_alloc=8\nflush\n"
		"20 0 1 kfree ptr=0x1000\n30 0 1 kmalloc ptr=0x2000 bytes_alloc=8\nerase\n"
		"40 0 1 kmalloc ptr=0x3000 bytes_alloc=8\n");

	CHECK(answers(db, "SELECT address >> 12, state, in_doubt_by_loss FROM object ORDER BY id",
		      "1|live|1 3|live|0"));
	CHECK(answers(db, "SELECT cpu, from_time, to_time, records FROM loss", "0|20|30|2"));
	load_script_done(db);
	/* without an index: somewhere between the blocks around it, at least one */
	db = load_script("info time.start_ns 0\nnoend\n"
			 "10 0 1 kmalloc ptr=0x1000 bytes_alloc=8\nflush\n"
			 "20 0 1 kfree ptr=0x1000\nerase\n"
			 "40 0 1 kmalloc ptr=0x3000 bytes_alloc=8\n");
	CHECK(answers(db, "SELECT cpu, from_time, to_time, records FROM loss", "0|10|40|1"));
	CHECK(fact_is(db, "clean_end", "0"));
	load_script_done(db);
}

/* The tuples are damaged: events keep what does not stand there, still pair, and are counted. */
static void test_damaged_tuples(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"10 0 7 kmalloc ptr=0x1000 bytes_alloc=8 call_site=5 stack=5\n"
		"20 0 7 kfree ptr=0x1000\n21 1 7 kmalloc ptr=0x2000 bytes_alloc=8\ndamage dict\n"
		"generation\n"
		"30 0 7 kmalloc ptr=0x3000 bytes_alloc=8 call_site=5\n");

	CHECK(answers(
		db,
		"SELECT time, address >> 12, state, event, bytes_alloc, caller, pid, stack_lost FROM object "
		"ORDER BY id",
		"10|1|freed|kmem:kmalloc|0|-|7|1 21|2|live|kmem:kmalloc|0|-|7|1 "
		"30|3|live|kmem:kmalloc|8|0x5|7|0"));
	CHECK(fact_is(db, "tuples.lost", "3"));
	CHECK(fact_is(db, "events", "4"));
	CHECK(fact_is(db, "events.lost", "0"));
	CHECK(fact_is(db, "damage.count", "1"));
	load_script_done(db);
}

static void test_cut(void)
{
	sqlite3 *db = load_script(
		"10 0 1 kmalloc ptr=0x1000 bytes_alloc=8\nflush\n20 0 1 kfree ptr=0x1000\ncut 30\n");

	CHECK(fact_is(db, "clean_end", "0"));
	CHECK(fact_is(db, "events", "2"));
	CHECK(fact_is(db, "damage.count", "1"));
	load_script_done(db);
}

static int refused(const char *path, const struct db_open_options *options, const char *why)
{
	struct error err = { 0 };
	sqlite3 *db = NULL;
	int rc = db_open(&db, path, options, &err);

	if (rc == 0)
		sqlite3_close(db);
	else if (!strstr(err.text, why))
		printf("# '%s' does not say '%s'\n", err.text, why);
	return rc < 0 && strstr(err.text, why) ? rc : 0;
}

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void exec_file(const char *path, const char *sql)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) == SQLITE_OK)
		sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
}

static void count_notes(void *arg, const char *text)
{
	(void)text;
	++*(int *)arg;
}

/* 1 when it had to be loaded, 0 when the database that was there did, -1 when it failed. */
static int loads(void)
{
	int notes = 0;
	struct db_open_options o = { .note = count_notes, .arg = &notes };
	struct error err = { 0 };
	sqlite3 *db;

	if (db_open(&db, script_capture, &o, &err) < 0) {
		printf("# %s\n", err.text);
		return -1;
	}
	sqlite3_close(db);
	return notes;
}

static void test_open(void)
{
	static const struct db_open_options none = { .force = false }, force = { .force = true };
	struct stat st;
	sqlite3 *db;

	make_script("10 0 1 kmalloc ptr=0x1000 bytes_alloc=8\n");
	CHECK(loads() == 1);
	CHECK(stat(script_db, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK(loads() == 0);
	CHECK(refused(script_dir, &none, "no regular file") == ERR_FORMAT);
	/* the capture changed, as one that is still being recorded does */
	exec_file(script_db, "UPDATE capture SET value = value - 1 WHERE key = 'identity.length'");
	CHECK(loads() == 1);
	CHECK(loads() == 0);
	/* of another capture; of another program; of a newer version */
	exec_file(script_db, "UPDATE capture SET value = 'beef' WHERE key = 'identity.uuid'");
	CHECK(refused(script_capture, &none, "is not the database of") == ERR_EXISTS);
	REQUIRE(db_open(&db, script_capture, &force, NULL) == 0);
	sqlite3_close(db);
	exec_file(script_db, "PRAGMA application_id = 7");
	CHECK(refused(script_db, &none, "not one of kmem-analyze") == ERR_FORMAT);
	CHECK(refused(script_capture, &none, "is not the database of") == ERR_EXISTS);
	exec_file(script_db, "PRAGMA application_id = 0x4b4d454d; PRAGMA user_version = 99");
	CHECK(refused(script_db, &none, "newer") == ERR_FORMAT);
	CHECK(refused(script_capture, &none, "newer") == ERR_EXISTS);
	exec_file(script_db, "PRAGMA user_version = 0");
	CHECK(refused(script_db, &none, "older") == ERR_FORMAT);
	CHECK(loads() == 1); /* an older one of this capture is made anew */
	exec_file(script_db, "UPDATE capture SET value = value - 1 WHERE key = 'load.version'");
	CHECK(refused(script_db, &none, "older") == ERR_FORMAT);
	CHECK(loads() == 1);
	CHECK(loads() == 0);
	put_file(script_db, "something precious");
	CHECK(refused(script_capture, &none, "is not the database of") == ERR_EXISTS);
	CHECK(refused(script_db, &none, "neither a capture") == ERR_FORMAT);
	put_file(script_db, "");
	CHECK(refused(script_db, &none, "is empty") == ERR_FORMAT);
	load_script_done(NULL);
}

static void test_target(void)
{
	struct load_options o = { .capture = script_capture };
	struct error err = { 0 };
	char other[320];

	make_script("10 0 1 kmalloc ptr=0x1000 bytes_alloc=8\n");
	put_file(script_db, "precious");
	CHECK(load_capture(&o, NULL, &err) == ERR_EXISTS);
	error_clear(&err);
	o.force = true;
	CHECK(load_capture(&o, NULL, &err) == 0);
	unlink(script_db);
	o.db = script_capture; /* even with force */
	CHECK(load_capture(&o, NULL, &err) == ERR_EXISTS && strstr(err.text, "is a capture"));
	error_clear(&err);
	o.db = NULL;
	snprintf(other, sizeof(other), "%s/elsewhere", script_dir);
	put_file(other, "precious");
	REQUIRE(symlink(other, script_db) == 0); /* a planted link */
	CHECK(load_capture(&o, NULL, &err) == ERR_EXISTS);
	error_clear(&err);
	unlink(script_db);
	o.db = "/nonexistent/x.db";
	CHECK(load_capture(&o, NULL, &err) == ERR_IO);
	unlink(other);
	load_script_done(NULL);
}

int main(void)
{
	RUN(test_stacks);
	RUN(test_return_address);
	RUN(test_other_tracepoints);
	RUN(test_empty);
	RUN(test_damaged_events);
	RUN(test_missing_events);
	RUN(test_damaged_tuples);
	RUN(test_cut);
	RUN(test_open);
	RUN(test_target);
	return check_done();
}
