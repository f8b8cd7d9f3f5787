/* SPDX-License-Identifier: MIT */
/* The inside of the process for those that look for what hangs. */
#ifndef CW_API_DEBUG_H
#define CW_API_DEBUG_H

#include "api/app.h"

/* Writes what GET /debug shows to the log, a line for each element. */
void debug_log(struct app *app);

#endif
