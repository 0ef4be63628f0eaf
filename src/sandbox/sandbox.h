/*
 * sandbox.h: the embedded default: a SQL Server that speaks TDS and a Databricks workspace that
 * speaks REST, both on SQLite.
 *
 *   sandbox_start(&options, &sb, err)   threads that serve Unix sockets in the data folder (no open
 * port) sandbox_sqlserver_socket(sb)      give it to tds_options.unix_path
 *     sandbox_databricks_socket(sb)     give it to dbx_options.unix_path
 *   sandbox_stop(sb)
 *
 * The product's own client code talks to it over the real protocols. With `listen` it opens both on
 * loopback for other tools. Data lives in <data_folder>/sandbox/: sqlserver.db, databricks.db,
 * volumes/. Several processes may share one data folder.
 */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "base/status.h"

typedef struct sandbox_options {
  const char *data_folder;    /* BRIDGE_DATA_DIR */
  bool sqlserver, databricks; /* which sides */
  bool listen;                /* TCP on loopback as well */
  uint16_t sqlserver_port;    /* with listen; 0: chosen */
  uint16_t databricks_port;
  bool tls;           /* self-signed certificate made in the data folder */
  bool strict;        /* with tls: accepts TDS 8.0 too */
  const char *faults; /* rules of bad luck (fault.h); NULL: BRIDGE_SANDBOX_FAULTS of the environment
                       */
} sandbox_options;

typedef struct sandbox sandbox;

br_status sandbox_start(const sandbox_options *options, sandbox **ret_sandbox,
                        br_error *err) BR_CHECKED;
void sandbox_stop(sandbox *sb);
const char *sandbox_sqlserver_socket(const sandbox *sb);
const char *sandbox_databricks_socket(const sandbox *sb);
uint16_t sandbox_sqlserver_port(const sandbox *sb);
uint16_t sandbox_databricks_port(const sandbox *sb);
/* Path of the certificate of a sandbox with tls; NULL without. */
const char *sandbox_certificate(const sandbox *sb);
/* The login of the sandbox: the user names "sa" and "bridge" with this password; any token that
 * begins with this one for Databricks. */
#define SANDBOX_USERNAME  "sa"
#define SANDBOX_PASSWORD  "sandbox-password"
#define SANDBOX_TOKEN     "sandbox-token"
#define SANDBOX_WAREHOUSE "sandbox"
#define SANDBOX_CATALOG   "main"
#define SANDBOX_SCHEMA    "default"
#define SANDBOX_VOLUME    "landing"

#endif
