#!/bin/sh
# check_layers.sh BUILD-DIR - the rooms of this project know only the rooms below them:
#	format/base <- format <- record,  format <- analyze,  schema <- analyze,  never record <-> analyze
# and each program links only its own libraries. Prints `ok NAME` or `not ok NAME: what`.
set -u
build=$1
failed=0

check() { # NAME OFFENDERS: none may be there
	if [ -z "$2" ]; then
		echo "ok layers: $1"
	else
		echo "not ok layers: $1: $(echo "$2" | head -n 3 | tr '\n' ' ')"
		failed=1
	fi
}

includes() { # DIR... : file:header of every include, ours and foreign
	grep -rnoE '^#[[:space:]]*include[[:space:]]+["<][^">]+[">]' --include='*.[ch]' "$@"
}

check 'format/base includes only format/base' \
	"$(includes format/base | grep '"' | grep -v '"format/base/')"
check 'format includes only format' "$(includes format | grep '"' | grep -v '"format/')"
check 'format knows no sqlite3, tracefs, libtraceevent or elfutils' \
	"$(includes format | grep -E '<(sqlite3|tracefs|event-parse|trace-seq|traceevent/|kbuffer|elfutils/|libelf|gelf|dwarf)')"
check 'record includes only record and format' \
	"$(includes record | grep '"' | grep -vE '"(record|format)/|"version.h"')"
check 'analyze includes only analyze and format' \
	"$(includes analyze | grep '"' | grep -vE '"(analyze|format)/|"(version|schema_sql).h"')"
check 'analyze knows no tracefs' "$(includes analyze | grep -E '<(tracefs|event-parse|traceevent/|kbuffer)')"
check 'record knows no sqlite3 and no elfutils' "$(includes record | grep -E '<(sqlite3|elfutils/|libelf|gelf|dwarf)')"

libraries() { # PROGRAM ALLOWED: direct needs that are not allowed; nothing for a static program
	readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -vE "$2"
}

runtime='^(libc|libm|libgcc_s|ld-linux.*|libpthread|libasan|libubsan|libtsan|libdl|librt)\.so'
check 'kmem-record links only zstd and libc' "$(libraries "$build/kmem-record" "$runtime|^libzstd\.so")"
check 'kmem-analyze links only sqlite3, libdw, zstd, zlib, liblzma, libc and, for pictures, cairo' \
	"$(libraries "$build/kmem-analyze" "$runtime|^lib(sqlite3|dw|elf|zstd|z|lzma|cairo)\.so")"

# every header stands alone: it includes what it uses
for header in format/base/*.h format/*.h analyze/*.h record/*.h; do
	case $header in */crc32_table.h) continue ;; esac
	if ! echo "#include \"$header\"" |
		${CC:-cc} -std=gnu11 -fsyntax-only -I. -I"$build/gen" -x c - 2>/dev/null; then
		bad="${bad-} $header"
	fi
done
check 'every header is self-contained' "${bad-}"
exit $failed
