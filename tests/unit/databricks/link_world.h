/*
 * link_world.h: a workspace whose results lie behind links, and the storage they lead to, in one
 * scripted server: three chunks of a table (id BIGINT, name STRING), with whatever a test makes go
 * wrong.
 */
#ifndef TESTS_DATABRICKS_LINK_WORLD_H
#define TESTS_DATABRICKS_LINK_WORLD_H

#include "unit/databricks/support.h"

enum {
  WORLD_CHUNKS = 3,
  WORLD_MESSAGES = 3, /* record batches of a chunk */
  WORLD_MESSAGE_ROWS = 4,
  WORLD_CHUNK_ROWS = WORLD_MESSAGES * WORLD_MESSAGE_ROWS,
  WORLD_ROWS = WORLD_CHUNKS * WORLD_CHUNK_ROWS
};

typedef struct world {
  script_server *server;
  br_buf streams[WORLD_CHUNKS];
  char reply[64 * 1024]; /* the storage's, with headers */
  size_t posts, asked_links, downloads, deletes;

  /* How the server behaves; all zero: well. */
  bool links_together;     /* all links are in the first reply */
  bool one_description;    /* only the first statement describes; else every other one */
  bool no_length;          /* storage's answers end with the connection */
  unsigned spoilt;         /* so many of the first downloads of chunk 1 … */
  size_t cut;              /* … are cut after 1 + so many bytes of the body, or … */
  const char *answer;      /* … are answered with this instead */
  const char *url;         /* of links, instead of the storage's; %u is the chunk */
  const char *link_extra;  /* members of each link, with a comma behind: `"expiration":"…",` */
  const char *first_extra; /* the same, only of links in the first reply */
  const char *manifest;    /* instead of the counts; NULL: the right ones */
  unsigned row_count;      /* of each link; 0: the right one */
  unsigned row_offset_off; /* added to each link's row_offset */
  unsigned chunk_index_off;
  const char *read_reply; /* instead of the answer to the statement that reads */
} world;

/* Makes the streams and starts the server; behaviour may be changed until a statement is sent. */
void world_start(world *w);
void world_stop(world *w);
/* Opens the table, and reads all rows in batches of `batch_rows`, each compared with what it must
 * be. *ret_rows: how many were handed out, also after a failure. */
br_status world_read(dbx_client *client, size_t batch_rows, size_t *ret_rows, br_error *err);

#endif
