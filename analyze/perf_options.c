#include "analyze/perf_options.h"

#include <stdio.h>

static void map(const char **ret, const char *value, char letter, const char *name)
{
	if (!value)
		return;
	if (!*ret)
		*ret = value;
	fprintf(stderr,
		"kmem-analyze: -%c is taken as --only-%s: what these allocated, whoever freed it\n",
		letter, name);
}

static void name_option(bool given, const char *name, int *count)
{
	if (given)
		fprintf(stderr, "%s%s", (*count)++ ? ", " : "kmem-analyze: ", name);
}

void perf_options_apply(const struct perf_options *o, struct object_filter *filter)
{
	int count = 0;

	name_option(o->order, "--order", &count);
	name_option(o->mmap_pages != NULL, "-m", &count);
	name_option(o->watermark != NULL, "--watermark", &count);
	name_option(o->user_chain, "--user-callchain", &count);
	name_option(o->kernel_chain, "--kernel-callchain", &count);
	name_option(o->python_chain, "--python-callchain", &count);
	if (count)
		fprintf(stderr, ": for recording only, without effect here (see kmem-record)\n");
	map(&filter->pids, o->pids, 'p', "pid");
	map(&filter->tids, o->tids, 't', "tid");
	map(&filter->cpus, o->cpus, 'C', "cpu");
}
