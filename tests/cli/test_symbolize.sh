#!/bin/sh
# Source lines: a small kernel is built here, with a module, in the ways in which kernels are built, and every address of a
# capture gets what addr2line -fi says. Another build is refused.
. "$TESTS/cli/lib.sh"
cc=${CC:-cc}
tree=$work/linux
mkdir -p "$tree/init" "$tree/fs/tiny" "$tree/include/linux" "$tree/drivers" "$work/objects" "$work/debug"

cat >"$tree/include/linux/slab.h" <<'END'
extern void *take(unsigned long bytes);
static inline __attribute__((always_inline)) void *kzalloc(unsigned long bytes)
{
	char *p = take(bytes);

	if (p)
		*p = 0;
	return p;
}
END
cat >"$tree/init/main.c" <<'END'
#include <linux/slab.h>
extern void *tiny_mount(unsigned long n);
char heap[4096];
__attribute__((noinline)) void *take(unsigned long bytes)
{
	return bytes < sizeof(heap) ? heap : 0;
}
__attribute__((noinline)) int start_kernel(void)
{
	return tiny_mount(3) != 0;
}
__attribute__((section(".init.text"))) void _start(void)
{
	start_kernel();
}
END
cat >"$tree/fs/tiny/inode.c" <<'END'
#include <linux/slab.h>
static inline __attribute__((always_inline)) void *tiny_alloc(unsigned long n)
{
	return kzalloc(n * 16);
}
__attribute__((noinline)) void *tiny_mount(unsigned long n)
{
	char *p = tiny_alloc(n);

	return p ? p + 1 : 0;
}
END
cat >"$tree/drivers/mod_one.c" <<'END'
#include <linux/slab.h>
static char *kept;
__attribute__((noinline)) void *mod_open(unsigned long n)
{
	kept = kzalloc(n);
	return kept ? kept + 1 : 0;
}
__attribute__((noinline, section(".init.text"))) int mod_init(void)
{
	return mod_open(7) != 0;
}
END
cat >"$work/vmlinux.ld" <<'END'
SECTIONS {
	. = 0x40000000;
	_stext = .;
	.text : { *(.text .text.*) }
	_etext = .;
	.init.text : { *(.init.text) }
	.notes : { *(.note.gnu.build-id) }
	.data : { *(.data .data.* .bss COMMON) }
	_end = .;
}
END

make_kernel() { # VARIANT-OPTIONS...: $work/debug/vmlinux and drivers/mod-one.ko; $where: how sources are named
	rm -rf "$work/debug" "$work/objects"
	mkdir -p "$work/debug/drivers" "$work/objects"
	(
		cd "$directory" || exit
		for unit in init/main fs/tiny/inode drivers/mod_one; do
			"$cc" -c -g -O1 -ffreestanding -fno-pic -fcf-protection=none -fno-asynchronous-unwind-tables \
				-I "$prefix"include "$@" -o "$work/objects/$(basename "$unit").o" "$prefix$unit.c" || exit
		done
		ld --no-warn-rwx-segments -T "$work/vmlinux.ld" --build-id=sha1 -o "$work/debug/vmlinux" "$work/objects/main.o" "$work/objects/inode.o" &&
			ld -r --build-id=sha1 -o "$work/debug/drivers/mod-one.ko" "$work/objects/mod_one.o"
	)
}

id_of() {
	readelf -n "$1" 2>/dev/null | sed -n 's/.*Build ID: //p'
}
symbol_of() { # FILE NAME
	nm "$1" | awk -v n="$2" '$3 == n { print "0x" $1 }'
}
calls() { # FILE FUNCTION: where the first call in it returns to, after the function's start
	objdump -d --no-show-raw-insn "$1" | awk -v f="<$2>:" '
		called { sub(":", "", $1); print "0x" $1; exit }
		$2 == f { inside = 1 }
		inside && /[ \t]call/ { called = 1 }'
}

