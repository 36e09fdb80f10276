#!/bin/sh
# Static memory of a small kernel, built as kernels are: in another directory, objects in thin archives. The witnesses are
# size and nm of binutils.
. "$TESTS/cli/lib.sh"
cc=${CC:-cc}

src=$work/linux out=$work/build
mkdir -p "$src/init" "$src/fs/ext4" "$src/fs/ext4foo" "$src/mm" "$src/lib" "$out/init" "$out/fs/ext4" "$out/fs/ext4foo" \
	"$out/mm" "$out/lib" "$out/arch"
mkdir -p "$src/arch"
ln -s "$src" "$out/source"
unit() { # FILE PREFIX: a C file with code, data, zeros, constants, strings and variables of all kinds
	cat >"$src/$1" <<END
int $2_data[30] = { 1, 2 }, $2_zero[200];
static int here_data[10] = { 3 }, here_zero[50];
const char $2_constant[77] = "constant of $2";
static const char *const table[] = { "one of $2", "two of $2" };
static int __attribute__((noinline)) $2_here(int n)
{
	static int calls, table_of_calls[9] = { 5 };
	return here_data[n & 7] + here_zero[n & 7] + ++calls + table_of_calls[n & 7];
}
int $2_function(int n) { return $2_here(n) + $2_data[n & 7] + $2_zero[n & 7] + table[n & 1][0]; }
END
}
unit init/main.c main
unit fs/namei.c fs_namei
unit fs/ext4/namei.c ext4_namei
unit fs/ext4/inode.c ext4_inode
unit fs/ext4foo/foo.c foo
unit mm/slub.c slub
unit lib/string.c string
cat >>"$src/init/main.c" <<'END'
void _start(void) { main_function(1); }
END
cat >"$src/arch/entry.S" <<'END'
	.section .rodata
	.globl entry_table
	.type entry_table, %object
	.size entry_table, 48
entry_table:
	.zero 48
	.section .note.GNU-stack,"",%progbits
END
units='init/main.c fs/namei.c fs/ext4/namei.c fs/ext4/inode.c fs/ext4foo/foo.c mm/slub.c lib/string.c arch/entry.S'

objects=
compile() { # OPTION...: all objects, as make O= names their sources; the linked kernel
	objects=
	for unit in $units; do
		object=${unit%.*}.o
		(cd "$out" && "$cc" -O1 -fno-pie -fno-stack-protector -ffreestanding "$@" -c "../linux/$unit" -o "$object") ||
			not_ok "$unit is compiled" "$cc failed"
		objects="$objects $out/$object=$unit"
	done
	(cd "$out" && rm -f vmlinux built-in.a fs/built-in.a lib/lib.a &&
		ar cDrsT fs/built-in.a fs/namei.o fs/ext4/namei.o fs/ext4/inode.o fs/ext4foo/foo.o &&
		ar cDrsT lib/lib.a lib/string.o &&
		ar cDrsT built-in.a init/main.o mm/slub.o arch/entry.o fs/built-in.a &&
		"$cc" -no-pie -nostdlib -static -Wl,--build-id=sha1,--defsym,_stext=_start -Wl,--whole-archive built-in.a lib/lib.a -o vmlinux) ||
		not_ok "the kernel is linked" "$cc failed"
}
sums() { # the report's lines added up: TEXT DATA BSS TOTAL
	awk '!/^#/ && $4 ~ /^[0-9]+$/ { t += $1; d += $2; b += $3; all += $4 } END { print t + 0, d + 0, b + 0, all + 0 }'
}
size_of() { # FILE...: the same from size
	size "$@" | awk 'NR > 1 { t += $1; d += $2; b += $3 } END { print t, d, b, t + d + b }'
}
same_sums() { # NAME WANT COMMAND...: by directory, file and symbol
	what=$1 want=$2
	shift 2
	for by in directory file symbol; do
		got=$("$@" --by $by 2>"$work/err" | sums)
		if [ "$got" = "$want" ]; then
			ok "$what: the sums by $by are those of size"
		else
			not_ok "$what: the sums by $by are those of size" "'$got', not '$want': $(cat "$work/err")"
		fi
	done
}
names_agree() { # NAME FILE-OR-TREE
	$WRAP "$KMEM_ANALYZE" static --by symbol "$2" >"$work/symbols"
	# shellcheck disable=SC2086	# a list of words on purpose
	if python3 "$TESTS/naive/static.py" "$out/vmlinux" "$work/symbols" $objects >"$work/differ"; then
		ok "$1: every symbol has the size and the source that nm and the objects say"
	else
		not_ok "$1: every symbol has the size and the source that nm and the objects say" "$(head -n 3 "$work/differ")"
	fi
}
without_file() { # bytes of named symbols without a source file
	"$KMEM_ANALYZE" static --by symbol "$1" | awk '!/^#/ && $4 ~ /^[0-9]+$/ && $6 == "-" && $5 !~ /^\(/ { n += $4 } END { print n + 0 }'
}

