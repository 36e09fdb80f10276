/*
 * check.h - the smallest harness that does: a test is a function, a file is a list of them.
 *
 *	static void test_varint(void) { CHECK(zigzag(-1) == 1); }
 *	int main(void) { RUN(test_varint); return check_done(); }
 *
 * Prints `ok NAME` or `not ok NAME: file:line: condition` per test; the harness counts these lines.
 */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failed_tests;
static int check_failed;

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			if (!check_failed) \
				printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
			check_failed = 1; \
		} \
	} while (0)

/* For conditions without which the rest of the test makes no sense. */
#define REQUIRE(condition) \
	do { \
		CHECK(condition); \
		if (check_failed) \
			return; \
	} while (0)

/* For what a test makes before it begins: without it the program ends. */
#define MUST(condition) \
	do { \
		if (!(condition)) { \
			printf("not ok %s: %s:%d: %s\n", __func__, __FILE__, __LINE__, \
			       #condition); \
			exit(1); \
		} \
	} while (0)

/* True: allocations of this thread do not fail, where tests/faults has them fail. */
void fail_alloc_hold(bool hold) __attribute__((weak));

static inline void check_hold_memory(bool hold)
{
	if (fail_alloc_hold)
		fail_alloc_hold(hold);
}

#define RUN(test) \
	do { \
		check_failed = 0; \
		test(); \
		check_failed_tests += check_failed; \
		printf(check_failed ? "not ok %s: see the line above\n" : "ok %s\n", #test); \
	} while (0)

/*
 * For mkstemp or mkdtemp: below TMPDIR, where whoever runs the tests takes away what one that is cut short has
 * left.
 */
#define CHECK_PATH_BYTES 256

static inline void check_path(char ret[CHECK_PATH_BYTES])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(ret, CHECK_PATH_BYTES, "%s/kmem-test-XXXXXX", tmp ? tmp : "/tmp");
}

static inline int check_done(void)
{
	return check_failed_tests ? 1 : 0;
}

#endif
