/* Flags of an allocation by name: from the format of an event, and from the release. */
#include "analyze/gfp_table.h"

#include <string.h>

#include "tests/unit/check.h"

#define LIST(entries) \
	"name: kmalloc\nprint fmt: \"gfp_flags=%s\", (REC->gfp_flags) ? __print_flags(REC->gfp_flags, \"|\", " entries

static bool parses(struct gfp_table *t, const char *format)
{
	return gfp_table_parse(t, format, strlen(format));
}

static bool prints(const struct gfp_table *t, uint64_t gfp, const char *expected)
{
	char text[GFP_TEXT_MAX];

	if (!strcmp(gfp_table_print(t, gfp, text, sizeof(text)), expected))
		return true;
	printf("# '%s' instead of '%s'\n", text, expected);
	return false;
}

static void test_format(void)
{
	struct gfp_table t;

	/* as of 6.18, with the end of the list */
	CHECK(parses(&t,
		     LIST("{( unsigned long)((( gfp_t)(((((1UL))) << (10))|((((1UL))) << (11)))) |"
			  " (( gfp_t)((((1UL))) << (6)))), \"GFP_NOFS\"},"
			  " {( unsigned long)(( gfp_t)((((1UL))) << (6))), \"__GFP_IO\"},"
			  " { 0, ((void *)0) } ) : \"none\"\n")));
	CHECK(t.count == 2);
	CHECK(prints(&t, 0xc40, "GFP_NOFS"));
	CHECK(prints(&t, 0x40, "__GFP_IO"));
	CHECK(prints(&t, 0xd40, "GFP_NOFS|0x100"));
	CHECK(prints(&t, 0, "none"));
	CHECK(!strcmp(t.source, "the captured kernel"));
	/* as of 6.1: numbers, and no end but the parenthesis; an option that is not built in */
	CHECK(parses(
		&t,
		LIST("{(unsigned long)((((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x40u)) & ~(( gfp_t)(0x400u))) |"
		     " (( gfp_t)0)), \"GFP_ODD\"}, {(unsigned long)(( gfp_t)0), \"__GFP_SKIP\"}) : \"none\"\n")));
	CHECK(t.count == 1);
	CHECK(prints(&t, 0x840, "GFP_ODD"));
}

static void test_bad_format(void)
{
	static const char *const formats[] = {
		"",
		"print fmt: \"\"",
		LIST(""),
		LIST("{"),
		LIST("{1, \"A\"}"),					/* no end */
		LIST("{1, \"A\"} )x"),					/* the one that is whole */
		LIST("{(((1UL)) << (___GFP_IO_BIT)), \"__GFP_IO\"} )"), /* names of bits: nobody says which */
		LIST("{1 << 64, \"A\"} )"),
		LIST("{1 <<, \"A\"} )"),
		LIST("{1 | , \"A\"} )"),
		LIST("{0x, \"A\"} )"),
		LIST("{1, \"A\\\"} )"),
		LIST("{1, \"\"} )"),
		LIST("{1, \"0123456789012345678901234567890123456789\"} )"),
		LIST("{REC->gfp_flags, \"A\"} )"),
	};
	struct gfp_table t;
	char deep[4096] = "";

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		CHECK(parses(&t, formats[i]) == (i == 5));
	snprintf(deep, sizeof(deep), "%s", LIST("{"));
	memset(deep + strlen(deep), '(', 3000);
	deep[3200] = '\0';
	CHECK(!parses(&t, deep));
}

static void test_release(void)
{
	struct gfp_table t;

	gfp_table_of_release(&t, "6.1.0-13-amd64");
	CHECK(prints(&t, 0xa20, "GFP_ATOMIC"));
	CHECK(prints(&t, 0x820, "__GFP_HIGH|__GFP_KSWAPD_RECLAIM"));
	CHECK(prints(&t, 0x400dc0, "GFP_KERNEL_ACCOUNT|__GFP_ZERO"));
	gfp_table_of_release(&t, "6.12.3");
	CHECK(prints(&t, 0x820, "GFP_ATOMIC"));
	CHECK(prints(&t, 0x2800, "__GFP_KSWAPD_RECLAIM|__GFP_NOWARN"));
	CHECK(prints(&t, 0x1000cc0, "GFP_KERNEL|0x1000000"));
	gfp_table_of_release(&t, NULL);
	CHECK(prints(&t, 0x2800, "GFP_NOWAIT"));
	gfp_table_of_release(&t, "4.19.0");
	CHECK(prints(&t, 0xcc0, "0xcc0"));
	gfp_table_of_release(&t, "unknown");
	CHECK(prints(&t, 0xcc0, "0xcc0"));
}

int main(void)
{
	RUN(test_format);
	RUN(test_bad_format);
	RUN(test_release);
	return check_done();
}
