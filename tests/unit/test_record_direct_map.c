/* The direct map, from an ELF file such as /proc/kcore is. */
#include "tests/unit/check.h"

#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/direct_map.h"

static void write_kcore(char *path, size_t cut)
{
	ElfW(Ehdr)
		head = { .e_phoff = sizeof(head), .e_phnum = 4, .e_phentsize = sizeof(ElfW(Phdr)) };
	ElfW(Phdr) s[4] = {
		{ .p_type = PT_NOTE, .p_memsz = 10 },
		{ .p_type = PT_LOAD,
		  .p_vaddr = 0x1000,
		  .p_memsz = 0x500,
		  .p_paddr = (ElfW(Addr)) - 1 },
		{ .p_type = PT_LOAD, .p_vaddr = 0x80000000, .p_memsz = 0x9f000, .p_paddr = 0x1000 },
		{ .p_type = PT_LOAD,
		  .p_vaddr = 0x80100000,
		  .p_memsz = 0x100000,
		  .p_paddr = 0x100000 },
	};
	int fd;

	check_path(path);
	fd = mkstemp(path);
	memcpy(head.e_ident, ELFMAG, SELFMAG);
	CHECK(write(fd, &head, sizeof(head)) == (ssize_t)sizeof(head));
	CHECK(write(fd, s, sizeof(s) - cut) == (ssize_t)(sizeof(s) - cut));
	close(fd);
}

static void test_ranges(void)
{
	char path[CHECK_PATH_BYTES], cut[CHECK_PATH_BYTES], text[300];

	write_kcore(path, 0);
	CHECK(direct_map_read(path, text, sizeof(text)));
	CHECK(!strcmp(text, "80000000-8009f000:1000 80100000-80200000:100000"));
	CHECK(direct_map_read(path, text, 100));
	CHECK(!strcmp(text, "80000000-8009f000:1000"));
	write_kcore(cut, sizeof(ElfW(Phdr)));
	CHECK(direct_map_read(cut, text, sizeof(text)));
	CHECK(!strcmp(text, "80000000-8009f000:1000"));
	unlink(path);
	unlink(cut);
}

static void test_nothing_there(void)
{
	char text[300];

	CHECK(!direct_map_read("/nonexistent", text, sizeof(text)) && !text[0]);
	CHECK(!direct_map_read("/proc/self/stat", text, sizeof(text)) && !text[0]);
}

int main(void)
{
	RUN(test_ranges);
	RUN(test_nothing_there);
	return check_done();
}
