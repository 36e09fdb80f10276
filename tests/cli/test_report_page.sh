#!/bin/sh
# report: the page has the numbers of the reports, loads nothing, and works in a browser.
. "$TESTS/cli/lib.sh"

for name in replay loss hostile_names; do
	capture $name
	"$KMEM_ANALYZE" load -q "$work/$name.kmem"
done
cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
"$KMEM_ANALYZE" load -q "$work/v1.kmem"

page() { # NAME DB OPTION...
	file=$work/$1.html
	what="$1 $2"
	db=$work/$2.kmem.db
	shift 2
	$WRAP "$KMEM_ANALYZE" report -f -o "$file" "$@" "$db" 2>"$work/err"
	wrong=$(python3 "$TESTS/naive/report_page.py" "$file" "$KMEM_ANALYZE" "$db" "$@" 2>&1)
	check "the page has the numbers of the reports ($what) $wrong" [ -z "$wrong" ]
}
page plain v1
page at v1 --at 50%
page some v1 --where "bytes_alloc > 200" --malloc
page small replay
page lost loss
page names hostile_names
{
	echo "symbol 0x1000 make_them"
	for i in $(seq 600); do
		echo "$((1000 + i)) 0 7 kmem_cache_alloc call_site=make_them+4 ptr=$((65536 * i)) bytes_req=100 bytes_alloc=128 name=cache$i"
	done
} >"$work/many.script"
"$MKCAPTURE" "$work/many.script" "$work/many.kmem" && "$KMEM_ANALYZE" load -q "$work/many.kmem"
page caches many
check "losses are said first" grep -q '"complete": 0' "$work/lost.html"
"$KMEM_ANALYZE" report -f -o "$work/none.html" --only-comm nosuch "$work/replay.kmem.db"
check "a page of nothing" [ -s "$work/none.html" ]
expect 2 'has tables of its own' '--by' "$KMEM_ANALYZE" report --by cpu -f -o "$work/x.html" "$work/replay.kmem.db"
check "makes no file" [ ! -e "$work/x.html" ]
script -qec "'$KMEM_ANALYZE' report '$work/replay.kmem.db'" /dev/null </dev/null >"$work/said" 2>&1
check "no page is thrown at a terminal" grep -q 'name it with -o FILE.html' "$work/said"
check "a page is for its owner only" [ "$(stat -c %a "$work/plain.html")" = 600 ]

script='
const rows = id => [...document.querySelectorAll("#table-" + id + " tbody tr")], heads = id => [...document.querySelectorAll("#table-" + id + " th")]
const cells = (id, row) => [...rows(id)[row].children].map(td => td.textContent)
const type = (id, words) => { const e = document.getElementById("find-" + id); e.value = words; e.dispatchEvent(new Event("input")) }
say(document.title)
say("callers", rows("callers").length, document.getElementById("count-callers").textContent)
say("first", cells("callers", 0).join("|"))
click(document.getElementById("more-callers"))
say("all", rows("callers").length)
click(heads("callers")[5])
say("by name", heads("callers")[5].getAttribute("aria-sort"), cells("callers", 0)[5])
click(heads("callers")[5])
say("again", heads("callers")[5].getAttribute("aria-sort"), cells("callers", 0)[5])
type("callers", "PIPE")
say("found", rows("callers").map(r => r.children[5].textContent).join(" "), document.getElementById("count-callers").textContent)
say("leaks", rows("leaks").length)
click(rows("leaks")[0])
say("stack", rows("leaks")[1].className, rows("leaks")[1].textContent.split("\n").length > 3)
click(rows("leaks")[0])
say("closed", document.querySelectorAll("tr.stack").length)
type("leaks", "epoll")
say("leaks of epoll", rows("leaks").length)
say("chart", document.querySelectorAll("#chart polyline").length, document.querySelectorAll("#chart polyline")[0].getAttribute("points").split(" ").length)
const box = document.querySelector("#chart svg").getBoundingClientRect()
document.querySelector("#chart svg").dispatchEvent(new MouseEvent("mousemove", { clientX: box.right - 2, clientY: box.top + 50 }))
say("tip", document.getElementById("tip").textContent.split("\n").join(", "))
say("flames", document.querySelectorAll(".picture svg g.f").length > 50)
const flame = document.querySelector(".picture svg"), before = flame.querySelectorAll("g.f")
click(before[before.length - 1])
say("zoomed", [...before].some(g => g.style.display === "none"))
'
python3 "$TESTS/naive/browser.py" "$work/plain.html" "$script" >"$work/said" 2>&1
case $? in
77) echo "skip the report in a browser: there is no chromium" ;;
*)
	golden report-browser cat "$work/said"
	HOME=$work XDG_CACHE_HOME=$work chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --window-size=1200,1600 \
		--user-data-dir="$work/profile" --screenshot="$work/page.png" --virtual-time-budget=2000 "file://$work/plain.html" >"$work/said" 2>&1
	check "a screenshot shows more than a blank page" [ "$(python3 -c '
import sys
sys.path.insert(0, sys.argv[2])
import rings
width, height, pixel = rings.read_png(sys.argv[1])
print(len({pixel(x, y) for x in range(0, width, 7) for y in range(0, height, 7)}))' "$work/page.png" "$TESTS/naive" 2>&1 | tail -n 1)" -gt 30 ]
	python3 "$TESTS/naive/browser.py" "$work/names.html" 'say(document.querySelectorAll("#table-callers tbody tr").length > 2, document.querySelectorAll("img").length)' \
		>"$work/said" 2>&1
	check "hostile names run nothing: $(cat "$work/said")" [ "$(cat "$work/said")" = "true 0" ]
	python3 "$TESTS/naive/browser.py" "$work/caches.html" 'say(document.getElementById("cards").textContent.includes("600live objects"), document.getElementById("count-caches").textContent)' \
		>"$work/said" 2>&1
	check "what the page leaves out is counted and said: $(cat "$work/said")" [ "$(cat "$work/said")" = "true 500 of 600 caches (the page has the first 500)" ]
	python3 "$TESTS/naive/browser.py" "$work/none.html" 'say(document.querySelectorAll("#table-callers tbody tr").length)' >"$work/said" 2>&1
	check "a page of nothing opens: $(cat "$work/said")" [ "$(cat "$work/said")" = 0 ]
	python3 "$TESTS/naive/browser.py" "$work/lost.html" 'say(document.getElementById("sub").textContent)' >"$work/said" 2>&1
	check "missing events are said in words" grep -q 'EVENTS ARE MISSING' "$work/said"
	;;
esac
finish
