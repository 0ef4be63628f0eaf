/*
 * server.h: the server's side of the protocol: LOGIN7 and requests read, tokens written.
 *
 * Reading works on whole messages in memory: tds_message_read() gathers one, the others take it
 * apart. Writing goes to a tds_writer whose message the caller begins and ends.
 */
#ifndef TDS_SERVER_H
#define TDS_SERVER_H

#include "tds/packet.h"
#include "tds/tds.h"
#include "tds/typeinfo.h"

/* Gathers the payload of the message that tds_reader_begin() found into out (not initialised here).
 * BR_DONE: the sender gave it up (IGNORE, 2.2.3.1.2); it is read to its end. BR_ERR_LIMIT: longer
 * than out may grow. */
br_status tds_message_read(tds_reader *r, br_buf *out, br_error *err) BR_CHECKED;

enum { TDS_LOGIN_TEXT_MAX = 3 * TDS_LOGIN7_NAME_MAX + 1 };

/* LOGIN7 (2.2.6.4), as far as a server needs it. Texts are UTF-8. */
typedef struct tds_server_login {
  uint32_t tds_version;
  uint32_t packet_size;
  uint8_t flags1, flags2, type_flags, flags3;
  char host_name[TDS_LOGIN_TEXT_MAX];
  char username[TDS_LOGIN_TEXT_MAX];
  char password[TDS_LOGIN_TEXT_MAX]; /* tds_server_login_done() wipes it */
  char application[TDS_LOGIN_TEXT_MAX];
  char library[TDS_LOGIN_TEXT_MAX];
  char language[TDS_LOGIN_TEXT_MAX];
  char database[TDS_LOGIN_TEXT_MAX];
  uint32_t features; /* asked for: bits 1 << id of ids below 32 */
} tds_server_login;

br_status tds_server_login_read(const uint8_t *bytes, size_t length, tds_server_login *ret_login,
                                br_error *err) BR_CHECKED;
void tds_server_login_done(tds_server_login *login);

/* ALL_HEADERS in front of batches, RPCs and transaction requests (2.2.5.3): checked and passed
 * over. *ret_used: bytes. */
br_status tds_all_headers_read(const uint8_t *bytes, size_t length, size_t *ret_used,
                               br_error *err) BR_CHECKED;
/* The transaction that headers that were read name (2.2.5.3.2); 0: none. used: their bytes. */
uint64_t tds_all_headers_transaction(const uint8_t *bytes, size_t used);
/* The text of a batch, appended as UTF-8. */
br_status tds_batch_text_read(const uint8_t *bytes, size_t length, br_buf *text,
                              br_error *err) BR_CHECKED;

/* A parameter of a remote procedure call: its value as a column of one row. */
typedef struct tds_rpc_parameter {
  char name[TDS_LOGIN_TEXT_MAX]; /* with @; "" = by position */
  bool output, use_default;
  tds_type_info info;
  batch_sql_typespec spec;
  batch_schema *schema; /* owned: one field */
  batch *value;         /* owned: one row */
} tds_rpc_parameter;

enum {
  TDS_RPC_PARAMETERS_MAX = 2100, /* SQL Server's own ceiling */
  TDS_RPC_NO_METADATA = 0x0002,
  TDS_RPC_BATCH_FLAG = 0xFF, /* between the calls of one message */
};

/* One call (2.2.6.6). */
typedef struct tds_rpc {
  char name[3 * 1046 + 1]; /* "" = by number */
  uint16_t procedure;      /* TDS_PROCEDURE_…; 0 = by name */
  uint16_t options;
  tds_rpc_parameter *parameters; /* owned */
  size_t count;
} tds_rpc;

/* Reads one call from r (which holds the message behind ALL_HEADERS) up to the next one or the end.
 * BR_ERR_UNSUPPORTED: a parameter's type. */
