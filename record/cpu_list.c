#include "record/cpu_list.h"

#include <fcntl.h>
#include <stdio.h>

#include "format/base/fileio.h"

#define CPU_LAST 8191u /* NR_CPUS of the largest kernels */

/* The kernel's list in /sys/devices/system/cpu/WHICH. */
static int kernel_cpus(struct number_list *list, const char *which, struct error *err)
{
	struct buf text = { 0 };
	char path[60];
	int rc;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/%s", which);
	rc = file_slurp(AT_FDCWD, path, 1u << 16, &text, err);
	buf_u8(&text, '\0');
	if (rc == 0 && text.oom)
		rc = error_nomem(err);
	if (rc == 0)
		rc = number_list_parse(list, (char *)text.data, path, 0, CPU_LAST, true, err);
	number_list_sort(list);
	buf_release(&text);
	return rc;
}

static int check_cpus(const struct number_list *cpus, const char *option, struct error *err)
{
	struct number_list possible = { 0 }, online = { 0 };
	struct buf there = { 0 };
	int rc = kernel_cpus(&possible, "possible", err);

	if (rc == 0)
		rc = kernel_cpus(&online, "online", err);
	number_list_text(&online, true, &there);
	buf_u8(&there, '\0');
	if (rc == 0 && there.oom)
		rc = error_nomem(err);
	for (size_t i = 0; rc == 0 && i < cpus->count; i++) {
		uint32_t cpu = cpus->items[i];

		if (!number_list_has(&online, cpu))
			rc = error_set(err, ERR_USAGE, "%s: CPU %u %s: %.200s are online", option,
				       cpu,
				       number_list_has(&possible, cpu) ? "is offline" :
									 "does not exist",
				       (char *)there.data);
	}
	number_list_release(&possible);
	number_list_release(&online);
	buf_release(&there);
	return rc;
}

int cpu_list_parse(struct number_list *list, const struct option_list *texts, const char *option,
		   struct error *err)
{
	char what[120];
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < texts->count; i++) {
		snprintf(what, sizeof(what), "%.30s %.80s", option, texts->items[i]);
		rc = number_list_parse(list, texts->items[i], what, 0, CPU_LAST, true, err);
		number_list_sort(list);
	}
	return rc == 0 && list->count ? check_cpus(list, option, err) : rc;
}
