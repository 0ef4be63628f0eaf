/*
 * tds.h: a client for SQL Server's wire protocol, MS-TDS 7.4 and 8.0
 * (https://learn.microsoft.com/openspecs/windows_protocols/ms-tds).
 *
 *   tds_connect(&options, cancel, &conn, err)
 *     tds_execute(conn, sql, length, err)        sends a batch
 *       tds_next_result(conn, err)               BR_OK: a result set; BR_DONE: the batch has ended
 *         tds_result_schema(conn)                its columns
 *         tds_read_batch(conn, limits, b, err)   rows straight into columns, until BR_DONE
 *   tds_close(conn)
 *
 * One thread uses a connection at a time. A wait in any call ends early when the cancel token asks:
 * the client then sends an attention, reads to its acknowledgement where the server gives one in
 * time, and returns BR_ERR_CANCELLED. After an error with tds_is_usable() false only tds_close() is
 * left.
 */
#ifndef TDS_TDS_H
#define TDS_TDS_H

#include "base/cancel.h"
#include "base/secret.h"
#include "batch/batch.h"
#include "batch/charset.h"

typedef enum tds_encrypt {
  /* The login encrypted where the server can do TLS, else nothing; the rest where the server asks
   * for it. */
  TDS_ENCRYPT_OPTIONAL,
  TDS_ENCRYPT_MANDATORY, /* everything, or no connection */
  TDS_ENCRYPT_STRICT,    /* TDS 8.0: TLS first, then TDS */
} tds_encrypt;

typedef struct tds_options {
  const char *host;      /* name or address; ignored where unix_path is set */
  uint16_t port;         /* 1433 */
  const char *unix_path; /* a Unix socket instead of TCP (the sandbox); NULL otherwise */
  const char *database;  /* NULL: the login's default */
  const char *username;
  const br_secret *password;
  tds_encrypt encrypt;
  const char *ca_file; /* PEM; NULL: the system's certificates */
  bool trust_server_certificate;
  const char *certificate_host; /* name expected in the certificate; NULL: host */
  const char *application;      /* shown in sys.dm_exec_sessions; NULL: the program's name */
  uint32_t packet_size;         /* 512..32767; 0: chosen by the client */
  uint32_t connect_timeout_ms;  /* 0: 15 s; covers name, TCP, TLS and login together */
  uint32_t query_timeout_ms;    /* 0: none; the longest silence while waiting for an answer */
  bool read_only_intent;
  batch_type_options types;
  size_t max_cell; /* bytes; 0: BR_LIMIT_CELL_DEFAULT */
  void (*on_message)(void *context, int32_t number, uint8_t severity,
                     const char *message); /* INFO tokens; may be NULL */
  void *on_message_context;
  /* May be NULL: a login is about to go out in clear, to a host that is not by its name this
   * machine (optional, and the server can't do TLS). */
  void (*on_clear_login)(const char *host, uint16_t port);
} tds_options;

typedef struct tds_conn tds_conn;

/* How far a connection attempt came, for `test-connection`. */
typedef enum tds_stage {
  TDS_STAGE_NAME,
  TDS_STAGE_TCP,
  TDS_STAGE_PRELOGIN,
  TDS_STAGE_TLS,
  TDS_STAGE_LOGIN,
  TDS_STAGE_READY
} tds_stage;
const char *tds_stage_name(tds_stage stage);

/* Connects, negotiates, logs in (following a routing redirect). ret_stage (may be NULL) tells how
 * far it came, also on failure. Errors: BR_ERR_NETWORK, BR_ERR_TIMEOUT, BR_ERR_TLS, BR_ERR_AUTH
 * (18456; native_code has the number), BR_ERR_NOT_FOUND (4060, database), BR_ERR_PROTOCOL. The
 * options are copied. */
br_status tds_connect(const tds_options *options, br_cancel *cancel, tds_conn **ret_conn,
                      tds_stage *ret_stage, br_error *err) BR_CHECKED;
void tds_close(tds_conn *conn); /* NULL is fine */
bool tds_is_usable(const tds_conn *conn);

/* Facts for manifests and test-connection; borrowed, valid until tds_close(). */
const char *
tds_server_name(const tds_conn *conn); /* what the server called itself, "" if it didn't */
const char *tds_server_version(const tds_conn *conn); /* "16.0.4135" */
const char *tds_database(const tds_conn *conn);       /* the current database */
const char *tds_tls_version(const tds_conn *conn);    /* "TLSv1.3", "" = not encrypted */
bool tds_is_strict(const tds_conn *conn);
size_t tds_packet_size(const tds_conn *conn); /* as agreed with the server */

/* The first ERROR token of the last batch (MS-TDS 2.2.7.10). */
typedef struct tds_server_error {
  int32_t number; /* 0 = none */
  uint8_t state, severity;
  int32_t line; /* 1-based in the batch */
  char procedure[256];
  char server[256];
  char message[1024];
} tds_server_error;
const tds_server_error *tds_last_error(const tds_conn *conn);

