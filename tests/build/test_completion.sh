#!/bin/sh
# Completion in a bash, by its function, and once by the Tab key of an interactive one.
# shellcheck source=tests/cli/lib.sh
. "$TESTS/cli/lib.sh"
PATH=$(dirname "$KMEM_RECORD"):$PATH
export PATH
script=$TESTS/../scripts/completion.bash
cd "$work" || exit 1	# no file here is a word of ours

completed() { # LINE: the words that may stand at its end
	bash --norc -c '. "$1"; COMP_LINE=$2 COMP_POINT=${#2}; _kmem "${2%% *}"; echo "${COMPREPLY[*]}"' bash "$script" "$1"
}

tab() { # LINE WORDS
	got=$(completed "$1")
	if [ "$got" = "$2" ]; then ok "'$1' <Tab>"; else not_ok "'$1' <Tab>" "'$got', not '$2'"; fi
}

# what the programs say that they have
commands=$(kmem-analyze --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' | tr '\n' ' ')
tab 'kmem-analyze ' "${commands% }"
tab 'kmem-analyze kmeml' kmemleak
tab 'kmem-record ' 'ctl dump boot-args'
for command in '' ctl dump boot-args; do
	# shellcheck disable=SC2086	# nothing where it is empty
	options=$(kmem-record $command --help | sed -nE 's/^ +(-., )?(--[a-z-]+).*/\2/p' | tr '\n' ' ')
	tab "kmem-record ${command:+$command }--" "${options% }"
done
for command in $commands; do
	options=$(kmem-analyze "$command" --help | sed -nE 's/^ +(-., )?(--[a-z-]+).*/\2/p' | tr '\n' ' ')
	tab "kmem-analyze $command --" "${options% }"
done

# values
tab 'kmem-record --stacks ' 'alloc all none'
tab 'kmem-record --backend=p' perf
tab 'kmem-analyze account --format=n' ndjson
tab 'kmem-analyze account --domain ' 'slab page percpu vmalloc'
tab 'kmem-analyze account -s ' 'net total alloc free waste current_dynamic total_dynamic alloc_count free_count'
tab 'kmem-analyze lifetimes --sort=p' 'p50 p90 p99'
tab 'kmem-analyze account --by caller,co' 'caller,comm caller,context'
tab 'kmem-analyze export --as ' 'pprof speedscope folded massif jemalloc jemalloc-plain'

# files are bash's; what an option wants that is neither is not made up
tab 'kmem-analyze account cap' ''
tab 'kmem-analyze account -o ' ''
tab 'kmem-record -d ' ''
check "'kmem-record -d 1 -- slee' <Tab>: programs" completed 'kmem-record -d 1 -- slee'
tab 'kmem-record -d 1 -- sleep --' ''
check "nothing was recorded, loaded or written meanwhile" [ -z "$(ls -A)" ]

# --- the Tab key
touch only.kmem
cat >type.py <<'END'
import os, pty, select, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execlp("bash", "bash", "--norc", "--noprofile", "-i")
def type_in(text, wait):
    os.write(fd, text)
    seen, end = b"", time.time() + 20
    while wait not in seen and time.time() < end:
        if select.select([fd], [], [], 0.2)[0]:
            seen += os.read(fd, 4096)
    return wait in seen
ok = type_in(b"PS1='rea''dy '; bind 'set enable-bracketed-paste off'; . '" + os.fsencode(sys.argv[1]) + b"'\n", b"ready ")
ok = ok and type_in(b"kmem-analyze kmeml\t--th\t1s onl\t", b"kmem-analyze kmemleak --than 1s only.kmem ")
os.write(fd, b"\x03exit\n")
os.close(fd)
os.waitpid(pid, 0)
sys.exit(0 if ok else 1)
END
check "an interactive bash completes a command, an option and a file" python3 type.py "$script"
rm only.kmem
finish
