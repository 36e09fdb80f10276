#!/bin/sh
# The perf backend: the same events as the tracing rings, user frames, selection, losses that are told.
# Some kernels count samples that they never hand out (of an idle task, for one): the recorder says so and
# exits 3, so that here 3 is as good as 0 where nothing is said about a full ring.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
needs_kernel perf
cap=$work/cap.kmem
whole=$work/whole.kmem
backends="python3 $TESTS/kernel/backends.py $READ_CAPTURE"

perf_record() { # NAME ARGUMENT...: exit 0, or 3 for what the kernel did not hand out
	name=$1
	shift
	"$KMEM_RECORD" --backend perf -f -o "$cap" "$@" >"$work/out" 2>"$work/err"
	got=$?
	if [ $got -eq 0 ] || { [ $got -eq 3 ] && grep -q '(0 refused by a full ring, 0 overwritten' "$work/err" &&
		! grep -q '([1-9][0-9,]* refused' "$work/err" && ! grep -q 'not exact' "$work/err"; }; then
		ok "$name"
	else
		not_ok "$name" "exit status $got: $(head -n 3 "$work/err")"
	fi
}

shows() { # NAME MODE ARGUMENT...
	name=$1
	shift
	if summary=$($backends "$@"); then ok "$name: $summary"; else not_ok "$name" "$summary"; fi
}

"$KMEM_RECORD" -q -f -o "$whole" -d 100 >/dev/null 2>&1 &
pid=$!
until [ -s "$whole" ] && "$READ_CAPTURE" --info "$whole" 2>/dev/null | grep -q time.start_ns; do sleep 0.05; done
perf_record "beside ftrace: recorded" -- "$B/tests/churn" 2000
kill -INT $pid
wait $pid
exact "beside ftrace: exact" "$cap"
shows "beside ftrace: the same events" same "$cap" "$whole"
check "beside ftrace: the backend is stored" [ "$(info "$cap" recorder.backend)" = perf ]
"$B/kmem-analyze" verify "$cap" >"$work/verify" 2>&1
status=$?
check "beside ftrace: verified" [ $((status % 3)) -eq 0 ]

# objects of the command that another process, which is not selected, frees
cat >"$work/holder.py" <<'PY'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX)
if sys.argv[1] == "hold":
    s.bind(sys.argv[2])
    s.listen(1)
    c, _ = s.accept()
    fds = array.array("i")
    for _ in range(10):
        _, data, _, _ = c.recvmsg(1, socket.CMSG_SPACE(20 * fds.itemsize))
        for level, kind, bytes_ in data:
            fds.frombytes(bytes_)
    c.send(b"x")
    c.recv(1)
    for fd in fds:
        os.close(fd)
    c.send(b"x")
    c.recv(1)
else:
    s.connect(sys.argv[2])
    for _ in range(10):
        fds = [fd for _ in range(10) for fd in os.pipe()]
        s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])
        for fd in fds:
            os.close(fd)
    s.recv(1)
    s.send(b"x")
    s.recv(1)
PY
# by way of a copy: sort seeks in its input, which costs /proc/kallsyms a minute
cat /proc/kallsyms >"$work/kallsyms"
range=$(sort -k 1,1 "$work/kallsyms" | awk 'found { print start, $1; exit } $3 == "alloc_pipe_info" { start = $1; found = 1 }')
python3 "$work/holder.py" hold "$work/socket" &
pid=$!
until [ -S "$work/socket" ]; do sleep 0.05; done
# the interpreter itself: what stands in PATH may be a script that makes pipes of its own
python=$(python3 -c "import sys; print(sys.executable)")
perf_record "only-command: recorded" --only-command -- "$python" "$work/holder.py" give "$work/socket"
wait $pid
# shellcheck disable=SC2086	# two words; each pipe has two objects from there
shows "only-command: frees of another process" freed "$cap" $range 200

