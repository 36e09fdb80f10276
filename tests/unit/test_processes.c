/* User frames: which program and which map an address belongs to, at each moment of a capture. */
#include "analyze/processes.h"
#include "tests/unit/load_script.h"

/* The user part of each allocation's stack, by time. */
#define USER_FRAMES \
	"SELECT o.time, l.text FROM object o JOIN stack_line l ON l.stack = o.stack AND l.dso IS NOT NULL " \
	"ORDER BY o.time, l.position"

#define ALLOC(time, pid, stack) \
#time " 0 " #pid " kmalloc ptr=" #time " bytes_alloc=8 stack=" stack "\n"

static void test_maps(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"symbol 0xffffffff81000000 alloc\n"
		"task 11 11 1 prog\n"
		"map 5 11 11 0x10000 0x2000 0x4000 /bin/a aabb snapshot\n"
		"map 20 11 11 0x11000 0x1000 0 /lib/b\n" /* over the second half */
		ALLOC(10, 11, "alloc+5,user,0x10010,0x11020,0x12000,0x12001")
			ALLOC(30, 11, "alloc+5,user,0x10010,0x11020"));

	/* 0x12000 is a return address, and the call before it lies in the map; as is 0x10010 anyway */
	CHECK(answers(
		db, USER_FRAMES,
		"10|+0x4010 (/bin/a) 10|+0x5020 (/bin/a) 10|+0x6000 (/bin/a) 10|0x12001 ([unknown])"
		" 30|+0x4010 (/bin/a) 30|+0x20 (/lib/b)"));
	CHECK(answers(db, "SELECT caller FROM object ORDER BY id", "alloc+0x5 alloc+0x5"));
	CHECK(answers(
		db,
		"SELECT position, text FROM stack_line WHERE stack = (SELECT max(id) FROM stack)",
		"0|alloc+0x5 1|+0x4010 (/bin/a) 2|+0x20 (/lib/b)"));
	CHECK(answers(db, "SELECT path, build_id, tgid FROM dso ORDER BY id",
		      "/bin/a|aabb|- /lib/b|-|- [unknown]|-|11"));
	CHECK(fact_is(db, "user.frames", "5"));
	CHECK(fact_is(db, "user.frames.named", "0"));
	load_script_done(db);
}

static void test_same_address_other_process(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"map 1 11 11 0x10000 0x1000 0 /bin/a 01\n"
		"map 1 12 12 0x10000 0x1000 0 /bin/b 02\n"
		"map 1 13 13 0x90000 0x1000 0 /bin/a 01\n" ALLOC(10, 11, "1,user,0x10010")
			ALLOC(11, 12, "1,user,0x10010") ALLOC(12, 13, "1,user,0x90010")
				ALLOC(13, 11, "1,user,0x10010"));

	CHECK(answers(db, USER_FRAMES,
		      "10|+0x10 (/bin/a) 11|+0x10 (/bin/b) 12|+0x10 (/bin/a) 13|+0x10 (/bin/a)"));
	/* a place in a file is one place, wherever it is mapped */
	CHECK(answers(db,
		      "SELECT count(DISTINCT stack), count(DISTINCT alloc_site) FROM object o "
		      "JOIN allocation a ON a.id = o.id",
		      "2|2"));
	load_script_done(db);
}

static void test_fork_and_exec(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"task 11 11 1 shell\n"
		"map 1 11 11 0x10000 0x1000 0 /bin/sh 01 snapshot\n"
		"fork 10 12 12 11 11\n"
		"map 20 12 12 0x20000 0x1000 0 /lib/l 03\n" /* not the parent's */
		"map 21 11 11 0x30000 0x1000 0 /lib/m 04\n" /* not the child's */
		"comm 40 12 12 make exec\n"
		"map 41 12 12 0x10000 0x1000 0x1000 /bin/make 02\n" ALLOC(15, 12, "1,user,0x10010")
			ALLOC(25, 12, "1,user,0x10010,0x20010,0x30010")
				ALLOC(26, 11, "1,user,0x10010,0x20010,0x30010")
					ALLOC(45, 12, "1,user,0x10010,0x20010")
						ALLOC(46, 11, "1,user,0x10010"));

	CHECK(answers(db, USER_FRAMES,
		      "15|+0x10 (/bin/sh)"
		      " 25|+0x10 (/bin/sh) 25|+0x10 (/lib/l) 25|0x30010 ([unknown])"
		      " 26|+0x10 (/bin/sh) 26|0x20010 ([unknown]) 26|+0x10 (/lib/m)"
		      " 45|+0x1010 (/bin/make) 45|0x20010 ([unknown])"
		      " 46|+0x10 (/bin/sh)"));
	/* [unknown] of three programs are three */
	CHECK(answers(db, "SELECT count(*) FROM dso WHERE path = '[unknown]'", "3"));
	CHECK(answers(db, "SELECT time, pid, comm FROM object ORDER BY time",
		      "15|12|shell 25|12|shell 26|11|shell 45|12|make 46|11|shell"));
	load_script_done(db);
}

