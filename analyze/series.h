/*
 * series.h - the files of one recording as one list of blocks: a single capture, or segments of one
 * series in the order of their numbers (FORMAT.md, Segments).
 *
 *	struct series s = { 0 };
 *	struct capture_scan scan;
 *
 *	series_open(&s, paths, count, &err);		// ERR_FORMAT: they do not belong together
 *	series_scan(&s, &scan, NULL, NULL, &err);	// blocks of all files; blocks[i].file says of which
 *	series_load(&s, &scan, i, &block, &err);
 *	capture_scan_release(&scan);
 *	series_release(&s);
 *
 *	struct path_list list = { 0 };
 *	series_find(&list, "cap.kmem", NULL, NULL, &err);	// or any segment: all that stand beside it
 *	path_list_release(&list);
 */
#ifndef KMEM_ANALYZE_SERIES_H
#define KMEM_ANALYZE_SERIES_H

#include "format/reader.h"

struct segment {
	struct capture_reader *reader;
	uint32_t number; /* in its series, from 1; 0: it is of none */
	struct capture_identity identity;
	char series[2 * CAPTURE_UUID_LEN + 1]; /* "": it is of none */
};

struct series {
	struct segment *files; /* by number */
	size_t count;
	bool trusted; /* may unpack to any size; set before series_scan */
};

struct path_list {
	char **items;
	size_t count;
};

void path_list_release(struct path_list *list);

/*
 * Several files have to be different segments of one series. One file may be anything. paths need no
 * order.
 */
int series_open(struct series *s, char *const *paths, size_t count, struct error *err);
void series_release(struct series *s);

/*
 * Of all files: the series' UUID, the sum of the lengths, a checksum over each file's UUID, length and
 * tail. Of a single file its own.
 */
void series_identity(const struct series *s, struct capture_identity *ret);

int series_scan(const struct series *s, struct capture_scan *ret,
		void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg,
		struct error *err);

/* As capture_reader_load; several threads may load at once. */
int series_load(const struct series *s, const struct capture_scan *scan, size_t i,
		struct block *ret, struct error *err);

/*
 * The files that a name stands for. A segment: all segments of its series in its directory that are
 * called alike. A name that is not there, but with numbers before its extension: those. Anything
 * else: itself. note (may be NULL) is told what was left out, and why.
 */
int series_find(struct path_list *ret, const char *path, void (*note)(void *arg, const char *text),
		void *arg, struct error *err);

/* cap.kmem of cap.000003.kmem; the name itself where no number stands in it. Heap; NULL: no memory. */
char *series_name(const char *path);

#endif
