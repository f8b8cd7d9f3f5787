/* SPDX-License-Identifier: MIT */
/* Events in words. */
#ifndef CW_CLI_EVENT_WORDS_H
#define CW_CLI_EVENT_WORDS_H

#include "cli/cli.h"
#include "text/json.h"

/*
 * What happened, as a sentence of what `data` says; of an event that is not known, its members as
 * name=value. Clean; in the arena.
 */
const char *cli_event_words(struct cli *cli, struct slice event, struct json_value data);

#endif
