#!/bin/sh
# User stacks, from a live program to names: of a program that is gone, moved, or replaced by another; and of
# code that it made at run time.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel user_stacks
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"

cat >"$work/prog.c" <<'END'
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

/* libc has no frame pointers: it is this function that goes missing from the stack, not its callers. */
__attribute__((noinline)) static int enter(void)
{
	int fds[2], r = (int)syscall(SYS_pipe2, fds, 0);

	KEEP_FRAME();
	return r;
}

__attribute__((noinline)) int planted_inner(void)
{
	int r = enter();

	KEEP_FRAME();
	return r;
}

__attribute__((noinline)) int planted_outer(void)
{
	int r = planted_inner();

	KEEP_FRAME();
	return r;
}

__attribute__((noinline)) int planted_child(void)
{
	int r = planted_inner();

	KEEP_FRAME();
	return r;
}

/* Copied elsewhere it is the code of a JIT: it needs nothing around it. */
__attribute__((noinline)) int through(int (*call)(void))
{
	int r = call();

	KEEP_FRAME();
	return r;
}

__attribute__((noinline)) int planted_jit(void)
{
	char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char name[64];
	FILE *map;
	int r;

	memcpy(code, (void *)through, 128);
	__builtin___clear_cache(code, code + 128);
	snprintf(name, sizeof(name), "/tmp/perf-%d.map", getpid());
	map = fopen(name, "wx");
	if (!map)
		return 1;
	fprintf(map, "%lx 80 jit: a method of %s\n", (unsigned long)code, "Class");
	fclose(map);
	r = ((int (*)(int (*)(void)))(void *)code)(planted_inner);
	KEEP_FRAME();
	return r;
}

int main(void)
{
	int bad = 0;

	printf("%d\n", getpid());
	fflush(stdout);
	for (int i = 0; i < 50; i++)
		bad |= planted_outer();
	bad |= planted_jit();
	if (!fork())
		_exit(planted_child());
	wait(NULL);
	return bad;
}
END
mkdir "$work/bin" "$work/moved"
prog=$work/bin/prog
"${CC:-cc}" -O1 -fno-omit-frame-pointer -fno-optimize-sibling-calls -Wl,--build-id=sha1 -o "$prog" "$work/prog.c" ||
	not_ok "user_stacks: the program is built" "no compiler"
cap=$work/u.kmem
WORK=$work PROG=$prog "$KMEM_RECORD" -o "$cap" --user-stacks -- sh -c '"$PROG" >"$WORK/pid"' 2>"$work/err"
code=$?
# perf counts events of the idle task that it never hands out: a loss, and none of the program
if [ $code -eq 0 ] || { [ $code -eq 3 ] && grep -qF '(0 refused by a full ring, 0 overwritten,' "$work/err"; }; then
	ok "user_stacks: recorded"
else
	not_ok "user_stacks: recorded" "exit status $code: $(head -n 3 "$work/err")"
fi
pid=$(cat "$work/pid")
rm -f "/tmp/perf-$pid.map"

# One line per stack of a pipe that the program made: its functions, innermost first.
functions() { # LOAD-OPTION...
	"$KMEM_ANALYZE" load -q -f "$@" "$cap"
	case $? in 0 | 3) ;; *) return ;; esac
	sqlite3 "$cap.db" "
		SELECT DISTINCT group_concat(coalesce(function, '?'), ' ') FROM (
			SELECT s.id, l.function FROM alloc_site s JOIN stack_line l USING (stack)
			WHERE l.dso = '$prog' AND (l.function IS NULL OR l.function IN ('planted_inner', 'planted_outer',
				'planted_child', 'planted_jit', 'main'))
			AND s.stack IN (SELECT stack FROM stack_line WHERE function = 'alloc_pipe_info')
			ORDER BY s.id, l.position)
		GROUP BY id ORDER BY 1"
}
expect_functions() { # WANT NAME LOAD-OPTION...
	want=$1 what=$2
	shift 2
	got=$(functions "$@")
	if [ "$got" = "$want" ]; then ok "user_stacks: $what"; else not_ok "user_stacks: $what" "'$got', not '$want'"; fi
}
all='planted_inner planted_child main
planted_inner planted_jit main
planted_inner planted_outer main'
expect_functions "$all" "the program's functions, in order, when it is gone"
pipes=$(sqlite3 "$cap.db" "SELECT count(*) FROM object WHERE function = 'alloc_pipe_info' AND stack IN
	(SELECT stack FROM stack_line WHERE function = 'planted_outer') AND event = 'kmem:kmalloc' AND pid = $pid")
# two objects a pipe: the pipe and its buffers
check "user_stacks: the stack of every pipe leads there" [ "$pipes" -ge 50 ]
jit=$(sqlite3 "$cap.db" "SELECT DISTINCT a.function || ' < ' || b.function || ' < ' || c.function FROM stack_line a
	JOIN stack_line b ON b.stack = a.stack AND b.position = a.position + 1
	JOIN stack_line c ON c.stack = a.stack AND c.position = a.position + 2
	WHERE b.dso = '//anon' AND a.function = 'planted_inner'")
check "user_stacks: code made at run time has its name" [ "$jit" = 'planted_inner < jit: a method of Class < planted_jit' ]
check "user_stacks: the map was saved" [ "$(sqlite3 "$cap.db" \
	"SELECT count(*) FROM file WHERE name = '/tmp/perf-$pid.map'")" = 1 ]
check "user_stacks: comms, of the child too" [ "$(sqlite3 "$cap.db" \
	"SELECT count(DISTINCT pid) FROM object WHERE comm = 'prog'")" -ge 2 ]
check "user_stacks: the caller stays the kernel's" [ "$(sqlite3 "$cap.db" \
	"SELECT count(*) FROM caller_total WHERE caller LIKE '%($prog)'")" = 0 ]

mv "$prog" "$work/moved/renamed"
got=$(functions | tr -d '? \n')
check "user_stacks: no file, no names" [ -z "$got" ]
expect_functions "$all" "a file that was moved and renamed" --debug-dir "$work/moved"
sed 's/planted_/other_/' "$work/prog.c" >"$work/other.c"
"${CC:-cc}" -O1 -fno-omit-frame-pointer -Wl,--build-id=sha1 -o "$prog" "$work/other.c"
check "user_stacks: another file under its path is not used" [ -z "$(functions | tr -d '? \n')" ]
check "user_stacks: and gives no name at all" [ "$(sqlite3 "$cap.db" \
	"SELECT count(*) FROM frame_text WHERE dso = '$prog' AND function IS NOT NULL")" = 0 ]
clean "user_stacks: kernel left as it was"
finish
