#include "sandbox/certificate.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sys.h"

enum { DAYS = 3650, SERIAL_BYTES = 8, PEM_MAX = 64 * 1024 };

static br_status openssl_failed(br_error *err) {
  char text[200];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  return br_error_set(err, BR_ERR_TLS, "Can't make a certificate: %s", text);
}

static bool add_extension(X509 *certificate, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  bool good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return good;
}

static bool fill(X509 *certificate, EVP_PKEY *key, const uint8_t *serial) {
  X509_NAME *name = X509_get_subject_name(certificate);
  BIGNUM *number = BN_bin2bn(serial, SERIAL_BYTES, NULL);
  bool good =
      number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL &&
      X509_set_version(certificate, X509_VERSION_3) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != NULL &&
      X509_gmtime_adj(X509_getm_notAfter(certificate), (long)DAYS * 86400) != NULL &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1,
                                 -1, 0) == 1 &&
      X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
      add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
      add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
      X509_sign(certificate, key, EVP_sha256()) > 0;
  BN_free(number);
  return good;
}

static br_status write_pem(BIO *bio, bool written, const char *path, br_error *err) {
  char *bytes = NULL;
  long length = written ? BIO_get_mem_data(bio, &bytes) : 0;
  return length <= 0 ? openssl_failed(err)
                     : br_file_write_atomic(path, bytes, (size_t)length, 0600, err);
}

static br_status write_pair(X509 *certificate, EVP_PKEY *key,
                            const sandbox_certificate_files *files, br_error *err) {
  BIO *public_part = BIO_new(BIO_s_mem()), *private_part = BIO_new(BIO_s_mem());
  br_status st = public_part == NULL || private_part == NULL ? br_error_nomem(err) : BR_OK;
  if (st == BR_OK) {
    st = write_pem(public_part, PEM_write_bio_X509(public_part, certificate) == 1,
                   files->certificate, err);
  }
  if (st == BR_OK) {
    st = write_pem(private_part,
                   PEM_write_bio_PrivateKey(private_part, key, NULL, NULL, 0, NULL, NULL) == 1,
                   files->key, err);
  }
  BIO_free(public_part);
  BIO_free(private_part);
  return st;
}

static br_status generate(const sandbox_certificate_files *files, br_error *err) {
  uint8_t serial[SERIAL_BYTES];
  br_status st = br_random(serial, sizeof serial, err);
  if (st != BR_OK) {
    return st;
  }
  serial[0] &= 0x7F;
  /* RSA, because every client takes it. */
  EVP_PKEY *key = EVP_RSA_gen(2048);
  X509 *certificate = X509_new();
  st = key == NULL || certificate == NULL || !fill(certificate, key, serial)
           ? openssl_failed(err)
           : write_pair(certificate, key, files, err);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return st;
}

static br_status name_files(const char *folder, sandbox_certificate_files *ret_files,
                            br_error *err) {
  sandbox_certificate_files files = {.certificate = br_path_join(folder, "certificate.pem"),
                                     .key = br_path_join(folder, "key.pem")};
  if (files.certificate == NULL || files.key == NULL) {
    sandbox_certificate_files_done(&files);
    return br_error_nomem(err);
  }
  *ret_files = files;
  return BR_OK;
}

void sandbox_certificate_files_done(sandbox_certificate_files *files) {
  br_free(files->certificate);
  br_free(files->key);
  *files = (sandbox_certificate_files){0};
}

/* Both files in a folder of their own, which then becomes the one that counts: renaming fails where
 * another process has been quicker. */
static br_status make_folder(const char *folder, const char *target, br_error *err) {
  char id[BR_UUID_MAX];
  sandbox_certificate_files files = {0};
  br_status st = br_uuid(id, err);
  if (st != BR_OK) {
    return st;
  }
  char *temporary = br_asprintf("%s/tls-%s", folder, id);
  st = temporary == NULL ? br_error_nomem(err) : br_dir_make(temporary, 0700, err);
  if (st == BR_OK) {
    st = name_files(temporary, &files, err);
  }
  if (st == BR_OK) {
    st = generate(&files, err);
  }
  if (st == BR_OK && br_sys.rename(temporary, target) != 0 && errno != ENOTEMPTY &&
      errno != EEXIST) {
    st = br_error_errno(err, errno, "%s", target);
  }
  if (files.key != NULL) {
    (void)br_sys.unlink(files.certificate);
    (void)br_sys.unlink(files.key);
  }
  if (temporary != NULL) {
    (void)br_sys.rmdir(temporary);
  }
  sandbox_certificate_files_done(&files);
  br_free(temporary);
  return st;
}

br_status sandbox_certificate_make(const char *folder, sandbox_certificate_files *ret_files,
                                   br_error *err) {
  sandbox_certificate_files files = {0};
  bool exists = false;
  char *target = br_path_join(folder, "tls");
  br_status st = target == NULL ? br_error_nomem(err) : name_files(target, &files, err);
  if (st == BR_OK) {
    st = br_file_exists(files.key, &exists, err);
  }
  if (st == BR_OK && !exists) {
    st = make_folder(folder, target, err);
  }
  br_free(target);
  if (st != BR_OK) {
    sandbox_certificate_files_done(&files);
    return st;
  }
  *ret_files = files;
  return BR_OK;
}
