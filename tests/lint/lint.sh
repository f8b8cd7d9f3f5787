#!/bin/sh
# SPDX-License-Identifier: MIT
# `make lint`: runs all checks and prints each fault; the exit status is 1 if there was one.
# `make lint DEEP=1` adds clang's path-sensitive analyzer, which takes minutes and has false alarms.
set -u

status=0
python=${PYTHON:-/usr/bin/python3}
# PKGS, the pkg-config names of the libraries, comes from the Makefile.
flags="-std=c17 -Isrc -Iinclude -D_GNU_SOURCE -DCW_VERSION=\"lint\" $(pkg-config --cflags $PKGS check)"
sources=$(find src -name '*.c')

# check NAME COMMAND...: runs it and reports the time.
check()
{
	name=$1
	shift
	begin=$(date +%s)
	if "$@"; then
		echo "  LINT $name ($(($(date +%s) - begin)) s)"
	else
		echo "  LINT $name FAILED"
		status=1
	fi
}

layout()
{
	find $(ls -d src include tests docs 2>/dev/null) -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror
}

syntax()
{
	for script in $(find tests systemd .ci -name '*.sh') .ci/run; do
		bash -n "$script" || return 1
	done
	find tests docs -name '*.py' | xargs "$python" -c '
import ast, sys
for path in sys.argv[1:]:
    ast.parse(open(path, encoding="utf-8").read(), path)' || return 1
	find tests docs -name '*.py' | xargs "$python" -m pyflakes
}

# Of the client that applications copy, for the oldest Python that it supports.
types()
{
	"$python" -m mypy --strict --no-error-summary --cache-dir=/dev/null docs/examples/cachewarden.py
}

cppcheck_all()
{
	cppcheck -q -j2 --std=c11 --enable=warning,performance,portability --error-exitcode=1 \
		--inline-suppr --library=posix,gnu --library=tests/lint/cppcheck.cfg \
		--suppressions-list=tests/lint/cppcheck.suppress -D_GNU_SOURCE -Isrc -Iinclude src
}

# Standard error only counts warnings that are hidden.
tidy()
{
	echo $sources | tr ' ' '\n' | xargs -P2 -n8 sh -c '
		flags=$1
		checks=$2
		shift 2
		clang-tidy --quiet --warnings-as-errors="*" ${checks:+--checks="$checks"} "$@" -- $flags \
			2>/dev/null' tidy "$flags" "${1:-}"
}

check "layout (clang-format)" layout
check "scripts" syntax
check "types (mypy)" types
check "ranks and libraries" "$python" tests/lint/ranks.py
check "shape" "$python" tests/lint/shape.py
check "names" "$python" tests/lint/names.py
check "tables and the manual" "$python" tests/lint/tables.py
check "documents" "$python" tests/lint/docs.py
check "cppcheck" cppcheck_all
check "clang-tidy" tidy
[ -z "${DEEP:-}" ] || check "clang's analyzer" tidy "-*,clang-analyzer-*,\
-clang-analyzer-security.insecureAPI.*,-clang-analyzer-valist.*,-clang-analyzer-optin.performance.*"
exit $status
