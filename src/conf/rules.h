/* SPDX-License-Identifier: MIT */
/* Rules over several keys of the configuration. */
#ifndef CW_CONF_RULES_H
#define CW_CONF_RULES_H

#include "conf/reader.h"

/*
 * The root section's finish(). Also reads auth.tokens_file and adds the default protected patterns.
 */
const char *rules_finish(struct reader *r, struct node *root, void *object);

#endif
