/* SPDX-License-Identifier: MIT */
/* The members of `tls`: HTTPS on the TCP listeners; and when certificates expire. */
#ifndef CW_CONF_HTTPS_H
#define CW_CONF_HTTPS_H

#include "conf/reader.h"

/*
 * Reads the files into full->conf.tls.server, which stays NULL if there is no tls.certificate.
 * Reports faults of the members and of the files' contents, and warns of certificates that expire.
 */
void https_load(struct reader *r, struct node *root, struct conf_full *full);
/* When the certificate in the file at `path` (may be NULL) expires; -1 = not known. */
int64_t https_expiry(const char *path);

#endif
