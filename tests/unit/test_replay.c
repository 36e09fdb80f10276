/* Every case of the replay, one small capture each. */
#include "tests/unit/load_script.h"

/* time, lifetime, state, in doubt, address (low digits), event, free event, CPU of the free */
#define OBJECTS \
	"SELECT time, lifetime, state, in_doubt_by_loss, address & 0xfffff, substr(event, 6), " \
	"substr(free_event, 6), free_cpu FROM object ORDER BY id"

static void test_pair(void)
{
	sqlite3 *db = load_script("info time.start_ns 100\n"
				  "110 0 11 kmalloc ptr=0x1000 bytes_req=100 bytes_alloc=128\n"
				  "150 1 12 kfree ptr=0x1000\n");

	CHECK(answers(db, OBJECTS, "10|40|freed|0|4096|kmalloc|kfree|1"));
	CHECK(answers(db, "SELECT bytes_req, bytes_alloc, pid, free_pid, cpu FROM object",
		      "100|128|11|12|0"));
	CHECK(fact_is(db, "events.unmatched_free", "0"));
	load_script_done(db);
}

static void test_cross_api(void)
{
	sqlite3 *db = load_script("10 0 11 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "11 0 11 kmem_cache_free ptr=0x1000 name=kmalloc-8\n"
				  "12 0 11 kmem_cache_alloc ptr=0x1000 bytes_alloc=8 name=dentry\n"
				  "13 0 11 kfree ptr=0x1000\n");

	CHECK(answers(
		db, OBJECTS,
		"0|1|freed|0|4096|kmalloc|kmem_cache_free|0 2|1|freed|0|4096|kmem_cache_alloc|kfree|0"));
	CHECK(answers(db, "SELECT api, cache FROM object ORDER BY id",
		      "malloc|kmalloc-8 cache|dentry"));
	load_script_done(db);
}

static void test_free_without_object(void)
{
	sqlite3 *db = load_script("10 0 11 kfree ptr=0x1000\n"
				  "11 0 11 kfree ptr=0\n"
				  "12 0 11 kfree ptr=16\n"
				  "13 0 11 kmem_cache_free ptr=0x1000 name=x\n");

	CHECK(answers(db, "SELECT count(*) FROM allocation", "0"));
	CHECK(answers(db, "SELECT id, time, address, event FROM frees_unmatched",
		      "1|0|4096|kmem:kfree 2|3|4096|kmem:kmem_cache_free"));
	CHECK(fact_is(db, "events.unmatched_free", "2"));
	CHECK(fact_is(db, "events.null_free", "2"));
	CHECK(fact_is(db, "events.free", "4"));
	CHECK(answers(db, "SELECT sum(matched), sum(unmatched), sum(null_frees) FROM free_total",
		      "0|2|2"));
	load_script_done(db);
}

static void test_no_memory_given(void)
{
	sqlite3 *db = load_script(
		"10 0 11 kmalloc ptr=0 bytes_req=4096 bytes_alloc=4096 call_site=1\n"
		"11 0 11 kmalloc ptr=16\n"
		"12 0 11 mm_page_alloc pfn=0xffffffffffffffff order=9\n"
		"13 0 11 alloc_vmap_area addr=0x5000 size=4096 failed=-16\n"
		"14 0 11 mm_page_alloc pfn=0 order=0\n"); /* page frame 0 is memory */

	CHECK(answers(db, OBJECTS, "4|-|live|0|0|mm_page_alloc|-|-"));
	CHECK(fact_is(db, "events.failed_alloc", "3"));
	CHECK(fact_is(db, "events.zero_size", "1"));
	CHECK(fact_is(db, "events.alloc", "1"));
	CHECK(answers(db, "SELECT sum(failed) FROM site_total", "3"));
	load_script_done(db);
}

