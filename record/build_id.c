#include "record/build_id.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define HEADERS_MAX 64u
#define NOTES_MAX   65536u
#define FILES_MAX   16384u

static bool read_at(int fd, void *to, size_t n, uint64_t offset)
{
	off_t at = (off_t)offset;

	return at >= 0 && (uint64_t)at == offset && pread(fd, to, n, at) == (ssize_t)n;
}

static size_t padded(uint32_t len)
{
	return ((size_t)len + 3) & ~(size_t)3;
}

/* Notes in one segment: three words, name, content, each padded to 4. */
static bool find_note(const uint8_t *p, size_t left, struct build_id *ret)
{
	while (left >= 12) {
		uint32_t head[3];

		memcpy(head, p, sizeof(head));
		if (padded(head[0]) > left - 12 || padded(head[1]) > left - 12 - padded(head[0]))
			return false;
		if (head[2] == NT_GNU_BUILD_ID && head[0] == 4 && !memcmp(p + 12, "GNU", 4) &&
		    head[1] && head[1] <= BUILD_ID_BYTES) {
			memcpy(ret->bytes, p + 12 + 4, head[1]);
			ret->len = (uint8_t)head[1];
			return true;
		}
		left -= 12 + padded(head[0]) + padded(head[1]);
		p += 12 + padded(head[0]) + padded(head[1]);
	}
	return false;
}

static bool read_notes(int fd, uint64_t offset, uint64_t size, struct build_id *ret)
{
	uint8_t *notes;
	bool found;

	if (!size || size > NOTES_MAX)
		return false;
	notes = malloc((size_t)size);
	found = notes && read_at(fd, notes, (size_t)size, offset) &&
		find_note(notes, (size_t)size, ret);
	free(notes);
	return found;
}

static bool read_64(int fd, struct build_id *ret)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (!read_at(fd, &e, sizeof(e), 0) || e.e_phentsize != sizeof(p))
		return false;
	for (uint32_t i = 0; i < e.e_phnum && i < HEADERS_MAX; i++)
		if (read_at(fd, &p, sizeof(p), e.e_phoff + i * sizeof(p)) && p.p_type == PT_NOTE &&
		    read_notes(fd, p.p_offset, p.p_filesz, ret))
			return true;
	return false;
}

static bool read_32(int fd, struct build_id *ret)
{
	Elf32_Ehdr e;
	Elf32_Phdr p;

	if (!read_at(fd, &e, sizeof(e), 0) || e.e_phentsize != sizeof(p))
		return false;
	for (uint32_t i = 0; i < e.e_phnum && i < HEADERS_MAX; i++)
		if (read_at(fd, &p, sizeof(p), (uint64_t)e.e_phoff + i * sizeof(p)) &&
		    p.p_type == PT_NOTE && read_notes(fd, p.p_offset, p.p_filesz, ret))
			return true;
	return false;
}

bool build_id_read(int fd, struct build_id *ret)
{
	const uint8_t ours = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? ELFDATA2MSB : ELFDATA2LSB;
	uint8_t ident[EI_NIDENT];

	ret->len = 0;
	if (!read_at(fd, ident, sizeof(ident), 0) || memcmp(ident, ELFMAG, SELFMAG) ||
	    ident[EI_DATA] != ours)
		return false;
	return ident[EI_CLASS] == ELFCLASS64 ? read_64(fd, ret) :
	       ident[EI_CLASS] == ELFCLASS32 ? read_32(fd, ret) :
					       false;
}

/* ---- files that were read before ---- */

static bool grow(struct build_ids *b)
{
	size_t cap = b->cap ? b->cap * 2 : 64;
	struct build_id *p = realloc(b->ids, cap * sizeof(*p));

	if (!p)
		return false;
	b->ids = p;
	b->cap = cap;
	return true;
}

const struct build_id *build_ids_of_fd(struct build_ids *b, int fd)
{
	struct stat st;
	uint64_t key[4];
	uint32_t n;
	bool is_new;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (b->files.count >= FILES_MAX)
		intern_clear(&b->files);
	if (b->files.count == b->cap && !grow(b))
		return NULL;
	key[0] = st.st_dev;
	key[1] = st.st_ino;
	key[2] = (uint64_t)st.st_ctim.tv_sec;
	key[3] = (uint64_t)st.st_ctim.tv_nsec;
	n = intern(&b->files, key, sizeof(key), &is_new);
	if (n == INTERN_FULL)
		return NULL;
	if (is_new)
		build_id_read(fd, &b->ids[n]);
	return b->ids[n].len ? &b->ids[n] : NULL;
}

static bool same_file(int fd, unsigned int major, unsigned int minor, uint64_t inode)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == inode &&
	       gnu_dev_major(st.st_dev) == major && gnu_dev_minor(st.st_dev) == minor;
}

const struct build_id *build_ids_of_map(struct build_ids *b, int32_t tgid, uint64_t start,
					uint64_t end, const char *path, unsigned int major,
					unsigned int minor, uint64_t inode)
{
	const struct build_id *id = NULL;
	char name[4200];
	int fd;

	if (path[0] != '/' || !inode)
		return NULL;
	/* the mapping itself, where we may: good for files that were deleted or replaced, too */
	snprintf(name, sizeof(name), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, tgid, start, end);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		snprintf(name, sizeof(name), "/proc/%d/root%s", tgid, path);
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0) /* it is gone: its files may be ours, too */
			fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0 && !same_file(fd, major, minor, inode)) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0)
		return NULL;
	id = build_ids_of_fd(b, fd);
	close(fd);
	return id;
}

void build_ids_release(struct build_ids *b)
{
	intern_release(&b->files);
	free(b->ids);
	*b = (struct build_ids){ 0 };
}
