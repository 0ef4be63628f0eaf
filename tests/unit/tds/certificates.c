#include "certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/cmocka.h"

static char folder[] = "/tmp/tds-tls-test-XXXXXX";
static EVP_PKEY *ca_key;
static X509 *ca;

enum { DAY = 86400 };

const char *certificate_path(const char *name) {
  static char paths[4][128];
  static unsigned next;
  char *path = paths[next++ % 4];
  (void)snprintf(path, sizeof paths[0], "%s/%s.pem", folder, name);
  return path;
}

static void add_extension(X509 *cert, int nid, const char *value) {
  X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
  assert_non_null(e);
  assert_int_equal(X509_add_ext(cert, e, -1), 1);
  X509_EXTENSION_free(e);
}

/* Signed by the CA, or by itself where `signer` is NULL. */
static X509 *make_certificate(EVP_PKEY *key, const char *name, const char *alternative, bool is_ca,
                              long from, long to, X509 *issuer, EVP_PKEY *signer) {
  static long serial = 1;
  X509 *cert = X509_new();
  assert_non_null(cert);
  assert_int_equal(X509_set_version(cert, 2), 1);
  assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++), 1);
  assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), from));
  assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), to));
  X509_NAME *subject = X509_get_subject_name(cert);
  assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                              (const unsigned char *)name, -1, -1, 0),
                   1);
  assert_int_equal(
      X509_set_issuer_name(cert, issuer == NULL ? subject : X509_get_subject_name(issuer)), 1);
  assert_int_equal(X509_set_pubkey(cert, key), 1);
  add_extension(cert, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
  if (alternative != NULL) {
    add_extension(cert, NID_subject_alt_name, alternative);
  }
  assert_true(X509_sign(cert, signer == NULL ? key : signer, EVP_sha256()) > 0);
  return cert;
}

static void save(const char *name, X509 *cert, EVP_PKEY *key) {
  FILE *file = fopen(certificate_path(name), "w");
  assert_non_null(file);
  if (key != NULL) {
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
  }
  assert_int_equal(PEM_write_X509(file, cert), 1);
  assert_int_equal(fclose(file), 0);
}

/* A server's certificate from the CA into <name>.pem, with its key. */
static void issue(const char *name, const char *alternative, long from, long to, bool by_ca) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  assert_non_null(key);
  X509 *cert = make_certificate(key, name, alternative, false, from, to, by_ca ? ca : NULL,
                                by_ca ? ca_key : NULL);
  save(name, cert, key);
  X509_free(cert);
  EVP_PKEY_free(key);
}

int certificates_make(void **state) {
  (void)state;
  assert_non_null(mkdtemp(folder));
  ca_key = EVP_EC_gen("P-256");
  ca = make_certificate(ca_key, "test CA", NULL, true, -DAY, DAY, NULL, NULL);
  save("ca", ca, NULL);
  issue("good", "DNS:localhost,IP:127.0.0.1,IP:::1", -DAY, DAY, true);
  issue("other", "DNS:elsewhere.example,IP:127.0.0.9", -DAY, DAY, true);
  issue("expired", "DNS:localhost", -2 * DAY, -DAY, true);
  issue("future", "DNS:localhost", DAY, 2 * DAY, true);
  issue("selfsigned", "DNS:localhost", -DAY, DAY, false);
  issue("wildcard", "DNS:*.example.test", -DAY, DAY, true);
  return 0;
}

int certificates_remove(void **state) {
  (void)state;
  static const char *const names[] = {"ca",     "good",       "other",   "expired",
                                      "future", "selfsigned", "wildcard"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    (void)unlink(certificate_path(names[i]));
  }
  X509_free(ca);
  EVP_PKEY_free(ca_key);
  return rmdir(folder);
}