static void test_reuse(void)
{
	sqlite3 *db = load_script("10 0 11 kmalloc ptr=0x1000 bytes_alloc=8 call_site=1\n"
				  "30 1 12 kmalloc ptr=0x1000 bytes_alloc=16 call_site=2\n"
				  "40 0 11 kfree ptr=0x1000\n");

	CHECK(answers(db, OBJECTS,
		      "0|20|reused|0|4096|kmalloc|-|- 20|10|freed|0|4096|kmalloc|kfree|0"));
	CHECK(fact_is(db, "objects.reused", "1"));
	CHECK(answers(
		db,
		"SELECT p.end, objects, lifetime_sum, bytes_alloc FROM pair_total p JOIN alloc_site s "
		"ON s.id = alloc_site ORDER BY 1 DESC",
		"2|1|20|8 1|1|10|16"));
	load_script_done(db);
}

static void test_domains_apart(void)
{
	sqlite3 *db = load_script("10 0 11 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "11 0 11 mm_page_alloc pfn=0x1000 order=3\n"
				  "12 0 11 percpu_alloc_percpu ptr=0x1000 size=10 bytes_alloc=16\n"
				  "13 0 11 alloc_vmap_area addr=0x1000 size=8192\n"
				  "14 0 11 percpu_free_percpu ptr=0x1000\n"
				  "15 0 11 mm_page_free pfn=0x1000 order=3\n");

	CHECK(answers(
		db, "SELECT domain, state, bytes_req, bytes_alloc FROM object ORDER BY id",
		"percpu|freed|10|16 page|freed|32768|32768 slab|live|0|8 vmalloc|live|8192|8192"));
	load_script_done(db);
}

/* address, pages, state, time and lifetime of every block; and how many pages are live */
#define BLOCKS "SELECT address, bytes_alloc / 4096, state, time, lifetime FROM object ORDER BY id"
#define PAGES_LIVE \
	"SELECT sum(objects * bytes_alloc) / 4096 FROM pair_total JOIN alloc_site s ON s.id = alloc_site" \
	" WHERE end = 0"

/* Of a block of 8 pages page 3 and then pages 4 and 5 are freed. */
static void test_pages_split(void)
{
	sqlite3 *db = load_script("10 0 11 mm_page_alloc pfn=64 order=3 migratetype=1\n"
				  "20 0 11 mm_page_free pfn=67 order=0\n"
				  "30 0 11 mm_page_free pfn=68 order=1\n"
				  "40 0 11 mm_page_alloc pfn=69 order=0 migratetype=0\n");

	CHECK(answers(db, BLOCKS,
		      "67|1|freed|0|10 68|2|freed|0|20 64|2|live|0|- 66|1|live|0|- 70|2|live|0|- "
		      "69|1|live|30|-"));
	CHECK(answers(db, PAGES_LIVE, "6"));
	CHECK(answers(
		db,
		"SELECT s.bytes_alloc, w.bytes_alloc, s.migratetype FROM alloc_site s LEFT JOIN"
		" alloc_site w ON w.id = s.part_of ORDER BY 1, 3",
		"4096|-|0 4096|32768|1 8192|32768|1 16384|32768|1 32768|-|1"));
	CHECK(answers(db, "SELECT bytes, matched FROM free_total JOIN free_site ON id = free_site",
		      "4096|1 8192|1"));
	CHECK(fact_is(db, "events.alloc", "2"));
	CHECK(fact_is(db, "events.unmatched_free", "0"));
	CHECK(fact_is(db, "objects.live_bytes", "24576"));
	load_script_done(db);
}

