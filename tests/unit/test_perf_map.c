/*
 * Names of code made at run time: of the entries that hold an address, the one written last, and a lookup costs the same
 * however they overlap.
 */
#include <time.h>

#include "analyze/perf_map.h"
#include "tests/unit/check.h"

#define ENTRIES 300
#define SPAN	4000
#define MANY	100000

static uint32_t seed = 5;

static uint32_t dice(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void test_random_entries(void)
{
	static char text[ENTRIES * 64];

	for (int round = 0; round < 50; round++) {
		uint32_t start[ENTRIES], size[ENTRIES], differ = 0;
		struct perf_map *m;
		size_t len = 0;

		for (int i = 0; i < ENTRIES; i++) {
			start[i] = 0x1000 + dice(SPAN);
			size[i] = 1 + dice(i % 20 ? 60 : SPAN);
			len += (size_t)sprintf(text + len, "%x %x f%d\n", start[i], size[i], i);
		}
		MUST(perf_map_new(&m, text, len, NULL) == 0);
		for (uint32_t at = 0xfff; at < 0x1000 + 2 * SPAN + 1; at++) {
			struct text name = { NULL, 0 };
			uint64_t from = 0;
			char want[16];
			int best = -1;

			for (int i = 0; i < ENTRIES; i++)
				if (at >= start[i] && at - start[i] < size[i])
					best = i;
			sprintf(want, "f%d", best);
			if (perf_map_find(m, at, &from, &name) != (best >= 0) ||
			    (best >= 0 && (from != start[best] || name.len != strlen(want) ||
					   memcmp(name.data, want, name.len) != 0)))
				differ++;
		}
		CHECK(differ == 0);
		perf_map_free(m);
	}
}

static void test_no_entries(void)
{
	static const char high[] = "fffffffffffffff0 f high\n2 fffffffffffffffe far\n";
	struct perf_map *m;
	struct text name;
	uint64_t start;

	MUST(perf_map_new(&m, "rubbish\n1 0 empty\n", 18, NULL) == 0);
	CHECK(!perf_map_find(m, 1, &start, &name));
	perf_map_free(m);
	MUST(perf_map_new(&m, NULL, 0, NULL) == 0);
	CHECK(!perf_map_find(m, UINT64_MAX, &start, &name));
	perf_map_free(m);
	/* up to the last address but one; what would go on behind it is no entry */
	MUST(perf_map_new(&m, high, strlen(high), NULL) == 0);
	CHECK(perf_map_find(m, UINT64_MAX - 1, &start, &name) && name.len == 4);
	CHECK(perf_map_find(m, UINT64_MAX - 2, &start, &name));
	CHECK(!perf_map_find(m, UINT64_MAX, &start, &name));
	perf_map_free(m);
}

/* One entry that holds all others made each lookup walk over these. */
static void test_one_holds_all(void)
{
	char *text = malloc(MANY * 40);
	size_t len;
	uint32_t missed = 0;
	struct perf_map *m;
	struct text name;
	uint64_t start;
	clock_t since = clock();

	MUST(text);
	len = (size_t)sprintf(text, "1000 %x all\n", MANY * 32);
	for (uint32_t i = 0; i < MANY; i++)
		len += (size_t)sprintf(text + len, "%x 8 f\n", 0x1000 + i * 16);
	MUST(perf_map_new(&m, text, len, NULL) == 0);
	for (uint32_t i = 0; i < MANY; i++)
		missed += !perf_map_find(m, 0x1000 + (MANY - 1) * 16 + 8 + i, &start, &name) ||
			  name.len != 3;
	CHECK(missed == 0);
	CHECK(clock() - since < 5 * CLOCKS_PER_SEC);
	perf_map_free(m);
	free(text);
}

int main(void)
{
	RUN(test_random_entries);
	RUN(test_no_entries);
	RUN(test_one_holds_all);
	return check_done();
}
