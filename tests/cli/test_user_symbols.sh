#!/bin/sh
# Names of user frames: only from files with the capture's build-id, wherever they lie.
. "$TESTS/cli/lib.sh"
cc=${CC:-cc}

cat >"$work/prog.c" <<'END'
__attribute__((noinline)) int inner_function(int n) { return n * 7 + 1; }
__attribute__((noinline)) int exported_function(int n) { return inner_function(n) + 3; }
int main(int argc, char **argv) { (void)argv; return exported_function(argc); }
END
mkdir "$work/target" "$work/moved" "$work/root" "$work/ids"
prog=$work/target/prog
build() { # OUT OPTION...
	out=$1
	shift
	"$cc" -O1 -g -rdynamic -Wl,--build-id=sha1 "$@" -o "$out" "$work/prog.c"
}
build "$prog" || not_ok "the program is built" "$cc failed"
id=$(readelf -n "$prog" | sed -n 's/.*Build ID: //p')
check "the program has a build-id" [ ${#id} -eq 40 ]

# the executable segment: where it lies in the file, and at which address
segment=$(readelf -lW "$prog" | awk '$1 == "LOAD" && / E / { print $2, $3, $5; exit }')
offset=$(echo "$segment" | cut -d' ' -f1)
address=$(echo "$segment" | cut -d' ' -f2)
length=$(echo "$segment" | cut -d' ' -f3)
base=0x555500000000
where() { # FUNCTION PLUS: its address in the process
	at=$(nm "$prog" | awk -v f="$1" '$3 == f { print "0x" $1 }')
	printf '0x%x' $((base + at - address + $2))
}
script() { # BUILD-ID: frames of the three functions, and one behind all of them
	cat <<END
info time.start_ns 0
map 1 11 11 $base $length $offset $prog $1
10 0 11 kmalloc ptr=0x1000 bytes_alloc=8 stack=1,user,$(where inner_function 1),$(where exported_function 2),$(where main 3),0x1000
END
}
names() { # of the user frames, blank-separated; LOAD-OPTION...
	"$KMEM_ANALYZE" load -q -f "$@" -o "$work/n.db" "$work/n.kmem" || return
	sqlite3 "$work/n.db" "SELECT group_concat(coalesce(function, '?') || printf('+%d', x.offset), ' ') FROM
		(SELECT l.function, f.offset FROM stack_line l JOIN stack_frame s USING (stack, position)
		 JOIN frame f ON f.id = s.frame WHERE l.dso IS NOT NULL ORDER BY position) x"
}
expect_names() { # WANT NAME LOAD-OPTION...
	want=$1 what=$2
	shift 2
	got=$(names "$@")
	if [ "$got" = "$want" ]; then ok "$what"; else not_ok "$what" "'$got', not '$want'"; fi
}
all='inner_function+1 exported_function+2 main+3 ?+0'
none='?+0 ?+0 ?+0 ?+0'

script "$id" >"$work/n.txt"
"$MKCAPTURE" "$work/n.txt" "$work/n.kmem"
expect_names "$all" "functions of the file itself"
from=$(sqlite3 "$work/n.db" "SELECT symbols_from FROM dso WHERE build_id = '$id'")
check "the database says which file gave them" [ "$from" = "$prog" ]
"$KMEM_ANALYZE" kmemleak -f --db "$work/n.db" "$work/n.kmem" >"$work/report" 2>/dev/null
check "a report prints user frames behind the kernel's" \
	grep -qE "^    [0-9a-f]{16} exported_function\+0x2 \($prog\)$" "$work/report"
check "a frame without a name prints as unknown" grep -q ' \[unknown\] (\[unknown\])$' "$work/report"

python3 "$TESTS/../scripts/read_capture.py" --processes "$work/n.kmem" >"$work/records"
check "the independent reader sees the same map" grep -q "kind=map flags=0 pid=11 tgid=11 start=$base .* path=$prog build_id=$id" \
	"$work/records"

# the file is gone: names come from wherever a file with its build-id lies
mv "$prog" "$work/moved/another-name"
expect_names "$none" "a file that is not there gives no names"
check "a place in it keeps its file and offset" [ "$(sqlite3 "$work/n.db" \
	"SELECT count(*) FROM frame_text WHERE text LIKE '+0x% ($prog)'")" = 3 ]
expect_names "$all" "a file of another name in --debug-dir" --debug-dir "$work/moved"
expect_names "$all" "the last of several directories" --debug-dir "$work/none" --debug-dir "$work/moved"
mkdir -p "$work/root/$(dirname "$prog")" "$work/ids/.build-id/$(echo "$id" | cut -c1-2)"
cp "$work/moved/another-name" "$work/root/$prog"
expect_names "$all" "a copy of the target's root" --symfs "$work/root"
ln -s "$work/moved/another-name" "$work/ids/.build-id/$(echo "$id" | cut -c1-2)/$(echo "$id" | cut -c3-)"
expect_names "$all" "a tree of .build-id links" --debug-dir "$work/ids"

# a stripped file names what it exports; with its debug file, everything
strip -s -o "$prog" "$work/moved/another-name"
got=$(names | cut -d' ' -f2-3)
check "a stripped file names what it exports" [ "$got" = 'exported_function+2 main+3' ]
mkdir "$work/debug"
objcopy --only-keep-debug "$work/moved/another-name" "$work/debug/prog.debug"
expect_names "$all" "a stripped file and its debug file" --debug-dir "$work/debug"
rm "$prog"
expect_names "$none" "a debug file alone does not say which byte is where" --debug-dir "$work/debug"

# another build under the same path
build "$prog" -DOTHER -Wl,--build-id=0x0102030405060708090a0b0c0d0e0f1011121314
expect_names "$none" "a replaced file is not used"
expect_names "$all" "and does not hide the right one" --debug-dir "$work/moved"
script - >"$work/n.txt"
"$MKCAPTURE" "$work/n.txt" "$work/n.kmem"
cp "$work/moved/another-name" "$prog"
expect_names "$none" "without a build-id in the capture there are no names"

# hostile files: no names, or right ones, but never a crash
script "$id" >"$work/n.txt"
"$MKCAPTURE" "$work/n.txt" "$work/n.kmem"
size=$(stat -c %s "$work/moved/another-name")
bad=
for cut in 1 4 20 63 64 100 $((size / 4)) $((size / 2)) $((size - 100)) $((size - 1)); do
	head -c "$cut" "$work/moved/another-name" >"$prog"
	got=$(names) || bad="$bad $cut"
	for word in $got; do
		case " $all " in *" $word "*) ;; *) [ "$word" = '?+0' ] || bad="$bad $cut:$word" ;; esac
	done
