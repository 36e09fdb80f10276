/* Modules that come while recording, on a saved tree that changes between looks. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/reader.h"
#include "record/modules.h"
#include "tests/unit/check.h"

#define A "a 16384 0 - Live 0xffffffffc0001000\n"
#define LONG_NAME \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

struct fixture {
	char root[CHECK_PATH_BYTES], capture[CHECK_PATH_BYTES + 8];
	struct tree tree;
	struct capture_writer *writer;
	struct meta meta;
	struct module_watch watch;
	struct error err;
	bool ready;
};

static void put(const struct fixture *f, const char *path, const char *text)
{
	char full[CHECK_PATH_BYTES + 400];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", f->root, path);
	for (char *p = strchr(full + strlen(f->root) + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(full, 0700);
		*p = '/';
	}
	file = fopen(full, "w");
	if (!file)
		return;
	fputs(text, file);
	fclose(file);
}

static void set_up(struct fixture *f, const char *modules)
{
	int fd;

	*f = (struct fixture){ .ready = false };
	check_path(f->root);
	if (!mkdtemp(f->root))
		return;
	snprintf(f->capture, sizeof(f->capture), "%s/c", f->root);
	fd = open(f->capture, O_RDWR | O_CREAT | O_EXCL, 0600);
	put(f, "/tracing/README", "");
	put(f, "/proc/modules", modules);
	put(f, "/proc/kallsyms",
	    "1 T kernel\n"
	    "2 t a_run\t[a]\n"
	    "3 t b_run\t[b]\n"
	    "4 t b_init\t[b]\n"
	    "5 t ab\t[ab]\n"
	    "6 t cut off\t[b]");
	put(f, "/sys/module/a/sections/.text", "0xffffffffc0001000\n");
	put(f, "/sys/module/b/sections/.text", "0xffffffffc0003000\n");
	put(f, "/sys/module/b/sections/.init.text", "0xffffffffc0005000\n");
	put(f, "/sys/module/b/notes/.note.gnu.build-id", "id of b");
	f->ready = tree_open(&f->tree, f->root, &f->err) == 0 &&
		   capture_writer_new(&f->writer, fd, f->capture, 0, &f->err) == 0;
	if (!f->ready)
		return;
	meta_init(&f->meta, f->writer, f->tree, "start");
	module_watch_start(&f->watch, &f->tree);
}

/* The files saved, as "name=bytes;" in order; moments are checked. */
static void saved(struct fixture *f, char *ret, size_t room)
{
	struct capture_reader *r = NULL;
	struct capture_scan scan = { 0 };
	struct block block = { 0 };
	struct file_part part;
	size_t len = 0;

	*ret = '\0';
	REQUIRE(f->ready && capture_writer_end(f->writer, 0, &f->err) == 0);
	REQUIRE(capture_reader_open(&r, f->capture, &f->err) == 0);
	REQUIRE(capture_reader_scan(r, &scan, NULL, NULL, &f->err) == 0);
	for (size_t i = 0; i < scan.count; i++) {
		if (scan.blocks[i].type != BLOCK_FILE)
			continue;
		REQUIRE(capture_reader_load(r, &scan, i, &block, &f->err) == 0);
		REQUIRE(file_decode(block.sections[0].data, block.sections[0].len, &part,
				    &f->err) == 0);
		CHECK(part.moment.len >= 5 &&
		      strspn(part.moment.data, "0123456789") >= part.moment.len);
		len += (size_t)snprintf(ret + len, room - len, "%.*s=%.*s;", (int)part.name.len,
					part.name.data, (int)part.bytes.len, part.bytes.data);
		REQUIRE(len < room);
	}
	block_release(&block);
	capture_scan_release(&scan);
	capture_reader_free(r);
}

