#include <stdio.h>
#include <string.h>

#include "cli/walk_sides.h"
#include "sync/query.h"

#define SIDE "SQL Server"

/* What to do where a connection attempt got no further than a stage. */
static const char *const stage_advice[] = {
    [TDS_STAGE_NAME] = "Check SQLSERVER_HOST and the name service",
    [TDS_STAGE_TCP] = "Check SQLSERVER_PORT, firewalls, and that SQL Server listens on TCP",
    [TDS_STAGE_PRELOGIN] = "Check that the port belongs to SQL Server; with "
                           "SQLSERVER_ENCRYPT=strict the server must speak TDS 8.0",
    [TDS_STAGE_TLS] = "Name the certificate's issuer in SQLSERVER_CA_FILE, or use the host name "
                      "that the certificate has",
    [TDS_STAGE_LOGIN] = "Check SQLSERVER_USERNAME, SQLSERVER_PASSWORD and SQLSERVER_DATABASE",
    [TDS_STAGE_READY] = "Try again",
};

static const char database_advice[] =
    "Check SQLSERVER_DATABASE, and that the login has a user there: CREATE USER … FOR LOGIN …";

/* What to do about a refusal by its number
 * (https://learn.microsoft.com/sql/relational-databases/errors-events). */
static const struct refusal {
  int64_t number;
  const char *advice;
} refusals[] = {
    {18456,
     "Check SQLSERVER_USERNAME and SQLSERVER_PASSWORD; the server's error log says by a state "
     "which of the two, and whether it takes SQL logins at all"},
    {18452, "The server takes Windows logins only: turn on mixed mode"},
    {18470, "The login is disabled: ALTER LOGIN … ENABLE"},
    {18486, "The login is locked: ALTER LOGIN … WITH PASSWORD = '…' UNLOCK"},
    {18487, "The password has expired: ALTER LOGIN … WITH PASSWORD = '…'"},
    {18488, "The password must be changed first: ALTER LOGIN … WITH PASSWORD = '…'"},
    {40615, "Let this machine's address through the firewall of the Azure SQL server"},
    {40914, "Let this machine's network through the firewall of the Azure SQL server"},
};

static const char *advice_for(tds_stage reached, const br_error *why) {
  for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
    if (why->native_code == refusals[i].number) {
      return refusals[i].advice;
    }
  }
  /* Where no TLS came back at all, the certificate is not what to look at. */
  const bool no_tls = reached == TDS_STAGE_TLS && why->status != BR_ERR_TLS;
  return stage_advice[no_tls ? TDS_STAGE_PRELOGIN : reached];
}

static br_status add_passed_stages(cli_walk *w, tds_stage reached, const tds_conn *conn,
                                   br_error *err) {
  br_status st = BR_OK;
  for (int stage = TDS_STAGE_NAME; st == BR_OK && stage < (int)reached; stage++) {
    const char *details = "";
    if (conn != NULL && stage == TDS_STAGE_TLS) {
      details = tds_tls_version(conn)[0] == '\0' ? "not encrypted" : tds_tls_version(conn);
    } else if (conn != NULL && stage == TDS_STAGE_LOGIN) {
      details = tds_server_version(conn);
    }
    st = cli_walk_ok(w, SIDE, tds_stage_name((tds_stage)stage), details, err);
  }
  return st;
}

static br_status add_refusal(cli_walk *w, tds_stage reached, const br_error *why, br_error *err) {
  if (reached == TDS_STAGE_LOGIN && why->status == BR_ERR_NOT_FOUND) {
    br_status st = add_passed_stages(w, TDS_STAGE_READY, NULL, err);
    return st == BR_OK ? cli_walk_failed(w, SIDE, "database", why, database_advice, err) : st;
  }
  br_status st = add_passed_stages(w, reached, NULL, err);
  return st == BR_OK
             ? cli_walk_failed(w, SIDE, tds_stage_name(reached), why, advice_for(reached, why), err)
             : st;
}

/* ---- rights ---- */

static const char rights_advice[] = "extract needs SELECT, sync also INSERT, UPDATE and DELETE on "
                                    "its tables, init CREATE TABLE: GRANT "
                                    "SELECT ON SCHEMA::dbo TO …";

static const char rights_sql[] =
    "SELECT HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()),'DATABASE','SELECT'),"
    "HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()),'DATABASE','INSERT'),"
    "HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()),'DATABASE','UPDATE'),"
    "HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()),'DATABASE','DELETE'),"
    "HAS_PERMS_BY_NAME(QUOTENAME(DB_NAME()),'DATABASE','CREATE TABLE'),"
    "(SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES)";

/* Who has a right on none of the tables sees none. */
static br_status say_rights(cli_walk *w, const sync_rows *rows, br_error *err) {
  static const char *const names[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE TABLE"};
  enum { NAMES = sizeof names / sizeof names[0] };
  char text[256] = "";
  size_t length = 0;
  for (size_t i = 0; i < NAMES; i++) {
    if (sync_rows_flag(rows, 0, i)) {
      length += (size_t)snprintf(text + length, sizeof text - length, "%s%s",
                                 length == 0 ? "on the whole database: " : ", ", names[i]);
    }
  }
  const char *tables = sync_rows_text(rows, 0, NAMES);
  if (length == 0 && !sync_rows_flag(rows, 0, NAMES)) {
    br_error why = BR_ERROR_INIT;
    (void)br_error_set(&why, BR_ERR_AUTH, "The login may read nothing in this database");
    return cli_walk_failed(w, SIDE, "rights", &why, rights_advice, err);
  }
  (void)snprintf(text + length, sizeof text - length, "%s%s tables to be seen",
                 length == 0 ? "none on the whole database; " : "; ",
                 tables == NULL ? "?" : tables);
  return cli_walk_ok(w, SIDE, "rights", text, err);
}

static br_status walk_rights(cli_walk *w, tds_conn *conn, br_error *err) {
  sync_rows *rows = NULL;
  br_error why = BR_ERROR_INIT;
  br_status asked = sync_query(conn, rights_sql, NULL, 0, &rows, &why);
  if (asked == BR_OK && (sync_rows_count(rows) != 1 || sync_rows_columns(rows) != 6)) {
    asked = br_error_set(&why, BR_ERR_PROTOCOL, "The server does not say what the login may do");
  }
  br_status st = asked == BR_OK ? say_rights(w, rows, err)
                                : cli_walk_failed(w, SIDE, "rights", &why, rights_advice, err);
  sync_rows_free(rows);
  return st;
}

br_status cli_walk_sqlserver(cli_walk *w, cli_session *s, br_error *err) {
  tds_options connect = {0};
  tds_conn *conn = NULL;
  tds_stage reached = TDS_STAGE_NAME;
  br_error why = BR_ERROR_INIT;
  br_status st = cli_session_tds_options(s, NULL, &connect, err);
  if (st != BR_OK) {
    return st;
  }
  if (tds_connect(&connect, s->cancel, &conn, &reached, &why) != BR_OK) {
    return add_refusal(w, reached, &why, err);
  }
  st = add_passed_stages(w, TDS_STAGE_READY, conn, err);
  st = st == BR_OK ? cli_walk_ok(w, SIDE, "database", tds_database(conn), err) : st;
  st = st == BR_OK ? walk_rights(w, conn, err) : st;
  tds_close(conn);
  return st;
}
