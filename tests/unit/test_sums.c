/* Lifetimes in classes, what was live in steps, and losses, against the plain way to count them. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/lifetime_counts.h"
#include "analyze/live_steps.h"
#include "analyze/losses.h"

/* ---- classes ---- */

/* By writing it down. */
static uint64_t plain_class(uint64_t ns)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)ns);
	for (size_t i = 0; text[i]; i++)
		if (i > 1)
			text[i] = '0';
	return strtoull(text, NULL, 10);
}

static void test_class_edges(void)
{
	uint64_t power = 1;

	for (int i = 0; i < 19; i++, power *= 10) {
		for (uint64_t digits = 1; digits < 100 && digits * power / power == digits;
		     digits++) {
			uint64_t ns = digits * power;

			if (ns > INT64_MAX)
				break;
			CHECK(lifetime_class(ns) == plain_class(ns));
			CHECK(lifetime_class(ns - 1) == plain_class(ns - 1));
			CHECK(lifetime_class(ns + 1) == plain_class(ns + 1));
		}
	}
	CHECK(lifetime_class(0) == 0);
	CHECK(lifetime_class(INT64_MAX) == plain_class(INT64_MAX));
	CHECK(lifetime_class_limit(99) == 99);
	CHECK(lifetime_class_limit(100) == 110);
	CHECK(lifetime_class_limit(9900) == 10000);
	CHECK(lifetime_class_limit(1200000) == 1300000);
}

static void test_class_of_any(void)
{
	uint64_t seed = 1;

	for (int i = 0; i < 100000; i++) {
		uint64_t ns;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		ns = seed >> 1 >> (seed & 63);
		CHECK(lifetime_class(ns) == plain_class(ns));
		CHECK(ns <= lifetime_class_limit(lifetime_class(ns)));
	}
}

/* ---- counts ---- */

#define SITES 40
#define KINDS 400 /* of lifetimes */

static void test_counts(void)
{
	static uint64_t plain[SITES + 1][2][2][KINDS];
	struct lifetime_counts c = { 0 };
	uint64_t seed = 7, sum = 0;
	struct lifetime_count before = { 0 };

	for (int i = 0; i < 300000; i++) {
		uint32_t site, kind;
		bool self, doubt;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		site = (uint32_t)(seed >> 40) % SITES + 1;
		self = seed >> 35 & 1;
		doubt = seed >> 34 & 1;
		kind = (uint32_t)(seed >> 50) % KINDS;
		plain[site][self][doubt][kind]++;
		CHECK(lifetime_counts_add(&c, site, self, doubt,
					  kind < 100 ? kind :
						       (kind % 90 + 10) * 1000 + kind / 90 * 99));
	}
	CHECK(lifetime_counts_sort(&c));
	for (size_t i = 0; i < c.used; i++) {
		struct lifetime_count n = lifetime_count(&c, i);
		uint64_t expected = 0;

		for (uint32_t kind = 0; kind < KINDS; kind++)
			if (lifetime_class(kind < 100 ? kind :
							(kind % 90 + 10) * 1000 + kind / 90 * 99) ==
			    n.ns)
				expected += plain[n.site][n.self][n.in_doubt][kind];
		CHECK(n.objects == expected);
		sum += n.objects;
		CHECK(!i || n.site > before.site ||
		      (n.site == before.site &&
		       (n.self > before.self ||
			(n.self == before.self &&
			 (n.in_doubt > before.in_doubt ||
			  (n.in_doubt == before.in_doubt && n.ns > before.ns))))));
		before = n;
	}
	CHECK(sum == 300000);
	lifetime_counts_release(&c);
}

static void test_no_counts(void)
{
	struct lifetime_counts c = { 0 };

	CHECK(lifetime_counts_sort(&c));
	CHECK(c.used == 0);
	lifetime_counts_release(&c);
}

/* ---- steps ---- */

struct moment {
	int64_t time;
	uint64_t bytes, objects;
};

/* Step k of the domain worked out from all moments. */
static struct live_step plain_step(const struct moment *m, size_t count, size_t k, int64_t width)
{
	struct live_step s = { .least = UINT64_MAX };
	int64_t from = k ? (int64_t)(k - 1) * width : -1, to = (int64_t)k * width;

