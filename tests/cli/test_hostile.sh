#!/bin/sh
# Names that somebody chose to do harm, through every command and every format: tests/naive/hostile.py has the names and
# says what must hold.
# shellcheck source=tests/cli/lib.sh
. "$TESTS/cli/lib.sh"
out=$work/out.d
mkdir "$out" "$work/here"
cd "$work/here" || exit 1
python3 "$TESTS/naive/hostile.py" make >"$work/evil.txt"
cap=$work/evil.kmem
"$MKCAPTURE" "$work/evil.txt" "$cap" || not_ok "the capture of hostile names" "mkcapture failed"
"$KMEM_ANALYZE" load "$cap" 2>"$out/load.err"
check "a capture of hostile names loads" [ -s "$cap.db" ]
check "and lacks none of them" [ "$(sqlite3 "$cap.db" 'SELECT count(*) FROM allocation')" -gt 100 ]

bad=0
made=0
make_out() { # FILE COMMAND...: exit status 0 or 3
	file=$1
	shift
	$WRAP "$KMEM_ANALYZE" "$@" >"$out/$file" 2>"$work/err"
	code=$?
	made=$((made + 1))
	[ $code -ne 1 ] || ! grep -q 'built without cairo' "$work/err" || { code=0 && echo "skip hostile names, $file: this build has no cairo"; }
	[ $code -eq 0 ] || [ $code -eq 3 ] || { bad=$((bad + 1)) && echo "# $*: exit status $code: $(cat "$work/err")"; }
	# a load, a warning: what stands on standard error goes to a terminal, too
	[ ! -s "$work/err" ] || cp "$work/err" "$out/$file.err"
}

reports='account|kmemprof|kmemleak|kmemleak --comm -v|top|top --tree|top --peek evil|peak|timeline|lifetimes|stat --caller|stat --alloc
domains|info|history --ptr 0xffff888000101000|account --by comm|account --by module,cache|account --by caller,stack|kmemprof --by comm,pid
peak --by comm,caller|timeline --by cache|lifetimes --by comm|account --callers|account --classic
kmemleak --alloc kmem:kmalloc//ptr=ptr/size=bytes_alloc/stack/ --free kmem:kfree//ptr=ptr/
kmemprof -e kmem:kmalloc//size=bytes_alloc/stack/ -e kmem:kfree -k ptr'
n=0
echo "$reports" | tr '|' '\n' >"$work/reports"
while read -r report; do
	n=$((n + 1))
	for format in txt json ndjson csv; do
		name=$(echo "$n $report" | tr -c 'a-z0-9' _)
		# --callers and --classic have no other format
		case "$format $report" in txt*) ;; *--callers | *--classic) continue ;; esac
		option="--format $format"
		[ $format = txt ] && option=
		# shellcheck disable=SC2086	# words
		make_out "$name.$format" $report $option "$cap"
	done
done <"$work/reports"
make_out verify.txt verify "$cap"
for format in text json ndjson csv; do
	make_out "sql.${format%ext}$(case $format in text) echo xt ;; esac)" sql --format $format "$cap" \
		'SELECT comm, caller, cache, module, event, (SELECT group_concat(text) FROM mark) AS marks FROM object'
	make_out "diff.${format%ext}$(case $format in text) echo xt ;; esac)" diff -a --format $format "$cap" "$cap"
done
while read -r ending command; do
	# shellcheck disable=SC2086	# words
	make_out "$(echo "$command" | tr -c 'a-z\n' _).said.txt" $command -f -o "$out/$(echo "$command" | tr -c 'a-z\n' _).$ending" "$cap"
done <<END
dot graph
svg flame
svg flame --by comm
svg flame --diff $cap
folded flame
folded flame --by comm
html report
svg timeline
svg timeline --by comm
trace timeline --format trace
svg rings
html rings
json rings
pb.gz export --by comm
speedscope.json export
folded export --as folded
massif export
heap export
END
# --- a kernel whose source files and symbols have such names
for one in ONE TWO; do
	mkdir "$work/DIRECTORY_OF_${one}_"
	echo "int SYMBOL_THAT_IS_${one}[30] = { 1 }; void ${one}_start(void) { SYMBOL_THAT_IS_${one}[0]++; }" \
		>"$work/DIRECTORY_OF_${one}_/FILE_THAT_IS_$one.c"
done
(cd "$work" && ${CC:-cc} -g -O1 -ffreestanding -fno-pie -no-pie -nostdlib -static -Wl,--defsym,_stext=ONE_start,--entry=ONE_start \
	-o vmlinux DIRECTORY_OF_ONE_/FILE_THAT_IS_ONE.c DIRECTORY_OF_TWO_/FILE_THAT_IS_TWO.c)
