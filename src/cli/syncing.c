#include "cli/syncing.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/output.h"
#include "sync/audit.h"

static auth_permissions *current_permissions(void *context) {
  const cli_syncing *syncing = context;
  return syncing->permissions == NULL ? NULL : auth_reload_current(syncing->permissions);
}

static void say_reload(void *context, auth_reload_outcome outcome, const char *message) {
  (void)context;
  if (outcome == AUTH_RELOADED) {
    br_log(BR_LOG_INFO, "the permissions file was read again");
  } else {
    br_log(BR_LOG_WARNING, "%s", message);
  }
}

br_status cli_syncing_rights(cli_syncing *s, br_error *err) {
  const settings *config = s->session.config;
  const auth_reload_options options = {
      .path = settings_get(config, SETTING_PERMISSIONS_FILE),
      .strict = settings_strict(config),
      .watch = settings_bool(config, SETTING_PERMISSIONS_HOT_RELOAD),
      .report = say_reload,
  };
  br_status st = auth_reload_start(&options, &s->permissions, err);
  if (st == BR_ERR_NOT_FOUND) {
    br_error_clear(err);
    st = BR_OK;
  }
  s->policy = (sync_policy){.current = current_permissions,
                            .context = s,
                            .file = options.path,
                            .strict = options.strict,
                            .max_delete_rows = settings_u64(config, SETTING_SYNC_MAX_DELETE_ROWS)};
  if (st == BR_OK) {
    s->options.rights = sync_policy_rights;
    s->options.rights_context = &s->policy;
  }
  return st;
}

/* ---- audit ---- */

/* In strict mode what can't be audited is not done. */
static br_status write_audit(void *context, const auth_audit_record *record, br_error *err) {
  cli_syncing *s = context;
  br_error why = BR_ERROR_INIT;
  if (auth_audit_write(s->audit, record, &why) == BR_OK) {
    return BR_OK;
  }
  br_log(BR_LOG_ERROR, "audit log: %s", why.message);
  if (!s->policy.strict) {
    return BR_OK;
  }
  atomic_store(&s->unaudited, true);
  return br_error_set(err, BR_ERR_IO, "The audit can't be written");
}

static void audit_event(void *context, const sync_event *event, const char *principal,
                        const sync_applied *applied) {
  sync_audit_line line;
  br_error ignored = BR_ERROR_INIT; /* it stands in the log; the event is under way */
  sync_audit_describe(event, principal, applied, &line);
  br_status st = write_audit(context, &line.record, &ignored);
  (void)st;
}

br_status cli_syncing_audit(cli_syncing *s, br_error *err) {
  char *path = NULL;
  br_status st = auth_audit_path(s->session.config, &path, err);
  st = st == BR_OK ? auth_audit_open(path, &s->audit, err) : st;
  br_free(path);
  if (st == BR_OK) {
    s->policy.audit = write_audit;
    s->policy.audit_context = s;
    s->options.on_event = audit_event;
    s->options.on_event_context = s;
  }
  return st;
}

void cli_syncing_reload(cli_syncing *s) {
  br_error err = BR_ERROR_INIT;
  if (s->audit != NULL && auth_audit_reopen(s->audit, &err) != BR_OK) {
    br_log(BR_LOG_ERROR, "audit log: %s", err.message);
  }
  /* What is wrong with the permissions is reported by the reload itself. */
  if (s->permissions != NULL && auth_reload_now(s->permissions, &err) != BR_OK) {
    br_error_clear(&err);
  }
}

static void fill_options(cli_syncing *s) {
  sync_options_of(s->session.config, &s->options);
  s->options.sqlserver = &s->sqlserver;
  s->options.databricks = s->client;
}

static br_status open_all(cli_syncing *s, unsigned sides, br_error *err) {
  dbx_options databricks = {.host = NULL};
  br_status st = cli_session_dbx_options(&s->session, &databricks, err);
  st = st == BR_OK ? dbx_client_new(&databricks, &s->client, err) : st;
  s->warehouse = databricks.warehouse_id;
  if (st == BR_OK && (sides & SETTINGS_SQLSERVER) != 0) {
    st = cli_session_tds_options(&s->session, NULL, &s->sqlserver, err);
  }
  if (st == BR_OK) {
    fill_options(s);
  }
  return st;
}

br_status cli_syncing_open(const cli_arguments *args, unsigned sides, cli_syncing *ret_syncing,
                           br_error *err) {
  *ret_syncing = (cli_syncing){.client = NULL};
  br_status st = cli_session_open(args, sides, &ret_syncing->session, err);
  if (st != BR_OK) {
    return st;
  }
  st = open_all(ret_syncing, sides, err);
  if (st != BR_OK) {
    cli_syncing_close(ret_syncing);
  }
  return st;
}

void cli_syncing_close(cli_syncing *s) {
  auth_audit_close(s->audit);
  auth_reload_stop(s->permissions);
  dbx_client_free(s->client);
  cli_session_close(&s->session);
}

br_status cli_syncing_queue(cli_syncing *s, sync_queue **ret_queue, br_error *err) {
  br_status st = cli_session_need_warehouse(s->warehouse, err);
  return st != BR_OK ? st
                     : sync_queue_open(s->client, s->options.events_table, s->options.lowest_first,
                                       s->session.cancel, ret_queue, err);
}
