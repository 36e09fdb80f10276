#!/bin/sh
# The README's table "coming from trace_analyze": each of its commands runs, on a small kernel that is built here and a log of
# its allocations with plain addresses.
. "$TESTS/cli/lib.sh"
. "$TESTS/cli/coming_from.sh"
cc=${CC:-cc}

tree=$work/linux
units='init/main fs/namei fs/ext2/inode fs/ext4/inode drivers/base/core mm/slub arch/x86/mm/init'
objects=
for unit in $units; do
	objects="$objects $unit.o"
	mkdir -p "$tree/${unit%/*}"
	name=$(echo "$unit" | tr / _)
	cat >"$tree/$unit.c" <<END
int ${name}_data[30] = { 1, 2 };
__attribute__((noinline)) int $name(int n) { return ${name}_data[n & 7] + ${name}_data[n & 15] * n; }
END
	(cd "$tree" && "$cc" -g -O1 -fno-pie -fno-stack-protector -ffreestanding -c "$unit.c" -o "$unit.o")
done
# shellcheck disable=SC2086	# a list of words
(cd "$tree" && "$cc" -no-pie -nostdlib -static -Wl,--build-id=sha1,--defsym,_start=init_main,--defsym,_stext=init_main,-Ttext-segment=0x40000000 \
	-o vmlinux $objects && nm -n vmlinux >System.map)
check "a kernel is built" [ -s "$tree/System.map" ]

# two allocations of each function, one of them freed; call sites as FORM prints them
site() { # FORM FUNCTION
	address=$(awk -v name="$2" '$3 == name { print $1 }' "$tree/System.map" | sed 's/^0*//')
	next=$(awk -v name="$2" 'found { print $1; exit } $3 == name { found = 1 }' "$tree/System.map")
	case $1 in
	classic) printf '%x' $((0x$address + 4)) ;;
	modern) printf '%s+0x4/0x%x' "$2" $((0x$next - 0x$address)) ;;
	other) printf '%s+0x4/0x%x' "$2" $((0x$next - 0x$address + 16)) ;;
	esac
}
log() { # FORM
	printf '# tracer: nop\n#\n'
	n=0
	for unit in $units; do
		site=$(site "$1" "$(echo "$unit" | tr / _)")
		for kind in kmalloc kmem_cache_alloc; do
			for age in 1 2; do
				n=$((n + 1))
				printf '%16s-%d [000] %d.%06d: %s: call_site=%s ptr=f59a%04x bytes_req=%d bytes_alloc=%d gfp_flags=GFP_KERNEL\n' \
					swapper 1 $n $age $kind "$site" $((n * 64)) $((n * 10)) $((n * 16))
			done
			free=kfree
			[ $kind = kmalloc ] || free=kmem_cache_free
			printf '%16s-%d [000] %d.%06d: %s: call_site=%s ptr=f59a%04x\n' swapper 1 $n 3 $free "$site" $((n * 64))
		done
	done
}
log classic >"$work/kmem.log"

coming_from trace_analyze 20 'account.txt callers.txt *.png'

# and says what it should
cd "$work" || exit
"$KMEM_ANALYZE" account -b fs/ext4 kmem.log 2>/dev/null >all
check "-b fs/ext4 has that directory's function alone" [ "$(grep -c "+0x" all)" -eq 1 ]
check "by its name" grep -q 'fs_ext4_inode+0x4' all
"$KMEM_ANALYZE" account kmem.log | sed '/^#/d' >all
check "account has every function" [ "$(grep -c "+0x4\$" all)" -eq 7 ]

# a log with names has directories, too, where the functions are those of the kernel that is named
log modern >modern.log
"$KMEM_ANALYZE" load -q -k linux modern.log
"$KMEM_ANALYZE" account modern.log | sed '/^#/d' >by-name
check "a log with names: the same account" cmp -s all by-name
"$KMEM_ANALYZE" account -b fs/ext4 kmem.log | sed '/^#/d' >want
"$KMEM_ANALYZE" account -b fs/ext4 modern.log | sed '/^#/d' >got
check "a log with names: the same directory" cmp -s want got
log other >other.log
expect 1 'is of another build than the kernel of the log' 'of another build no function is taken for one of the same name' \
	"$KMEM_ANALYZE" load -q -k linux other.log
check "and no database is left" [ ! -e other.log.db ]
"$KMEM_ANALYZE" account other.log 2>/dev/null | sed '/^#/d' >by-name
sed -i s/_start/init_main/ all # two names of one address
check "without -k the names do" cmp -s all by-name
finish
