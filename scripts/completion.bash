# completion.bash - completion of kmem-record and kmem-analyze for bash: source it, or `make install`.
#
# Commands, options and the values that they take are asked from the program, so that they are those of the program
# that is installed. It is never asked to do anything.
# shellcheck shell=bash

# The row of an option in the help on standard input, as one line: `-s, --sort KEY[,KEY] sort by: ...`.
_kmem_row() { # OPTION
	awk -v option="$1" '
		/^ +(-., )?--/ { keep = 0; line = $0; sub(/^ +/, "", line); split(line, word, " ")
			if (word[1] == option || word[1] == option "," || word[1] ~ /,$/ && word[2] == option) keep = 1 }
		!/^ / { keep = 0 }
		keep { sub(/^ +/, ""); printf "%s ", $0 }'
}

# The values of an option that takes one of a few, or a list of keys.
_kmem_values() { # PROGRAM COMMAND OPTION ROW
	case $4 in
	*' KEY'*)
		# "sort by: a (default), b; or the older names c, d", "group by a, b", "slab: a, b; pages: c"
		sed -E 's/^[^]]*\] *//; s/\([^)]*\)//g; s/group by/,/; s/; or the older names/,/; s/[a-z ]+:/,/g' <<<"$4" |
			tr ',;' '\n' | sed -E 's/^ +//; s/ +$//' | grep -E '^[a-z][a-z0-9_-]*$'
		;;
	*)
		# an empty value is refused, and what there is said; else the next option is refused, so that nothing is done
		"$1" ${2:+"$2"} "$3=" '--?' 2>&1 >/dev/null | sed -n 's/.* is not one of: //p' | tr -d ' ' | tr ',' '\n'
		;;
	esac
}

_kmem() {
	local program=$1 command='' words help row long prefix='' i
	local line=${COMP_LINE:0:COMP_POINT}
	COMPREPLY=()

	# bash takes --sort=net for three words
	line=${line//=/ }
	read -ra words <<<"$line"
	[[ $line == *' ' ]] && words+=('')
	local count=${#words[@]}
	local cur=${words[count - 1]} prev=${words[count - 2]}

	local commands
	commands=$("$program" --help 2>/dev/null |
		sed -nE 's/^  kmem-record ([a-z][a-z-]*) .*/\1/p; /^commands:/,/^$/s/^  ([a-z]+) .*/\1/p')
	for ((i = 1; i < count - 1; i++)); do
		# what follows is a command to run
		if [[ ${words[i]} == -- && ${program##*/} == kmem-record ]]; then
			((i == count - 2)) && mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			return
		fi
	done
	if ((count > 2)) && grep -qxF -e "${words[1]}" <<<"$commands"; then
		command=${words[1]}
	fi
	help=$("$program" ${command:+"$command"} --help 2>/dev/null)

	if [[ $prev == -* ]] && row=$(_kmem_row "$prev" <<<"$help") && [[ $row =~ (--[a-z-]+)\ ([A-Z][^ ]*) ]]; then
		long=${BASH_REMATCH[1]}
		case ${BASH_REMATCH[2]} in
		FILE* | DIR* | *PATH*) return ;;
		*,*) [[ $cur == *,* ]] && prefix=${cur%,*}, ;;
		esac
		mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "$(_kmem_values "$program" "$command" "$long" "$row")" -- "${cur##*,}")
		compopt +o default 2>/dev/null
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(grep -E '^ +(-., )?--' <<<"$help" | grep -oE '^ +(-., )?--[a-z-]+' |
			grep -oE -e '--[a-z-]+')" -- "$cur")
	elif ((count == 2)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur")
	fi
}

complete -o default -F _kmem kmem-record kmem-analyze
