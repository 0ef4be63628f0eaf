/*
 * databricks.h: a Databricks workspace over REST: who we are, SQL statements, files in volumes
 * (https://docs.databricks.com/api/workspace).
 *
 *   dbx_client_new(&options, &client, err)
 *     dbx_files_put(client, path, &body, overwrite, cancel, err)      Files API
 *     dbx_statement_run(client, &request, cancel, &result, err)       submit, poll, fetch
 *   dbx_client_free(client)
 *
 * A client may be used by many threads at once. Requests are repeated where that is safe: 429 and
 * 503 with Retry-After; lost connections for reads and for whole-file uploads. A statement is sent
 * again only where it surely did not start. Failed requests: BR_ERR_AUTH (401, 403),
 * BR_ERR_NOT_FOUND, BR_ERR_EXISTS (409), BR_ERR_REMOTE and the network's own; native_code = HTTP
 * status, or less than 0 where none came; the message carries the API's error code and text, never
 * a token.
 */
#ifndef DATABRICKS_DATABRICKS_H
#define DATABRICKS_DATABRICKS_H

#include "base/buf.h"
#include "base/cancel.h"
#include "base/secret.h"
#include "batch/batch.h"

typedef struct dbx_options {
  const char *host; /* "https://workspace…" or a bare name; http:// only for loopback; a path or
                       query behind it, as browsers show it, is passed over */
  const char *unix_path; /* a Unix socket (the sandbox) instead of TCP; host is then only a label */
  const br_secret *token; /* personal access token; or the next two (OAuth machine-to-machine) */
  const char *client_id;
  const br_secret *client_secret;
  const char *warehouse_id; /* statements need it; "/sql/1.0/warehouses/<id>" is accepted too */
  const char *catalog;      /* defaults of statements; may be NULL */
  const char *schema;
  const char *ca_file;         /* PEM; NULL: the system's */
  uint32_t connect_timeout_ms; /* 0: 10 s */
  uint32_t request_timeout_ms; /* longest silence; 0: 60 s */
  uint32_t retry_budget_ms;    /* 0: 300 s in all for one call */
  uint64_t random_seed;        /* jitter; 0: from the operating system */
} dbx_options;

typedef struct dbx_client dbx_client;

/* Where a request failed: on the way there, or with an answer (or the lack of one). Of an error
 * that a call of this module gave. */
typedef enum dbx_stage {
  DBX_STAGE_NAME, /* no address for the host, or for the proxy */
  DBX_STAGE_TCP,
  DBX_STAGE_TLS,
  DBX_STAGE_HTTP,
} dbx_stage;
dbx_stage dbx_error_stage(const br_error *err);

br_status dbx_client_new(const dbx_options *options, dbx_client **ret_client,
                         br_error *err) BR_CHECKED;
void dbx_client_free(dbx_client *client);

/* BR_ERR_USAGE: no token or client secret that a header can hold, which is one line of ASCII
 * without blanks. what: it begins the message. */
br_status dbx_credential_check(const char *text, const char *what, br_error *err) BR_CHECKED;

/* A profile of ~/.databrickscfg (or path): the keys host, token, client_id, client_secret,
 * warehouse_id, and any other. profile NULL: [__settings__].default_profile, else DEFAULT.
 * BR_ERR_NOT_FOUND names file and profile; BR_ERR_DATA names the line. */
typedef struct dbx_profile dbx_profile;
br_status dbx_profile_load(const char *path, const char *profile, dbx_profile **ret_profile,
                           br_error *err) BR_CHECKED;
const char *dbx_profile_get(const dbx_profile *profile, const char *key); /* NULL: not there */
void dbx_profile_free(dbx_profile *profile);

/* ---- files in volumes: absolute paths "/Volumes/catalog/schema/volume/…" ---- */

/* A body that can be sent again: read_at from any offset. */
typedef struct dbx_body {
  br_status (*read_at)(void *context, uint64_t offset, void *bytes, size_t length, br_error *err);
  void *context;
  uint64_t size;
  /* Bytes sent so far; starts again from 0 where the upload has to be repeated. May be NULL. */
  void (*on_progress)(void *context, uint64_t sent_bytes);
} dbx_body;

typedef struct dbx_file_info {
  char *path;
  char *name;
  bool is_directory;
  uint64_t size;
  int64_t modified_ms; /* since the epoch; 0 = not said */
} dbx_file_info;