done
check "truncated files" [ -z "$bad" ]
python3 - "$work/moved/another-name" "$work/target" <<'END'
import random, struct, sys
good = open(sys.argv[1], "rb").read()
random.seed(3)
shoff, = struct.unpack_from("<Q", good, 40)
sections = struct.unpack_from("<H", good, 60)[0]
for n in range(40):
    data = bytearray(good)
    for _ in range(1 + n % 4):
        if n % 2:                   # a field of a section header becomes silly
            at = shoff + 64 * random.randrange(sections) + 8 * random.randrange(8)
        else:                       # or one of the headers in front
            at = 16 + 8 * random.randrange(56)
        struct.pack_into("<Q", data, at, random.choice((0, 1, 7, len(good) - 1, 1 << 31, (1 << 64) - 8, 1 << 63)))
    open("%s/bad%d" % (sys.argv[2], n), "wb").write(data)
END
bad=
for n in $(seq 0 39); do
	mv "$work/target/bad$n" "$prog"
	names >/dev/null 2>"$work/err"
	code=$?
	[ $code -eq 0 ] || bad="$bad $n:$code"
done
check "files with silly numbers" [ -z "$bad" ]
rm "$prog"
mkfifo "$prog"
# who opens it to write waits until somebody opens it to read
(
	exec 3>"$prog"
	: >"$work/opened"
) &
writer=$!
expect_names "$none" "a pipe under the name of a program"
sleep 0.2
check "is not opened" [ ! -e "$work/opened" ]
kill $writer
wait $writer 2>/dev/null
rm "$prog"
mkdir "$prog"
expect_names "$none" "a directory under the name of a program"
expect 2 'debug-dir' 'an option without its argument' "$KMEM_ANALYZE" load "$work/n.kmem" --debug-dir
finish
