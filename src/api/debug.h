/* SPDX-License-Identifier: MIT */
/* The state of the process, to find what hangs. */
#ifndef CW_API_DEBUG_H
#define CW_API_DEBUG_H

#include "api/app.h"

/* Logs what GET /debug shows, one line for each element. */
void debug_log(struct app *app);

#endif
