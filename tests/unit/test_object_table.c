/* The table of live objects against a plain list, over many random puts and takes. */
#include <stdlib.h>

#include "analyze/object_table.h"
#include "tests/unit/check.h"

#define ADDRESSES 3000

/* Few addresses, many operations: chains grow, wrap around and get holes. */
static void test_against_list(void)
{
	static uint32_t model[ADDRESSES]; /* site that lives at address i, 0: none */
	struct object_table t = { 0 };
	size_t live = 0;

	memset(model, 0, sizeof(model));
	srand(7);
	for (uint32_t n = 1; n < 400000; n++) {
		uint32_t i = (uint32_t)rand() % ADDRESSES;
		uint64_t address = 0xffff888000000000ull + i * 8;
		struct object o = { 0 }, *p;
		bool existed;

		if (rand() & 1) {
			p = object_table_put(&t, address, &existed);
			REQUIRE(p && existed == (model[i] != 0));
			CHECK(!existed || p->site == model[i]);
			CHECK(p->address == address);
			p->site = n;
			p->time = n;
			live += !model[i];
			model[i] = n;
		} else {
			REQUIRE(object_table_take(&t, address, &o) == (model[i] != 0));
			CHECK(!model[i] || (o.site == model[i] && o.address == address));
			live -= model[i] != 0;
			model[i] = 0;
		}
		REQUIRE(t.count == live);
	}
	object_table_release(&t);
}

static void test_growth_keeps_all(void)
{
	struct object_table t = { 0 };
	struct object o;
	bool existed;

	for (uint64_t a = 1; a <= 200000; a++) {
		struct object *p = object_table_put(&t, a << 6, &existed);

		REQUIRE(p && !existed);
		p->site = (uint32_t)a;
	}
	for (uint64_t a = 1; a <= 200000; a++)
		REQUIRE(object_table_take(&t, a << 6, &o) && o.site == a);
	CHECK(t.count == 0);
	CHECK(!object_table_take(&t, 64, &o));
	object_table_release(&t);
}

static void test_sorted(void)
{
	static const int64_t times[] = { 5, 3, 9, 3, -1 };
	struct object_table t = { 0 };
	struct object *list;
	bool existed;

	for (uint64_t i = 0; i < 5; i++) {
		struct object *p = object_table_put(&t, 100 - i, &existed);

		REQUIRE(p);
		p->site = 1;
		p->time = times[i];
	}
	list = object_table_sorted(&t);
	REQUIRE(t.count == 5);
	CHECK(list[0].time == -1 && list[4].time == 9);
	CHECK(list[1].time == 3 && list[2].time == 3 && list[1].address == 97 &&
	      list[2].address == 99);
	object_table_release(&t);
}

static void test_empty(void)
{
	struct object_table t = { 0 };
	struct object o;

	CHECK(!object_table_take(&t, 0, &o));
	CHECK(object_table_sorted(&t) == NULL);
	object_table_prefetch(&t, 8);
	object_table_release(&t);
}

int main(void)
{
	RUN(test_against_list);
	RUN(test_growth_keeps_all);
	RUN(test_sorted);
	RUN(test_empty);
	return check_done();
}
