/*
 * api.h: the service: REST API, jobs, poller, health, metrics, behind one handle.
 *
 *   api_start(&options, &service, err)     listens, takes up the jobs of the last process, starts
 *                                          the poller as soon as both sides can be reached
 *     api_drain(service)                   not ready any more, no new work
 *   api_stop(service, patience_ms)         running jobs to a safe point, then everything ends
 */
#ifndef API_API_H
#define API_API_H

#include "databricks/databricks.h"
#include "settings/settings.h"
#include "tds/tds.h"

typedef struct api api;

/* Borrowed until the stop. */
typedef struct api_options {
  const settings *config;
  const char *version;
  unsigned sides;         /* settings_side bits that are there, configured or stood in for */
  unsigned sandbox_sides; /* those that the sandbox stands in for */
  /* Options of a connection to SQL Server; database NULL: the settings' own. */
  br_status (*sqlserver)(void *context, const char *database, tds_options *ret_options,
                         br_error *err);
  void *context;
  const dbx_options *databricks;         /* NULL: not configured */
  int listen_fd;                         /* the service owns it once started */
  const char *tls_certificate, *tls_key; /* PEM text, both or none */
} api_options;

br_status api_start(const api_options *options, api **ret_service, br_error *err) BR_CHECKED;
/* The files that may have been rotated, now: the audit is opened again, the permissions are read.
 */
void api_reload(api *service);
/* For new connections; see http_server_set_certificate(). */
br_status api_set_certificate(api *service, const char *certificate, const char *key,
                              br_error *err) BR_CHECKED;
/* Frees what earlier certificates needed; now and then, not beside api_set_certificate(). */
void api_tidy(api *service);
/* Readiness says 503, requests for new work are refused, no further job starts, each reply is its
 * connection's last. */
void api_drain(api *service);
/* Stops listening, answers the requests that have begun, waits up to patience_ms for running jobs
 * (the others go back to pending), stops the poller: side by side. NULL is fine. */
void api_stop(api *service, uint64_t patience_ms);

#endif
