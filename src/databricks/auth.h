/*
 * auth.h: who we are: a personal access token, or OAuth machine-to-machine (client credentials,
 * RFC 6749 4.4) with a token that is cached, renewed before it runs out, and shared by all threads.
 */
#ifndef DATABRICKS_AUTH_H
#define DATABRICKS_AUTH_H

#include "base/cancel.h"
#include "base/secret.h"

typedef struct dbx_auth dbx_auth;
struct dbx_client;

/* Either token, or client_id and client_secret. */
br_status dbx_auth_new(const br_secret *token, const char *client_id,
                       const br_secret *client_secret, dbx_auth **ret_auth,
                       br_error *err) BR_CHECKED;
void dbx_auth_free(dbx_auth *auth);

/* The Authorization header's value; the caller frees it with dbx_auth_header_free(). generation
 * tells this token from later ones. */
br_status dbx_auth_header(dbx_auth *auth, struct dbx_client *client, br_cancel *cancel,
                          char **ret_header, uint64_t *ret_generation, br_error *err) BR_CHECKED;
void dbx_auth_header_free(char *header);

/* The token of this generation was refused: the next header is a new one. False where there can't
 * be a new one. */
bool dbx_auth_renew(dbx_auth *auth, uint64_t generation);

#endif
