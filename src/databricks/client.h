/*
 * client.h: the client behind databricks.h, and the one way its parts send requests: with
 * credentials, repeated where that is safe.
 *
 *   files, directories, statement, lookup ──▶ dbx_request_send() ──▶ transport
 *                                               │        ▲
 *                                               ▼        │ token endpoint
 *                                             auth ──────┘
 */
#ifndef DATABRICKS_CLIENT_H
#define DATABRICKS_CLIENT_H

#include <stdatomic.h>

#include "databricks/auth.h"
#include "databricks/databricks.h"
#include "databricks/retry.h"
#include "databricks/transport.h"

struct dbx_client {
  char *base; /* "https://host", nothing behind it */
  char *warehouse_id;
  char *catalog; /* these three may be NULL */
  char *schema;
  dbx_transport *transport;
  dbx_auth *auth;
  dbx_retry_policy retry;
  uint32_t poll_first_ms; /* between looks at a statement; grows */
  uint32_t poll_longest_ms;
  uint32_t wait_seconds; /* how long the server may hold a submission; 0 or 5 to 50 */
  atomic_bool reached;   /* the host has answered before: it is worth waiting for */
  _Atomic uint64_t random;
};

/* One request to the workspace. */
typedef struct dbx_request {
  const char *what; /* for messages: "Upload of /Volumes/…" */
  const char *method;
  const char *path;          /* behind the base, encoded; or … */
  const char *url;           /* … absolute, where it isn't the workspace's API */
  bool anonymous;            /* without the token … */
  const char *authorization; /* … and with this, where not NULL */
  const char *content_type;  /* of body or upload; NULL: none of them */
  const void *body;
  size_t body_length;
  const dbx_body *upload;
  bool repeatable; /* see retry.h */
  bool plain;      /* not JSON: any kind of answer, never compressed */
  size_t max_body; /* of the answer; 0: BR_LIMIT_HTTP_BODY */
  uint32_t linger_ms;
  uint32_t time_limit_ms; /* instead of the client's budget and silence; 0: those */
  bool *uncertain;        /* set where a failed try may have been carried out; may be NULL */
} dbx_request;

/* Sends until there is a success (2xx), a final failure or the budget is over. response is the
 * caller's to free on BR_OK only. */
br_status dbx_request_send(dbx_client *client, const dbx_request *request, br_cancel *cancel,
                           dbx_http_response *response, br_error *err) BR_CHECKED;

/* For jitter; safe from any thread. */
uint64_t dbx_client_random(dbx_client *client);

#endif
