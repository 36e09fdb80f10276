#!/bin/sh
# The loader's two threads: whole loads, loads of damaged captures, and loads that are given up.
. "$TESTS/cli/lib.sh"

cp "$TESTS/golden/v1.kmem" "$work/v1.kmem"
"$B/tests/makeload" "$TESTS/bench/mixed.shape" 5 400k "$work/big.kmem" 20000 >/dev/null
size=$(stat -c %s "$work/big.kmem")
head -c $((size * 2 / 3)) "$work/big.kmem" >"$work/cut.kmem"
for name in v1 big cut; do
	"$KMEM_ANALYZE" load -q "$work/$name.kmem" 2>"$work/err"
	code=$?
	check "threads: $name loads ($code)" [ "$code" = "$([ $name = cut ] && echo 3 || echo 0)" ]
done
for tenths in 1 3 6; do
	"$KMEM_ANALYZE" load -q -f "$work/big.kmem" 2>"$work/err" &
	loader=$!
	sleep 0.$tenths
	kill -INT "$loader"
	wait "$loader"
	code=$?
	case $code in 0 | 1 | 130) ok "threads: given up after $tenths tenths of a second" ;; *) not_ok "threads: given up" "exit status $code" ;; esac
done
check "threads: the database from before is still there" "$KMEM_ANALYZE" info -o "$work/info" "$work/big.kmem.db"
finish