for dwarf in 4 5; do
	compile "-gdwarf-$dwarf"
	same_sums "DWARF $dwarf" "$(size_of "$out/vmlinux")" "$KMEM_ANALYZE" static "$out/vmlinux"
	same_sums "DWARF $dwarf, tree" "$(size_of "$out/vmlinux")" "$KMEM_ANALYZE" static "$out"
	names_agree "DWARF $dwarf, tree" "$out"
done
# variables of functions are found by their neighbours; what the assembler made has no debug information
check "debug information alone leaves the assembler's table" [ "$(without_file "$out/vmlinux")" = 48 ]
"$KMEM_ANALYZE" static -b fs/ext4/ --by file "$out" | grep -o '[^ ]*\.c$' | sort >"$work/files"
check "-b fs/ext4 is fs/ext4 and not fs/ext4foo" [ "$(tr '\n' ' ' <"$work/files")" = 'fs/ext4/inode.c fs/ext4/namei.c ' ]
"$KMEM_ANALYZE" static -b fs -b mm --depth 1 -s name "$out" | sed 1,/^---/d | awk '{ print $5 }' >"$work/files"
check "-b may be repeated, --depth cuts" [ "$(tr '\n' ' ' <"$work/files")" = 'fs mm ' ]

# in the database, once it has debug information: then it needs nothing else
id=$(readelf -n "$out/vmlinux" | sed -n 's/.*Build ID: //p')
start=$(nm "$out/vmlinux" | awk '$3 == "_start" { print "0x" $1 }')
inode=$(nm "$out/vmlinux" | awk '$3 == "ext4_inode_function" { print "0x" $1 }')
cat >"$work/small.txt" <<END
info recorder.tgid 900
info kernel.build_id $id
symbol $start _stext
symbol $inode ext4_inode_function
1000 0 1 kmalloc ptr=0x1000 call_site=$(printf '0x%x' $((inode + 4))) bytes_req=10 bytes_alloc=1000
2000 0 1 kmalloc ptr=0x2000 call_site=0x1234 bytes_req=10 bytes_alloc=64
END
"$MKCAPTURE" "$work/small.txt" "$work/small.kmem"
"$KMEM_ANALYZE" load -q -k "$out" "$work/small.kmem" 2>"$work/err"
check "load -k takes the sizes of the kernel" [ -s "$work/small.kmem.db" ]
rm "$work/small.kmem"
same_sums "a database" "$(size_of "$out/vmlinux")" "$KMEM_ANALYZE" static "$work/small.kmem.db"
"$KMEM_ANALYZE" static --by symbol "$work/small.kmem.db" | sed 1,/^---/d >"$work/by-database"
"$KMEM_ANALYZE" static --by symbol "$out/vmlinux" | sed 1,/^---/d >"$work/by-file"
check "says the same as the file" cmp -s "$work/by-database" "$work/by-file"
"$KMEM_ANALYZE" rings -a current -o "$work/current.html" "$work/small.kmem.db"
bytes=$(($(size_of "$out/vmlinux" | awk '{ print $4 }') + 1064))
check "static and live sum up" python3 "$TESTS/naive/rings.py" $bytes "$work/current.html"
"$KMEM_ANALYZE" rings -b fs/ext4 -o "$work/ext4.html" "$work/small.kmem.db"
check "-b has the one live object of the directory" python3 "$TESTS/naive/rings.py" 1000 "$work/ext4.html"

