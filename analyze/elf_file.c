#include "analyze/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENTS_MAX 256

static void take_note(struct elf_file *f, Elf_Data *data)
{
	size_t at = 0, name, desc;
	GElf_Nhdr note;

	while (data && (at = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		const char *bytes = data->d_buf;

		if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
		    memcmp(bytes + name, "GNU", 4))
			continue;
		if (!note.n_descsz || note.n_descsz > BUILD_ID_MAX)
			continue;
		memcpy(f->build_id, bytes + desc, note.n_descsz);
		f->build_id_len = note.n_descsz;
		return;
	}
}

static void find_build_id(struct elf_file *f)
{
	Elf_Scn *scn = NULL;
	size_t count = 0;

	while (!f->build_id_len && (scn = elf_nextscn(f->elf, scn)) != NULL) {
		GElf_Shdr h;

		if (gelf_getshdr(scn, &h) && h.sh_type == SHT_NOTE)
			take_note(f, elf_getdata(scn, NULL));
	}
	if (f->build_id_len || elf_getphdrnum(f->elf, &count) < 0)
		return;
	for (size_t i = 0; i < count && i < SEGMENTS_MAX && !f->build_id_len; i++) {
		GElf_Phdr h;

		if (gelf_getphdr(f->elf, (int)i, &h) && h.p_type == PT_NOTE)
			take_note(f,
				  elf_getdata_rawchunk(f->elf, (int64_t)h.p_offset, h.p_filesz,
						       h.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR));
	}
}

/*
 * The capture may name any path for a library: what is a pipe or a device is not opened, as that alone may do something
 * (a watchdog begins to count), and must neither block nor be read.
 */
static int open_regular(const char *path, struct error *err)
{
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, ERR_IO, "'%s' is not a regular file", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_errno(err, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return error_set(err, ERR_IO, "'%s' is not a regular file", path);
	}
	return fd;
}

int elf_file_open(struct elf_file *f, const char *path, struct error *err)
{
	int fd = open_regular(path, err);

	if (fd < 0)
		return fd;
	elf_version(EV_CURRENT);
	*f = (struct elf_file){ .fd = fd, .elf = elf_begin(fd, ELF_C_READ_MMAP, NULL) };
	if (!f->elf || elf_kind(f->elf) != ELF_K_ELF) {
		elf_file_close(f);
		return error_set(err, ERR_FORMAT, "'%s' is not an ELF file", path);
	}
	find_build_id(f);
	return 0;
}

void elf_file_close(struct elf_file *f)
{
	elf_end(f->elf);
	close(f->fd);
}

bool elf_file_has_id(const struct elf_file *f, const void *id, size_t len)
{
	return len && f->build_id_len == len && !memcmp(f->build_id, id, len);
}
