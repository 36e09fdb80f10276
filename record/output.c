#include "record/output.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format/base/fileio.h"

static int open_standard_output(struct output *o, struct error *err)
{
	if (isatty(STDOUT_FILENO))
		return error_set(err, ERR_USAGE,
				 "a capture is not for a terminal: send it to a file or a pipe");
	o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return o->fd < 0 ? error_errno(err, "cannot write to standard output") : 0;
}

static int open_file(struct output *o, bool force, struct error *err)
{
	struct stat st;

	o->fd = file_create(o->path, force, err);
	if (o->fd < 0)
		return o->fd;
	o->made = fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

int output_open(struct output *o, const char *path, bool force, struct error *err)
{
	bool standard = !strcmp(path, "-");
	int rc;

	*o = (struct output){ .path = path, .fd = -1 };
	rc = standard ? open_standard_output(o, err) : open_file(o, force, err);
	return rc < 0 ? rc :
			capture_writer_new(&o->writer, o->fd, standard ? "standard output" : path,
					   err);
}

void output_release(struct output *o, bool keep)
{
	capture_writer_free(o->writer);
	if (o->fd >= 0)
		close(o->fd);
	if (o->made && !keep)
		unlink(o->path);
	*o = OUTPUT_NONE;
}
