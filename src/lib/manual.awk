# SPDX-License-Identifier: MIT
# libcachewarden(3) in mdoc(7), from the public headers: each comment describes what follows it.
# Usage: awk -v date="December 1, 2026" -f src/lib/manual.awk include/cachewarden/*.h

function escaped(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	if (text ~ /^[.']/)
		text = "\\\\&" text
	return text
}

# Breaks lines at blanks; sentences begin on lines of their own, names of functions have markup.
function prose(text,    words, count, i, line, name, mark) {
	gsub(/[ \t]+/, " ", text)
	sub(/^ /, "", text)
	sub(/ $/, "", text)
	if (text == "")
		return
	begin()
	described = 1
	count = split(text, words, " ")
	line = ""
	for (i = 1; i <= count; i++) {
		if (words[i] ~ /^[a-z_]+\(\)[.,;:]?$/) {
			if (line != "")
				print escaped(line)
			line = ""
			name = words[i]
			mark = name
			sub(/\(\).*/, "", name)
			sub(/^.*\(\)/, "", mark)
			print ".Fn " name (mark == "" ? "" : " " mark)
			continue
		}
		if (line != "" && length(line) + length(words[i]) > 72) {
			print escaped(line)
			line = ""
		}
		line = line (line == "" ? "" : " ") words[i]
		if (words[i] ~ /[.]$/) {
			print escaped(line)
			line = ""
		}
	}
	if (line != "")
		print escaped(line)
}

# A paragraph begins with what follows, unless a heading stands before it.
function begin() {
	if (pending)
		print ".Pp"
	pending = 0
}

function flush_code() {
	if (code == "")
		return
	pending = 0
	described = 1
	print ".Bd -literal -offset indent"
	printf "%s", code
	print ".Ed"
	code = ""
}

BEGIN {
	print ".Dd " date
	print ".Dt LIBCACHEWARDEN 3"
	print ".Os"
	print ".Sh NAME\n.Nm libcachewarden\n.Nd the engine of cachewardend as a C library"
	print ".Sh SYNOPSIS\n.In cachewarden/cachewarden.h"
	print ".Pp\nLink with\n.Ql pkg\\-config \\-\\-cflags \\-\\-libs libcachewarden ."
	print ".Sh DESCRIPTION"
	pending = described = 0
}

FNR == 1 {
	flush_code()
	name = FILENAME
	sub(/^.*include\//, "", name)
	if (name != "cachewarden/cachewarden.h")
		print ".Ss " escaped(name)
	pending = described = 0
	inside = 0
}

/SPDX-License-Identifier/ || /^#(ifndef|define CACHEWARDEN|endif|ifdef|include)/ || /^extern "C"/ { next }
/^}$/ && !body { next }

/^\/\*/ {
	flush_code()
	inside = 1
	text = ""
	pending = described
}

inside {
	line = $0
	ends = line ~ /\*\//
	sub(/[ \t]*\*\/.*$/, "", line)
	sub(/^[ \t]*\/?\*+ ?/, "", line)
	if (line ~ /^\t/) {
		prose(text)
		text = ""
		sub(/^\t/, "", line)
		gsub(/\t/, "    ", line)
		code = code escaped(line) "\n"
	} else if (line == "") {
		flush_code()
		prose(text)
		text = ""
		if (!ends)
			pending = described
	} else {
		flush_code()
		text = text " " line
	}
	if (ends) {
		prose(text)
		text = ""
		inside = 0
	}
	next
}

/^[ \t]*$/ { next }

{
	line = $0
	gsub(/\t/, "    ", line)
	code = code escaped(line) "\n"
	body += gsub(/{/, "{", line) - gsub(/}/, "}", line)
}

END {
	flush_code()
	print ".Sh SEE ALSO\n.Xr cachewardend 8"
}