/* A free of more than one block, and an allocation of pages that were live in others. */
static void test_pages_overlap(void)
{
	sqlite3 *db = load_script("10 0 11 mm_page_alloc pfn=64 order=0\n"
				  "11 0 11 mm_page_alloc pfn=66 order=1\n"
				  "12 0 11 mm_page_free pfn=64 order=2\n"
				  "20 0 11 mm_page_alloc pfn=96 order=4\n"
				  "21 0 11 mm_page_alloc pfn=104 order=3\n"
				  "22 0 11 mm_page_free pfn=96 order=3\n"
				  "30 0 11 mm_page_alloc pfn=128 order=0\n"
				  "31 0 11 mm_page_alloc pfn=128 order=2\n"
				  "40 0 11 mm_page_free pfn=999 order=2\n");

	CHECK(answers(db, BLOCKS,
		      "64|1|freed|0|2 66|2|freed|1|1 104|8|reused|10|1 96|8|freed|10|2 "
		      "128|1|reused|20|1 104|8|live|11|- 128|4|live|21|-"));
	CHECK(answers(db, PAGES_LIVE, "12"));
	CHECK(fact_is(db, "events.unmatched_free", "1"));
	CHECK(fact_is(db, "objects.reused", "2"));
	load_script_done(db);
}

/* Live in [alloc, end] and events lost in [from, to]: in doubt when the two meet. */
static void test_loss(void)
{
	sqlite3 *db = load_script("info time.start_ns 0\n"
				  "10 1 11 kfree ptr=0x9000\n"
				  "20 0 11 kmalloc ptr=0x1000 bytes_alloc=8\n" /* ends before */
				  "30 0 11 kfree ptr=0x1000\n"
				  "40 0 11 kmalloc ptr=0x2000 bytes_alloc=8\n" /* across */
				  "41 0 11 kmalloc ptr=0x3000 bytes_alloc=8\n" /* across, live */
				  "42 0 11 kmalloc ptr=0x6000 bytes_alloc=8\n" /* across, reused */
				  "50 1 11 kfree ptr=0x9000\n"
				  "lost 1 9\n" /* between 50 and 100 on CPU 1 */
				  "70 0 11 kmalloc ptr=0x4000 bytes_alloc=8\n" /* begins within */
				  "100 1 11 kfree ptr=0x2000\n"
				  "101 1 11 kfree ptr=0x4000\n"
				  "110 0 11 kmalloc ptr=0x5000 bytes_alloc=8\n" /* after */
				  "111 0 11 kmalloc ptr=0x6000 bytes_alloc=8\n"
				  "120 1 11 kfree ptr=0x5000\n");

	CHECK(answers(db, "SELECT cpu, from_time, to_time, records FROM loss", "1|50|100|9"));
	CHECK(answers(db, "SELECT address >> 12, state, in_doubt_by_loss FROM object ORDER BY id",
		      "1|freed|0 2|freed|1 4|freed|1 6|reused|1 5|freed|0 3|live|1 6|live|0"));
	CHECK(answers(db, "SELECT end & 3, sum(objects) FROM pair_total WHERE end & 4 GROUP BY 1",
		      "0|1 1|2 2|1"));
	CHECK(fact_is(db, "events.lost", "9"));
	load_script_done(db);
}

static void test_loss_at_the_end(void)
{
	sqlite3 *db = load_script("info time.start_ns 0\n"
				  "info time.end_ns 500\n"
				  "10 0 11 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "lost 0 3\n"
				  "flush\n");

	CHECK(answers(db, "SELECT cpu, from_time, to_time, records FROM loss", "0|10|500|3"));
	CHECK(answers(db, "SELECT state, in_doubt_by_loss FROM object", "live|1"));
	load_script_done(db);
}

/* Counted by the ring and placed by nobody: it may have been at any time. */
static void test_loss_of_statistics(void)
{
	sqlite3 *db = load_script("info time.start_ns 0\n"
				  "info time.end_ns 500\n"
				  "stats 0 dropped=10 read=5\n"
				  "10 0 11 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "lost 0 4\n"
				  "20 0 11 kfree ptr=0x1000\n");

	CHECK(answers(db, "SELECT from_time, to_time, records FROM loss ORDER BY 3",
		      "10|20|4 0|500|6"));
	CHECK(fact_is(db, "events.lost", "10"));
	CHECK(answers(db, "SELECT dropped, read FROM ring", "10|5"));
	load_script_done(db);
}

