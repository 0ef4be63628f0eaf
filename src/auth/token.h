/*
 * token.h: making API tokens.
 *
 * A token is "sdb_" and 32 random bytes in base64url (RFC 4648 5, no padding): scanners that look
 * for leaked credentials recognise it, and it needs no quoting in a shell, a header or YAML.
 */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "base/hash.h"
#include "base/status.h"

#define AUTH_TOKEN_PREFIX "sdb_"
enum { AUTH_TOKEN_TEXT_MAX = 48 }; /* prefix, 43 digits, NUL */

/* text holds AUTH_TOKEN_TEXT_MAX bytes, sha256 BR_SHA256_HEX_MAX; the caller wipes text. The token
 * is not registered with redaction: it is made to be shown once. */
br_status auth_token_new(char *text, char *sha256, br_error *err) BR_CHECKED;

#endif