/* One PUT of at most 5 GiB; a failure of body->read_at ends it with that error. Folders on the way
 * are made by dbx_directories_create(), not by this. */
br_status dbx_files_put(dbx_client *client, const char *path, const dbx_body *body, bool overwrite,
                        br_cancel *cancel, br_error *err) BR_CHECKED;
/* Size (and time) of a file; BR_ERR_NOT_FOUND. Free ret_info's strings with dbx_file_info_done().
 */
br_status dbx_files_head(dbx_client *client, const char *path, dbx_file_info *ret_info,
                         br_cancel *cancel, br_error *err) BR_CHECKED;
/* A small file into memory (max bytes at most); out is initialised here. */
br_status dbx_files_get(dbx_client *client, const char *path, size_t max, br_buf *out,
                        br_cancel *cancel, br_error *err) BR_CHECKED;
br_status dbx_files_delete(dbx_client *client, const char *path, br_cancel *cancel,
                           br_error *err) BR_CHECKED;
br_status dbx_directories_create(dbx_client *client, const char *path, br_cancel *cancel,
                                 br_error *err) BR_CHECKED; /* mkdir -p */
/* BR_ERR_NOT_FOUND: there is no such folder. */
br_status dbx_directories_head(dbx_client *client, const char *path, br_cancel *cancel,
                               br_error *err) BR_CHECKED;
/* Of an empty folder. */
br_status dbx_directories_delete(dbx_client *client, const char *path, br_cancel *cancel,
                                 br_error *err) BR_CHECKED;
/* All entries (pages followed). Free with dbx_file_infos_free(). */
br_status dbx_directories_list(dbx_client *client, const char *path, dbx_file_info **ret_infos,
                               size_t *ret_count, br_cancel *cancel, br_error *err) BR_CHECKED;
void dbx_file_info_done(dbx_file_info *info);
void dbx_file_infos_free(dbx_file_info *infos, size_t count);

/* ---- statements ---- */

typedef struct dbx_parameter {
  const char *name;  /* without ':' */
  const char *value; /* NULL = SQL NULL */
  const char *type;  /* "INT"…; NULL = STRING */
} dbx_parameter;

typedef struct dbx_statement {
  const char *sql;
  const dbx_parameter *parameters;
  size_t parameter_count; /* 256 at most */
  uint64_t row_limit;     /* 0 = none */
  bool repeatable;        /* a query, or a change that may well be made twice */
} dbx_statement;

/* A finished statement. Values as the API's JSON gives them: text or NULL. */
typedef struct dbx_result dbx_result;
typedef struct dbx_column {
  const char *name;
  const char *type_name; /* "DECIMAL"; may be one the SDK's list lacks */
  const char *type_text; /* "DECIMAL(10,2)" */
} dbx_column;

/* Submits, polls to the end, reads all chunks (inline JSON, 25 MiB at most). A failed statement:
 * BR_ERR_REMOTE with condition and message. On cancel the statement is cancelled on the server. A
 * result that the server cut is BR_ERR_LIMIT, unless row_limit asked for that. Where the answer to
 * the submission is lost the statement may or may not have run; the message says so, and it is
 * not sent again unless it is repeatable. err->retriable is set only where nothing has run or
 * changed, or the statement is repeatable and an answer was lost. */
br_status dbx_statement_run(dbx_client *client, const dbx_statement *statement, br_cancel *cancel,
                            dbx_result **ret_result, br_error *err) BR_CHECKED;
void dbx_result_free(dbx_result *result);
const char *dbx_result_statement_id(const dbx_result *result);
size_t dbx_result_columns(const dbx_result *result);
const dbx_column *dbx_result_column(const dbx_result *result, size_t index);
uint64_t dbx_result_rows(const dbx_result *result);
bool dbx_result_truncated(const dbx_result *result); /* cut by row_limit */
/* NULL = SQL NULL. Borrowed. A text that holds NUL characters is longer than strlen() says. */
const char *dbx_result_value(const dbx_result *result, uint64_t row, size_t column);
size_t dbx_result_value_length(const dbx_result *result, uint64_t row, size_t column);

/* What a failed statement's message says of the failure: the SQLSTATE ("42601") and the error
 * condition ("TABLE_OR_VIEW_NOT_FOUND"); false where it names none. */
