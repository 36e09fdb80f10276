#include "analyze/path_cut.h"

#include <string.h>

static void path_cut(sqlite3_context *context, int argc, sqlite3_value **argv)
{
	const char *path = (const char *)sqlite3_value_text(argv[0]);
	int names = sqlite3_value_int(argv[1]);
	size_t len = 0;

	(void)argc;
	if (!path)
		return;
	do {
		len += strcspn(path + len, "/");
	} while (--names != 0 && path[len] && ++len);
	sqlite3_result_text(context, path, (int)len, SQLITE_TRANSIENT);
}

int path_cut_register(sqlite3 *db, struct error *err)
{
	if (sqlite3_create_function(db, "path_cut", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
				    path_cut, NULL, NULL) != SQLITE_OK)
		return error_nomem(err);
	return 0;
}

int path_tidy(char *path, const char *option, struct error *err)
{
	char *from = path;
	size_t len;

	while (*from == '/' || (from[0] == '.' && (from[1] == '/' || !from[1])))
		from++;
	len = strlen(from);
	while (len && from[len - 1] == '/')
		len--;
	memmove(path, from, len);
	path[len] = '\0';
	if (!len)
		return error_set(err, ERR_USAGE,
				 "%s needs a directory of the source tree, such as fs/ext4",
				 option);
	return 0;
}
