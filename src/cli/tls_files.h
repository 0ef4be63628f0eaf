/*
 * tls_files.h: the service's certificate and key, two PEM files that are replaced now and then.
 *
 *   cli_tls_files_load(certificate, key, &files, err)
 *   cli_tls_files_look(&files, service, hangup)     puts new ones into use
 *   cli_tls_files_done(&files)
 */
#ifndef CLI_TLS_FILES_H
#define CLI_TLS_FILES_H

#include "api/api.h"
#include "base/hash.h"

typedef struct cli_tls_files {
  const char *certificate_path, *key_path; /* NULL: no TLS */
  char *certificate, *key;                 /* as they were at the start; owned */
  /* Hashes of both contents. */
  char in_use[BR_SHA256_HEX_MAX], seen[BR_SHA256_HEX_MAX], refused[BR_SHA256_HEX_MAX];
} cli_tls_files;

/* Both paths or none (BR_ERR_USAGE). */
br_status cli_tls_files_load(const char *certificate_path, const char *key_path,
                             cli_tls_files *ret_files, br_error *err) BR_CHECKED;
/* Reads the files; changed ones that have stayed the same since the last look (or at once: hurry)
 * are for new connections from now on. What can't be used is logged once. */
void cli_tls_files_look(cli_tls_files *files, api *service, bool hurry);
void cli_tls_files_done(cli_tls_files *files);

#endif
