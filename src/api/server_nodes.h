/* SPDX-License-Identifier: MIT */
/* What answers from all servers have in common: time, age, and which server has not answered. */
#ifndef CW_API_SERVER_NODES_H
#define CW_API_SERVER_NODES_H

#include <cjson/cJSON.h>

#include "watch/server_answers.h"

/* An object with `time`, `age_ms` and `nodes`. */
cJSON *server_nodes_begin(const struct answer_set *set);

#endif
