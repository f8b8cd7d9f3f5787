/* SPDX-License-Identifier: MIT */
/* The credentials of a server's connections, and the ticket of their last session; see conn_tls.h.
 */
#include "redis/conn_tls.h"

#include "base/mem.h"

static void take(char **place, const char *text)
{
	mem_free(*place);
	*place = text ? mem_strdup(text) : NULL;
}

static void forget(struct conn_tls *tls)
{
	tls_credentials_unref(tls->credentials);
	tls->credentials = NULL;
	/* It is of a certificate that was verified with the old settings. */
	buf_release(&tls->ticket);
}

enum error conn_tls_check(const struct conf_redis *conf, struct fault *fault)
{
	struct tls_files files = {
		conf->tls_files.ca, conf->tls_files.certificate, conf->tls_files.key};
	struct tls_credentials *credentials = NULL;
	enum error error = conf->tls || conf->sentinel.tls
				   ? tls_credentials_load(&files, &credentials, fault)
				   : OK;

	tls_credentials_unref(credentials);
	return error;
}

void conn_tls_configure(struct conn_tls *tls, const struct conf_redis *conf)
{
	forget(tls);
	tls->on = conf->tls;
	tls->verify = conf->tls_files.verify;
	take(&tls->name, conf->tls_files.server_name);
	take(&tls->ca, conf->tls_files.ca);
	take(&tls->certificate, conf->tls_files.certificate);
	take(&tls->key, conf->tls_files.key);
}

void conn_tls_release(struct conn_tls *tls)
{
	forget(tls);
	take(&tls->name, NULL);
	take(&tls->ca, NULL);
	take(&tls->certificate, NULL);
	take(&tls->key, NULL);
}

void conn_tls_forget(struct conn_tls *tls)
{
	buf_release(&tls->ticket);
}

enum error conn_tls_begin(
	struct conn_tls *tls, const char *host, struct tls **ret, struct fault *fault)
{
	struct tls_files files = {tls->ca, tls->certificate, tls->key};

	if (!tls->credentials && tls_credentials_load(&files, &tls->credentials, fault))
		return fault->error = ERR_REDIS_UNAVAILABLE;
	*ret = tls_new(&(struct tls_options){.credentials = tls->credentials,
		.verify = tls->verify,
		.name = tls->name ? tls->name : host,
		.ticket = buf_slice(&tls->ticket),
		.broken = ERR_REDIS_UNAVAILABLE});
	return OK;
}

void conn_tls_end(struct conn_tls *tls, struct tls *session)
{
	struct buf ticket = {0};

	/* A ticket of earlier settings would skip the checks of the new ones. */
	if (!tls_began_with(session, tls->credentials) || !tls_ticket(session, &ticket))
		return;
	buf_release(&tls->ticket);
	tls->ticket = ticket;
}
