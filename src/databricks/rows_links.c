/*
 * Rows of a result that lies in a cloud's storage: each chunk an Arrow stream behind a link.
 *
 *   chunk ─▶ link (cached, or asked for) ─▶ download ─▶ reader ─▶ batches
 *     ▲          ▲                              │
 *     │          └── expired, broken: a new one ┘ the rows handed out already are passed over
 *     └── next
 *
 * The download moves only as the reader asks for bytes, so memory holds one Arrow message and what
 * the socket's buffer has. The token never goes to a link: it is signed, and storage refuses a
 * request that sends more.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "batch/arrow_ipc.h"
#include "databricks/download.h"
#include "databricks/json.h"
#include "databricks/links.h"
#include "databricks/rows.h"
#include "databricks/statement.h"

enum {
  MOST_TRIES = 5,         /* of one chunk in a row without a row more */
  SKIP_ROWS = 1024,       /* a batch of rows that were handed out before */
  MESSAGE_MIB = 128,      /* default of max_message */
  REFUSAL_MAX = 64 * 1024 /* body of an answer that is no success */
};

struct dbx_rows_links {
  char *statement_id; /* owned */
  br_cancel *cancel;  /* borrowed */
  dbx_links links;
  uint64_t chunks;      /* in all */
  uint64_t chunk;       /* that is read or comes next */
  uint64_t chunk_rows;  /* in it; known while it is read */
  uint64_t chunk_start; /* rows before it */
  uint64_t chunk_read;  /* rows of it that the caller has */
  unsigned tries;       /* since the last new row */
  bool final;           /* the last failure is, whatever it says of itself */
  size_t max_message;
  dbx_download *download; /* NULL: none is open */
  bool body_ended;
  batch_ipc_reader *reader;
};

static void close_chunk(dbx_rows_links *l) {
  batch_ipc_reader_free(l->reader);
  dbx_download_close(l->download);
  l->reader = NULL;
  l->download = NULL;
  l->body_ended = false;
}

void dbx_rows_links_close(dbx_rows *rows) {
  dbx_rows_links *l = rows->links;
  if (l == NULL) {
    return;
  }
  close_chunk(l);
  dbx_links_done(&l->links);
  dbx_statement_close(rows->client, l->statement_id);
  br_free(l->statement_id);
  br_free(l);
  rows->links = NULL;
}

/* ---- the manifest ---- */

static br_status check_columns(const dbx_rows *rows, const json_t *manifest, br_error *err) {
  const json_t *list = dbx_json_array(dbx_json_object(manifest, "schema"), "columns");
  if (json_array_size(list) != rows->schema->count) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The result has %zu columns instead of %zu",
                        json_array_size(list), rows->schema->count);
  }
  br_status st = BR_OK;
  for (size_t i = 0; i < rows->schema->count && st == BR_OK; i++) {
    const char *text = dbx_json_text(json_array_get(list, i), "type_text");
    st = dbx_rows_check_type(rows, i, rows->columns[i].arrow_form, text == NULL ? "" : text, err);
  }
  return st;
}

static br_status take_manifest(dbx_rows *rows, const dbx_reply *reply, br_error *err) {
  const json_t *manifest = dbx_json_object(reply->root, "manifest");
  const char *format = dbx_json_text(manifest, "format");
  if (format == NULL || strcmp(format, "ARROW_STREAM") != 0 ||
      !dbx_json_u64(manifest, "total_row_count", &rows->total) ||
      !dbx_json_u64(manifest, "total_chunk_count", &rows->links->chunks)) {
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "The manifest of the result lacks its format or its counts");
  }
  if (json_is_true(json_object_get(manifest, "truncated"))) {
    return br_error_set(err, BR_ERR_LIMIT, "The server cut the result after %" PRIu64 " rows",
                        rows->total);
  }
  br_status st = check_columns(rows, manifest, err);
  return st == BR_OK ? dbx_links_add(&rows->links->links, reply, rows->client->base, err) : st;
}

static br_status start(dbx_rows *rows, const dbx_rows_options *options, dbx_reply *ret_reply,
                       br_error *err) {
  br_buf sql;
  br_buf_init(&sql, BR_LIMIT_SQL_FILE);
  br_status st = dbx_rows_select(rows, options, true, &sql, err);
  dbx_statement statement = {.sql = NULL};
  st = st == BR_OK ? dbx_rows_statement(options, &sql, &statement, err) : st;
  if (st == BR_OK) {
    st = dbx_statement_start(rows->client, &statement, DBX_LINKS_ARROW, rows->cancel,
                             &rows->links->statement_id, ret_reply, err);
  }
  br_buf_done(&sql);
  return st;
}