	for (size_t i = 0; i < count && m[i].time <= to; i++) {
		/* what the step before ended with is the first of this one */
		if (k && (m[i].time > from || i + 1 == count || m[i + 1].time > from)) {
			s.least = m[i].bytes < s.least ? m[i].bytes : s.least;
			s.most = m[i].bytes > s.most ? m[i].bytes : s.most;
		}
		s.bytes = m[i].bytes;
		s.objects = m[i].objects;
	}
	if (!k)
		s.least = s.most = s.bytes;
	return s;
}

#define MOMENTS 3000

static void check_steps(uint64_t gap)
{
	struct live_steps *s = calloc(1, sizeof(*s));
	static struct moment m[2][MOMENTS];
	uint64_t seed = gap + 3;
	int64_t time = 0;

	MUST(s);
	for (size_t i = 0; i < MOMENTS; i++) {
		for (int d = 0; d < 2; d++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			m[d][i] = (struct moment){ time, i ? seed >> 50 : 0, i ? seed >> 60 : 0 };
			live_steps_settle(s, (enum domain)d, time, m[d][i].bytes, m[d][i].objects);
			time += (int64_t)((seed >> 20) % gap) + 1;
		}
	}
	CHECK(s->domains[0].last <= LIVE_STEPS && s->domains[1].last <= LIVE_STEPS);
	CHECK(gap < 100 || s->domains[1].last >= LIVE_STEPS / 10);
	for (int d = 0; d < 2; d++) {
		for (size_t k = 0; k <= s->domains[d].last; k++) {
			struct live_step got = s->domains[d].list[k],
					 want = plain_step(m[d], MOMENTS, k, s->width);

			CHECK(got.bytes == want.bytes && got.objects == want.objects);
			CHECK(got.least == want.least && got.most == want.most);
		}
	}
	free(s);
}

static void test_steps(void)
{
	check_steps(1);
	check_steps(50);
	check_steps(1000);
	check_steps(1234567);
	check_steps(1ull << 48);
}

static void test_one_late_moment(void)
{
	struct live_steps *s = calloc(1, sizeof(*s));

	MUST(s);
	live_steps_settle(s, DOMAIN_PAGE, 0, 0, 0);
	CHECK(s->width == 0);
	live_steps_settle(s, DOMAIN_PAGE, INT64_MAX, 9, 1);
	CHECK(s->domains[DOMAIN_PAGE].last <= LIVE_STEPS);
	CHECK(s->domains[DOMAIN_PAGE].list[s->domains[DOMAIN_PAGE].last].bytes == 9);
	CHECK(s->domains[DOMAIN_PAGE].list[s->domains[DOMAIN_PAGE].last - 1].bytes == 0);
	free(s);
}

/* ---- losses ---- */

/* Known before, and found on the way for a time to come or just now, against all that there are. */
static void test_losses_found_late(void)
{
	struct losses l = { 0 };
	struct loss all[400];
	uint64_t seed = 7;
	int64_t now = 0;
	size_t count = 0;

	for (; count < 100; count++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		all[count] = (struct loss){ .from = (int64_t)(seed >> 32) % 1000, .records = 1 };
		all[count].to = all[count].from + (int64_t)(seed >> 20) % 50;
		REQUIRE(losses_add(&l, &all[count]));
	}
	losses_sort(&l);
	for (; count < 400; count++, now += 3) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		all[count] = (struct loss){ .from = now + (int64_t)(seed >> 32) % 300,
					    .records = 1 };
		all[count].to = all[count].from + (int64_t)(seed >> 20) % 50;
		REQUIRE(losses_insert(&l, &all[count]));
		for (int64_t since = now > 40 ? now - 40 : 0; since <= now; since += 7) {
			bool hit = false;

			for (size_t i = 0; i <= count; i++)
				hit |= all[i].from <= now && all[i].to >= since;
			CHECK(losses_hit(&l, since, now) == hit);
		}
	}
	REQUIRE(losses_settle(&l));
	CHECK(l.count == 400);
	for (size_t i = 1; i < l.count; i++)
		CHECK(l.list[i - 1].from <= l.list[i].from);
	CHECK(losses_hit(&l, 1100, INT64_MAX));
	CHECK(!losses_hit(&l, 5000, INT64_MAX));
	losses_release(&l);
}

int main(void)
{
	RUN(test_class_edges);
	RUN(test_class_of_any);
	RUN(test_counts);
	RUN(test_no_counts);
	RUN(test_steps);
	RUN(test_one_late_moment);
	RUN(test_losses_found_late);
	return check_done();
}
