/*
 * certificate.h: the sandbox's self-signed certificate.
 */
#ifndef SANDBOX_CERTIFICATE_H
#define SANDBOX_CERTIFICATE_H

#include "base/buf.h"
#include "base/status.h"

typedef struct sandbox_certificate_files {
  char *certificate, *key; /* paths, owned */
} sandbox_certificate_files;

/* Finds folder/tls/{certificate,key}.pem, or makes them: for localhost, 127.0.0.1 and ::1, ten
 * years. Two processes that make them at once agree on one pair. */
br_status sandbox_certificate_make(const char *folder, sandbox_certificate_files *ret_files,
                                   br_error *err) BR_CHECKED;
void sandbox_certificate_files_done(sandbox_certificate_files *files);

#endif
