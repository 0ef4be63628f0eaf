/*
 * transport.h: one HTTP exchange: a request goes out, an answer comes back, or it is known how far
 * it got. No credentials of its own, no repeating.
 *
 * Each exchange borrows a connection (a curl easy handle in a multi handle of its own, so that
 * keep-alive works and a wait ends at once when somebody cancels) from a pool that all threads
 * share.
 */
#ifndef DATABRICKS_TRANSPORT_H
#define DATABRICKS_TRANSPORT_H

#include "base/buf.h"
#include "base/cancel.h"
#include "databricks/databricks.h"
#include "databricks/retry.h"

typedef struct dbx_transport dbx_transport;

typedef struct dbx_transport_options {
  const char *unix_path;       /* NULL: TCP */
  const char *ca_file;         /* NULL: the system's */
  bool loopback;               /* http:// is allowed, and proxies are passed by */
  uint32_t connect_timeout_ms; /* name, TCP and TLS together */
  uint32_t silence_timeout_ms; /* longest time without a byte moving */
} dbx_transport_options;

br_status dbx_transport_new(const dbx_transport_options *options, dbx_transport **ret_transport,
                            br_error *err) BR_CHECKED;
void dbx_transport_free(dbx_transport *transport); /* no exchange may be under way */

typedef struct dbx_header {
  const char *name;
  const char *value; /* without line breaks */
} dbx_header;

typedef struct dbx_http_request {
  const char *method;        /* "GET" */
  const char *url;           /* absolute, encoded */
  const char *authorization; /* the header's value; NULL: none */
  const char *content_type;  /* NULL: no body */
  const char *accept;        /* NULL: none */
  const dbx_header *headers; /* more of them */
  size_t header_count;
  const void *body; /* body_length bytes, or … */
  size_t body_length;
  const dbx_body *upload; /* … read as they are sent */
  size_t max_body;        /* ceiling of the answer's body */
  bool compressed;        /* the answer may come gzipped */
  bool fresh; /* on a connection of its own: on one kept alive, curl would send it again by itself
                 where the server closes without an answer */
  uint32_t silence_timeout_ms; /* instead of the transport's; 0: that */
  uint32_t linger_ms;          /* once sent, wait this long for the answer though cancelled */
} dbx_http_request;

enum { DBX_HEADER_TEXT_MAX = 128 };

typedef struct dbx_http_response {
  dbx_reach reach;
  long status; /* 0 before an answer */
  bool has_length;
  uint64_t length; /* Content-Length */
  char content_type[DBX_HEADER_TEXT_MAX];
  char retry_after[DBX_HEADER_TEXT_MAX];
  char last_modified[DBX_HEADER_TEXT_MAX];
  char location[DBX_HEADER_TEXT_MAX]; /* cut where longer: for messages */
  br_buf body;
} dbx_http_response;

/* response is initialised here and the caller frees it with dbx_http_response_done(), also after a
 * failure: reach is always told. BR_OK is any complete answer, whatever its status. */
br_status dbx_transport_exchange(dbx_transport *transport, const dbx_http_request *request,
                                 br_cancel *cancel, dbx_http_response *response,
                                 br_error *err) BR_CHECKED;
void dbx_http_response_done(dbx_http_response *response);

#endif