shift=0x12000000	# KASLR
module=0x70100000
init=0x70200000
script() { # BUILD-ID MODULE-BUILD-ID
	vmlinux=$work/debug/vmlinux ko=$work/debug/drivers/mod-one.ko
	[ -z "$1" ] || echo "info kernel.build_id $1"
	for name in _stext take tiny_mount start_kernel _start _etext; do
		printf 'symbol 0x%x %s\n' $(($(symbol_of "$vmlinux" $name) + shift)) $name
	done
	printf 'symbol 0x%x mod_open mod_one\n' $((module))
	echo "file /proc/modules end mod_one 16384 0 - Live $module"
	echo "file /sys/module/mod_one/sections/.text end $module"
	echo "file /sys/module/mod_one/sections/.init.text end $init"
	[ -z "$2" ] || printf '%s %s\n' "file /sys/module/mod_one/notes/.note.gnu.build-id end" \
		"$(echo "040000001400000003000000474e5500$2" | sed 's/../\\x&/g')"
	echo 'type module module_load name:str:column'
	mount=$(($(calls "$vmlinux" tiny_mount) + shift))
	start=$(($(calls "$vmlinux" start_kernel) + shift))
	boot=$(($(calls "$vmlinux" _start) + shift))
	open=$((module + $(calls "$ko" mod_open)))
	mod_init=$((init + $(calls "$ko" mod_init) - $(symbol_of "$ko" mod_init)))
	echo '5 0 7 module_load name=mod_one'
	printf '10 0 7 kmalloc ptr=0x1000 bytes_req=8 bytes_alloc=8 call_site=0x%x stack=0x%x,0x%x,0x%x\n' \
		"$mount" "$mount" "$start" "$boot"
	printf '20 0 7 kmalloc ptr=0x2000 bytes_req=8 bytes_alloc=8 call_site=0x%x stack=0x%x,0x%x\n' \
		"$open" "$open" "$mod_init"
}

prepare() {
	script "$(id_of "$work/debug/vmlinux")" "$(id_of "$work/debug/drivers/mod-one.ko")" >"$work/k.txt"
	"$MKCAPTURE" "$work/k.txt" "$work/k.kmem" || not_ok "a capture" "mkcapture failed"
}

lines() { # of the first stacks, one a line: stack position function file line
	sqlite3 -separator ' ' "$work/k.db" "SELECT s.stack, s.position, i.function, i.file, i.line, x.path
		FROM stack_frame s JOIN inline_line i ON i.frame = s.frame JOIN frame f ON f.id = s.frame
		JOIN source x ON x.id = f.unit ORDER BY s.stack, s.position, i.position"
}

variant() { # NAME OPTION...
	variant=$1
	shift
	make_kernel "$@" || not_ok "$variant: the kernel is built" "$cc failed"
	prepare
	"$KMEM_ANALYZE" load -q -f -k "$work/debug" -o "$work/k.db" "$work/k.kmem" || not_ok "$variant: load" "failed"
	lines >"$work/lines"
	if diff -u - "$work/lines" <<'END'; then ok "$variant"; else not_ok "$variant" "lines differ"; fi
1 0 kzalloc include/linux/slab.h 4 fs/tiny/inode.c
1 0 tiny_alloc fs/tiny/inode.c 4 fs/tiny/inode.c
1 0 tiny_mount fs/tiny/inode.c 8 fs/tiny/inode.c
1 1 start_kernel init/main.c 10 init/main.c
1 2 _start init/main.c 14 init/main.c
2 0 kzalloc include/linux/slab.h 4 drivers/mod_one.c
2 0 mod_open drivers/mod_one.c 5 drivers/mod_one.c
2 1 mod_init drivers/mod_one.c 10 drivers/mod_one.c
END
	check "$variant: initialisation code of the module has the name of its function" \
		[ "$(sqlite3 "$work/k.db" "SELECT count(*) FROM frame_text WHERE text GLOB 'mod_init+0x* \[mod_one]'
			OR text GLOB 'mod_init+0x* [[]mod_one]'")" = 1 ]
}

if [ "$(uname -m)" != x86_64 ]; then
	echo "skip a kernel that is built here: options of gcc for x86-64 are used"
	finish
fi

directory=$tree prefix=''
variant "built in the tree, DWARF 5" -gdwarf-5
variant "built in the tree, DWARF 4" -gdwarf-4
variant "its directory mapped away" -gdwarf-5 "-fdebug-prefix-map=$tree=/usr/src/linux-6.1"
directory=$work/objects prefix=$tree/
variant "built with O=, DWARF 5" -gdwarf-5
variant "built with O=, DWARF 4" -gdwarf-4
variant "built with O=, tree mapped to nothing" -gdwarf-5 "-ffile-prefix-map=$tree/="
mkdir -p "$tree/build"
directory=$tree/build prefix=../
variant "built inside of the tree" -gdwarf-5
variant "debug information is compressed" -gdwarf-5 -gz