br_status dbx_rows_links_open(dbx_rows *rows, const dbx_rows_options *options, br_error *err) {
  dbx_rows_links *l = br_calloc(1, sizeof *l);
  if (l == NULL) {
    return br_error_nomem(err);
  }
  l->max_message = options->max_message == 0 ? BR_MIB(MESSAGE_MIB) : options->max_message;
  l->cancel = rows->cancel;
  rows->links = l;
  dbx_reply reply = {0};
  br_status st = start(rows, options, &reply, err);
  if (st != BR_OK) {
    rows->links = NULL;
    br_free(l);
    return st;
  }
  st = take_manifest(rows, &reply, err);
  dbx_reply_done(&reply);
  return st;
}

/* ---- a chunk: link, download, reader ---- */

static br_status find_link(dbx_rows *rows, const dbx_link **ret_link, br_error *err) {
  dbx_rows_links *l = rows->links;
  const dbx_link *link = dbx_links_find(&l->links, l->chunk);
  if (link == NULL || dbx_link_is_stale(link, br_clock_wall_us())) {
    dbx_reply reply = {0};
    br_status st =
        dbx_statement_chunk(rows->client, l->statement_id, l->chunk, rows->cancel, &reply, err);
    if (st != BR_OK) {
      l->final = true; /* it has been tried often enough */
      return st;
    }
    dbx_links_drop(&l->links, l->chunk);
    st = dbx_links_add(&l->links, &reply, rows->client->base, err);
    dbx_reply_done(&reply);
    if (st != BR_OK) {
      return st;
    }
    /* What has just been given is used whatever it says of its end: clocks differ. */
    link = dbx_links_find(&l->links, l->chunk);
  }
  if (link == NULL) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The server gives no link");
  }
  if (link->row_offset != l->chunk_start) {
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "The chunk begins with row %" PRIu64 " instead of %" PRIu64,
                        link->row_offset, l->chunk_start);
  }
  *ret_link = link;
  return BR_OK;
}

static br_status open_download(dbx_rows *rows, br_error *err) {
  dbx_rows_links *l = rows->links;
  const dbx_link *link = NULL;
  br_status st = find_link(rows, &link, err);
  if (st != BR_OK) {
    return st;
  }
  l->chunk_rows = link->row_count;
  const dbx_http_request request = {.method = "GET",
                                    .url = link->url,
                                    .headers = link->headers,
                                    .header_count = link->header_count,
                                    .max_body = REFUSAL_MAX};
  dbx_http_response response;
  st = dbx_download_open(rows->client->transport, &request, rows->cancel, &l->download, &response,
                         err);
  if (st == BR_OK && l->download == NULL) {
    st = dbx_links_refusal(&response, link, err);
  }
  dbx_http_response_done(&response);
  return st;
}

static br_status read_body(void *context, void *bytes, size_t size, size_t *ret_length,
                           br_error *err) {
  dbx_rows_links *l = context;
  br_status st = br_cancel_check(l->cancel, err); /* a fast server leaves nothing to wait for */
  if (st != BR_OK) {
    return st;
  }
  st = dbx_download_read(l->download, bytes, size, ret_length, err);
  l->body_ended = l->body_ended || (st == BR_OK && size > 0 && *ret_length == 0);
  return st;
}

static br_status check_schema(const dbx_rows *rows, br_error *err) {
  const batch_schema *found = batch_ipc_reader_schema(rows->links->reader);
  const batch_schema *expected = rows->schema;
  if (found->count != expected->count) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The stream has %zu columns instead of %zu",
                        found->count, expected->count);
  }
  for (size_t i = 0; i < found->count; i++) {
    const batch_type *a = &found->fields[i].type;
    const batch_type *b = &expected->fields[i].type;
    if (a->layout != b->layout || a->precision != b->precision || a->scale != b->scale) {
      char text[32];
      batch_type_arrow_format(a, text, sizeof text);
      return br_error_set(err, BR_ERR_PROTOCOL,
                          "Column %.100s: the stream has Arrow's type %s for %.100s",
                          expected->fields[i].name, text, rows->columns[i].type_text);
    }
  }
  return BR_OK;
}

