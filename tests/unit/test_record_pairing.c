/* Which stack belongs to which event, when interrupts come between. */
#include "tests/unit/check.h"

#include "record/pairing.h"

static const struct ring_layout layout = { .subbuf_size = 4096, .long_size = 8 };
static const struct plan_type type = { .call_site_offset = 8 };
static const uint64_t with_site[] = { 0x100, 0x200, 0x300 }, without[] = { 0x300, 0x400 };

static void wait_for_stack(struct pairing *p, uint8_t flags, uint64_t ordinal)
{
	struct waiting_event *w = pairing_wait(p, pairing_context(flags));

	w->pid = 7;
	w->ordinal = ordinal;
	w->call_site = 0x200;
	w->type = &type;
}

static bool match(struct pairing *p, uint8_t flags, uint64_t ordinal, const uint64_t *frames,
		  uint32_t depth)
{
	struct waiting_event *w = pairing_match(p, &layout, flags, 7, ordinal,
						(const uint8_t *)frames, depth);

	if (!w)
		return false;
	pairing_done(p, w);
	return true;
}

/* A B Sb Sa */
static void test_nested(void)
{
	struct pairing p;

	REQUIRE(pairing_init(&p, &layout, NULL) == 0);
	wait_for_stack(&p, 0, 0);
	wait_for_stack(&p, FLAG_HARDIRQ, 1);
	CHECK(match(&p, FLAG_HARDIRQ, 2, with_site, 3));
	CHECK(match(&p, 0, 3, with_site, 3));
	pairing_release(&p);
}

static void test_nested_stack_of_another(void)
{
	struct pairing p;

	REQUIRE(pairing_init(&p, &layout, NULL) == 0);
	wait_for_stack(&p, 0, 0);
	CHECK(match(&p, 0, 1, with_site, 3));
	wait_for_stack(&p, 0, 2);
	CHECK(!match(&p, 0, 4, without, 2));
	CHECK(match(&p, 0, 5, with_site, 3));
	pairing_release(&p);
}

/* As on 32-bit ARM: the stacks begin behind the call site. */
static void test_nested_without_call_sites(void)
{
	struct pairing p;

	REQUIRE(pairing_init(&p, &layout, NULL) == 0);
	wait_for_stack(&p, 0, 0);
	CHECK(match(&p, 0, 1, without, 2));
	wait_for_stack(&p, 0, 2);
	wait_for_stack(&p, FLAG_SOFTIRQ, 3);
	CHECK(match(&p, FLAG_SOFTIRQ, 4, without, 2));
	CHECK(!match(&p, FLAG_NMI, 5, without, 2));
	CHECK(match(&p, 0, 5, without, 2));
	pairing_release(&p);
}

int main(void)
{
	RUN(test_nested);
	RUN(test_nested_stack_of_another);
	RUN(test_nested_without_call_sites);
	return check_done();
}