/* A recorder may have the events of tasks and the records of processes. */
static void test_told_twice(void)
{
	sqlite3 *db = load_script("info time.start_ns 0\n"
				  "task 11 11 1 shell\n"
				  "fork 10 12 12 11 11\n"
				  "11 0 11 task_newtask pid=12 comm=shell\n"
				  "20 0 12 task_rename pid=12 oldcomm=shell newcomm=make\n"
				  "comm 21 12 12 make exec\n"
				  "exit 30 12 12\n"
				  "40 0 11 task_newtask pid=12 comm=shell\n"
				  "fork 41 12 12 11 11\n" ALLOC(50, 12, "1"));

	CHECK(answers(db, "SELECT pid, tgid, comm, start_time FROM task WHERE pid = 12 ORDER BY id",
		      "12|12|shell|10 12|12|make|20 12|12|shell|40"));
	load_script_done(db);
}

static void test_threads(void)
{
	sqlite3 *db = load_script("info time.start_ns 0\n"
				  "task 11 11 1 prog\n"
				  "task 12 11 1 worker\n"
				  "map 1 11 11 0x10000 0x1000 0 /bin/p snapshot\n"
				  "fork 10 13 11 12 11\n"
				  "comm 12 13 11 third\n"
				  "map 14 13 11 0x20000 0x1000 0 /lib/q\n" /* of all threads */
				  ALLOC(11, 12, "1,user,0x10010") ALLOC(13, 13, "1,user,0x10010")
					  ALLOC(15, 12, "1,user,0x20010"));

	CHECK(answers(db, USER_FRAMES, "11|+0x10 (/bin/p) 13|+0x10 (/bin/p) 15|+0x10 (/lib/q)"));
	CHECK(answers(db, "SELECT pid, tgid, comm FROM object ORDER BY time",
		      "12|11|worker 13|11|third 12|11|worker"));
	load_script_done(db);
}

static void test_pid_reuse(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"map 1 1 1 0x50000 0x1000 0 /init snapshot\n"
		"fork 2 11 11 1 1\n"
		"comm 3 11 11 first exec\n"
		"map 4 11 11 0x10000 0x1000 0 /bin/first\n"
		"exit 10 11 11\n"
		"fork 20 11 11 1 1\n"
		"comm 21 11 11 second exec\n" ALLOC(9, 11, "1,user,0x10010")
			ALLOC(12, 11, "1,user,0x10010") /* it still runs, in the kernel */
		ALLOC(20, 11, "1,user,0x10010,0x50010") ALLOC(22, 11, "1,user,0x10010"));

	CHECK(answers(db, USER_FRAMES,
		      "9|+0x10 (/bin/first) 12|+0x10 (/bin/first)"
		      " 20|0x10010 ([unknown]) 20|+0x10 (/init) 22|0x10010 ([unknown])"));
	load_script_done(db);
}

/* /proc is read while the kernel tells already: it fills holes only. */
static void test_late_snapshot(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"comm 10 11 11 new exec\n"
		"map 11 11 11 0x10000 0x1000 0 /bin/new\n"
		"map 20 11 11 0xf000 0x3000 0 /bin/old - snapshot\n" ALLOC(5, 11, "1,user,0x10010")
			ALLOC(30, 11, "1,user,0xf010,0x10010,0x11010"));

	CHECK(answers(db, USER_FRAMES,
		      "5|0x10010 ([unknown])"
		      " 30|+0x10 (/bin/old) 30|+0x10 (/bin/new) 30|+0x2010 (/bin/old)"));
	load_script_done(db);
}

static void test_perf_map(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"map 1 11 11 0x10000 0x10000 0x10000 //anon\n"
		"map 1 12 12 0x10000 0x10000 0x10000 //anon\n"
		"file /tmp/perf-11.map end 10000 100 one\\n10080 10 inner of one\\nrubbish\\n"
		"10100 20 old\\n10100 40 new\\nfffffffffffffff0 20 wraps\\n20000 10 nobody\\n\n" ALLOC(
			10, 11, "1,user,0x10010,0x10090,0x10091,0x10138,0x10150")
			ALLOC(11, 12, "1,user,0x10010"));

	CHECK(answers(db, USER_FRAMES,
		      "10|one+0x10 (//anon) 10|inner of one+0x10 (//anon) 10|one+0x91 (//anon)"
		      " 10|new+0x38 (//anon) 10|0x10150 (//anon) 11|0x10010 (//anon)"));
	CHECK(answers(db, "SELECT tgid, symbols_from FROM dso WHERE tgid ORDER BY tgid",
		      "11|/tmp/perf-11.map 12|-"));
	CHECK(fact_is(db, "user.frames.named", "4"));
	load_script_done(db);
}

