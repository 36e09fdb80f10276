#!/bin/sh
# database.sh FILE - a small database for the target db: small pages, so that every byte is worth a change.
set -eu
"$MKCAPTURE" "$(dirname "$0")/../cli/captures/replay.txt" "$1.kmem"
"$KMEM_ANALYZE" load -q -f -o "$1" "$1.kmem"
sqlite3 "$1" 'PRAGMA page_size = 512; VACUUM'
rm "$1.kmem"
