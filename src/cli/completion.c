/* SPDX-License-Identifier: MIT */
/* cachewarden completion: the scripts, which leave all knowledge to the command __complete. */
#include <stdio.h>

#include "cli/command_table.h"

/*
 * Bash splits words at : and =, and replaces only what follows the last of them. Candidates are
 * quoted, because they may hold anything.
 */
static const char bash[] =
	"# bash completion of cachewarden\n"
	"_cachewarden()\n"
	"{\n"
	"	local line=${COMP_LINE:0:COMP_POINT} candidate description words\n"
	"	read -ra words <<<\"$line\"\n"
	"	[[ $line == *[[:space:]] ]] && words+=(\"\")\n"
	"	local current=${words[${#words[@]} - 1]}\n"
	"	local typed=${current%\"${current##*[:=]}\"}\n"
	"	COMPREPLY=()\n"
	"	while IFS=$'\\t' read -r candidate description; do\n"
	"		if [[ $candidate == :files ]]; then\n"
	"			compopt -o default\n"
	"			COMPREPLY=()\n"
	"			return\n"
	"		fi\n"
	"		candidate=${candidate#\"$typed\"}\n"
	"		[[ $candidate == *[^A-Za-z0-9_./,@%+:=-]* ]] && printf -v candidate %q "
	"\"$candidate\"\n"
	"		COMPREPLY+=(\"$candidate\")\n"
	"	done < <(\"${words[0]}\" __complete -- \"${words[@]:1}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _cachewarden cachewarden\n";

static const char zsh[] = "#compdef cachewarden\n"
			  "_cachewarden()\n"
			  "{\n"
			  "	local line\n"
			  "	local -a described\n"
			  "	for line in \"${(@f)$(\"${(Q)words[1]}\" __complete -- "
			  "\"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
			  "		if [[ $line == :files ]]; then\n"
			  "			_files\n"
			  "			return\n"
			  "		fi\n"
			  "		[[ -n $line ]] || continue\n"
			  "		local candidate=${line%%$'\\t'*} description=\"\"\n"
			  "		[[ $line == *$'\\t'* ]] && description=${line#*$'\\t'}\n"
			  "		described+=(\"${candidate//:/\\\\:}:$description\")\n"
			  "	done\n"
			  "	_describe cachewarden described\n"
			  "}\n"
			  "if [[ $funcstack[1] == _cachewarden ]]; then\n"
			  "	_cachewarden \"$@\"\n"
			  "else\n"
			  "	compdef _cachewarden cachewarden\n"
			  "fi\n";

static const char fish[] = "# fish completion of cachewarden\n"
			   "function __cachewarden_complete\n"
			   "	set -l words (commandline -opc) (commandline -ct)\n"
			   "	set -l lines ($words[1] __complete -- $words[2..-1] 2>/dev/null)\n"
			   "	if contains -- :files $lines\n"
			   "		__fish_complete_path (commandline -ct)\n"
			   "	else\n"
			   "		printf '%s\\n' $lines\n"
			   "	end\n"
			   "end\n"
			   "complete -c cachewarden -f -a '(__cachewarden_complete)'\n";

int cli_completion(struct cli *cli, const struct cli_args *args)
{
	struct slice shell = args->words[0];

	(void)cli;
	/* The table has no other words. */
	fputs(slice_is(shell, "bash") ? bash : slice_is(shell, "zsh") ? zsh : fish, stdout);
	return CLI_DONE;
}
