/*
 * commands.h - the subcommands of kmem-record, and what they share. Each is a file cmd_NAME.c and a
 * row of the table in main.c; without a subcommand, cmd_record runs.
 */
#ifndef KMEM_RECORD_COMMANDS_H
#define KMEM_RECORD_COMMANDS_H

#include <stddef.h>

#define PROGRAM "kmem-record"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INCOMPLETE = 3 };

/* argv[0] is the program, or the subcommand's name. */
enum exit_code cmd_record(int argc, char **argv);
enum exit_code cmd_ctl(int argc, char **argv);
enum exit_code cmd_dump(int argc, char **argv);
enum exit_code cmd_boot_args(int argc, char **argv);

/* One line on standard error, with the program's name. */
void complain(const char *text);

/* All arguments with blanks between; the caller frees it. NULL: no memory. */
char *command_line_text(int argc, char **argv);

/* kmem-HOST-DATE-TIME.kmem */
void default_output_name(char *name, size_t size);

#endif
