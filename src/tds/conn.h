/*
 * conn.h: the connection's inside, shared by the client's files:
 *
 *   connect.c   name, socket, prelogin, TLS, login, redirect
 *   conn.c      making, freeing, facts, waiting
 *   request.c   sending a request; cancelling one
 *   rpc.c       statements with parameters
 *   transaction.c
 *   response.c  tokens up to the next result or the end
 *   rows.c      COLMETADATA and rows
 */
#ifndef TDS_CONN_H
#define TDS_CONN_H

#include "tds/packet.h"
#include "tds/tds.h"
#include "tds/token.h"
#include "tds/typeinfo.h"

typedef enum conn_state {
  CONN_IDLE,     /* nothing under way: a request may be sent */
  CONN_RESPONSE, /* a request is out, its answer not read to the end */
  CONN_LOAD,     /* a bulk load's stream is under way: tds_load_… alone may use it */
  CONN_DEAD,     /* only tds_close() is left */
} conn_state;

struct tds_conn {
  tds_options options; /* text fields point into the owned copies below */
  char *texts[7];
  br_secret *password; /* until the login is through */
  br_cancel *cancel;   /* borrowed; NULL = none */
  br_deadline connect_by;

  tds_stream *stream; /* owned */
  tds_reader reader;
  tds_writer writer;
  bool tls;    /* the stream is TLS */
  bool strict; /* TDS 8.0 */
  conn_state state;
  bool answer_begun; /* the reader is inside the answer's message */

  /* Cancelling: after an attention the answer is read on until it is acknowledged. */
  bool attention_sent;
  bool no_attention;           /* what is being read can't be stopped */
  bool attention_acknowledged; /* a DONE has said so */
  br_status why_stopped;
  br_error why_error;

  /* The current result set; schema NULL = none. */
  batch_schema *schema;
  batch_schema *retired_schema; /* the caller's batches may borrow it to the next result */
  tds_decoder *decoders;        /* one per column that the server sends */
  size_t decoder_count;         /* schema->count without companions */
  uint8_t *null_bitmap;         /* NBCROW; a bit per column */
  bool in_rows;                 /* rows of the result set may follow */
  uint64_t rows_read;
  int64_t rows_affected;

  /* Errors of the running batch: the first in full, and all of them in words. */
  tds_server_error error;
  br_error pending; /* status BR_OK = none */

  /* What the server told about itself and the session. */
  bool login_acknowledged;
  tds_login_ack login_ack;
  char version[32];
  char database[256];
  uint8_t collation[TDS_COLLATION_SIZE];
  uint64_t transaction; /* descriptor; 0 = none */
  bool reset_next;      /* the next request begins with the session as new */
  char login_database[256];
  uint16_t route_port; /* a redirect; 0 = none */
  char route_server[512];
};

/* A connection without a stream yet. */
br_status tds_conn_new(const tds_options *options, br_cancel *cancel, tds_conn **ret_conn,
                       br_error *err) BR_CHECKED;
/* Gives it a stream, owned from here on also on failure. */
br_status tds_conn_attach(tds_conn *conn, tds_stream *stream, br_error *err) BR_CHECKED;
/* Behind the login: requests may be sent. */
void tds_conn_ready(tds_conn *conn);
/* Logs in over a stream that is there already (owned from here on, also on failure); a redirect is
 * an error. */
br_status tds_connect_over(tds_stream *stream, const tds_options *options, br_cancel *cancel,
                           tds_conn **ret_conn, tds_stage *ret_stage, br_error *err) BR_CHECKED;

/* Begins a message that has ALL_HEADERS in front: a batch, a call or a transaction request. Only an
 * idle connection can. */
br_status tds_conn_begin_request(tds_conn *conn, tds_packet_type type, br_error *err) BR_CHECKED;
/* Ends it; st: how writing it has gone. The answer follows, or the connection is lost: a request
 * that went out in part can't be taken back. */
br_status tds_conn_end_request(tds_conn *conn, br_status st, br_error *err) BR_CHECKED;
/* Reads the answer to its end; result sets are passed over. */
br_status tds_conn_finish_answer(tds_conn *conn, br_error *err) BR_CHECKED;

/* Goes to the answer's message where that has not happened yet. */
br_status tds_conn_begin_answer(tds_conn *conn, br_error *err) BR_CHECKED;
/* How long and by whom waiting may be ended while a query runs. */
void tds_conn_set_wait(tds_conn *conn);
/* What a call on a lost connection answers: the server's last words, where it had any. */
br_status tds_conn_say_lost(const tds_conn *conn, br_error *err);
void tds_conn_forget_result(tds_conn *conn);

/* The reader's hook: sends an attention where a query was interrupted. */
br_status tds_conn_interrupted(void *context, br_status why, br_error *err);
/* After an attention: reads to its acknowledgement. mid_token: the reader stands inside a token, so
 * packets are read over instead of tokens. Returns why the query was stopped. */
br_status tds_conn_finish_stop(tds_conn *conn, bool mid_token, br_error *err);
/* What a failure while reading an answer comes to: the end of a stop that is under way, a stop of
 * the query because of a value that can't be taken, or the loss of the connection. mid_token as
 * above. Returns the status to report. */
br_status tds_conn_read_failed(tds_conn *conn, bool mid_token, br_status st, br_error *err);

/* What a token meant to the loop that reads them. */
typedef enum token_effect {
  EFFECT_NONE,   /* taken care of */
  EFFECT_RESULT, /* COLMETADATA with columns: a result set begins */
  EFFECT_ROW,    /* ROW or NBCROW follows; only the token byte was read */
  EFFECT_DONE,   /* one of the DONE tokens */
} token_effect;

/* Reads one token, all but the rows. */
br_status tds_conn_token(tds_conn *conn, token_effect *ret_effect, uint8_t *ret_token,
                         tds_done *ret_done, br_error *err) BR_CHECKED;
/* Behind a DONE: BR_DONE or the server's error where the answer has ended, BR_OK where it goes on.
 */
br_status tds_conn_after_done(tds_conn *conn, const tds_done *done, br_error *err) BR_CHECKED;
/* Reads the answer up to the next result set (BR_OK) or its end (BR_DONE, or the server's error).
 */
br_status tds_conn_to_next_result(tds_conn *conn, br_error *err) BR_CHECKED;

/* rows.c */
br_status tds_conn_read_metadata(tds_conn *conn, bool *ret_has_columns, br_error *err) BR_CHECKED;
br_status tds_conn_skip_row(tds_conn *conn, uint8_t token, br_error *err) BR_CHECKED;

#endif
