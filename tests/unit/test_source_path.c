/* Paths of one source tree, as builds of different kinds write them. */
#include "analyze/source_path.h"

#include <stdlib.h>

#include "tests/unit/check.h"

static bool is(const struct source_tree *tree, const char *dir, const char *name,
	       const char *wanted)
{
	char *path = source_path(tree, dir, name);
	bool same = path && !strcmp(path, wanted);

	if (!same)
		printf("# '%s' in '%s': '%s', not '%s'\n", name, dir ? dir : "", path ? path : "",
		       wanted);
	free(path);
	return same;
}

static void test_debian(void)
{
	static const char dir[] = "debian/build/build_amd64_none_cloud-amd64";
	static const char asm_dir[] =
		"/build/reproducible-path/linux-6.1.192/debian/build/build_amd64_none_cloud-amd64";
	struct source_tree t = { 0 };

	CHECK(source_tree_unit(&t, "arch/x86/kernel/head64.c", dir, NULL) == 0);
	CHECK(source_tree_unit(&t, "init/main.c", dir, NULL) == 1);
	CHECK(source_tree_unit(&t, "/other/init/main.c", dir, NULL) == 0);
	CHECK(is(&t, dir, "fs/ext4/inode.c", "fs/ext4/inode.c"));
	CHECK(is(&t, dir, "debian/build/build_amd64_none_cloud-amd64/./include/linux/slab.h",
		 "include/linux/slab.h"));
	CHECK(is(&t, asm_dir, "/build/reproducible-path/linux-6.1.192/arch/x86/kernel/head_64.S",
		 "arch/x86/kernel/head_64.S"));
	CHECK(is(&t, asm_dir,
		 "/build/reproducible-path/linux-6.1.192/debian/build/build_amd64_none_cloud-amd64/"
		 "include/generated/x.h",
		 "include/generated/x.h"));
	CHECK(is(&t, dir, "/usr/lib/gcc/x86_64-linux-gnu/12/include/stdarg.h",
		 "/usr/lib/gcc/x86_64-linux-gnu/12/include/stdarg.h"));
	source_tree_release(&t);
}

static void test_separate_output(void)
{
	struct source_tree t = { 0 };

	CHECK(source_tree_unit(&t, "/home/me/linux/init/main.c", "/home/me/out", NULL) == 1);
	CHECK(is(&t, "/home/me/out", "/home/me/linux/fs/ext4/inode.c", "fs/ext4/inode.c"));
	CHECK(is(&t, "/home/me/out", "/home/me/linux/./include/linux/slab.h",
		 "include/linux/slab.h"));
	CHECK(is(&t, "/home/me/out", "/home/me/out/include/generated/autoconf.h",
		 "include/generated/autoconf.h"));
	CHECK(is(&t, "/home/me/out", "/home/me/linux-other/mm/slub.c",
		 "/home/me/linux-other/mm/slub.c"));
	/* a module built elsewhere against this tree */
	CHECK(is(&t, "/home/me/module", "/home/me/module/main.c", "main.c"));
	CHECK(is(&t, "/home/me/out", "/home/me/module/main.c", "/home/me/module/main.c"));
	source_tree_release(&t);
}

static void test_output_inside(void)
{
	struct source_tree t = { 0 };

	CHECK(source_tree_unit(&t, "../init/main.c", "/src/linux/build", NULL) == 1);
	CHECK(is(&t, "/src/linux/build", "../fs/ext4/inode.c", "fs/ext4/inode.c"));
	CHECK(is(&t, "/src/linux/build", "/src/linux/build/../fs/ext4/inode.c", "fs/ext4/inode.c"));
	CHECK(is(&t, "/src/linux/build", "/src/linux/build/include/generated/a.h",
		 "include/generated/a.h"));
	source_tree_release(&t);

	/* absolute names, output inside the tree */
	CHECK(source_tree_unit(&t, "/src/linux/init/main.c", "/src/linux/build", NULL) == 1);
	CHECK(is(&t, "/src/linux/build", "/src/linux/fs/x.c", "fs/x.c"));
	CHECK(is(&t, "/src/linux/build", "/src/linux/build/include/generated/a.h",
		 "include/generated/a.h"));
	source_tree_release(&t);

	/* the tree below the directory of compilation */
	CHECK(source_tree_unit(&t, "/src/linux/init/main.c", "/src", NULL) == 1);
	CHECK(is(&t, "/src", "/src/linux/fs/x.c", "fs/x.c"));
	source_tree_release(&t);
}

static void test_plain(void)
{
	struct source_tree t = { 0 };

	CHECK(source_tree_unit(&t, "xinit/main.c", "/src", NULL) == 0);
	CHECK(is(&t, NULL, "a//b/./c/../d.c", "a/b/d.c"));
	CHECK(is(&t, NULL, "../../x.c", "../../x.c"));
	CHECK(is(&t, NULL, "a/../../x.c", "../x.c"));
	CHECK(is(&t, NULL, "/../x.c", "/x.c"));
	CHECK(is(&t, NULL, "", ""));
	CHECK(is(&t, "/src", "/src/prog.c", "prog.c"));
	CHECK(is(&t, "/", "/prog.c", "/prog.c"));
	CHECK(source_tree_unit(&t, "/linux/init/main.c", NULL, NULL) == 1);
	CHECK(is(&t, NULL, "/linux/mm/slub.c", "mm/slub.c"));
	source_tree_release(&t);

	CHECK(source_directory("fs/ext4/inode.c") == 7);
	CHECK(source_directory("main.c") == 0);
}

int main(void)
{
	RUN(test_debian);
	RUN(test_separate_output);
	RUN(test_output_inside);
	RUN(test_plain);
	return check_done();
}
