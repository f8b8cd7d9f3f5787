#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh FILE.gz...: prints a C file that holds these files as the table ui_files; see ui.h.
set -eu

echo '/* Made by src/ui/embed.sh. */'
echo '#include "base/embed.h"'
echo '#include "ui/ui.h"'
n=0
for file in "$@"; do
	echo "EMBED(ui_$n, \"$file\");"
	n=$((n + 1))
done
echo 'const struct ui_file ui_files[] = {'
n=0
for file in "$@"; do
	echo "	{\"$(basename "$file" .gz)\", embedded_ui_$n, embedded_ui_${n}_end},"
	n=$((n + 1))
done
echo '	{0, 0, 0},'
echo '};'
