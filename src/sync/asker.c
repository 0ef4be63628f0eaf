#include <string.h>

#include "sync/apply.h"

sync_actor sync_actor_of(const sync_apply_options *options, const sync_ledger_row *known,
                         const sync_event *event) {
  const bool asked = known->principal[0] != '\0' && strcmp(known->hash, event->hash) == 0;
  return (sync_actor){.name = asked ? known->principal : options->principal, .asked = asked};
}

static br_status ask(const sync_asker *asker, const char *table, sync_rights *ret_rights,
                     br_error *err) {
  const sync_apply_options *options = asker->options;
  sync_rights rights = {.may_write = false};
  options->rights(options->rights_context, &asker->actor, table, &rights);
  if (rights.not_now) {
    return br_error_set(err, BR_ERR_CONFLICT, "%s", rights.reason);
  }
  if (!rights.may_write) {
    return br_error_set(err, BR_ERR_AUTH, "%s", rights.reason);
  }
  *ret_rights = rights;
  return BR_OK;
}

static br_status may_change(void *context, const char *table, br_error *err) {
  sync_rights rights = {.may_write = false};
  return ask(context, table, &rights, err);
}

static br_status refuse_ledger(const sync_ledger *ledger, const sync_change *change,
                               br_error *err) {
  const sync_name *target = &change->event->target;
  bool same = sync_name_may_mean(target, &ledger->name);
  if (!same && sync_name_could_mean(target, &ledger->name)) {
    br_status st = sync_target_is_same(change->conn, target, &ledger->name, &same, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return same
             ? br_error_set(err, BR_ERR_AUTH, "The ledger %s is changed by no event", ledger->plain)
             : BR_OK;
}

br_status sync_ask_rights(sync_asker *asker, sync_change *change, br_error *err) {
  char table[SYNC_NAME_TEXT_MAX];
  sync_rights rights = {.may_write = false};
  br_status st = refuse_ledger(asker->options->ledger, change, err);
  sync_name_plain(&change->event->target, table);
  st = st == BR_OK ? ask(asker, table, &rights, err) : st;
  if (st == BR_OK) {
    change->max_delete_rows = rights.max_delete_rows;
    change->may_read = rights.may_read;
    change->may_change = may_change;
    change->may_change_context = asker;
  }
  return st;
}
