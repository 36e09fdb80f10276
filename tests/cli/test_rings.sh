#!/bin/sh
# Ring charts: what is drawn is what the reports say (tests/naive/rings.py measures it), in every format.
. "$TESTS/cli/lib.sh"

capture replay
"$KMEM_ANALYZE" load -q "$work/replay.kmem"
db=$work/replay.kmem.db
net() { # what account says is live; OPTION...
	"$KMEM_ANALYZE" account "$@" | sed -n 's/^current bytes allocated: *//p'
}
pixels() { # NAME: its PNG is looked at, which takes a second
	case $1 in static | small) true ;; *) false ;; esac
}
rings() { # NAME OPTION... DB: writes $work/NAME.json and so on
	name=$1
	shift
	for ending in json svg html $(pixels "$name" && echo png pdf); do
		$WRAP "$KMEM_ANALYZE" rings -f -o "$work/$name.$ending" "$@" 2>"$work/err" || return
	done
}
measured() { # NAME TOTAL WHAT: the files agree with each other and with the total
	if [ -n "$cairo" ]; then
		set -- "$@" "$work/$1.json" "$work/$1.svg" "$work/$1.html"
		if pixels "$1"; then set -- "$@" "$work/$1.png"; fi
	else
		set -- "$@" "$work/$1.html"
	fi
	total=$2 what=$3
	shift 3
	if [ "${total:-0}" -gt 0 ] && python3 "$TESTS/naive/rings.py" "$total" "$@" >"$work/wrong" 2>&1; then
		ok "$what: $total bytes, and the drawing is right"
	else
		not_ok "$what: $total bytes, and the drawing is right" "$(head -n 3 "$work/wrong")"
	fi
}

# built with or without cairo; without it, everything but HTML says so
cairo=yes
if ! "$KMEM_ANALYZE" rings -f -o "$work/x.svg" "$db" 2>"$work/err" && grep -q 'built without cairo' "$work/err"; then
	cairo=
	expect 1 'install libcairo2-dev' 'without cairo a PNG says what is missing' "$KMEM_ANALYZE" rings -o "$work/x.png" "$db"
	check "and leaves no file" [ ! -e "$work/x.png" ]
	echo "skip rings as SVG, PNG and PDF: this build has no cairo"
	rings() {
		name=$1
		shift
		$WRAP "$KMEM_ANALYZE" rings -f -o "$work/$name.html" "$@"
	}
fi

# --- no debug information: by module and function, and said
rings bare "$db"
measured bare "$(net "$db")" 'live memory by function'
check "is said to be by function" grep -q 'by module and function: there is no debug information' "$work/bare.html"
rings waste -a waste "$db"
measured waste "$("$KMEM_ANALYZE" account "$db" | sed -n 's/^current wasted bytes: *//p')" 'wasted memory'
rings total -a total_dynamic "$db"
measured total "$("$KMEM_ANALYZE" account "$db" | awk '$4 ~ /^[0-9]+\/[0-9]+$/ { n += $1 } END { print n }')" 'all that was allocated'
rings malloc --malloc "$db"
measured malloc "$(net --malloc "$db")" 'only kmalloc'
rings task --only-comm bash "$db"
measured task "$(net --only-comm bash "$db")" 'only what one task allocated'
rings cache --cache "$db"
measured cache "$(net --cache "$db")" 'only slab caches'
expect 1 'needs debug information' '-b without debug information' "$KMEM_ANALYZE" rings -b fs -o "$work/x.html" "$db"
expect 1 'needs debug information' 'current without it' "$KMEM_ANALYZE" rings -a current -o "$work/x.html" "$db"
expect 1 'has no static sizes' 'static without it' "$KMEM_ANALYZE" rings -a static -o "$work/x.html" "$db"
check "what fails leaves no file" [ ! -e "$work/x.html" ]
expect 1 'nothing to draw' 'an empty selection' "$KMEM_ANALYZE" rings --from 9.9s -o "$work/x.html" "$db"

# --- with it: source files and static sizes, put in by hand
cp "$db" "$work/known.db"
sqlite3 "$work/known.db" "
	INSERT INTO source VALUES (1, 'fs/pipe.c', 'fs'), (2, 'lib/kasprintf.c', 'lib'), (3, 'drivers/drv/open.c', 'drivers/drv'),
		(4, 'fs/ext4/inode.c', 'fs/ext4'), (5, 'fs/ext4foo/foo.c', 'fs/ext4foo');
	UPDATE frame SET unit = (SELECT CASE name WHEN 'alloc_pipe_info' THEN 1 WHEN 'kvasprintf' THEN 2 WHEN 'drv_open' THEN 3 END
		FROM symbol WHERE id = frame.symbol);
	INSERT INTO static_symbol (name, kind, bytes, unit) VALUES ('pipe_read', 'text', 5000, 1), ('pipe_max', 'data', 8, 1),
		('ext4_iget', 'text', 9000, 4), ('foo', 'bss', 700, 5), ('kasprintf', 'text', 300, 2), ('(.rodata)', 'data', 4096, NULL),
		('early', 'data', 512, NULL);
	INSERT INTO static_symbol (name, kind, bytes, unit, module) VALUES ('drv_open', 'text', 900, 3, 'drv');
	WITH RECURSIVE n(i) AS (VALUES (10) UNION ALL SELECT i + 1 FROM n WHERE i < 300)
		INSERT INTO source SELECT i, 'net/proto' || (i % 7) || '/a_source_file_of_a_long_name_' || i || '.c', 'net/proto' || (i % 7) FROM n;
	INSERT INTO static_symbol (name, kind, bytes, unit) SELECT 'f', 'text', id * id % 977, id FROM source WHERE id > 9;"
