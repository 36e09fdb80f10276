#!/bin/sh
# collect-ftrace.sh [-a] [-i INSTANCE]... [-l] DIR - saves what the kernel's tracing rings hold, and all that
# is needed to read it elsewhere, into a new directory, on a target that has no kmem-record.
#
#	-a	all event formats (slow; the usual ones and those of the enabled events are saved anyway)
#	-i NAME	stop and save this tracing instance only; may be repeated; . is the top one
#	-l	leave tracing stopped
#
# Needs root and a POSIX shell with cat, cp, dd, head, mkdir, sed, sleep: busybox will do. Tracing is stopped first and
# goes on afterwards. Reading empties the rings. Then, on any machine and as any user:
#
#	kmem-record dump --root DIR -o boot.kmem
#
# DIR holds the target's files under their own paths (proc/, sys/), those of the tracing directory below tracing/
# (raw pages in per_cpu/cpuN/trace_pipe_raw, its statistics before and after in stats and stats.end), `dmesg`, `tasks`
# (tgid and /proc/PID/stat of each thread) and `facts` (KEY=VALUE about what is no file).
set -u
umask 077
LC_ALL=C
export LC_ALL

say() {
	echo "collect-ftrace: $*" >&2
}

die() {
	say "$*"
	exit 1
}

all=0 leave=0 chosen=
while [ $# -gt 0 ]; do
	case $1 in
	-a) all=1 ;;
	-l) leave=1 ;;
	-i)
		[ $# -gt 1 ] || die "-i wants the name of an instance"
		chosen="$chosen $2"
		shift
		;;
	-h | --help)
		sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,14p'
		exit 0
		;;
	-*) die "unknown option '$1'; usage: collect-ftrace.sh [-a] [-i INSTANCE]... [-l] DIR" ;;
	*) break ;;
	esac
	shift
done
[ $# -eq 1 ] || die "usage: collect-ftrace.sh [-a] [-i INSTANCE]... [-l] DIR"
out=$1
[ -r /proc/self/stat ] || die "/proc is not mounted: mount -t proc proc /proc"
! [ -e "$out" ] || die "'$out' exists; name a new directory"

T=
mounted=
for place in /sys/kernel/tracing /sys/kernel/debug/tracing; do
	[ -n "$T" ] || ! [ -d $place/instances ] || T=$place
done
if [ -z "$T" ]; then
	mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null ||
		die "no tracing directory: run as root, with /sys mounted (mount -t sysfs sysfs /sys)"
	T=/sys/kernel/tracing
	mounted=$T
fi
[ -w $T/tracing_on ] || die "no permission to use $T: run as root"
mkdir -p "$out/tracing" || exit 1

# ---- stop: "" is the top instance, others are instances/NAME/

rings=
find_rings() {
	if [ -n "$chosen" ]; then
		for name in $chosen; do
			case $name in
			.) rings="$rings ./" ;;
			*)
				[ -d "$T/instances/$name" ] || die "there is no tracing instance '$name'"
				rings="$rings instances/$name/"
				;;
			esac
		done
		return
	fi
	rings=./
	for ring in "$T"/instances/*; do
		[ -d "$ring" ] || continue
		name=${ring##*/}
		case $name in
		kmem-record.*) # one that records now is left alone
			pid=${name#kmem-record.}
			! [ -d "/proc/${pid%%.*}" ] || continue
			;;
		esac
		rings="$rings instances/$name/"
	done
}

resume=
stop() {
	for ring in $rings; do
		mkdir -p "$out/tracing/$ring"
		read -r on <"$T/$ring/tracing_on"
		echo "$on" >"$out/tracing/${ring}tracing_on"
		[ "$on" = 0 ] && continue
		echo 0 >"$T/$ring/tracing_on" || exit 1
		resume="$resume $ring"
	done
}

# shellcheck disable=SC2329	# called by the trap
end() {
	if [ $leave = 0 ]; then
		for ring in $resume; do echo 1 >"$T/$ring/tracing_on"; done
	fi
	[ -z "$mounted" ] || umount "$mounted"
}

# ---- save

save() { # FILE...: of the target
	for file; do
		[ -r "$file" ] || continue
		mkdir -p "$out${file%/*}"
		cat "$file" >"$out$file" 2>/dev/null || rm -f "$out$file"
	done
}

