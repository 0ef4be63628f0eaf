/*
 * links.h: addresses at which the chunks of a result lie for a while, as replies give them:
 *
 *   {"external_links":[{"chunk_index","row_offset","row_count","external_link","expiration",
 *                       "http_headers"?,"next_chunk_index"?}, …]}
 *
 * A reply may hold one link or several. A link lives 15 minutes at most; a new one is to be had as
 * long as the result lives.
 */
#ifndef DATABRICKS_LINKS_H
#define DATABRICKS_LINKS_H

#include "databricks/reply.h"
#include "databricks/transport.h"

typedef struct dbx_link {
  uint64_t chunk;
  uint64_t row_offset; /* of its first row in the whole result */
  uint64_t row_count;
  char *url;            /* owned */
  json_t *http_headers; /* a reference; the headers' texts live in it. NULL: none */
  dbx_header *headers;  /* owned */
  size_t header_count;
  int64_t expires_us; /* wall clock; INT64_MAX: not said */
} dbx_link;

typedef struct dbx_links {
  dbx_link *items; /* owned */
  size_t count;
} dbx_links;

/* Adds the links of a reply; one for a chunk that has a link takes its place. base: the workspace's
 * address. BR_ERR_PROTOCOL: a link is broken, or leads to plain http:// on another machine. */
br_status dbx_links_add(dbx_links *links, const dbx_reply *reply, const char *base,
                        br_error *err) BR_CHECKED;
/* NULL: none. */
const dbx_link *dbx_links_find(const dbx_links *links, uint64_t chunk);
void dbx_links_drop(dbx_links *links, uint64_t chunk);
/* The link will not live long enough to be worth a try. */
bool dbx_link_is_stale(const dbx_link *link, int64_t now_us);
void dbx_links_done(dbx_links *links);

/* What storage answers instead of a chunk: status, code and message of its document. The rest stays
 * out: of a signature that does not fit, some clouds repeat all that was signed. What the link
 * holds as signature or header is blotted out. retriable: a new link may do. Never BR_OK. */
br_status dbx_links_refusal(const dbx_http_response *response, const dbx_link *link, br_error *err);

#endif
