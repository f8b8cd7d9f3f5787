/* SPDX-License-Identifier: MIT */
/* The handlers that routes.c names, one file per resource. `context` is the struct app. */
#ifndef CW_API_HANDLERS_H
#define CW_API_HANDLERS_H

#include "api/app.h"

/* Sets the gauges that are known only when they are asked for. */
void api_metrics_publish(struct app *app);

http_handler api_probes_livez, api_probes_readyz;
http_handler api_metrics, api_openapi;
http_handler api_stats;
http_handler api_health;
http_handler api_invalidate, api_expire;
http_handler api_login_begin, api_login_get, api_login_end;
http_handler api_warm_start, api_warm_list;
http_handler api_operations_list, api_operations_get, api_operations_cancel;
http_handler api_dependencies_list, api_dependencies_get, api_dependencies_put;
http_handler api_dependencies_post, api_dependencies_delete, api_explain;
http_handler api_namespaces, api_clients, api_slowlog, api_latency;
http_handler api_alerts, api_pauses_list, api_pauses_begin, api_pauses_end;
http_handler api_protected;
http_handler api_audit, api_events;
http_handler api_config, api_config_reload, api_debug, api_doctor;
http_handler api_key_get, api_key_put, api_key_delete, api_key_ttl, api_key_expire;
http_handler api_key_lease_end;
http_handler api_keys_list, api_keys_mget, api_keys_mset, api_keys_mdelete, api_key_make;
http_handler api_results, api_results_loaders;
http_handler api_session_create, api_session_get, api_session_patch, api_session_delete;
http_handler api_session_rotate, api_sessions_list, api_sessions_end, api_sessions_end_one;
http_handler api_tags_list, api_tags_get, api_tags_add;

#endif
