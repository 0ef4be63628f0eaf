/*
 * tds_server.h: the SQL Server: threads that accept connections and answer them.
 *
 *   tds_server.c    listens, a thread for each connection, the watcher that sees attentions
 *   tds_session.c   a connection: prelogin, TLS, login, its requests one after the other
 *   tds_answer.c    what the engine gives, as tokens
 *   tds_call.c      remote procedure calls: sp_executesql, sp_prepare and its kin
 *   tds_bulk.c      INSERT BULK and the stream behind it
 *   tds_fault.c     a stream that breaks on purpose
 */
#ifndef SANDBOX_TDS_SERVER_H
#define SANDBOX_TDS_SERVER_H

#include "sandbox/engine.h"
#include "sandbox/fault.h"

enum { SANDBOX_TDS_LISTENERS_MAX = 2 };

typedef struct sandbox_tds_options {
  engine *engine;                            /* borrowed */
  sandbox_faults *faults;                    /* borrowed; may be NULL */
  int listen_fds[SANDBOX_TDS_LISTENERS_MAX]; /* as in rest.h */
  size_t listen_count;
  const char *certificate_file, *key_file; /* TLS on TCP; NULL: none */
  bool strict;                             /* with TLS: TDS 8.0 too */
} sandbox_tds_options;

typedef struct sandbox_tds_server sandbox_tds_server;
br_status sandbox_tds_start(const sandbox_tds_options *options, sandbox_tds_server **ret_server,
                            br_error *err) BR_CHECKED;
/* Cancels what runs, closes all connections, joins all threads. NULL is fine. */
void sandbox_tds_stop(sandbox_tds_server *server);

#endif
