/* SPDX-License-Identifier: MIT */
/* Certificates that sign themselves, for TLS servers of tests. */
#ifndef CW_TESTS_CERTIFICATE_H
#define CW_TESTS_CERTIFICATE_H

#include <gnutls/gnutls.h>

struct certificate {
	char file[64];	   /* PEM; trusted as an authority, it accepts itself */
	char key_file[64]; /* of its key */
	gnutls_certificate_credentials_t credentials; /* of a server that shows it */
};

/* For the host `name`; it ends `valid_s` seconds from now, which may be negative. */
void certificate_make(struct certificate *certificate, const char *name, int valid_s);
void certificate_release(struct certificate *certificate);

#endif