br_status tds_rpc_read(tds_reader *r, tds_rpc *ret_rpc, br_error *err) BR_CHECKED;
void tds_rpc_done(tds_rpc *rpc);
bool tds_rpc_parameter_is_null(const tds_rpc_parameter *parameter);

/* TM requests (2.2.6.9). */
typedef struct tds_transaction_request {
  uint16_t type;
  uint8_t isolation; /* BEGIN: 0 current … 5 snapshot */
  char name[3 * 127 + 1];
  bool begin_next; /* COMMIT, ROLLBACK: a new transaction follows */
} tds_transaction_request;
br_status tds_transaction_read(const uint8_t *bytes, size_t length,
                               tds_transaction_request *ret_request, br_error *err) BR_CHECKED;

/* Tokens. */
br_status tds_put_login_ack(tds_writer *w, uint32_t tds_version, const char *program,
                            const uint8_t version[4], br_error *err) BR_CHECKED;
/* Text changes: database, language, packet size. */
br_status tds_put_env_text(tds_writer *w, tds_env type, const char *to, const char *from,
                           br_error *err) BR_CHECKED;
/* Changes of bytes: collation, transaction descriptors, reset (none of either). */
br_status tds_put_env_bytes(tds_writer *w, tds_env type, const void *to, size_t to_length,
                            const void *from, size_t from_length, br_error *err) BR_CHECKED;
/* ERROR where severity is over 10, INFO otherwise. */
br_status tds_put_message(tds_writer *w, const tds_server_error *message, br_error *err) BR_CHECKED;
br_status tds_put_feature_ack(tds_writer *w, uint32_t features, br_error *err) BR_CHECKED;
br_status tds_put_done(tds_writer *w, tds_token token, uint16_t status, uint16_t command,
                       uint64_t rows, br_error *err) BR_CHECKED;
br_status tds_put_return_status(tds_writer *w, int32_t value, br_error *err) BR_CHECKED;
/* RETURNVALUE: an int; NULL value: SQL NULL. */
br_status tds_put_return_int(tds_writer *w, uint16_t ordinal, const char *name,
                             const int32_t *value, br_error *err) BR_CHECKED;

/* Types of a result's columns as they go onto the wire; `infos` has schema->count entries. json
 * becomes varchar(max) with UTF-8 unless the client asked for it. */
br_status tds_result_types(const batch_schema *schema, bool json, tds_type_info *infos,
                           br_error *err) BR_CHECKED;
br_status tds_put_columns(tds_writer *w, const batch_schema *schema, const tds_type_info *infos,
                          br_error *err) BR_CHECKED;
/* What a batch leaves out of datetime2 and datetimeoffset. */
typedef struct tds_precise {
  int16_t offset_minutes; /* of datetimeoffset; the batch holds UTC */
  uint8_t tick;           /* the 100 ns digit, 0..9 */
} tds_precise;
/* One row as ROW or, where it saves bytes, NBCROW. precise: for each column an entry per row or
 * NULL; NULL: no column has any. */
br_status tds_put_row(tds_writer *w, const batch *b, const tds_type_info *infos,
                      const tds_precise *const *precise, size_t row, br_error *err) BR_CHECKED;

/* A bulk load's stream (2.2.6.1): COLMETADATA, ROW…, DONE. */
typedef struct tds_bulk {
  batch_schema *schema; /* owned: the columns as sent */
  tds_decoder *decoders;
  uint64_t rows; /* read so far */
  bool ended;    /* DONE was read; what may be left of the message is the caller's to drop */
} tds_bulk;
/* The message has begun. Reads COLMETADATA. */
br_status tds_bulk_begin(tds_bulk *bulk, tds_reader *r, size_t max_cell, br_error *err) BR_CHECKED;
/* Fills b (made with bulk->schema). BR_DONE: the stream has ended, b got no row. */
br_status tds_bulk_read(tds_bulk *bulk, tds_reader *r, batch *b, br_error *err) BR_CHECKED;
void tds_bulk_done(tds_bulk *bulk);

#endif