cat >"$work/want" <<'END'
    ADDRESS kzalloc (inlined) include/linux/slab.h:4
    ADDRESS tiny_alloc (inlined) fs/tiny/inode.c:4
    ADDRESS tiny_mount+OFFSET ([kernel.kallsyms]) fs/tiny/inode.c:8
    ADDRESS start_kernel+OFFSET ([kernel.kallsyms]) init/main.c:10
    ADDRESS _start+OFFSET ([kernel.kallsyms]) init/main.c:14
END
stack_of() {
	"$KMEM_ANALYZE" kmemleak "$@" >"$work/out" 2>"$work/err"
	sed -n '/8 bytes in 1 objects/,$p' "$work/out" | grep '^    [0-9a-f]\{16\} ' | sed 's/^    [0-9a-f]* /    ADDRESS /; s/+0x[0-9a-f]* /+OFFSET /'
}
stack_of -n 0 "$work/k.db" | head -n 5 >"$work/got"
check "kmemleak prints inlined functions and lines" diff -u "$work/want" "$work/got"
check "no report speaks of another build" [ "$(grep -c 'build' "$work/out")" = 0 ]
check "what the program prints fits 100 columns" [ "$(awk '{ if (length > m) m = length } END { print m }' "$work/out")" -le 100 ]

# a database alone is enough, and symbolize does the same later
lines >"$work/lines"
"$KMEM_ANALYZE" load -q -f -o "$work/k.db" "$work/k.kmem"
check "without -k there are no lines" [ "$(sqlite3 "$work/k.db" 'SELECT count(*) FROM inline_line')" = 0 ]
chmod 600 "$work/k.db"
"$KMEM_ANALYZE" symbolize -q -k "$work/debug/vmlinux" -k "$work/debug/drivers/mod-one.ko" "$work/k.db" || not_ok symbolize "failed"
lines >"$work/later"
check "symbolize makes the same of a database" cmp -s "$work/lines" "$work/later"
check "the database is private" [ "$(stat -c %a "$work/k.db")" = 600 ]
check "nothing is left beside it" [ "$(ls "$work"/k.db*)" = "$work/k.db" ]
check "the database is whole" [ "$(sqlite3 "$work/k.db" 'PRAGMA integrity_check')" = ok ]
"$KMEM_ANALYZE" symbolize -q -k "$work/debug/vmlinux" "$work/k.db"
check "a second symbolize replaces the first" [ "$(lines | grep -c mod_)" = 0 ]

# as debug packages lay it out
id=$(id_of "$work/debug/vmlinux")
mkdir -p "$work/package/usr/lib/debug/.build-id/$(echo "$id" | cut -c 1-2)"
cp "$work/debug/vmlinux" "$work/package/usr/lib/debug/.build-id/$(echo "$id" | sed 's,^..,&/,').debug"
"$KMEM_ANALYZE" symbolize -q -k "$work/package" "$work/k.db"
check "vmlinux is found by its build-id" [ "$(lines | grep -c tiny_alloc)" = 1 ]

# other builds
sed -i 's/n \* 16/n * 32/' "$tree/fs/tiny/inode.c"
make_kernel -gdwarf-5 || not_ok "another kernel is built" failed
other=$(id_of "$work/debug/vmlinux")
sum=$(sha256sum <"$work/k.db")
expect 1 "its build-id is $other, the capture's is $id" "another build is refused" \
	"$KMEM_ANALYZE" symbolize -q -k "$work/debug/vmlinux" "$work/k.db"
check "the database is as it was" [ "$sum" = "$(sha256sum <"$work/k.db")" ]
check "nothing is left beside it then, either" [ "$(ls "$work"/k.db*)" = "$work/k.db" ]
expect 1 "its build-id is $other" "another build is refused in a directory" \
	"$KMEM_ANALYZE" symbolize -q -k "$work/debug" "$work/k.db"
expect 1 "its build-id is $other" "load refuses it, too" \
	"$KMEM_ANALYZE" load -q -k "$work/debug" -o "$work/none.db" "$work/k.kmem"
