#include "record/direct_map.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h> /* ElfW: the kernel writes headers of its own word size */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_MAX 1024

static bool read_at(int fd, void *p, size_t n, off_t offset)
{
	return pread(fd, p, n, offset) == (ssize_t)n;
}

bool direct_map_read(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ElfW(Ehdr) head;
	size_t used = 0;

	text[0] = '\0';
	if (fd < 0)
		return false;
	if (read_at(fd, &head, sizeof(head), 0) && !memcmp(head.e_ident, ELFMAG, SELFMAG) &&
	    head.e_phentsize == sizeof(ElfW(Phdr)) && head.e_phnum <= SEGMENTS_MAX) {
		for (unsigned int i = 0; i < head.e_phnum && used + 80 < room; i++) {
			ElfW(Phdr) s;

			if (!read_at(fd, &s, sizeof(s), (off_t)(head.e_phoff + i * sizeof(s))))
				break;
			if (s.p_type != PT_LOAD || s.p_paddr == (ElfW(Addr)) - 1 || !s.p_memsz)
				continue;
			used += (size_t)snprintf(text + used, room - used,
						 "%s%" PRIx64 "-%" PRIx64 ":%" PRIx64,
						 used ? " " : "", (uint64_t)s.p_vaddr,
						 (uint64_t)s.p_vaddr + s.p_memsz,
						 (uint64_t)s.p_paddr);
		}
	}
	close(fd);
	return used > 0;
}
