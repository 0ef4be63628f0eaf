/*
 * exchange.h: what one exchange tells curl, and what curl's callbacks tell it: headers and body
 * under their ceilings, the body to send, bytes moved.
 */
#ifndef DATABRICKS_EXCHANGE_H
#define DATABRICKS_EXCHANGE_H

#include <curl/curl.h>

#include "databricks/transport.h"

typedef struct dbx_exchange {
  const dbx_http_request *request; /* borrowed */
  dbx_http_response *response;     /* borrowed */
  struct curl_slist *headers;      /* owned; curl reads it during the exchange */
  uint64_t sent;                   /* bytes of the upload that curl took */
  uint64_t moved;                  /* bytes in both directions, to notice silence */
  size_t header_bytes;
  bool header_complete; /* the blank line behind the last headers came */
  bool ready;           /* set by a callback that has something for who drives the transfer */
  br_status failure;    /* found by a callback; err tells */
  br_error err;
} dbx_exchange;

/* Sets up easy (freshly reset) for the request; exchange is zeroed but for request and response. */
br_status dbx_exchange_prepare(dbx_exchange *exchange, CURL *easy, br_error *err) BR_CHECKED;
void dbx_exchange_done(dbx_exchange *exchange);

#endif
