/* intern_after gives the numbers that intern gives, whatever comes in whatever order. */
#include <stdlib.h>

#include "tests/unit/check.h"

#include "record/intern.h"

#define STRINGS	   300u
#define STRING_MAX 200u

static uint8_t strings[STRINGS][STRING_MAX];
static uint32_t lengths[STRINGS];

/* Many differ from another one in one byte only, at the beginning, in the middle or at the end. */
static void make_strings(void)
{
	srand(1);
	for (uint32_t i = 0; i < STRINGS; i++) {
		uint32_t from = i ? (uint32_t)rand() % i : 0;

		lengths[i] = i % 3 && i ? lengths[from] : 1 + (uint32_t)rand() % STRING_MAX;
		memcpy(strings[i], strings[from], STRING_MAX);
		strings[i][(uint32_t)rand() % lengths[i]] ^= (uint8_t)(1 + rand() % 255);
		if (i % 5 == 0)
			strings[i][lengths[i] - 1] ^= (uint8_t)(1 + rand() % 255);
	}
}

/* Loops of all lengths, left at any point. */
static uint32_t next_string(uint32_t step)
{
	static uint32_t start, length = 1, at;

	if (step == 0 || rand() % 50 == 0) {
		start = (uint32_t)rand() % STRINGS;
		length = 1 + (uint32_t)rand() % 40;
		at = 0;
	}
	return (start + at++ % length * 7) % STRINGS;
}

static void test_same_numbers(void)
{
	struct intern plain = { 0 }, after = { 0 };
	uint32_t last = 0;

	make_strings();
	for (uint32_t step = 0; step < 200000; step++) {
		uint32_t i = next_string(step);
		bool plain_new, after_new;

		if (step % 30011 == 30010) { /* a new generation */
			intern_clear(&plain);
			intern_clear(&after);
			last = 0;
		}
		REQUIRE(intern(&plain, strings[i], lengths[i], &plain_new) ==
			intern_after(&after, &last, strings[i], lengths[i], &after_new));
		REQUIRE(plain_new == after_new);
		REQUIRE(plain.count == after.count);
	}
	intern_release(&plain);
	intern_release(&after);
}

static void test_same_bytes(void)
{
	uint8_t a[64], b[64];

	for (uint32_t len = 1; len <= sizeof(a); len++) {
		for (uint32_t i = 0; i < len; i++) {
			memset(a, 7, sizeof(a));
			memset(b, 7, sizeof(b));
			REQUIRE(intern_same(a, b, len));
			b[i] ^= 1;
			REQUIRE(!intern_same(a, b, len));
		}
	}
}

int main(void)
{
	RUN(test_same_bytes);
	RUN(test_same_numbers);
	return check_done();
}
