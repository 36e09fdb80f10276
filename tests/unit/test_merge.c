/* The order of events of several CPUs, seen through what the replay makes of it. */
#include "tests/unit/load_script.h"

/* Every event in the order of the merge, from one table: time, CPU, value. */
#define MARK  "type test mark n:u4:column\n"
#define ORDER "SELECT time, cpu, n FROM event_test_mark ORDER BY id"

static void test_by_time(void)
{
	sqlite3 *db = load_script(MARK "10 2 1 mark n=1\n20 2 1 mark n=4\n"
				       "11 0 1 mark n=2\n12 0 1 mark n=3\n30 0 1 mark n=6\n"
				       "25 1 1 mark n=5\n");

	CHECK(answers(db, ORDER, "0|2|1 1|0|2 2|0|3 10|2|4 15|1|5 20|0|6"));
	load_script_done(db);
}

static void test_ties_go_to_the_lower_cpu(void)
{
	sqlite3 *db = load_script(MARK "10 1 1 mark n=2\n10 1 1 mark n=3\n"
				       "10 0 1 mark n=1\n"
				       "10 3 1 mark n=4\n");

	CHECK(answers(db, ORDER, "0|0|1 0|1|2 0|1|3 0|3|4"));
	load_script_done(db);
}

/*
 * A time that repeats or steps back within a CPU: its order is kept, the event comes when its turn
 * is.
 */
static void test_order_within_a_cpu(void)
{
	sqlite3 *db = load_script("info time.start_ns 0\n" MARK
				  "10 0 1 mark n=1\n5 0 1 mark n=2\n10 0 1 mark n=3\n"
				  "7 1 1 mark n=0\n10 1 1 mark n=4\n");

	CHECK(answers(db, ORDER, "7|1|0 10|0|1 5|0|2 10|0|3 10|1|4"));
	load_script_done(db);
}

static void test_blocks_of_one_cpu(void)
{
	sqlite3 *db = load_script(MARK "10 0 1 mark n=1\n11 1 1 mark n=2\nflush\n"
				       "12 0 1 mark n=3\n13 1 1 mark n=4\ngeneration\n"
				       "14 1 1 mark n=5\n15 0 1 mark n=6\n");

	CHECK(answers(db,
		      "SELECT group_concat(n, '') FROM (SELECT n FROM event_test_mark ORDER BY id)",
		      "123456"));
	load_script_done(db);
}

/* CPU 0 allocates in the same ns what CPU 1 frees: the memory was given back first. */
static void test_tie_free_first(void)
{
	sqlite3 *db = load_script("10 0 1 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "20 0 1 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "20 1 1 kfree ptr=0x1000\n");

	CHECK(answers(db, "SELECT time, state, lifetime FROM object ORDER BY id",
		      "0|freed|10 10|live|-"));
	CHECK(fact_is(db, "objects.reused", "0"));
	load_script_done(db);
}

static void test_tie_other_domain(void)
{
	sqlite3 *db = load_script("10 0 1 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "20 0 1 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "20 1 1 mm_page_free pfn=0x1000\n");

	CHECK(fact_is(db, "objects.reused", "1"));
	CHECK(fact_is(db, "events.unmatched_free", "1"));
	load_script_done(db);
}

/* Two rings of a CPU: each keeps its order, between them time decides, and then the lower ring. */
static void test_rings_of_one_cpu(void)
{
	sqlite3 *db = load_script(MARK "ring 1\n10 0 1 mark n=2\n20 0 1 mark n=5\n15 0 1 mark n=6\n"
				       "ring 0\n10 0 1 mark n=1\n12 0 1 mark n=4\n"
				       "20 0 1 mark n=7\n10 1 1 mark n=3\n");

	CHECK(answers(db,
		      "SELECT group_concat(n, '') FROM (SELECT n FROM event_test_mark ORDER BY id)",
		      "1234756"));
	load_script_done(db);
}

/* As a recorder with a selection writes them: allocations in one ring, frees in another. */
static void test_tie_between_rings(void)
{
	sqlite3 *db = load_script("10 0 1 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "20 0 1 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "ring 1\n20 0 1 kfree ptr=0x1000\n30 1 1 kfree ptr=0x1000\n");

	CHECK(answers(db, "SELECT time, state, lifetime FROM object ORDER BY id",
		      "0|freed|10 10|freed|10"));
	CHECK(fact_is(db, "objects.reused", "0"));
	CHECK(fact_is(db, "events.unmatched_free", "0"));
	load_script_done(db);
}

/* Many CPUs with random times and many ties against a plain sort. */
static void test_many_cpus(void)
{
	enum { CPUS = 37, EVENTS = 4000 };
	size_t room = 64 * (size_t)EVENTS, len;
	char *script = malloc(room);
	unsigned long time[CPUS] = { 0 };
	sqlite3 *db;

	REQUIRE(script);
	srand(11);
	len = (size_t)snprintf(script, room, "%s", MARK);
	for (int i = 0; i < EVENTS; i++) {
		int cpu = rand() % CPUS;

		time[cpu] += (unsigned long)(rand() % 4);
		len += (size_t)snprintf(script + len, room - len, "%lu %d 1 mark n=%d\n%s",
					time[cpu], cpu, i, rand() % 50 ? "" : "flush\n");
	}
	db = load_script(script);
	CHECK(answers(db, "SELECT count(*) FROM event_test_mark", "4000"));
	CHECK(answers(
		db,
		"SELECT count(*) FROM event_test_mark a JOIN event_test_mark b ON b.id = a.id + 1 "
		"WHERE b.time < a.time OR (b.time = a.time AND b.cpu < a.cpu) "
		"OR (b.time = a.time AND b.cpu = a.cpu AND b.n < a.n)",
		"0"));
	load_script_done(db);
	free(script);
}

int main(void)
{
	RUN(test_by_time);
	RUN(test_ties_go_to_the_lower_cpu);
	RUN(test_order_within_a_cpu);
	RUN(test_blocks_of_one_cpu);
	RUN(test_tie_free_first);
	RUN(test_tie_other_domain);
	RUN(test_rings_of_one_cpu);
	RUN(test_tie_between_rings);
	RUN(test_many_cpus);
	return check_done();
}