enum { DBX_SQLSTATE_MAX = 6, DBX_CONDITION_MAX = 128 };
bool dbx_error_sqlstate(const br_error *err, char ret_sqlstate[DBX_SQLSTATE_MAX]);
bool dbx_error_condition(const br_error *err, char ret_condition[DBX_CONDITION_MAX]);
/* Somebody else's write to the table got in between: nothing of the statement has happened
 * (https://docs.databricks.com/en/error-messages/error-classes.html, SQLSTATE 2D521). */
bool dbx_error_is_conflict(const br_error *err);
/* The workspace refuses the token itself (401): whatever is asked for fails until another one
 * comes. */
bool dbx_error_is_unauthenticated(const br_error *err);

/* ---- look-ups for test-connection ---- */
br_status dbx_current_user(dbx_client *client, char *name, size_t size, br_cancel *cancel,
                           br_error *err) BR_CHECKED;
br_status dbx_warehouse_state(dbx_client *client, char *state, size_t size, br_cancel *cancel,
                              br_error *err) BR_CHECKED;
br_status dbx_catalog_exists(dbx_client *client, const char *catalog, br_cancel *cancel,
                             br_error *err) BR_CHECKED;
br_status dbx_schema_exists(dbx_client *client, const char *catalog, const char *schema,
                            br_cancel *cancel, br_error *err) BR_CHECKED;
br_status dbx_volume_exists(dbx_client *client, const char *catalog, const char *schema,
                            const char *volume, br_cancel *cancel, br_error *err) BR_CHECKED;

/* ---- reading tables ---- */

/* Rows of a table or query as record batches, every value exact.
 *
 * The columns are asked for first (LIMIT 0). Then one statement reads all rows, so they are of one
 * snapshot: small results inline as JSON, in forms that lose nothing (dates and timestamps as
 * numbers, floating point as text, binary as hex, nested values as JSON text); large ones through
 * links to Arrow streams. Types: BOOLEAN; BYTE and SHORT (int16), INT, LONG; FLOAT, DOUBLE;
 * DECIMAL; DATE; TIMESTAMP (UTC), TIMESTAMP_NTZ; STRING, CHAR, VARCHAR; BINARY; ARRAY, MAP, STRUCT
 * and VARIANT as JSON text; INTERVAL as text; VOID (string, all NULL). */
typedef struct dbx_rows dbx_rows;

typedef enum dbx_rows_way { DBX_ROWS_AUTO, DBX_ROWS_INLINE, DBX_ROWS_LINKS } dbx_rows_way;

typedef struct dbx_rows_options {
  const char *from;     /* what stands behind FROM: "`c`.`s`.`t`", or a query in parentheses */
  const char *where;    /* a condition; NULL = all rows */
  const char *order_by; /* NULL = none */
  const dbx_parameter *parameters; /* of `where` */
  size_t parameter_count;
  uint64_t rows_expected; /* decides the way under AUTO; UINT64_MAX = unknown */
  dbx_rows_way way;
  size_t max_message; /* bytes of one Arrow message in memory; 0: 128 MiB */
} dbx_rows_options;

/* A link that has expired is asked for anew; a chunk whose download breaks is read again from its
 * start and the rows already handed out are passed over. A result that the server cut is
 * BR_ERR_LIMIT. The access token is never sent to a link. An inline result over its limit is read
 * again through links before any row was handed out. */
br_status dbx_rows_open(dbx_client *client, const dbx_rows_options *options, br_cancel *cancel,
                        dbx_rows **ret_rows, br_error *err) BR_CHECKED;
/* Borrowed from rows. */
const batch_schema *dbx_rows_schema(const dbx_rows *rows);
/* The column's type as Databricks spells it ("DECIMAL(10,2)", "ARRAY<INT>"). */
const char *dbx_rows_type_text(const dbx_rows *rows, size_t column);
/* What the server says the result has; checked at the end. */
uint64_t dbx_rows_total(const dbx_rows *rows);
/* Appends rows, one at least, to an empty batch made with the rows' schema until it is full, holds
 * max_bytes (0: no limit), or the next ones have not arrived: fewer are no end. BR_DONE: all rows
 * were handed out, and they are as many as the server said. */
br_status dbx_rows_next(dbx_rows *rows, batch *b, size_t max_bytes, br_error *err) BR_CHECKED;
/* Closes the statement on the server too. NULL is fine. */
void dbx_rows_close(dbx_rows *rows);

#endif
