/* SPDX-License-Identifier: MIT */
/* What the parts of a whole configuration must obey together. */
#ifndef CW_CONF_RULES_H
#define CW_CONF_RULES_H

#include "conf/reader.h"

/* The root section's finish(). Also reads auth.tokens_file and joins the protected patterns. */
const char *rules_finish(struct reader *r, struct node *root, void *object);

#endif