check "a kernel is built" [ $? -eq 0 ]
python3 - "$work/vmlinux" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    data = f.read()
    for old, new in ((b"DIRECTORY_OF_ONE_", b"<x-evil onload=e>"), (b"FILE_THAT_IS_ONE", b"\"><x-evil>\x1b[31m;"),
                     (b"DIRECTORY_OF_TWO_", b"</script><x-evil>"), (b"FILE_THAT_IS_TWO", b"'><x-evil>\xff\n,,\""),
                     (b"SYMBOL_THAT_IS_ONE", b"]]><x-evil>\x9b31m\\\""), (b"SYMBOL_THAT_IS_TWO", b"evil,\"1\n2\xe2\x80\xae</a>")):
        assert len(old) >= len(new) and old in data, (old, new)
        data = data.replace(old, new.ljust(len(old), b"_"))
    f.seek(0)
    f.write(data)
END
check "and gets hostile names" [ $? -eq 0 ]
for by in directory file symbol; do
	for format in text json ndjson csv; do
		make_out "static.$by.${format%ext}$(case $format in text) echo xt ;; esac)" static --by $by --format $format "$work/vmlinux"
	done
done
for ending in svg html json; do
	make_out "rings.said.$ending.txt" rings -f -o "$out/rings_of_kernel.$ending" "$work/vmlinux"
done
# what has nothing to say has said nothing
find "$out" -name '*.said.*' -size 0 -delete
check "every command and format can bear them ($made)" [ $bad -eq 0 ]

# the checks see what they look for: bare, each name but the harmless ones is found in one kind of file or another
mkdir "$work/bare"
python3 - "$TESTS" "$work/bare" <<'END'
import sys
sys.path.insert(0, sys.argv[1] + "/naive")
import hostile
for i, name in enumerate(hostile.EVIL):
    for ending, text in (("txt", b"%s"), ("csv", b"a,b\n%s,1\n"), ("json", b"{\"a\": \"%s\"}"), ("svg", b"<svg a=\"%s\">%s</svg>"),
                         ("html", b"<p title='%s'>%s<script>var a = '%s'</script>"), ("folded", b"%s"), ("dot", b"a [label=\"%s\"]")):
        with open("%s/%d.%s" % (sys.argv[2], i, ending), "wb") as f:
            f.write(text.replace(b"%s", name))
END
python3 "$TESTS/naive/hostile.py" check "$work/bare" | grep -v '^#' | sed 's/\..*//' | sort -u >"$work/found"
check "bare, most of the names are found ($(wc -l <"$work/found") of $(find "$work/bare" -name '*.txt' | wc -l))" \
	[ "$(wc -l <"$work/found")" -ge 45 ]
missing=$(grep -L evil "$out"/*account*.* "$out"/*kmemleak*.* "$out"/flame*.* "$out"/report* "$out"/graph.dot "$out"/static.*.* \
	"$out"/rings*.html "$out"/rings*.json)
check "the names are there $missing" [ -z "$missing" ]

python3 "$TESTS/naive/hostile.py" check "$out" >"$work/wrong"
while IFS= read -r line; do
	case $line in '#'*) ;; *) not_ok "hostile names in ${line%%:*}" "${line#*: }" ;; esac
done <"$work/wrong"
check "what they print is text, fields, lines and elements of its own only ($(wc -l <"$work/wrong") files)" \
	[ "$(grep -vc '^#' "$work/wrong")" -eq 0 ]
# readers of the formats take them, too
python3 "$TESTS/naive/exports.py" pprof "$out/export___by_comm.pb.gz" inuse_space >"$work/read" 2>&1
check "a strict reader takes the pprof profile" grep -q ' [0-9]*$' "$work/read"
python3 "$TESTS/naive/exports.py" heap "$out/export.heap" 1 >"$work/read" 2>&1
check "a strict reader takes the heap profile" [ $? -eq 0 ]
if command -v dot >/dev/null; then
	dot -Tsvg "$out/graph.dot" >"$work/graph.d.svg" 2>"$work/err"
	check "graphviz takes the graph without a word" [ ! -s "$work/err" ]
	$WRAP "$KMEM_ANALYZE" graph -f -o "$work/graph.svg" "$cap" 2>/dev/null
	mkdir "$work/more" && cp "$work/graph.svg" "$work/more"
	python3 "$TESTS/naive/hostile.py" check "$work/more" >"$work/wrong"
	check "the graph as a picture has none of them as an element" [ "$(grep -vc '^#' "$work/wrong")" -eq 0 ]
fi
check "no name was run, and none became a file" [ -z "$(ls -A)" ]

# --- names that come as operands and options, and go into messages
esc=$(printf '\033[31mevil')
"$KMEM_ANALYZE" account "$work/$esc" 2>"$work/err"
check "a message does not hand control characters on" [ "$(tr -d '[:print:]\n' <"$work/err" | wc -c)" -eq 0 ]
check "and still says which file" grep -qF '\x1b[31mevil' "$work/err"
"$KMEM_RECORD" dump --root "$work/$esc" 2>"$work/err"
check "nor does the recorder" [ "$(tr -d '[:print:]\n' <"$work/err" | wc -c)" -eq 0 ]
# the recorder runs the command that it is given; nothing else is run, and no shell
check "no program runs a shell" [ -z "$(grep -lE '\b(system|popen|wordexp|execlp?|execle) *\(' "$TESTS"/../*/*.c "$TESTS"/../format/base/*.c)" ]
finish
