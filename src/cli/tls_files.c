#include "cli/tls_files.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum { PEM_MAX = 1024 * 1024 };

static void free_wiped(char *text) {
  if (text != NULL) {
    br_wipe(text, strlen(text));
    br_free(text);
  }
}

/* PEM text; the caller wipes and frees. */
static br_status read_pem(const char *path, const char *option, char **ret_text, br_error *err) {
  br_buf text;
  br_status st = br_file_read(path, PEM_MAX, &text, err);
  if (st != BR_OK) {
    return br_error_context(err, st, "--%s", option);
  }
  *ret_text = br_buf_take(&text, NULL);
  br_buf_done(&text);
  return *ret_text == NULL ? br_error_nomem(err) : BR_OK;
}

static br_status read_both(const cli_tls_files *files, char **ret_certificate, char **ret_key,
                           char *hash, br_error *err) {
  br_status st = read_pem(files->certificate_path, "tls-certificate", ret_certificate, err);
  st = st == BR_OK ? read_pem(files->key_path, "tls-key", ret_key, err) : st;
  char *both = st == BR_OK ? br_asprintf("%s\n%s", *ret_certificate, *ret_key) : NULL;
  if (st == BR_OK) {
    st = both == NULL ? br_error_nomem(err) : br_sha256_hex(both, strlen(both), hash, err);
  }
  free_wiped(both);
  return st;
}

br_status cli_tls_files_load(const char *certificate_path, const char *key_path,
                             cli_tls_files *ret_files, br_error *err) {
  *ret_files = (cli_tls_files){.certificate_path = certificate_path, .key_path = key_path};
  if ((certificate_path == NULL) != (key_path == NULL)) {
    return br_error_set(err, BR_ERR_USAGE, "--tls-certificate and --tls-key go together");
  }
  return certificate_path == NULL ? BR_OK
                                  : read_both(ret_files, &ret_files->certificate, &ret_files->key,
                                              ret_files->in_use, err);
}

static void use(cli_tls_files *files, api *service, const char *certificate, const char *key,
                const char *hash) {
  br_error err = BR_ERROR_INIT;
  if (api_set_certificate(service, certificate, key, &err) == BR_OK) {
    memcpy(files->in_use, hash, sizeof files->in_use);
    br_log(BR_LOG_INFO, "new connections are served with the new certificate");
  } else {
    memcpy(files->refused, hash, sizeof files->refused);
    br_log(BR_LOG_ERROR, "the old certificate stays in use: %s", err.message);
  }
}

void cli_tls_files_look(cli_tls_files *files, api *service, bool hurry) {
  char *certificate = NULL, *key = NULL, hash[BR_SHA256_HEX_MAX] = "";
  br_error err = BR_ERROR_INIT;
  if (files->certificate_path == NULL) {
    return;
  }
  /* One of the two may be missing for a moment. */
  if (read_both(files, &certificate, &key, hash, &err) == BR_OK &&
      strcmp(hash, files->in_use) != 0 && strcmp(hash, files->refused) != 0) {
    if (hurry || strcmp(hash, files->seen) == 0) {
      use(files, service, certificate, key, hash);
    }
    memcpy(files->seen, hash, sizeof files->seen);
  }
  free_wiped(certificate);
  free_wiped(key);
}

void cli_tls_files_done(cli_tls_files *files) {
  free_wiped(files->certificate);
  free_wiped(files->key);
}
