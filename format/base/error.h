/*
 * error.h - what went wrong, in words a person can act on.
 *
 * Libraries fill in a struct error and return its negative code; they never print and never exit.
 * main.c and the commands print the text, once.
 *
 *	struct error err = { 0 };
 *	if (capture_open(&reader, path, &err) < 0)
 *		die(&err);			// "kmem-analyze: cannot read 'x.kmem': ..."
 *
 * A text says what failed, where (file, offset, field) and what to do. It carries no program name,
 * no trailing full stop and no newline. A NULL struct error * is allowed: the code alone is
 * returned.
 */
#ifndef KMEM_BASE_ERROR_H
#define KMEM_BASE_ERROR_H

enum error_code {
	ERR_IO = -1, /* the operating system refused; the text ends with strerror() */
	ERR_NOMEM = -2,
	ERR_DAMAGED = -3,     /* bytes are there but wrong: checksum, length or reference */
	ERR_TRUNCATED = -4,   /* the input ends too early */
	ERR_FORMAT = -5,      /* not one of our files, or of a newer, incompatible version */
	ERR_USAGE = -6,	      /* the caller asked for something that makes no sense: exit 2 */
	ERR_EXISTS = -7,      /* the output is there already and -f was not given */
	ERR_UNSUPPORTED = -8, /* this machine, kernel or build cannot do it */
	ERR_FULL = -9,	      /* no space left on the device */
	ERR_INTERRUPTED = -10,
};

struct error {
	int code; /* enum error_code; 0 while nothing failed */
	char text[480];
};

/* Records the first failure (later ones keep the first text) and returns code. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As error_set, with ": strerror(errno)" at the end; ENOSPC and the like become ERR_FULL, ENOMEM ERR_NOMEM. */
int error_errno(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the text that is there already; returns err->code. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int error_nomem(struct error *err);
void error_clear(struct error *err);

#endif