/* The map of one program says nothing about the one that had the pid before. */
static void test_perf_map_of_another_program(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"map 1 11 11 0x10000 0x1000 0 //anon\n"
		"comm 20 11 11 next exec\n"
		"map 21 11 11 0x10000 0x1000 0 //anon\n"
		"file /tmp/perf-11.map end 10000 100 one\\n\n" ALLOC(10, 11, "1,user,0x10010")
			ALLOC(30, 11, "1,user,0x10010"));

	CHECK(answers(db, USER_FRAMES, "10|0x10010 (//anon) 30|one+0x10 (//anon)"));
	load_script_done(db);
}

/* Frees and other events have stacks, too; a stack may be of user frames only. */
static void test_other_events(void)
{
	sqlite3 *db = load_script(
		"info time.start_ns 0\n"
		"map 1 11 11 0x10000 0x1000 0 /bin/a\n"
		"type software page-faults address:u8:column\n"
		"10 0 11 page-faults address=0x7000 stack=user,0x10010\n"
		"11 0 11 page-faults address=0x8000 stack=user,0x10010\n" ALLOC(
			12, 11, "1,user,0x10010") "13 0 11 kfree ptr=12 stack=2,user,0x10020\n");

	CHECK(answers(db,
		      "SELECT e.address, l.position, l.text FROM event_software_page_faults e "
		      "JOIN stack_line l ON l.stack = e.stack ORDER BY e.time",
		      "28672|0|+0x10 (/bin/a) 32768|0|+0x10 (/bin/a)"));
	CHECK(answers(db,
		      "SELECT l.text FROM allocation a JOIN free_site f ON f.id = a.free_site "
		      "JOIN stack_line l ON l.stack = f.stack ORDER BY l.position",
		      "0x2 +0x20 (/bin/a)"));
	CHECK(answers(db, "SELECT count(*) FROM alloc_site", "1"));
	load_script_done(db);
}

/* Maps of every shape over each other, against a table of bytes. */
static void test_random_maps(void)
{
	enum { PAGES = 64, STEPS = 400 };
	uint32_t truth[PAGES] = { 0 };
	struct process_log log = { 0 };
	struct processes p = { .log = &log };
	struct process_encoder e = { 0 };
	uint64_t state = 7;
	int bad = 0;

	for (uint32_t i = 0; i < STEPS; i++) {
		uint32_t a = (uint32_t)(state >> 33) % PAGES, n;
		char name[16];

		state = state * 6364136223846793005u + 1442695040888963407u;
		n = 1 + (uint32_t)(state >> 33) % (PAGES - a < 20 ? PAGES - a : 20);
		state = state * 6364136223846793005u + 1442695040888963407u;
		snprintf(name, sizeof(name), "/%u", i + 1);
		process_encode(&e, &(struct process_record){ .kind = PROCESS_MAP,
							     .flags = i % 5 ? 0 : PROCESS_SNAPSHOT,
							     .time = i + 1,
							     .tgid = 3,
							     .start = a,
							     .length = n,
							     .offset = a + 1000ull * i,
							     .name = { name, strlen(name) } });
	}
	process_encode(&e, &(struct process_record){
				   .kind = PROCESS_COMM, .flags = PROCESS_EXEC, .tgid = 3 });
	REQUIRE(process_log_add(&log, e.bytes.data, e.bytes.len, e.first_time, NULL) == 0);
	REQUIRE(process_log_sort(&log, NULL) == 0);
	REQUIRE(processes_init(&p, NULL) == 0);
	CHECK(p.next_time == 0);
	for (uint32_t i = 0; i < STEPS; i++) {
		const struct process_event *event = process_log_at(&log, i + 1);
		const struct process *process;

		REQUIRE(processes_advance(&p, i + 1, NULL, NULL, NULL) == 0);
		process = processes_find(&p, 3);
		for (uint64_t k = 0; k < event->map.length; k++)
			if (i % 5 || !truth[event->map.start + k])
				truth[event->map.start + k] = i + 1;
		for (uint32_t page = 0; page < PAGES; page++) {
			const struct map *map = process_map(process, page);

			bad += (map != NULL) != (truth[page] != 0);
			bad += map && (map->dso != truth[page] ||
				       page - map->start + map->offset !=
					       page + 1000ull * (truth[page] - 1));
		}
	}
	CHECK(bad == 0);
	CHECK(p.next_time == UINT64_MAX && p.refused == 0);
	processes_release(&p);
	process_log_release(&log);
	process_encoder_release(&e);
}

int main(void)
{
	RUN(test_maps);
	RUN(test_same_address_other_process);
	RUN(test_fork_and_exec);
	RUN(test_told_twice);
	RUN(test_threads);
	RUN(test_pid_reuse);
	RUN(test_late_snapshot);
	RUN(test_perf_map);
	RUN(test_perf_map_of_another_program);
	RUN(test_other_events);
	RUN(test_random_maps);
	return check_done();
}
