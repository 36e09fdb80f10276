#!/bin/sh
# churn_all.sh ROUNDS - every CPU busy with allocations; ROUNDS of churn each.
for cpu in $(seq 0 $(($(nproc) - 1))); do
	"${B:=build/release}/tests/churn" "$1" "$cpu" >/dev/null &
done
wait
