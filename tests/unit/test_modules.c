/* Frames of modules that come and go while the capture is made. */
#include "tests/unit/load_script.h"

/* Innermost frame of each allocation's stack, by time. */
#define FRAMES \
	"SELECT o.time, l.text FROM object o JOIN stack_line l ON l.stack = o.stack " \
	"ORDER BY o.time, l.position"

#define KERNEL \
	"info time.start_ns 0\n" \
	"type module module_load name:str:column\n" \
	"type module module_free name:str:column\n" \
	"symbol 0xffffffff81000000 _stext\n" \
	"symbol 0xffffffff81000100 kernel_function\n" \
	"symbol 0xffffffff81ffff00 _end\n"

#define SECTION(moment, module, section, address) \
	"file /sys/module/" module "/sections/" section " " moment " " address "\\n\n"

#define ALLOC(time, pid, stack) \
#time " 0 " #pid " kmalloc ptr=" #time " bytes_alloc=8 stack=" stack "\n"

/* A boot: everything was read at its end, and only events tell when modules came. */
static void test_init_by_load_time(void)
{
	sqlite3 *db = load_script(
		KERNEL
		"symbol 0xffffffffc0001000 a_run a\n"
		"symbol 0xffffffffc0011000 b_run b\n" SECTION("end", "a", ".text",
							      "0xffffffffc0001000")
			SECTION("end", "a", ".init.text", "0xffffffffc0020000")
				SECTION("end", "b", ".text", "0xffffffffc0011000")
					SECTION("end", "b", ".init.text", "0xffffffffc0020000")
		/* b's initialisation runs where a's ran */
		"10 0 11 module_load name=a\n" ALLOC(11, 11,
						     "0xffffffffc0020010,0xffffffff81000110")
			ALLOC(12, 11, "0xffffffffc0001010,0xffffffff81000110") "20 0 12 module_load name=b\n" ALLOC(
				21, 12, "0xffffffffc0020010,0xffffffff81000110")
				ALLOC(22, 12, "0xffffffffc0011020,0xffffffff81000110")
					ALLOC(23, 12, "0xffffffffc0020010,0xffffffff81000110"));

	CHECK(answers(db, FRAMES,
		      "11|.init.text+0x10 [a] 11|kernel_function+0x10"
		      " 12|a_run+0x10 [a] 12|kernel_function+0x10"
		      " 21|.init.text+0x10 [b] 21|kernel_function+0x10"
		      " 22|b_run+0x20 [b] 22|kernel_function+0x10"
		      " 23|.init.text+0x10 [b] 23|kernel_function+0x10"));
	CHECK(answers(db, "SELECT count(DISTINCT stack) FROM object", "4"));
	load_script_done(db);
}

/* Two tasks load at once: each runs the code of its own module. */
static void test_init_by_task(void)
{
	sqlite3 *db = load_script(
		KERNEL SECTION("end", "a", ".text", "0xffffffffc0001000") SECTION(
			"end", "a", ".init.text",
			"0xffffffffc0030000") SECTION("end", "b", ".text", "0xffffffffc0011000")
			SECTION("end", "b", ".init.text",
				"0xffffffffc0028000") "10 0 11 module_load name=a\n"
						      "11 0 12 module_load name=b\n" ALLOC(
							      12, 11,
							      "0xffffffffc0030010") ALLOC(13, 12,
											  "0xffffffffc0028010")
							      ALLOC(14, 12, "0xffffffffc0030010") ALLOC(
								      15, 13, "0xffffffffc0030010")
								      ALLOC(17, 13,
									    "0xffffffffc0028010"));

	/* b may reach up to a; a task that loads neither runs no code that can be told for certain */
	CHECK(answers(db, FRAMES,
		      "12|.init.text+0x10 [a] 13|.init.text+0x10 [b] 14|.init.text+0x8010 [b]"
		      " 15|0xffffffffc0030010 17|.init.text+0x10 [b]"));
	load_script_done(db);
}

