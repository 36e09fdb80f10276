/* kmem-record boot-args: the kernel command line that records the allocations of boot. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "format/base/options.h"
#include "format/base/units.h"
#include "record/boot_args.h"
#include "record/commands.h"

struct boot_args_command {
	uint64_t memory, cpus;
	const char *kernel;
	bool quiet, help;
};

#define AT(field) offsetof(struct boot_args_command, field)

/* clang-format off */
static const struct option_row rows[] = {
	{ .name = "mem", .arg = "SIZE", .kind = OPT_BYTES, .offset = AT(memory), .min = 1 << 20,
	  .help = "memory of the machine: 512M 8G (default: this machine's)" },
	{ .name = "cpus", .arg = "N", .kind = OPT_NUMBER, .offset = AT(cpus), .min = 1, .max = 65536,
	  .help = "its CPUs (default: this machine's)" },
	{ .name = "kernel", .arg = "VERSION", .kind = OPT_STRING, .offset = AT(kernel),
	  .help = "its kernel: 6.12 (default: this one)" },
	{ .name = "quiet", .letter = 'q', .kind = OPT_FLAG, .offset = AT(quiet), .help = "only the line" },
	{ .name = "help", .letter = 'h', .kind = OPT_FLAG, .offset = AT(help), .help = "this text" },
	{ .name = NULL }
};
/* clang-format on */

static void print_help(void)
{
	printf("usage: " PROGRAM " boot-args [--mem SIZE] [--cpus N] [--kernel VERSION]\n\n"
	       "Prints what to add to the kernel command line so that the allocations of boot are recorded, as one\n"
	       "line on standard output, and on standard error what it means. After the boot,\n"
	       "'" PROGRAM " dump' saves them.\n\n");
	options_help(stdout, rows);
	printf("\nexamples:\n"
	       "  " PROGRAM " boot-args                              for this machine\n"
	       "  " PROGRAM " boot-args --mem 512M --cpus 2 --kernel 5.10 > args\n");
}

/* Where the option says nothing: this machine. */
static int complete(struct boot_machine *m, const struct boot_args_command *o, struct error *err)
{
	struct utsname u;
	struct sysinfo info;

	m->memory = o->memory;
	m->cpus = o->cpus;
	if (!m->memory && sysinfo(&info) == 0)
		m->memory = (uint64_t)info.totalram * info.mem_unit;
	if (!m->cpus)
		m->cpus = (uint64_t)get_nprocs_conf();
	if (!o->kernel && uname(&u) < 0)
		return error_errno(err, "cannot ask for the kernel's version: give --kernel");
	return boot_kernel_parse(m, o->kernel ? o->kernel : u.release, err);
}

static void explain(const struct boot_machine *m)
{
	char all[UNITS_TEXT], memory[UNITS_TEXT];

	fprintf(stderr,
		"for Linux %u.%u, %s of memory, %" PRIu64 " CPUs:\n"
		"  trace_event     what is recorded: slab memory, initcalls, modules, names of tasks\n"
		"  trace_buf_size  ring per CPU; all take %s (too much keeps CPUs from starting)\n"
		"  trace_clock     must be given: else the kernel may change it later and empty the rings\n",
		m->major, m->minor, units_bytes(memory, m->memory), m->cpus,
		units_bytes(all, boot_ring_bytes(m) * m->cpus));
	if (boot_has_triggers(m))
		fprintf(stderr, "  trace_trigger   stacks, for allocations only\n");
	else
		fprintf(stderr,
			"  trace_options   stacks, for all events (before Linux 6.4 not for allocations alone)\n");
	fprintf(stderr,
		"after the boot, as early as you like: " PROGRAM " dump -o boot.kmem\n"
		"the rings go on recording, and overwrite the oldest, until then; add these to the kernel command line:\n");
}

enum exit_code cmd_boot_args(int argc, char **argv)
{
	struct boot_args_command o = { 0 };
	struct boot_machine m = { 0 };
	struct error err = { 0 };
	char line[2048];
	int first = options_parse(rows, &o, argc, argv, false, &err);

	if (first >= 0 && first < argc)
		first = error_set(&err, ERR_USAGE, "'%s' is no option of boot-args", argv[first]);
	if (first >= 0 && o.help) {
		print_help();
		return EXIT_DONE;
	}
	if (first >= 0)
		first = complete(&m, &o, &err);
	if (first < 0) {
		complain(err.text);
		return first == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
	}
	if (!o.quiet)
		explain(&m);
	printf("%s\n", boot_args_line(&m, line, sizeof(line)));
	return EXIT_DONE;
}
