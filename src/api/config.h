/* SPDX-License-Identifier: MIT */
/* Reloading, for the route and for SIGHUP. */
#ifndef CW_API_CONFIG_H
#define CW_API_CONFIG_H

#include "api/app.h"

/* reload_now() with its log line and metric; `faults` gets the lines of a refusal. */
enum error config_reload_now(struct app *app, struct buf *faults);
/* Logs the warnings about `conf`: what is accepted but probably a mistake. */
void config_log_warnings(const struct app *app, const struct conf *conf);

#endif
