/* SPDX-License-Identifier: MIT */
#include "certificate.h"

#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

static void save(char file[64], const gnutls_datum_t *pem)
{
	strcpy(file, "/tmp/cw-tls-XXXXXX");
	int fd = mkstemp(file);

	ck_assert_int_eq(write(fd, pem->data, pem->size), (ssize_t)pem->size);
	close(fd);
	gnutls_free(pem->data);
}

static void sign(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name, int valid_s)
{
	time_t now = time(NULL);
	unsigned n = (unsigned)strlen(name);

	ck_assert_int_ge(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
				 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "1", 1);
	gnutls_x509_crt_set_activation_time(crt, now - 3600);
	gnutls_x509_crt_set_expiration_time(crt, now + valid_s);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, n);
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, n, GNUTLS_FSAN_SET);
	gnutls_x509_crt_set_key(crt, key);
	ck_assert_int_ge(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
}

void certificate_make(struct certificate *certificate, const char *name, int valid_s)
{
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
	gnutls_datum_t pem;

	gnutls_x509_crt_init(&crt);
	gnutls_x509_privkey_init(&key);
	sign(crt, key, name, valid_s);
	ck_assert_int_ge(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	save(certificate->file, &pem);
	ck_assert_int_ge(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem), 0);
	save(certificate->key_file, &pem);
	gnutls_certificate_allocate_credentials(&certificate->credentials);
	ck_assert_int_ge(
		gnutls_certificate_set_x509_key(certificate->credentials, &crt, 1, key), 0);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

void certificate_release(struct certificate *certificate)
{
	unlink(certificate->file);
	unlink(certificate->key_file);
	gnutls_certificate_free_credentials(certificate->credentials);
}