known=$work/known.db
static=$(sqlite3 "$known" 'SELECT sum(bytes) FROM static_symbol')
rings live "$known"
measured live "$(net "$known")" 'live memory by directory'
rings static -a static "$known"
measured static "$static" 'static memory'
rings current -a current "$known"
measured current $((static + $(net "$known"))) 'static and live'
rings deep -a static --levels 8 "$known"
measured deep "$static" 'eight rings'
rings one -a static --levels 1 "$known"
measured one "$static" 'one ring'
rings branch -a static -b ./fs/ext4/ "$known"
measured branch 9000 '-b fs/ext4, not fs/ext4foo'
rings branches -a static -b fs -b lib "$known"
measured branches 15008 '-b twice'
rings pipes -b fs "$known"
measured pipes "$(sqlite3 "$known" "SELECT sum(bytes_alloc) FROM live WHERE function = 'alloc_pipe_info'")" '-b of live memory'
expect 1 'nothing to draw' '-b of a directory that holds nothing' "$KMEM_ANALYZE" rings -b fs/ext4 -o "$work/x.html" "$known"
"$KMEM_ANALYZE" static --by directory "$known" >"$work/report"
check "static asks a database, too" grep -qE '^ +5000 +8 +0 +5008  fs$' "$work/report"

# --- the callers file: name, net, waste, object
"$KMEM_ANALYZE" account --callers "$known" >"$work/callers"
want='alloc_pipe_info+0x4f                                         192      24       fs/pipe.o'
check "callers have their object file" grep -qxF "$want" "$work/callers"
check "callers have the bytes of the account" [ "$(awk '!/^#/ && NF > 3 { n += $(NF - 2) } END { print n }' "$work/callers")" = "$(net "$known")" ]
check "a caller without debug information has none" grep -qE '^mas_alloc_nodes.*  -$' "$work/callers"
golden account-callers "$KMEM_ANALYZE" account --callers -s waste "$db"
expect 2 'use it without --by' '--callers and --by' "$KMEM_ANALYZE" account --callers --by comm "$db"

if [ -n "$cairo" ]; then
	check "a PDF is one" [ "$(head -c 5 "$work/static.pdf")" = '%PDF-' ]
	rings small -a static --width 500 "$known"
	measured small "$static" 'a PNG of 500 pixels'
	check "is as wide" [ "$(od -An -tu1 -j16 -N4 "$work/small.png" | tr -s " ")" = " 0 0 1 244" ]
	# the witness can see what is wrong
	for edit in 's/"x":500.0/"x":520.0/' '0,/"from":0.0000/s//"from":0.1000/' 's/"angle":[0-9.-]*/"angle":0.700000/'; do
		sed "$edit" "$work/static.json" >"$work/edited.json"
		if python3 "$TESTS/naive/rings.py" "$static" "$work/edited.json" "$work/static.png" >"$work/wrong" 2>&1; then
			not_ok "a drawing with $edit is refused" "it was not"
		else
			ok "a drawing with $edit is refused"
		fi
	done
fi

# --- hostile names
cat >"$work/names.txt" <<'END'
info kernel.release </script><script>alert(1)</script>
info recorder.tgid 900
symbol 0xffffffff81000000 _stext
symbol 0xffffffff81002000 </script><img/src=x>"'&
symbol 0xffffffff81003000 a<!--b
symbol 0xffffffff81004000 @DATA@
1000 0 1 kmalloc ptr=0x1000 call_site=0xffffffff81002010 bytes_req=10 bytes_alloc=16
2000 0 1 kmalloc ptr=0x2000 call_site=0xffffffff81003010 bytes_req=10 bytes_alloc=32
3000 0 1 kmalloc ptr=0x3000 call_site=0xffffffff81004010 bytes_req=10 bytes_alloc=64
END
"$MKCAPTURE" "$work/names.txt" "$work/names.kmem"
"$KMEM_ANALYZE" load -q "$work/names.kmem"
rings names "$work/names.kmem.db"
measured names 112 'names that would be markup'

# --- usage
for bad in x x.txt x.svgz; do
	expect 2 'the ending says which' "-o $bad" "$KMEM_ANALYZE" rings -o "$work/$bad" "$db"
done
expect 2 'the ending says which' 'no -o' "$KMEM_ANALYZE" rings "$db"
echo precious >"$work/precious.c"
expect 2 'the ending says which' 'a wrong ending with -f' "$KMEM_ANALYZE" rings -f -o "$work/precious.c" "$db"
check "costs no file" grep -q precious "$work/precious.c"
expect 1 'exists; choose another name, or give -f' 'a file that is there' "$KMEM_ANALYZE" rings -o "$work/live.html" "$db"
check "pictures are private" [ "$(stat -c %a "$work/live.html")" = 600 ]
expect 2 'not one of' 'an unknown attribute' "$KMEM_ANALYZE" rings -a size -o "$work/x.html" "$db"
expect 2 'needs a capture' 'live memory of a program file' "$KMEM_ANALYZE" rings -a waste -o "$work/x.html" "$(command -v sh)"
"$KMEM_ANALYZE" rings --rings-attr static --rings-file "$work/old.html" "$known"
check "the long names of the older tool are understood" [ -s "$work/old.html" ]
finish