static void test_self(void)
{
	sqlite3 *db = load_script("info recorder.tgid 900\n"
				  "task 900 900 1 kmem-record\n"
				  "task 901 900 1 reader\n"
				  "10 0 901 kmalloc ptr=0x1000 bytes_alloc=8\n"
				  "11 0 901 kmalloc ptr=0x2000 bytes_alloc=8 flags=0x10\n"
				  "12 0 901 kmalloc ptr=0x3000 bytes_alloc=8 flags=0x08\n"
				  "13 0 901 kmalloc ptr=0x4000 bytes_alloc=8 flags=0x48\n"
				  "14 0 900 task_newtask pid=902 comm=late clone_flags=0x10000\n"
				  "15 0 902 kmalloc ptr=0x5000 bytes_alloc=8\n"
				  "16 0 900 task_newtask pid=903 comm=child clone_flags=0\n"
				  "17 0 903 kmalloc ptr=0x6000 bytes_alloc=8\n");

	CHECK(answers(
		db, "SELECT comm, context, self FROM object",
		"reader|task|1 reader|softirq|0 reader|irq|0 reader|nmi|0 late|task|1 child|task|0"));
	CHECK(answers(db, "SELECT self, sum(objects) FROM pair_total GROUP BY 1", "0|4 1|2"));
	load_script_done(db);
}

static void test_tasks(void)
{
	sqlite3 *db = load_script(
		"task 11 11 1 first\n"
		"10 0 11 kmalloc ptr=0x1000 bytes_alloc=8\n"
		"11 0 11 task_rename pid=11 oldcomm=first newcomm=second\n"
		"12 0 11 kmalloc ptr=0x2000 bytes_alloc=8\n"
		"13 0 11 task_newtask pid=12 comm=second clone_flags=0x10000\n"
		"14 0 11 task_rename pid=11 oldcomm=second newcomm=second\n" /* no news */
		"15 0 12 kmalloc ptr=0x3000 bytes_alloc=8\n"
		"16 0 77 kmalloc ptr=0x4000 bytes_alloc=8\n"
		"17 0 0 kmalloc ptr=0x5000 bytes_alloc=8\n"
		"18 0 11 task_newtask pid=12 comm=reused clone_flags=0\n"
		"19 0 12 kmalloc ptr=0x6000 bytes_alloc=8\n");

	CHECK(answers(db, "SELECT comm, pid, tgid FROM object",
		      "first|11|11 second|11|11 second|12|11 -|77|- swapper|0|0 reused|12|12"));
	CHECK(answers(db, "SELECT count(*) FROM task", "6"));
	CHECK(answers(db, "SELECT start_time FROM task WHERE pid = 11", "- 1"));
	load_script_done(db);
}

/* Two sites; the peak is 2 x 400 + 1 x 50 bytes, and after it other objects come and go. */
static void test_peak(void)
{
	sqlite3 *db = load_script("10 0 11 kmalloc ptr=0x1000 bytes_alloc=400 call_site=1\n"
				  "11 0 11 kmalloc ptr=0x2000 bytes_alloc=400 call_site=1\n"
				  "12 0 11 kmalloc ptr=0x3000 bytes_alloc=50 call_site=2\n"
				  "13 0 11 kfree ptr=0x1000\n"
				  "14 0 11 kmalloc ptr=0x4000 bytes_alloc=50 call_site=2\n"
				  "15 0 11 kmalloc ptr=0x5000 bytes_alloc=50 call_site=2\n"
				  "16 0 11 kfree ptr=0x2000\n"
				  "17 0 11 mm_page_alloc pfn=1 order=5\n");

	CHECK(answers(
		db,
		"SELECT bytes_alloc, peak_objects FROM site_total JOIN alloc_site s ON s.id = alloc_site "
		"ORDER BY 1",
		"50|1 400|2 131072|1"));
	CHECK(answers(db, "SELECT * FROM domain_peak", "page|7|131072|1 slab|2|850|3"));
	CHECK(answers(db, "SELECT domain, time, bytes, objects FROM stack_peak ORDER BY 1, 2",
		      "page|7|131072|1 slab|1|800|2 slab|5|150|3"));
	CHECK(fact_is(db, "events.out_of_order", "0"));
	load_script_done(db);
}

