# format_manual.awk - format/FORMAT.md as the manual page kmem-capture(5), on standard output.
#
#	awk -f scripts/format_manual.awk format/FORMAT.md >kmem-capture.5
#
# Knows what that document is made of: headings, paragraphs, tables, `code`. Anything else is refused.

function refuse(what) {
	print "format_manual.awk: " FILENAME ":" FNR ": " what " is not known here" >"/dev/stderr"
	failed = 1
	exit 1
}

# Text with `code` in bold, nothing left that troff would take for its own.
function text(s,    parts, n, i, out) {
	gsub(/\\/, "\\(rs", s)
	gsub(/-/, "\\-", s)
	gsub(/×/, "\\(mu", s)
	n = split(s, parts, "`")
	if (n % 2 == 0)
		refuse("code that does not end in its line")
	for (i = 1; i <= n; i++)
		out = out (i % 2 ? parts[i] : "\\fB" parts[i] "\\fR")
	return out
}

# A line of its own: no request, whatever it begins with.
function line(s) {
	print (s ~ /^[.']/ ? "\\&" : "") s
}

function end_table() {
	if (in_table)
		print ".TE"
	in_table = 0
}

function row(s,    cells, n, i, out) {
	sub(/^\| */, "", s)
	sub(/ *\|$/, "", s)
	n = split(s, cells, / *\| */)
	if (!in_table) {
		# on a terminal tbl wants to know that there is room for the whole table
		print ".if n .ne 400v"
		print ".TS\nnowarn;"
		for (i = 1; i <= n; i++)
			out = out (i == n ? "lbx\n" : "lb ")
		for (i = 1; i <= n; i++)
			out = out (i == n ? "lx." : "l ")
		print out
		columns = n
		in_table = 1
	} else if (s ~ /^[-| ]+$/) {
		return
	}
	if (n != columns)
		refuse("a row of " n " cells in a table of " columns)
	for (i = 1; i <= n; i++)
		printf("%sT{\n%s%s\nT}", (i > 1 ? "\t" : ""), (cells[i] ~ /^[.']/ ? "\\&" : ""), text(cells[i]))
	print ""
}

BEGIN {
	print "'\\\" t"
	print ".\\\" made from format/FORMAT.md by scripts/format_manual.awk"
	print ".TH KMEM\\-CAPTURE 5 \"\" \"kmem-record\" \"File Formats\""
	print ".nh\n.ad l\n.SH NAME"
	print "kmem\\-capture \\- the file that kmem\\-record writes and kmem\\-analyze reads"
	print ".SH DESCRIPTION"
}

/^\|/ { row($0); next }
{ end_table() }
/^# / { title = substr($0, 3); line(text(title) "."); print ".PP"; next }
/^## / { print ".SH \"" text(substr($0, 4)) "\""; next }
/^### / { print ".SS \"" text(substr($0, 5)) "\""; next }
/^$/ { print ".PP"; next }
/^([#>*]|- |[0-9]+\. |    |```)/ { refuse("'" $0 "'") }
# a code span may go on in the next line
{
	joined = held (held == "" ? "" : " ") $0
	held = ""
	count = gsub(/`/, "`", joined)
	if (count % 2)
		held = joined
	else
		line(text(joined))
}

END {
	if (failed)
		exit 1
	end_table()
	print ".SH SEE ALSO"
	print ".BR kmem\\-record (1),\n.BR kmem\\-analyze (1)"
}
