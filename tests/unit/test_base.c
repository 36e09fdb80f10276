/* The base: encoders against the cursor, checksums, options, units. */
#include "tests/unit/check.h"

#include <stdbool.h>
#include <stdlib.h>

#include "format/base/buf.h"
#include "format/base/crc32.h"
#include "format/base/cursor.h"
#include "format/base/options.h"
#include "format/base/units.h"

static void test_numbers_round_trip(void)
{
	static const uint64_t numbers[] = { 0,	       1, 127, 128, 300, 1u << 31, UINT64_MAX / 2,
					    UINT64_MAX };
	struct buf b = { 0 };
	struct cursor c;

	for (size_t i = 0; i < 8; i++) {
		buf_varint(&b, numbers[i]);
		buf_svarint(&b, (int64_t)numbers[i]);
		buf_u64(&b, numbers[i]);
		buf_u16(&b, (uint16_t)numbers[i]);
	}
	c = cursor_of(b.data, b.len);
	for (size_t i = 0; i < 8; i++) {
		CHECK(cursor_varint(&c) == numbers[i]);
		CHECK(cursor_svarint(&c) == (int64_t)numbers[i]);
		CHECK(cursor_u64(&c) == numbers[i]);
		CHECK(cursor_u16(&c) == (uint16_t)numbers[i]);
	}
	CHECK(!c.bad && cursor_left(&c) == 0);
	buf_release(&b);
}

static void test_cursor_is_bounded(void)
{
	static const uint8_t endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0x02 };
	uint8_t blob[] = { 5, 'a', 'b' };
	struct cursor c = cursor_of(endless, sizeof(endless));
	size_t len;

	CHECK(cursor_varint(&c) == 0 && c.bad); /* 65 bits */
	c = cursor_of(endless, 3);
	CHECK(cursor_varint(&c) == 0 && c.bad); /* no end */
	c = cursor_of(blob, sizeof(blob));
	CHECK(!cursor_blob(&c, &len) && c.bad && len == 0);
	CHECK(cursor_u8(&c) == 0); /* failure is sticky */
	c = cursor_of(NULL, 0);
	CHECK(cursor_u32(&c) == 0 && c.bad);
}

static void test_crc32_is_zlibs(void)
{
	/* the check value of CRC-32/ISO-HDLC */
	CHECK(crc32_update(0, "123456789", 9) == 0xcbf43926u);
	CHECK(crc32_update(crc32_update(0, "1234", 4), "56789", 5) == 0xcbf43926u);
	CHECK(crc32_update(0, "", 0) == 0);
}

struct sample {
	bool quiet, force;
	const char *output, *choice;
	struct option_list events;
	uint64_t count, bytes, time;
};

static const char *const choices[] = { "alloc", "all", NULL };
/* clang-format off */
static const struct option_row rows[] = {
	{ "quiet", 'q', NULL, "say less", OPT_FLAG, offsetof(struct sample, quiet), 0, 0, 0, NULL },
	{ "force", 'f', NULL, "overwrite", OPT_FLAG, offsetof(struct sample, force), 0, 0, 0, NULL },
	{ "output", 'o', "FILE", "where to", OPT_STRING, offsetof(struct sample, output), 0, 0, 0, NULL },
	{ "event", 'e', "SPEC", "what", OPT_LIST, offsetof(struct sample, events), 0, 0, 0, NULL },
	{ "top", 'n', "N", "rows", OPT_NUMBER, offsetof(struct sample, count), 1, 100, 0, NULL },
	{ "buffer", 0, "SIZE", "ring", OPT_BYTES, offsetof(struct sample, bytes), 0, 0, 0, NULL },
	{ "duration", 'd', "TIME", "how long", OPT_TIME, offsetof(struct sample, time), 0, 0, 1000000000, NULL },
	{ "stacks", 0, "WHICH", "stacks", OPT_CHOICE, offsetof(struct sample, choice), 0, 0, 0, choices },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

static void test_options(void)
{
	char *argv[] = { "x",  "one", "-qf",	      "-oa.b", "--event=e1", "-e",
			 "e2", "two", "--top",	      "7",     "--buf",	     "64k",
			 "-d", "1.5", "--stacks=all", "--",    "-q",	     NULL };
	struct sample s = { 0 };
	struct error err = { 0 };
	int first = options_parse(rows, &s, 17, argv, false, &err);

	REQUIRE(first == 14);
	CHECK(!strcmp(argv[14], "one") && !strcmp(argv[15], "two") && !strcmp(argv[16], "-q"));
	CHECK(s.quiet && s.force && !strcmp(s.output, "a.b") && s.count == 7 && s.bytes == 65536);
	CHECK(s.time == 1500000000u && !strcmp(s.choice, "all"));
	CHECK(s.events.count == 2 && !strcmp(s.events.items[1], "e2"));
	option_list_release(&s.events);
}

static void refused(const char *arg, const char *value, const char *says)
{
	char *argv[] = { "x", (char *)arg, (char *)value, NULL };
	struct sample s = { 0 };
	struct error err = { 0 };

	CHECK(options_parse(rows, &s, value ? 3 : 2, argv, false, &err) == ERR_USAGE);
	CHECK(strstr(err.text, says));
	option_list_release(&s.events);
}

static void test_options_refuse(void)
{
	refused("--nosuch", NULL, "unknown option --nosuch");
	refused("-z", NULL, "unknown option -z");
	refused("--top", "0", "between 1 and 100");
	refused("--top", "9x", "whole number");
	refused("--top", "-1", "whole number");
	refused("-n", NULL, "needs a value");
	refused("--quiet=1", NULL, "takes no value");
	refused("--stacks", "some", "alloc, all");
	refused("--buffer", "64q", "no size");
	refused("--buffer", "99999999999999G", "no size");
	refused("-d", "soon", "no time");
}

static void test_units(void)
{
	char t[UNITS_TEXT];

	CHECK(!strcmp(units_bytes(t, 1023), "1023 B"));
	CHECK(!strcmp(units_bytes(t, 1536), "1.5 kB"));
	CHECK(!strcmp(units_bytes(t, (1u << 20) - 1), "1.0 MB"));
	CHECK(!strcmp(units_count(t, 1234567), "1,234,567"));
	CHECK(!strcmp(units_count(t, 999), "999"));
	CHECK(!strcmp(units_duration(t, 1500000), "1.500 ms"));
}

int main(void)
{
	RUN(test_numbers_round_trip);
	RUN(test_cursor_is_bounded);
	RUN(test_crc32_is_zlibs);
	RUN(test_options);
	RUN(test_options_refuse);
	RUN(test_units);
	return check_done();
}
