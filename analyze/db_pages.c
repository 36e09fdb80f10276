#include "analyze/db_pages.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define RESERVED    8 /* bytes at the end of a page: u32 checksum, u32 count of changes (page 1) */
#define PAGE_MIN    512 /* of SQLite */
#define PAGE_MAX    65536
#define HEADER_LEN  100
#define AT_SIZE	    16 /* in the header of a database */
#define AT_RESERVED 20
#define AT_CHANGES  24

/* SQLite allocates it, with the file of the VFS below behind it. */
struct paged_file {
	sqlite3_file base;
	sqlite3_file *real;
	bool writes;   /* every page gets a checksum */
	bool checks;   /* every page has one */
	uint32_t size; /* of a page, once the header was seen */
};

static sqlite3_vfs vfs;
static sqlite3_io_methods methods;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct paged_file *)file)->real;
}

static uint32_t big_endian(const uint8_t *p, unsigned int bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

static void put_big_endian(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Of all bytes but the checksum itself; the place is in it, so that pages do not change places. */
static uint32_t checksum(const uint8_t *page, uint32_t size, sqlite3_int64 offset)
{
	uint64_t a = (uint64_t)offset + 1, b = size;

	for (uint32_t i = 0; i < size; i += 8) {
		uint64_t v;

		memcpy(&v, page + i, 8);
		if (i + 8 == size) /* not itself */
			memset(&v, 0, 4);
		/* an odd factor and a rotation lose nothing: one changed word always changes the sum */
		a = (a ^ v) * 0x9e3779b97f4a7c15ull;
		a ^= a >> 32;
		b += a;
	}
	b ^= b >> 32;
	return (uint32_t)(a ^ b);
}

static bool is_page(int amount, sqlite3_int64 offset)
{
	return amount >= PAGE_MIN && amount <= PAGE_MAX && !(amount & (amount - 1)) &&
	       offset % amount == 0;
}

/* header: the beginning of page 1. */
static void see_header(struct paged_file *f, const uint8_t *header)
{
	f->size = big_endian(header + AT_SIZE, 2);
	if (f->size == 1)
		f->size = PAGE_MAX;
	f->checks = header[AT_RESERVED] == RESERVED;
}

static int read_page(sqlite3_file *file, void *to, int amount, sqlite3_int64 offset)
{
	struct paged_file *f = (struct paged_file *)file;
	int rc = f->real->pMethods->xRead(f->real, to, amount, offset);
	const uint8_t *page = to;

	if (rc != SQLITE_OK || f->writes)
		return rc;
	if (offset == 0 && amount >= HEADER_LEN)
		see_header(f, page);
	if (!f->checks || (uint32_t)amount != f->size || !is_page(amount, offset))
		return rc;
	/* changed by others since: as it is */
	if (offset == 0 && memcmp(page + AT_CHANGES, page + amount - 4, 4)) {
		f->checks = false;
		return rc;
	}
	return checksum(page, f->size, offset) == big_endian(page + amount - RESERVED, 4) ?
		       rc :
		       SQLITE_CORRUPT;
}

static int write_page(sqlite3_file *file, const void *from, int amount, sqlite3_int64 offset)
{
	struct paged_file *f = (struct paged_file *)file;

	if (f->writes && is_page(amount, offset)) {
		/* these bytes of SQLite's page are nobody else's */
		uint8_t *page = (uint8_t *)(uintptr_t)from, *end = page + amount - RESERVED;

		memset(end, 0, RESERVED);
		if (offset == 0)
			memcpy(end + 4, page + AT_CHANGES, 4);
		put_big_endian(end, checksum(page, (uint32_t)amount, offset));
	}
	return f->real->pMethods->xWrite(f->real, from, amount, offset);
}

/* ---- the rest is as below ---- */

static int close_file(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int truncate_file(sqlite3_file *f, sqlite3_int64 size)
{
	return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int sync_file(sqlite3_file *f, int flags)
{
	return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), ret);
}

static int lock_file(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int unlock_file(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int is_reserved(sqlite3_file *f, int *ret)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), ret);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int sector_size(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int characteristics(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

/* Version 1: no mapping, which would go past the checks, and no shared memory, which only a write-ahead log needs. */
static sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = close_file,
	.xRead = read_page,
	.xWrite = write_page,
	.xTruncate = truncate_file,
	.xSync = sync_file,
	.xFileSize = file_size,
	.xLock = lock_file,
	.xUnlock = unlock_file,
	.xCheckReservedLock = is_reserved,
	.xFileControl = file_control,
	.xSectorSize = sector_size,
	.xDeviceCharacteristics = characteristics,
};

static int open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
		     int *ret_flags)
{
	sqlite3_vfs *below = self->pAppData;
	struct paged_file *f = (struct paged_file *)file;
	int rc;

	/* its journals and temporary files have no pages of this kind */
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return below->xOpen(below, name, file, flags, ret_flags);
	*f = (struct paged_file){ .real = (sqlite3_file *)(f + 1),
				  .writes = flags & SQLITE_OPEN_READWRITE };
	rc = below->xOpen(below, name, f->real, flags, ret_flags);
	if (f->real->pMethods)
		f->base.pMethods = &methods;
	return rc;
}

int db_pages_register(struct error *err)
{
	sqlite3_vfs *below;

	if (vfs.zName)
		return 0;
	below = sqlite3_vfs_find(NULL);
	if (!below)
		return error_nomem(err);
	vfs = *below;
	vfs.pNext = NULL;
	vfs.zName = DB_PAGES;
	vfs.pAppData = below;
	vfs.szOsFile = below->szOsFile + (int)sizeof(struct paged_file);
	vfs.xOpen = open_file;
	return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? 0 : error_nomem(err);
}

int db_pages_reserve(sqlite3 *db, struct error *err)
{
	int bytes = RESERVED;

	sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
	bytes = -1;
	sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
	return bytes == RESERVED ?
		       0 :
		       error_set(err, ERR_UNSUPPORTED, "this SQLite keeps no room for checksums");
}