/* The memory of a module that was removed goes to another one. */
static void test_removed_module(void)
{
	sqlite3 *db = load_script(KERNEL "symbol 0xffffffffc0001000 a_run a\n" SECTION("start", "a", ".text", "0xffffffffc0001000") "file /proc/modules start a 16384 0 - Live 0xffffffffc0001000\\n\n" SECTION(
		"500", "b", ".text",
		"0xffffffffc0001000") "file /proc/modules 500 b 16384 0 - Live 0xffffffffc0001000\\n\n"
				      "file /sys/module/b/kallsyms 500 ffffffffc0001000 t b_run [b]\\n\n"
				      "file /proc/modules end b 16384 0 - Live 0xffffffffc0001000 (O)\\n\n" ALLOC(10, 11, "0xffffffffc0001010") "20 0 11 module_free name=a\n" ALLOC(
					      21, 11,
					      "0xffffffffc0001010") "30 0 11 module_load name=b\n" ALLOC(31,
													 11,
													 "0xffffffffc0001010")
					      ALLOC(32, 11, "0xffffffffc0002010") ALLOC(
						      33, 11,
						      "0xffffffffc0005010") "40 0 11 module_free name=b\n"
									    "40 0 11 module_load name=a\n" ALLOC(
										    41, 11,
										    "0xffffffffc0001010"));

	CHECK(answers(
		db, FRAMES,
		"10|a_run+0x10 [a] 21|0xffffffffc0001010 31|b_run+0x10 [b] 32|b_run+0x1010 [b]"
		" 33|0xffffffffc0005010 41|a_run+0x10 [a]"));
	load_script_done(db);
}

/* A module that was there all the time costs nothing; call sites count as stacks do. */
static void test_stable_and_call_site(void)
{
	sqlite3 *db = load_script(
		KERNEL
		"symbol 0xffffffffc0001000 a_run a\n"
		"symbol 0xffffffffc0f00000 prog bpf\n"
		"file /proc/modules start a 16384 0 - Live 0xffffffffc0001000 (POE)\\n\n"
		"file /proc/modules end x 1 0 - Live 0xffffffffc0801000\\na 16384 0 - Live 0xffffffffc0001000 (POE)\\n\n" SECTION(
			"start", "a", ".text", "0xffffffffc0001000") SECTION("900", "x", ".text",
									     "0xffffffffc0801000")
			SECTION("900", "x", ".init.text",
				"0xffffffffc0900000") "10 0 11 kmalloc ptr=1 bytes_alloc=8 call_site=0xffffffffc0001010\n"
						      "11 0 11 kmalloc ptr=2 bytes_alloc=8 call_site=0xffffffffc0900010\n"
						      "12 0 11 module_load name=x\n"
						      "13 0 11 kmalloc ptr=3 bytes_alloc=8 call_site=0xffffffffc0900010\n"
						      "14 0 11 kfree ptr=3 call_site=0xffffffffc0801010\n"
						      "15 0 11 kmalloc ptr=4 bytes_alloc=8 call_site=0xffffffffc0f00010\n");

	CHECK(answers(
		db, "SELECT time, caller, freer FROM object ORDER BY time",
		"10|a_run+0x10 [a]|- 11|0xffffffffc0900010|- 13|.init.text+0x10 [x]|.text+0x10 [x]"
		" 15|prog+0x10 [bpf]|-"));
	load_script_done(db);
}

/* A ring that holds the end of a boot only: the loads of modules are not all in it. */
static void test_load_not_seen(void)
{
	sqlite3 *db = load_script(
		KERNEL "symbol 0xffffffffc0001000 a_run a\n" SECTION("end", "a", ".text",
								     "0xffffffffc0001000")
			SECTION("end", "a", ".init.text", "0xffffffffc0009000")
				ALLOC(17, 11, "0xffffffffc0001010")
					ALLOC(18, 11, "0xffffffffc0009010"));

	CHECK(answers(db, FRAMES, "17|a_run+0x10 [a] 18|0xffffffffc0009010"));
	load_script_done(db);
}

/* A module that came and went before another came to its place left no sections; its frames have no name. */
static void test_place_of_one_unknown(void)
{
	sqlite3 *db = load_script(
		KERNEL
		"symbol 0xffffffffc0001000 b_run b\n" SECTION("end", "b", ".text", "0xffffffffc0001000") "10 0 11 module_load name=a\n" ALLOC(
			11, 11, "0xffffffffc0001010") "12 0 11 module_free name=a\n"
						      "20 0 12 module_load name=b\n" ALLOC(
							      21, 12, "0xffffffffc0001010"));

	CHECK(answers(db, FRAMES, "11|0xffffffffc0001010 21|b_run+0x10 [b]"));
	load_script_done(db);
}

int main(void)
{
	RUN(test_init_by_load_time);
	RUN(test_init_by_task);
	RUN(test_removed_module);
	RUN(test_load_not_seen);
	RUN(test_place_of_one_unknown);
	RUN(test_stable_and_call_site);
	return check_done();
}