# debug information in a file of its own: its sections have sizes and no contents
objcopy --only-keep-debug "$out/vmlinux" "$work/vmlinux.debug"
same_sums "a .debug file" "$(size_of "$out/vmlinux")" "$KMEM_ANALYZE" static "$work/vmlinux.debug"
# a module: relocatable, no addresses yet
ld -r -o "$work/ext4.ko" "$out/fs/ext4/inode.o" "$out/fs/ext4/namei.o"
same_sums "a module" "$(size_of "$work/ext4.ko")" "$KMEM_ANALYZE" static "$work/ext4.ko"

compile -g0
same_sums "no debug information" "$(size_of "$out/vmlinux")" "$KMEM_ANALYZE" static "$out/vmlinux"
"$KMEM_ANALYZE" static --by file "$out/vmlinux" >"$work/report"
check "is said" grep -q ' 0.0 % belong to a source file' "$work/report"
same_sums "objects without debug information" "$(size_of "$out/vmlinux")" "$KMEM_ANALYZE" static "$out"
names_agree "objects without debug information" "$out"

mv "$out/vmlinux" "$work/vmlinux"
rm "$out/source"
# shellcheck disable=SC2046	# a list of words on purpose
same_sums "no vmlinux" "$(size_of $(for o in $objects; do echo "${o%=*}"; done))" "$KMEM_ANALYZE" static "$out"
"$KMEM_ANALYZE" static --by file "$out" | grep -o '[^ ]*\.[cSo]$' | sort | tr '\n' ' ' >"$work/files"
# the sources lie elsewhere and nothing says where: objects are named as they are
check "no object is dropped" [ "$(cat "$work/files")" = 'arch/entry.o fs/ext4/inode.o fs/ext4/namei.o fs/ext4foo/foo.o fs/namei.o init/main.o lib/string.o mm/slub.o ' ]
ln -s "$src" "$out/source"
"$KMEM_ANALYZE" static --by file "$out" | grep -o '[^ ]*\.[cSo]$' | sort | tr '\n' ' ' >"$work/files"
check "the link to the sources names them" [ "$(cat "$work/files")" = 'arch/entry.S fs/ext4/inode.c fs/ext4/namei.c fs/ext4foo/foo.c fs/namei.c init/main.c lib/string.c mm/slub.c ' ]
rm "$out/fs/ext4/inode.o"
expect 1 'which is not there: build the tree again' 'an archive of objects that are gone' "$KMEM_ANALYZE" static "$out"

# --- what is no kernel
mkdir "$work/empty"
expect 1 'no built kernel tree' 'an empty directory' "$KMEM_ANALYZE" static "$work/empty"
expect 2 'nothing is compiled from files of' 'a directory that is not there' "$KMEM_ANALYZE" static -b nosuch "$work/vmlinux.debug"
expect 2 'needs a directory of the source tree' 'no directory' "$KMEM_ANALYZE" static -b ./ "$work/vmlinux.debug"
expect 2 "unknown sort key 'nosuch'" 'a sort key' "$KMEM_ANALYZE" static -s nosuch "$work/vmlinux.debug"
capture replay
"$KMEM_ANALYZE" load -q "$work/replay.kmem" 2>"$work/err"
expect 1 'has no static sizes' 'a database without' "$KMEM_ANALYZE" static "$work/replay.kmem"
# cut off or overwritten anywhere: an error or a report, never worse
bytes=$(stat -c %s "$work/vmlinux.debug")
worst=0
for part in 1 5 9 13 17 21 25 29; do
	head -c $((bytes * part / 30)) "$work/vmlinux.debug" >"$work/cut"
	cp "$work/vmlinux.debug" "$work/holed"
	dd if=/dev/zero of="$work/holed" bs=1 seek=$((bytes * part / 30)) count=300 conv=notrunc 2>/dev/null
	for file in cut holed; do
		$WRAP "$KMEM_ANALYZE" static --by symbol "$work/$file" >"$work/report" 2>&1
		code=$?
		[ $code -le $worst ] || worst=$code
	done
done
check "damaged files do no harm" [ "$worst" -le 1 ]
finish
