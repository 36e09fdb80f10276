# shellcheck shell=sh disable=SC2034
# lib.sh - sourced by the tests of tests/boot, which look at what boots.sh left in build/boot.
#
#	. "$TESTS/boot/lib.sh"
#	if booted amd64; then			# else one skip or failure is printed
#		check "amd64: ..." [ -e "$guest/boot.kmem" ]
#	fi
#	whole "amd64" "$guest/boot.kmem"	# a good capture of a boot, without losses
#	figures amd64 "$guest/boot.kmem"	# shown to who runs the tests
#	finish
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/../kernel/lib.sh"
: "${KMEM_ANALYZE:=$PWD/$B/kmem-analyze}"
WITNESS=$B/tests/witness

booted() { # ARCH[-VARIANT]
	guest=build/boot/$1/guest
	if [ -e "build/boot/${1%%-*}.missing" ]; then
		skip "$1" "$(cat "build/boot/${1%%-*}.missing")"
		return 1
	elif ! [ -e "$guest/dump.status" ]; then
		not_ok "$1: boots" "$(tail -n 5 "build/boot/$1/console" 2>&1 || echo 'run make check-boot')"
		return 1
	fi
	ok "$1: boots"
}

status() { # NAME STATUS FILE: what a program in the guest ended with
	got=$(cat "$guest/$3.status")
	if [ "$got" = "$2" ]; then
		ok "$1"
	else
		not_ok "$1" "exit status $got instead of $2: $(head -n 5 "$guest/$3.err")"
	fi
}

codes() { # CAPTURE: of what it says about itself, one a line
	info "$1" 'warning\.[0-9]*' | sed 's/:.*//'
}

per_cpu() { # CAPTURE FIELD: of every CPU at the end, one a line
	"$READ_CAPTURE" --stats "$1" 2>/dev/null | sed -n "s/^end .*cpu=[0-9].* $2=\([0-9]*\).*/\1/p"
}

total() { # CAPTURE FIELD
	per_cpu "$1" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

whole() { # NAME CAPTURE
	info "$2" kernel.cmdline >"$work/args"
	"$READ_CAPTURE" --verify "$2" >"$work/verify" 2>&1
	check "$1: the independent reader finds it whole, without losses" [ $? -eq 0 ]
	exact "$1: every record that the kernel counted is in it" "$2"
	check "$1: both CPUs have events" [ "$(per_cpu "$2" events | awk '$1 > 100' | wc -l)" -eq 2 ]
	early=$(info "$2" 'warning\.[0-9]*' | sed -n 's/^early-stacks: \([0-9]*\) .*/\1/p')
	check "$1: no stack without its event, but for ${early:=0} before the first" [ "$(total "$2" orphan_stacks)" = "$early" ]
	check "$1: no event without its stack" [ "$(total "$2" missing_stacks)" = 0 ]
	if grep -q trace_trigger "$work/args"; then
		allocations=$("$READ_CAPTURE" --events "$2" | grep -cE ' kmem:(kmalloc|kmem_cache_alloc) ')
		check "$1: as many stacks as allocations" [ "$(total "$2" stacks)" = "$allocations" ]
	else
		check "$1: as many stacks as events" [ "$(total "$2" stacks)" = "$(total "$2" events)" ]
	fi
	traps=$(codes "$2" | grep -vxE 'begins|starts-late|early-stacks|stacks-of-frees')
	check "$1: it names no trap" [ -z "$traps" ]
	account "$2"
	check "$1: the account is exact" grep -q '^# [0-9,]* events, none lost: every number is exact' "$work/account"
	# inodes and dentries of the file systems in memory, their names, tasks: every boot makes them
	head -n 20 "$work/callers" >"$work/first"
	for caller in alloc_inode __d_alloc __kernfs_new_node copy_process security_inode_alloc; do
		check "$1: $caller is among the first 20 of $(wc -l <"$work/callers") callers" grep -q " ${caller}[+.]" "$work/first"
	done
	# modules that were removed leave no names; test_modules.sh looks at them
	[ ! -e "$guest/modules.seen" ] || return
	unnamed=$(grep -cE ' (0x)?[0-9a-f]{6,}$' "$work/callers")
	check "$1: every caller has a name" [ "$unnamed" = 0 ]
}

account() { # CAPTURE: $work/account is its report, $work/callers the lines of that report
	rm -f "$work/db"
	"$KMEM_ANALYZE" account --db "$work/db" -n 0 "$1" >"$work/account" 2>"$work/account.err"
	awk 'on { print } /^-----/ { on = 1 }' "$work/account" >"$work/callers"
}

figures() { # NAME CAPTURE: shown to who runs the tests
	echo "figure: $1: Linux $(info "$2" kernel.release), $(info "$2" events) events in $(stat -c %s "$2") bytes," \
		"booted, saved and off in $(cat "build/boot/$1/wall_ms") ms"
	account "$2"
	sed -n '/^ *total/p' "$work/account" | sed 's/^/figure:   /'
	head -n 8 "$work/callers" | sed 's/^/figure:   /'
}