check "and leaves nothing" [ ! -e "$work/none.db" ]
"$KMEM_ANALYZE" symbolize -q --allow-mismatch -k "$work/debug/vmlinux" "$work/k.db" || not_ok "--allow-mismatch" "failed"
for report in account kmemleak kmemprof; do
	"$KMEM_ANALYZE" "$report" "$work/k.db" >"$work/out" 2>&1
	check "$report says that lines are of another build" grep -q "^#   build-id $other, the capture's $id" "$work/out"
done

# no build-id: what else tells two builds apart
script '' '' >"$work/k.txt"
"$MKCAPTURE" "$work/k.txt" "$work/k.kmem"
"$KMEM_ANALYZE" load -q -f -k "$work/debug" -o "$work/k.db" "$work/k.kmem" || not_ok "no build-id" "load failed"
"$KMEM_ANALYZE" account "$work/k.db" >"$work/out" 2>&1
check "a report says that the build could not be compared" grep -q '^# source lines may be of another build: 2 of the files' "$work/out"
sed "/^symbol .* _etext/s/0x\([0-9a-f]*\)/0x\1/; s/^symbol 0x[0-9a-f]* _etext/symbol 0x52000fff _etext/" "$work/k.txt" |
	"$MKCAPTURE" - "$work/k.kmem"
expect 1 "the capture's is 0xfff bytes" "text of another length is refused" \
	"$KMEM_ANALYZE" load -q -f -k "$work/debug" -o "$work/k.db" "$work/k.kmem"

# programs: by the build-ids of their maps, stripped here, with their debug information elsewhere
cat >"$work/prog.c" <<'END'
static volatile int sum;
static inline __attribute__((always_inline)) int twice(int n)
{
	sum += n;
	return sum * 2;
}
__attribute__((noinline)) int work(int n)
{
	return twice(n) + 1;
}
int main(int argc, char **argv)
{
	(void)argv;
	return work(argc);
}
END
mkdir "$work/files"
"$cc" -O1 -g -Wl,--build-id=sha1 -o "$work/files/prog.debug" "$work/prog.c"
objcopy --strip-debug "$work/files/prog.debug" "$work/prog"
segment=$(readelf -lW "$work/prog" | awk '$1 == "LOAD" && / E / { print $2, $3, $5; exit }')
# shellcheck disable=SC2086	# three words
set -- $segment
work_at=$(($(symbol_of "$work/prog" work) - $2 + 0x555500000000 + 4))
{
	script "$(id_of "$work/debug/vmlinux")" '' | grep -v '^[0-9]'
	echo "map 1 11 11 0x555500000000 $3 $1 $work/prog $(id_of "$work/prog")"
	printf '10 0 11 kmalloc ptr=0x1000 bytes_alloc=8 stack=0x1234,user,0x%x\n' $work_at
} >"$work/u.txt"
"$MKCAPTURE" "$work/u.txt" "$work/u.kmem" || not_ok "a capture of a program" "mkcapture failed"
"$KMEM_ANALYZE" load -q -k "$work/files" -o "$work/u.db" "$work/u.kmem" || not_ok "lines of a program" "load failed"
sqlite3 -separator ' ' "$work/u.db" 'SELECT function, file, line FROM inline_line ORDER BY position' >"$work/lines"
case $(tr '\n' ' ' <"$work/lines") in
"twice "*"/prog.c "[45]" work "*"/prog.c 9 ") ok "lines of a program" ;;
*) not_ok "lines of a program" "$(cat "$work/lines")" ;;
esac

# nothing of use
expect 1 "cannot find '$work/nothing'" "a path that is not there" "$KMEM_ANALYZE" load -q -f -k "$work/nothing" -o "$work/k.db" "$work/k.kmem"
mkdir "$work/empty"
expect 1 'nothing with debug information is there' "a directory without" "$KMEM_ANALYZE" load -q -f -k "$work/empty" -o "$work/k.db" "$work/k.kmem"
expect 2 '-k says where' "symbolize without -k" "$KMEM_ANALYZE" symbolize "$work/k.db"
head -c 3000 "$work/debug/vmlinux" >"$work/empty/vmlinux"
mkfifo "$work/empty/vmlinux.fifo"
expect 1 'nothing with debug information is there' "half a file, and a pipe" "$KMEM_ANALYZE" load -q -f -k "$work/empty" -o "$work/k.db" "$work/k.kmem"
finish
