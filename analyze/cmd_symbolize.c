/* symbolize: source lines and inlined functions for a database that is there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/command.h"
#include "analyze/db_open.h"
#include "analyze/db_write.h"
#include "analyze/symbolize.h"

struct symbolize_command_options {
	struct option_list symbols;
	const char *db;
	bool allow_mismatch, lines_only, quiet;
};

/* clang-format off */
static const struct option_row rows[] = {
	{ "vmlinux", 'k', "FILE|DIR", "a vmlinux, module or program, or where they are (repeatable)", OPT_LIST,
	  offsetof(struct symbolize_command_options, symbols), 0, 0, 0, NULL },
	{ "lines-only", 0, NULL, "leave out the sizes of code and data, which take a second for a whole kernel", OPT_FLAG,
	  offsetof(struct symbolize_command_options, lines_only), 0, 0, 0, NULL },
	{ "allow-mismatch", 0, NULL, "use a vmlinux of another build; reports say so", OPT_FLAG,
	  offsetof(struct symbolize_command_options, allow_mismatch), 0, 0, 0, NULL },
	{ "db", 0, "FILE", "the database of the capture is in FILE (default: CAPTURE.db)", OPT_STRING,
	  offsetof(struct symbolize_command_options, db), 0, 0, 0, NULL },
	{ "quiet", 'q', NULL, "no progress, no summary", OPT_FLAG, offsetof(struct symbolize_command_options, quiet),
	  0, 0, 0, NULL },
	{ NULL, 0, NULL, NULL, OPT_FLAG, 0, 0, 0, 0, NULL },
};
/* clang-format on */

static void print_note(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "%s\n", text);
}

/* The file of the database that a name stands for, loaded if need be; heap. */
static int database_name(const char *operand, const struct symbolize_command_options *o, char **ret,
			 struct error *err)
{
	const struct db_open_options options = { .db = o->db,
						 .progress = !o->quiet,
						 .note = o->quiet ? NULL : print_note };
	sqlite3 *db;
	int rc = db_open(&db, operand, &options, err);

	if (rc < 0)
		return rc;
	*ret = strdup(sqlite3_db_filename(db, "main"));
	sqlite3_close(db);
	return *ret ? 0 : error_nomem(err);
}

static int change(const char *operand, const struct symbolize_command_options *o,
		  struct symbolize_result *ret, struct error *err)
{
	const struct symbolize_options options = { o->symbols.items, o->symbols.count,
						   o->allow_mismatch, o->lines_only };
	struct db_writer *writer = NULL;
	char *name = NULL;
	int rc = database_name(operand, o, &name, err);

	if (rc == 0)
		rc = db_writer_copy(&writer, name, err);
	if (rc == 0)
		rc = symbolize(writer, &options, ret, err);
	if (rc == 0)
		rc = db_writer_commit(writer, NULL, err);
	db_writer_free(writer);
	free(name);
	return rc;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct symbolize_command_options o = { 0 };
	int first = command_parse(self, &o, argc, argv, 1, 1), rc;
	struct symbolize_result result;
	char text[SYMBOLIZE_SUMMARY];
	struct error err = { 0 };

	if (first < 0) {
		option_list_release(&o.symbols);
		return command_exit_code(first);
	}
	if (o.symbols.count)
		rc = change(argv[first], &o, &result, &err);
	else
		rc = error_set(&err, ERR_USAGE,
			       "symbolize: -k says where the debug information is");
	option_list_release(&o.symbols);
	if (rc < 0)
		return command_fail(&err);
	if (!o.quiet)
		fprintf(stderr, "%s\n", symbolize_summary(text, sizeof(text), &result));
	return EXIT_DONE;
}

const struct command cmd_symbolize = {
	.name = "symbolize",
	.summary = "add source lines and inlined functions from debug information (as load -k)",
	.operands = "DB|CAPTURE",
	.description =
		"Finds functions, inlined functions, source lines and compile units of all addresses in the database.\n"
		"FILE is a vmlinux, a module or a program with debug information. DIR is searched for them by the\n"
		"build-ids of the capture: a build tree of the kernel, /usr/lib/debug or what debug packages unpack\n"
		"to, a tree of .build-id links. A kernel of another build is refused. What was found before is\n"
		"replaced. Afterwards the database alone is enough; the debug information is not needed any more.\n",
	.examples =
		"  kmem-analyze symbolize -k vmlinux cap.kmem\n"
		"  kmem-analyze symbolize -k ~/linux-build cap.kmem.db        vmlinux and modules\n"
		"  kmem-analyze symbolize -k /usr/lib/debug cap.kmem          linux-image-...-dbg is installed here\n"
		"  sqlite3 cap.kmem.db 'SELECT * FROM inline_line'\n",
	.options = rows,
	.run = run,
};
