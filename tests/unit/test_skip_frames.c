/* The caller of an allocation: which functions are skipped, and what is left when all are. */
#include "analyze/skip_frames.h"
#include "tests/unit/check.h"

static bool match(const struct skip_frames *s, const char *name)
{
	return skip_frames_match(s, name, strlen(name));
}

static void test_names(void)
{
	struct skip_frames s;

	REQUIRE(skip_frames_init(&s, NULL, 0, NULL) == 0);
	CHECK(match(&s, "__kmalloc"));
	CHECK(match(&s, "__kmalloc_noprof"));
	CHECK(match(&s, "kvmalloc_node.isra.0"));
	CHECK(match(&s, "___kmalloc_large_node.constprop.0.isra.3"));
	CHECK(match(&s, "kvasprintf"));
	CHECK(match(&s, "alloc_pages_bulk_mempolicy_noprof"));
	CHECK(match(&s, "pcpu_alloc_noprof"));
	/* what only begins or ends like one of them */
	CHECK(!match(&s, "kmalloc_slab"));
	CHECK(!match(&s, "my_kmalloc"));
	CHECK(!match(&s, "kfree_skb"));
	CHECK(!match(&s, "alloc_inode"));
	CHECK(!match(&s, "vmalloc_init"));
	CHECK(!match(&s, "_noprof"));
	CHECK(!match(&s, ".isra.0"));
	CHECK(!match(&s, ""));
	CHECK(!match(&s, "#"));
	skip_frames_release(&s);
}

static void test_patterns_of_the_user(void)
{
	static const char *const more[] = { "drv_get",	 "xfs_*_alloc", "a?c",
					    "*_zalloc*", "f_noprof",	"g.isra.0" };
	static const char *const empty[] = { "" };
	struct error err = { 0 };
	struct skip_frames s;

	REQUIRE(skip_frames_init(&s, more, 6, &err) == 0);
	CHECK(match(&s, "drv_get") && match(&s, "drv_get.part.0") && !match(&s, "drv_get2"));
	CHECK(match(&s, "xfs_buf_alloc") && match(&s, "xfs_a_alloc_b_alloc.isra.0") &&
	      !match(&s, "xfs_alloc") && !match(&s, "xfs_buf_alloc_x"));
	CHECK(match(&s, "abc") && !match(&s, "ac") && !match(&s, "abbc"));
	CHECK(match(&s, "_zalloc") && match(&s, "x_zallocate") && !match(&s, "x_zallo"));
	CHECK(match(&s, "f") && match(&s, "f_noprof") && match(&s, "g") && match(&s, "g.isra.1"));
	CHECK(match(&s, "__kmalloc"));
	skip_frames_release(&s);
	CHECK(skip_frames_init(&s, empty, 1, &err) == ERR_USAGE);
}

static void test_caller(void)
{
	enum { PLAIN_1 = 1, PLAIN_2, SKIP_3, SKIP_4, USER_5, FRAMES };
	static const unsigned char classes[FRAMES] = {
		[SKIP_3] = FRAME_SKIPPED, [SKIP_4] = FRAME_SKIPPED, [USER_5] = FRAME_USER
	};
	const uint32_t usual[] = { SKIP_3, SKIP_4, PLAIN_1, PLAIN_2 },
		       unnamed[] = { PLAIN_2, PLAIN_1, SKIP_3 }, all[] = { SKIP_3, SKIP_4 },
		       user[] = { SKIP_3, USER_5, PLAIN_1 }, only_user[] = { USER_5 };

	CHECK(skip_frames_caller(usual, 4, SKIP_4, classes) == PLAIN_1);
	CHECK(skip_frames_caller(usual, 4, 0, classes) == PLAIN_1);
	/* frames inside the call site are the allocator's, also those of unknown name */
	CHECK(skip_frames_caller(unnamed, 3, PLAIN_1, classes) == PLAIN_1);
	CHECK(skip_frames_caller(unnamed, 3, 0, classes) == PLAIN_2);
	/* without a stack, and with one that ends in the allocator */
	CHECK(skip_frames_caller(NULL, 0, SKIP_3, classes) == SKIP_3);
	CHECK(skip_frames_caller(NULL, 0, 0, classes) == 0);
	CHECK(skip_frames_caller(all, 2, PLAIN_1, classes) == PLAIN_1);
	CHECK(skip_frames_caller(all, 2, 0, classes) == SKIP_4);
	/* a program is no caller */
	CHECK(skip_frames_caller(user, 3, 0, classes) == SKIP_3);
	CHECK(skip_frames_caller(only_user, 1, 0, classes) == 0);
}

int main(void)
{
	RUN(test_names);
	RUN(test_patterns_of_the_user);
	RUN(test_caller);
	return check_done();
}