save_tracing() { # FILE...: of the tracing directory
	for file; do
		[ -r "$T/$file" ] || continue
		case $file in */*) mkdir -p "$out/tracing/${file%/*}" ;; esac
		cat "$T/$file" >"$out/tracing/$file" 2>/dev/null || rm -f "$out/tracing/$file"
	done
}

short_sleep() {
	sleep 0.1 2>/dev/null || sleep 1
}

# The ring of one CPU. On many kernels a read at the end of trace_pipe_raw waits for ever: the end is reached when the
# kernel counts no entries any more and the reader sleeps with everything written.
save_ring() { # DIRECTORY below the tracing directory
	mkdir -p "$out/tracing/$1"
	cat "$T/$1/stats" >"$out/tracing/$1/stats"
	case $(sed -n 's/^entries: //p' "$out/tracing/$1/stats") in 0) return ;; esac
	raw=$out/tracing/$1/trace_pipe_raw
	dd if="$T/$1/trace_pipe_raw" of="$raw" bs="$page" 2>/dev/null &
	reader=$!
	tries=0 last=
	while [ $tries -lt 100 ] && kill -0 $reader 2>/dev/null; do
		short_sleep
		{ read -r stat <"/proc/$reader/stat"; } 2>/dev/null || break	# some kernels end the read
		left=$(sed -n 's/^entries: //p' "$T/$1/stats")
		tries=$((tries + 1))
		if [ "$left" != "$last" ]; then
			last=$left tries=0
			continue
		fi
		case "$left $stat" in "0 "*") S "*) break ;; esac
	done
	kill $reader 2>/dev/null
	wait $reader 2>/dev/null
	cat "$T/$1/stats" >"$out/tracing/$1/stats.end"
	left=$(sed -n 's/^entries: //p' "$out/tracing/$1/stats.end")
	[ "$left" = 0 ] || say "$1: $left records could not be read"
}

save_instance() { # "./" or "instances/NAME/"
	ring=$1
	for file in trace_clock buffer_size_kb buffer_total_size_kb buffer_subbuf_size_kb trace_options set_event current_tracer \
		error_log options/stacktrace events/header_page; do
		save_tracing "$ring$file"
	done
	# shellcheck disable=SC2013	# events have no blanks
	for event in $(sed -n 's,:,/,p' "$out/tracing/${ring}set_event" 2>/dev/null); do
		save_tracing "${ring}events/$event/trigger" "${ring}events/$event/filter"
	done
	page=$(sed -n 's/.*field: char data;.*offset:\([0-9]*\);.*size:\([0-9]*\);.*/\1 + \2/p' "$T/${ring}events/header_page")
	page=$((${page:-4096}))
	for cpu in "$T/$ring"per_cpu/cpu*; do
		save_ring "${ring}per_cpu/${cpu##*/}"
	done
}

# Formats of all events that may be in the rings.
save_formats() {
	systems="ftrace kmem task module initcall percpu vmalloc"
	for ring in $rings; do
		systems="$systems $(sed -n 's/:.*//p' "$out/tracing/${ring}set_event" 2>/dev/null)"
	done
	[ $all = 0 ] || systems='*'
	save_tracing events/header_page events/header_event
	for system in $systems; do
		# shellcheck disable=SC2231	# the system may be a pattern
		for format in "$T"/events/$system/*/format; do
			format=${format#"$T/"}
			[ -e "$out/tracing/$format" ] || save_tracing "$format"
		done
	done
}

save_modules() {
	for module in /sys/module/*; do
		[ -d "$module/sections" ] || continue
		mkdir -p "$out$module"
		cp -r "$module/sections" "$out$module/" 2>/dev/null
		save "$module/notes/.note.gnu.build-id"
	done
}

save_tasks() {
	for task in /proc/[0-9]*/task/[0-9]*; do
		tgid=${task#/proc/}
		{ read -r stat <"$task/stat"; } 2>/dev/null && echo "${tgid%%/*} $stat"
	done >"$out/tasks"
}

save_facts() {
	{
		echo "machine=$(uname -m)"
		echo "kernel.release=$(uname -r)"
		echo "kernel.version=$(uname -v)"
		echo "hostname=$(uname -n)"
		# byte 5 of a program tells the byte order: 1 little, 2 big
		byte=$(dd if=/proc/self/exe bs=1 skip=5 count=1 2>/dev/null)
		[ "$byte" = "$(printf '\001')" ] && echo endian=little
		[ "$byte" = "$(printf '\002')" ] && echo endian=big
		if ! size=$(getconf PAGESIZE 2>/dev/null); then
			kb=$(sed -n 's/^KernelPageSize: *\([0-9]*\) kB/\1/p' /proc/self/smaps 2>/dev/null | head -n 1)
			size=${kb:+$((kb * 1024))}
		fi
		[ -z "$size" ] || echo "page_size=$size"
	} >"$out/facts"
}

find_rings
trap end EXIT
trap 'exit 130' INT TERM HUP
stop
# first of all what changes with every allocation
save /proc/slabinfo /proc/meminfo /proc/vmstat /proc/allocinfo
for ring in $rings; do save_instance "$ring"; done
save_formats
save_tracing saved_cmdlines saved_tgids printk_formats
save /proc/kallsyms /proc/modules /proc/cmdline /proc/version /proc/iomem /proc/uptime /proc/sys/kernel/random/boot_id \
	/proc/sys/kernel/kptr_restrict /sys/kernel/notes /sys/devices/system/cpu/possible \
	/sys/devices/system/cpu/present /sys/devices/system/cpu/online
save_modules
save_tasks
save_facts
dmesg >"$out/dmesg" 2>/dev/null || rm -f "$out/dmesg"
say "saved in '$out'; on a machine with kmem-record: kmem-record dump --root '$out' -o boot.kmem"
