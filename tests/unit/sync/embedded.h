/*
 * embedded.h: both embedded servers for tests of sync, with all that it needs to work on a table of
 * events there.
 *
 *   embedded_start(&both, "main.default.events");
 *     … both.client, both.session.conn, both.queue …
 *   embedded_stop(&both);
 *
 * What fails here fails the test.
 */
#ifndef TESTS_SYNC_EMBEDDED_H
#define TESTS_SYNC_EMBEDDED_H

#include "sandbox/sandbox.h"
#include "sync/ledger.h"
#include "sync/queue.h"
#include "sync/session.h"

#define EMBEDDED_LEDGER "dbo.bridge_ledger"

typedef struct embedded {
  char folder[64];
  sandbox *servers;
  br_secret *password, *token;
  dbx_client *client;
  tds_options sqlserver;
  sync_ledger ledger;
  sync_session session; /* connected */
  sync_queue *queue;    /* of the table of events */
} embedded;

/* Makes the table of events (catalog.schema.table) and the ledger. */
void embedded_start(embedded *both, const char *events);
void embedded_stop(embedded *both);
/* A statement of Databricks; ret_first (may be NULL): its first value, "" where there is none. */
void embedded_run(embedded *both, const char *sql, char *ret_first, size_t size);

/* Fails with the error's own message. */
void embedded_assert_ok(br_status st, const br_error *err);

#endif