/* Passes over the rows of the chunk that the caller has already. */
static br_status skip_rows(dbx_rows *rows, br_error *err) {
  uint64_t left = rows->links->chunk_read;
  batch *b = NULL;
  br_status st = left == 0 ? BR_OK : batch_new(rows->schema, SKIP_ROWS, &b, err);
  while (st == BR_OK && left > 0) {
    batch_reset(b, 0);
    b->capacity_rows = left < SKIP_ROWS ? (size_t)left : SKIP_ROWS;
    st = batch_ipc_reader_next(rows->links->reader, b, 0, err);
    left -= st == BR_OK ? b->rows : 0;
  }
  batch_free(b);
  return st;
}

static br_status open_chunk(dbx_rows *rows, br_error *err) {
  dbx_rows_links *l = rows->links;
  br_status st = open_download(rows, err);
  if (st == BR_OK) {
    st = batch_ipc_reader_new(read_body, l, l->max_message, &l->reader, err);
  }
  if (st == BR_OK) {
    st = check_schema(rows, err);
  }
  return st == BR_OK ? skip_rows(rows, err) : st;
}

/* Rows of the chunk that is due into b. BR_DONE: it has been read whole. */
static br_status read_chunk(dbx_rows *rows, batch *b, size_t max_bytes, br_error *err) {
  dbx_rows_links *l = rows->links;
  br_status st = l->reader == NULL ? open_chunk(rows, err) : BR_OK;
  if (st == BR_OK) {
    st = batch_ipc_reader_next(l->reader, b, max_bytes, err);
  }
  if (st == BR_OK && b->rows > l->chunk_rows - l->chunk_read) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The chunk has more than its %" PRIu64 " rows",
                        l->chunk_rows);
  }
  if (st == BR_DONE && l->chunk_read < l->chunk_rows) {
    br_error_set(err, BR_ERR_PROTOCOL, "The chunk ends after %" PRIu64 " of its %" PRIu64 " rows",
                 l->chunk_read, l->chunk_rows);
    return br_error_set_retriable(err, BR_ERR_PROTOCOL);
  }
  if (st == BR_ERR_PROTOCOL && l->body_ended) {
    return br_error_set_retriable(err, st); /* cut where no length told of it */
  }
  return st;
}

/* ---- all of them ---- */

/* After a failure: BR_OK where the chunk is worth another try. */
static br_status try_again(dbx_rows *rows, br_status st, const br_error *failure, br_error *err) {
  dbx_rows_links *l = rows->links;
  close_chunk(l);
  dbx_links_drop(&l->links, l->chunk);
  l->tries++;
  if (failure->retriable && !l->final && l->tries < MOST_TRIES) {
    uint64_t wait_ms =
        dbx_retry_backoff(&rows->client->retry, l->tries, dbx_client_random(rows->client));
    /* The first failure is an expired link as a rule. */
    return br_cancel_sleep_ms(rows->cancel, l->tries == 1 ? 0 : wait_ms, err);
  }
  if (err == NULL) {
    return st;
  }
  *err = *failure;
  if (st == BR_ERR_CANCELLED || st == BR_ERR_NOMEM) {
    return st;
  }
  if (l->tries > 1) {
    br_error_append(err, st, " (after %u tries)", l->tries);
  }
  return br_error_context(err, st, "Chunk %" PRIu64 " of the result", l->chunk);
}

static void end_chunk(dbx_rows_links *l) {
  close_chunk(l);
  dbx_links_drop(&l->links, l->chunk);
  l->chunk++;
  l->chunk_start += l->chunk_read;
  l->chunk_read = 0;
  l->tries = 0;
}

br_status dbx_rows_links_next(dbx_rows *rows, batch *b, size_t max_bytes, br_error *err) {
  dbx_rows_links *l = rows->links;
  while (l->chunk < l->chunks) {
    br_error failure = BR_ERROR_INIT;
    br_status st = read_chunk(rows, b, max_bytes, &failure);
    if (st == BR_OK && b->rows > 0) {
      l->chunk_read += b->rows;
      rows->handed += b->rows;
      l->tries = 0;
      return BR_OK;
    }
    if (st == BR_DONE) {
      end_chunk(l);
    } else if (st != BR_OK) {
      batch_reset(b, max_bytes);
      st = try_again(rows, st, &failure, err);
      if (st != BR_OK) {
        return st;
      }
    }
  }
  if (rows->handed != rows->total) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The result has %" PRIu64 " rows instead of %" PRIu64,
                        rows->handed, rows->total);
  }
  return BR_DONE;
}
