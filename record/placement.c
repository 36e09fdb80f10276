#include "record/placement.h"

#include <errno.h>
#include <stdlib.h>

#include "record/cpu_list.h"
#include "record/session.h"

static int parse_nice(const char *text, int *ret, struct error *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < -20 || n > 19)
		return error_set(err, ERR_USAGE,
				 "--nice %.40s: not a number from -20 (most urgent) to 19", text);
	*ret = (int)n;
	return 0;
}

int placement_make(struct placement *ret, const struct session_options *options, struct error *err)
{
	int rc = 0;

	*ret = (struct placement){ .nice = PLACEMENT_NICE };
	if (options->nice)
		rc = parse_nice(options->nice, &ret->nice, err);
	return rc < 0 ? rc : cpu_list_parse(&ret->cpus, &options->place_cpus, "--place-cpu", err);
}

void placement_release(struct placement *p)
{
	number_list_release(&p->cpus);
}
