/*
 * tds_session.h: one connection of the SQL Server, inside the room.
 *
 *   accepted ─▶ prelogin ─▶ TLS ─▶ LOGIN7 ─▶ request ─▶ answer ─▶ request … ─▶ closed
 *
 * The connection's thread owns everything here but `cancel`, which the watcher may ask to stop: the
 * only bytes that a client may send while its request runs are an attention (2.2.1.7), so the
 * watcher takes anything that arrives for one, and the thread reads it when the engine has stopped.
 */
#ifndef SANDBOX_TDS_SESSION_H
#define SANDBOX_TDS_SESSION_H

#include <pthread.h>

#include "sandbox/tds_fault.h"
#include "sandbox/tds_server.h"
#include "tds/server.h"
#include "tds/tls.h"

#define SANDBOX_SERVER_NAME "sandbox"
enum {
  TDS_REQUEST_MAX = 256 * 1024 * 1024, /* a batch or a call with its parameters */
  TDS_LOGIN_MAX = 128 * 1024,
  TDS_PREPARED_MAX = 4096, /* statements of one session */
  TDS_NAME_MAX = 3 * 128 + 1,
};

typedef struct tds_prepared {
  int32_t handle;
  char *sql, *names; /* owned; names: the parameters' declarations */
  size_t sql_length;
} tds_prepared;

typedef struct tds_session {
  struct tds_session *next;
  sandbox_tds_server *server;
  uint64_t id;
  uint64_t watch; /* number of the watch over the request that runs; guarded by the server's lock */
  int fd;         /* owned by the stream once there is one */
  bool tcp;
  pthread_t thread;
  bool ended;        /* the thread is at its end; under the server's lock */
  br_cancel *cancel; /* of the request that runs, NULL between; set under the server's lock */

  tds_stream *stream; /* owned */
  tds_reader reader;
  tds_writer writer;
  bool faulty; /* stream is one of tds_fault.h */
  bool json;   /* the client understands the type json */

  engine_session *engine;
  char login_database[TDS_NAME_MAX];
  char database[TDS_NAME_MAX]; /* as the client knows it */
  uint64_t descriptor;         /* of the transaction; 0 = none */
  uint64_t next_descriptor;
  bool reset; /* the request asked for it: the answer begins with the acknowledgement */

  tds_prepared *prepared; /* owned */
  size_t prepared_count;
  int32_t next_handle;

  char *bulk_table;    /* owned; INSERT BULK was accepted, its stream is due */
  char **bulk_columns; /* owned, with its texts */
  size_t bulk_column_count;
  engine_load_hints bulk_hints;
} tds_session;

struct sandbox_tds_server {
  sandbox_tds_options options;
  tds_tls_server_context *tls; /* NULL: none */
  pthread_mutex_t lock;
  tds_session *sessions;
  size_t session_count;
  uint64_t next_id;
  uint64_t next_watch;
  br_cancel *stop;
  int epoll_fd;
  pthread_t watcher, acceptors[SANDBOX_TDS_LISTENERS_MAX];
  bool watching;
  size_t acceptor_count;
};

/* tds_server.c: around the time that a request runs. */
br_status tds_watch_begin(tds_session *s, br_error *err) BR_CHECKED;
void tds_watch_end(tds_session *s);

/* tds_session.c: the whole life of a connection. Frees nothing: the server does. */
void tds_session_run(tds_session *s);
void tds_session_close(tds_session *s);

/* tds_answer.c */
typedef struct tds_answer {
  tds_session *session;
  tds_token done; /* DONE, or DONEINPROC inside a call */
  const char *sql;
  bool pending; /* a DONE that waits to know whether more follows */
  uint16_t status, command;
  uint64_t rows;
  bool failed;            /* an error was sent */
  bool has_return_status; /* of a procedure; else it follows from `failed` */
  int32_t return_status;
  bool status_sent; /* the call's RETURNSTATUS has gone out */
} tds_answer;

/* Begins the answer's message. */
br_status tds_answer_begin(tds_answer *a, tds_session *s, tds_token done, const char *sql,
                           br_error *err) BR_CHECKED;
/* Runs a batch in the engine and sends what comes of it. BR_ERR_CANCELLED: an attention came. */
br_status tds_answer_execute(tds_answer *a, const char *sql, size_t length,
                             const engine_parameter *parameters, size_t count,
                             br_error *err) BR_CHECKED;
br_status tds_answer_error(tds_answer *a, const engine_error *e, br_error *err) BR_CHECKED;
/* An error of our own: number and text. */
br_status tds_answer_refuse(tds_answer *a, int32_t number, uint8_t severity, br_error *err,
                            const char *format, ...) BR_PRINTF(5, 6) BR_CHECKED;
void tds_answer_set_done(tds_answer *a, uint16_t status, uint16_t command, uint64_t rows);
/* Sends the DONE that waits, with MORE where something follows. */
br_status tds_answer_flush(tds_answer *a, bool more, br_error *err) BR_CHECKED;
/* Ends the message: the last DONE (one is made where none waits). */
br_status tds_answer_end(tds_answer *a, br_error *err) BR_CHECKED;
/* Tells the client of a changed database or transaction. kind: of the statement. */
br_status tds_answer_environment(tds_answer *a, const char *kind, br_error *err) BR_CHECKED;
/* Turns a failure of our own side into an error token; BR_ERR_NETWORK and the like stay. */
br_status tds_answer_failure(tds_answer *a, br_status st, br_error *err) BR_CHECKED;

/* tds_call.c, tds_bulk.c: whole requests. payload: behind ALL_HEADERS. */
br_status tds_call_run(tds_session *s, const uint8_t *payload, size_t length,
                       br_error *err) BR_CHECKED;
void tds_prepared_clear(tds_session *s);
bool tds_is_insert_bulk(const char *sql, size_t length);
br_status tds_bulk_announce(tds_session *s, const char *sql, size_t length,
                            br_error *err) BR_CHECKED;
br_status tds_bulk_run(tds_session *s, br_error *err) BR_CHECKED;
void tds_bulk_forget(tds_session *s);

#endif