static void tear_down(struct fixture *f)
{
	char command[CHECK_PATH_BYTES + 16];

	module_watch_release(&f->watch);
	if (f->ready) {
		meta_release(&f->meta);
		capture_writer_free(f->writer);
		tree_close(&f->tree);
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", f->root);
	CHECK(system(command) == 0);
}

#define SAVED_B(modules) \
	"/proc/modules=" modules ";" \
	"/sys/module/b/sections/.text=0xffffffffc0003000\n;" \
	"/sys/module/b/sections/.init.text=0xffffffffc0005000\n;" \
	"/sys/module/b/notes/.note.gnu.build-id=id of b;" \
	"/sys/module/b/kallsyms=3 t b_run\t[b]\n4 t b_init\t[b]\n;"
/* sections in the directory's other order */
#define SAVED_B2(modules) \
	"/proc/modules=" modules ";" \
	"/sys/module/b/sections/.init.text=0xffffffffc0005000\n;" \
	"/sys/module/b/sections/.text=0xffffffffc0003000\n;" \
	"/sys/module/b/notes/.note.gnu.build-id=id of b;" \
	"/sys/module/b/kallsyms=3 t b_run\t[b]\n4 t b_init\t[b]\n;"

#define IS_B(text, modules) (!strcmp(text, SAVED_B(modules)) || !strcmp(text, SAVED_B2(modules)))

#define B_LIVE	  "b 8192 0 - Live 0xffffffffc0003000\n"
#define B_LOADING "b 8192 1 - Loading 0xffffffffc0003000\n"

static int look(struct fixture *f, const char *modules, bool last)
{
	if (modules)
		put(f, "/proc/modules", modules);
	return module_watch_look(&f->watch, &f->meta, last, &f->err);
}

/* What was there at the start and what has not changed is not saved; what has come is, once. */
static void test_new_module_once(void)
{
	struct fixture f;
	char text[2000];

	set_up(&f, A);
	CHECK(f.ready && f.watch.present);
	CHECK(look(&f, NULL, false) == 0);
	CHECK(look(&f, A B_LIVE, false) == 0);
	CHECK(look(&f, NULL, false) == 0);
	CHECK(look(&f, B_LIVE, true) == 0);
	saved(&f, text, sizeof(text));
	CHECK(IS_B(text, A B_LIVE));
	tear_down(&f);
}

/* Sections of a module are there some time after its line in /proc/modules. */
static void test_loading_waits(void)
{
	struct fixture f;
	char text[2000];

	set_up(&f, A);
	CHECK(look(&f, B_LOADING, false) == 0);
	REQUIRE(f.ready);
	CHECK(capture_writer_bytes(f.writer) < 100);
	CHECK(look(&f, NULL, false) == 0); /* the same text, a look later */
	CHECK(look(&f, B_LIVE, false) == 0);
	saved(&f, text, sizeof(text));
	CHECK(IS_B(text, B_LOADING));
	tear_down(&f);
}

static void test_loading_at_the_end(void)
{
	struct fixture f;
	char text[2000];

	set_up(&f, A);
	CHECK(look(&f, B_LOADING, true) == 0);
	saved(&f, text, sizeof(text));
	CHECK(IS_B(text, B_LOADING));
	tear_down(&f);
}

/* Loaded anew between two looks. */
static void test_another_base(void)
{
	struct fixture f;
	char text[2000];

	set_up(&f, "b 8192 0 - Live 0xffffffffc0001000\n");
	CHECK(look(&f, B_LIVE, false) == 0);
	saved(&f, text, sizeof(text));
	CHECK(IS_B(text, B_LIVE));
	tear_down(&f);
}

static void test_hostile_names(void)
{
	struct fixture f;
	char text[2000];

	set_up(&f, A);
	CHECK(look(&f,
		   ". 1 0 - Live 0x1\n"
		   ".. 1 0 - Live 0x1\n"
		   "../module/b 1 0 - Live 0x1\n" LONG_NAME " 1 0 - Live 0x1\n"
		   "b\n"
		   "b 1 0 - Live\n"
		   "\n"
		   "b",
		   true) == 0);
	saved(&f, text, sizeof(text));
	CHECK(!*text);
	tear_down(&f);
}

/* No module can be loaded where there is no list of them. */
static void test_no_modules(void)
{
	struct fixture f;
	char text[2000], path[CHECK_PATH_BYTES + 64];

	set_up(&f, A);
	module_watch_release(&f.watch);
	snprintf(path, sizeof(path), "%s/proc/modules", f.root);
	CHECK(unlink(path) == 0);
	module_watch_start(&f.watch, &f.tree);
	CHECK(!f.watch.present);
	CHECK(look(&f, A B_LIVE, true) == 0);
	saved(&f, text, sizeof(text));
	CHECK(!*text);
	tear_down(&f);
}

int main(void)
{
	RUN(test_new_module_once);
	RUN(test_loading_waits);
	RUN(test_loading_at_the_end);
	RUN(test_another_base);
	RUN(test_hostile_names);
	RUN(test_no_modules);
	return check_done();
}