cat >"$work/callers.c" <<'C'
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#define OUT __attribute__((noinline, noclone))
/* where libc keeps no frame pointer, its caller is the one frame that is skipped */
OUT int third(int n) { int p[2] = { 0, 0 }; while (n--) if (pipe(p)) return 1; return p[0]; }
OUT int second(int n) { int r = third(n); __asm__ volatile("" ::: "memory"); return r + 1; }
int main(void);
OUT int first(int n) { int r = second(n); __asm__ volatile("" ::: "memory"); return r + 1; }
int main(void)
{
	printf("main:%lx first:%lx second:%lx\n", (long)main, (long)first, (long)second);
	fflush(stdout);
	if (fork() == 0)
		_exit(first(20) < 0);
	wait(NULL);
	return first(100) < 0;
}
C
if ${CC:-cc} -O1 -fno-omit-frame-pointer -fno-optimize-sibling-calls -o "$work/callers" "$work/callers.c"; then
	perf_record "user stacks: recorded" --user-stacks -- "$work/callers"
	shows "user stacks: the program's functions, outermost first" callers "$cap" "$(head -n 1 "$work/out")"
	"$READ_CAPTURE" --processes "$cap" >"$work/processes"
	forks=$(grep -c "kind=fork .* parent_tgid=$(info "$cap" command.pid)\$" "$work/processes")
	check "user stacks: its child is told" [ "$forks" -eq 1 ]
else
	skip "user stacks" "there is no compiler"
fi

perf_record "page faults: recorded" -e page-faults,software:minor-faults -- ls -l /
"$READ_CAPTURE" --events "$cap" >"$work/events" 2>/dev/null
mine=" $(info "$cap" command.pid) 0x00 software"
check "page faults: of the command" [ "$(grep -c "$mine:page-faults address=" "$work/events")" -gt 50 ]
check "page faults: minor ones are among them" \
	[ "$(grep -c "$mine:minor" "$work/events")" -le "$(grep -c "$mine:page" "$work/events")" ]

# a map of names, saved when its process has ended
echo '1000 10 planted_name' >"/tmp/perf-1.map.$$"
perf_record "JIT names: recorded" --user-stacks -- sh -c "mv /tmp/perf-1.map.$$ /tmp/perf-\$\$.map"
jit=/tmp/perf-$(info "$cap" command.pid).map
check "JIT names: saved" [ "$("$READ_CAPTURE" --files "$jit" "$cap" 2>/dev/null)" = '1000 10 planted_name' ]
rm -f "$jit"

"$KMEM_RECORD" --backend perf -m 1 -f -o "$cap" -d 3 >/dev/null 2>"$work/err" &
pid=$!
"$churn_all" 20000
wait $pid
status=$?
check "tiny ring: exit 3" [ $status -eq 3 ]
says "tiny ring: says why" "refused by a full ring"
exact "tiny ring: exact" "$cap"
shows "tiny ring: losses have their places" lost "$cap"

"$KMEM_RECORD" --backend perf -q -f -o "$whole" -d 1 >/dev/null 2>&1 &
pid=$!
perf_record "two recorders" -d 500ms
wait $pid
exact "two recorders: the other is exact" "$whole"

refused() { # NAME TEXT ARGUMENT...
	name=$1
	text=$2
	shift 2
	record 2 "$name" -o "$work/none.kmem" -d 100ms "$@"
	says "$name: says why" "$text"
}

refused "-m 3" "power of two" -m 3
refused "no such process" "there is no such process" --backend perf -p 4194303
refused "no such CPU" "does not exist" --backend perf -C 4095
refused "no such cgroup" "no control group" --backend perf --cgroup no-such-group
refused "bad filter" "Field not found" --backend perf -e 'kmem:kmalloc/nosuch>1/'
refused "filter of page faults" "no filter" -e software:page-faults/address\>1/
refused "user stacks of ftrace" "perf backend" --backend ftrace --user-stacks
refused "survivors of perf" "ftrace backend" --backend perf --survivors 1s
check "failed starts make no file" [ ! -e "$work/none.kmem" ]
clean "perf: kernel left as it was"
finish