/* What is there between two events of one moment is no peak; of equal ones the first is. */
static void test_peak_moments(void)
{
	sqlite3 *db = load_script("10 0 11 kmalloc ptr=0x1000 bytes_alloc=400 call_site=1\n"
				  "20 0 11 kmalloc ptr=0x2000 bytes_alloc=500 call_site=2\n"
				  "20 0 11 kfree ptr=0x1000\n"
				  "30 0 11 kmalloc ptr=0x3000 bytes_alloc=100 call_site=1\n"
				  "40 0 11 kfree ptr=0x3000\n"
				  "50 1 12 kmalloc ptr=0x3000 bytes_alloc=100 call_site=1\n");

	CHECK(answers(db, "SELECT * FROM domain_peak", "slab|20|600|2"));
	CHECK(answers(db, "SELECT time, bytes, objects FROM stack_peak ORDER BY 1",
		      "0|400|1 10|500|1"));
	CHECK(answers(db, "SELECT sum(peak_objects) FROM site_total", "2"));
	load_script_done(db);
}

/* The recorder's own objects do not make the peak of others. */
static void test_peak_without_self(void)
{
	sqlite3 *db = load_script("info recorder.tgid 77\n"
				  "10 0 11 kmalloc ptr=0x1000 bytes_alloc=400 call_site=1\n"
				  "20 0 77 kmalloc ptr=0x2000 bytes_alloc=5000 call_site=1\n"
				  "30 0 11 kfree ptr=0x1000\n"
				  "40 0 11 kmalloc ptr=0x3000 bytes_alloc=100 call_site=1\n");

	CHECK(answers(db, "SELECT * FROM domain_peak", "slab|0|400|1"));
	CHECK(answers(db, "SELECT self, time, bytes FROM stack_peak ORDER BY 1",
		      "0|0|400 1|10|5000"));
	load_script_done(db);
}

/* Kernels before 6.18 do not name the cache at the allocation. */
static void test_learned_cache(void)
{
	sqlite3 *db = load_script("10 0 11 kmem_cache_alloc ptr=0x1000 bytes_alloc=8 call_site=1\n"
				  "11 0 11 kmem_cache_alloc ptr=0x2000 bytes_alloc=8 call_site=1\n"
				  "12 0 11 kmem_cache_free ptr=0x1000 name=inode\n"
				  "13 0 11 kmem_cache_alloc ptr=0x3000 bytes_alloc=8 call_site=2\n"
				  "14 0 11 kmem_cache_free ptr=0x3000 name=one\n"
				  "15 0 11 kmem_cache_alloc ptr=0x3000 bytes_alloc=8 call_site=2\n"
				  "16 0 11 kmem_cache_free ptr=0x3000 name=two\n"
				  "17 0 11 kmem_cache_alloc ptr=0x3000 bytes_alloc=8 call_site=2\n"
				  "18 0 11 kmem_cache_free ptr=0x3000 name=one\n");

	CHECK(answers(db, "SELECT address >> 12, cache FROM object",
		      "1|inode 3|- 3|- 3|- 2|inode"));
	load_script_done(db);
}

int main(void)
{
	RUN(test_pair);
	RUN(test_cross_api);
	RUN(test_free_without_object);
	RUN(test_no_memory_given);
	RUN(test_reuse);
	RUN(test_domains_apart);
	RUN(test_pages_split);
	RUN(test_pages_overlap);
	RUN(test_loss);
	RUN(test_loss_at_the_end);
	RUN(test_loss_of_statistics);
	RUN(test_self);
	RUN(test_tasks);
	RUN(test_peak);
	RUN(test_peak_moments);
	RUN(test_peak_without_self);
	RUN(test_learned_cache);
	return check_done();
}
