/* SPDX-License-Identifier: MIT */
/* Inside of source/: what PostgreSQL's errors mean. */
#ifndef CW_SOURCE_POSTGRES_FAULT_H
#define CW_SOURCE_POSTGRES_FAULT_H

#include <libpq-fe.h>

#include "conf/conf.h"

/*
 * Both return ERR_SOURCE_FAILED. What PostgreSQL itself said is for operators only (fault_aside).
 *
 * Of a result with the status PGRES_FATAL_ERROR: the detail has the SQLSTATE and the place in
 * `query` (NULL: no place). *ret_answered: the server works, and other queries may succeed.
 */
enum error postgres_fault_query(const PGresult *result, const struct conf_source *conf,
	const char *query, bool *ret_answered, struct fault *fault);
/* Whether the error ended the session, too. */
bool postgres_fault_is_last(const PGresult *result);
/* The N if the value of the parameter $N was refused, before the query was begun; else 0. */
unsigned postgres_fault_param(const PGresult *result);
/* Of a connection that could not be made. */
enum error postgres_fault_connect(
	const PGconn *pg, const struct conf_source *conf, struct fault *fault);

#endif
