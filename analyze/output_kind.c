#include "analyze/output_kind.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool ends_with(const char *path, const char *ending)
{
	size_t len = strlen(path), n = strlen(ending);

	return len > n && !strcmp(path + len - n, ending);
}

static int no_kind(const struct output_kind *kinds, const char *command, struct error *err)
{
	char text[300];
	size_t used = 0;

	for (int i = 0; kinds[i].name && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 i == 0		   ? "" :
					 kinds[i + 1].name ? ", " :
							     " or ",
					 kinds[i].ending);
	return error_set(err, ERR_USAGE, "%s needs -o FILE with one of these endings: %s", command,
			 text);
}

int output_kind(const struct output_kind *kinds, const char *name, const char *path, int otherwise,
		const char *command, struct error *err)
{
	for (int i = 0; kinds[i].name; i++)
		if (name ? !strcmp(name, kinds[i].name) : path && ends_with(path, kinds[i].ending))
			return i;
	if (otherwise >= 0 && !name && (!path || !strcmp(path, "-")))
		return otherwise;
	return no_kind(kinds, command, err);
}