/* Sends a batch (UTF-8). The answers come through tds_next_result(). Unread results of an earlier
 * batch are an error of the caller. */
br_status tds_execute(tds_conn *conn, const char *sql, size_t length, br_error *err) BR_CHECKED;

/* Goes to the next result set, reading over what is left of the current one. BR_DONE: the batch has
 * ended without error. An error of the server (BR_ERR_REMOTE, with "number, state, line, procedure"
 * in the message and native_code = number) is returned once the whole answer has been read; the
 * connection is usable after it. */
br_status tds_next_result(tds_conn *conn, br_error *err) BR_CHECKED;
/* Values of a column of the current result set that lost digits behind the microsecond. */
uint64_t tds_values_rounded(const tds_conn *conn, size_t column);
/* Columns of the current result set, borrowed until the next tds_next_result(); NULL outside one.
 * Names may be empty or double: the caller decides. */
const batch_schema *tds_result_schema(const tds_conn *conn);
/* Rows affected as the last DONE with a count said; -1 = none. */
int64_t tds_rows_affected(const tds_conn *conn);

/* When a batch is full: whichever comes first. A batch holds one row at least, however large. */
typedef struct tds_batch_limits {
  size_t rows;  /* <= capacity_rows of the batch; 0 = capacity_rows */
  size_t bytes; /* batch_bytes(); 0 = no limit */
} tds_batch_limits;

/* Appends rows of the current result set to b (made with tds_result_schema()) until it is full or
 * the rows end. BR_DONE: the result set has ended and b got no row. BR_ERR_DATA: a value can't be
 * represented; the message names row and column. BR_ERR_LIMIT: a cell over max_cell, likewise. */
br_status tds_read_batch(tds_conn *conn, const tds_batch_limits *limits, batch *b,
                         br_error *err) BR_CHECKED;

/* Stops the running batch: attention, reads to its acknowledgement, at most 5 s. Afterwards the
 * connection is usable or not: tds_is_usable(). */
br_status tds_cancel_query(tds_conn *conn, br_error *err) BR_CHECKED;

/* Sends a batch, expects no rows or ignores them, reads to its end. For SET, USE and DDL. */
br_status tds_run(tds_conn *conn, const char *sql, br_error *err) BR_CHECKED;

/* ---- changing data ---- */

/* A parameter of a statement; its value as text under the rules of batch_append_text(). */
typedef struct tds_parameter {
  const char *name; /* without @ */
  batch_sql_typespec type;
  const char *text; /* NULL = SQL NULL; binary: the bytes themselves */
  size_t length;
} tds_parameter;

/* Sends a statement with parameters (sp_executesql, MS-TDS 2.2.6.6); its answers come as those of
 * tds_execute(). Text parameters go as nvarchar; where the type says varchar and the text is ASCII,
 * as that. BR_ERR_DATA names the parameter whose text doesn't fit its type; nothing has
 * been sent then. */
br_status tds_execute_parameters(tds_conn *conn, const char *sql, size_t length,
                                 const tds_parameter *parameters, size_t count,
                                 br_error *err) BR_CHECKED;
/* The same, read to its end. ret_rows (may be NULL): rows affected, -1 = not said. */
br_status tds_run_parameters(tds_conn *conn, const char *sql, const tds_parameter *parameters,
                             size_t count, int64_t *ret_rows, br_error *err) BR_CHECKED;

typedef enum tds_isolation {
  TDS_ISOLATION_CURRENT,
  TDS_ISOLATION_READ_UNCOMMITTED,
  TDS_ISOLATION_READ_COMMITTED,
  TDS_ISOLATION_REPEATABLE_READ,
  TDS_ISOLATION_SERIALIZABLE,
  TDS_ISOLATION_SNAPSHOT,
} tds_isolation;

/* Transaction manager requests (MS-TDS 2.2.6.9). A commit that fails with BR_ERR_NETWORK,
 * BR_ERR_TIMEOUT or BR_ERR_CANCELLED may have happened or not: who needs to know asks the data. */
br_status tds_begin(tds_conn *conn, tds_isolation isolation, br_error *err) BR_CHECKED;
br_status tds_commit(tds_conn *conn, br_error *err) BR_CHECKED;
/* Does nothing where no transaction is open (the server may have rolled it back by itself). */
br_status tds_rollback(tds_conn *conn, br_error *err) BR_CHECKED;
/* As the server's last ENVCHANGE said. */
bool tds_in_transaction(const tds_conn *conn);
/* Which transaction is open, as the server numbers them; 0 = none. */
uint64_t tds_transaction(const tds_conn *conn);
/* The next request starts with the session as new (RESETCONNECTION): options, #temp tables and
 * session locks are gone. */
void tds_reset_session(tds_conn *conn);
/* Until changed back: how long an answer may be silent; 0 = no limit. */
void tds_set_query_timeout(tds_conn *conn, uint32_t timeout_ms);

#endif
