#include "sync/lock.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "sync/query.h"

/* A resource is at most 255 characters and compared exactly: a table's name, which may be longer
 * and comes in any case, goes in as a hash of its lower-case form. */
static br_status table_resource(const char *table, char *resource, br_error *err) {
  char lower[4096];
  char hex[BR_SHA256_HEX_MAX];
  size_t n = 0;
  for (; table[n] != '\0' && n + 1 < sizeof lower; n++) {
    lower[n] = (char)(table[n] >= 'A' && table[n] <= 'Z' ? table[n] - 'A' + 'a' : table[n]);
  }
  br_status st = br_sha256_hex(lower, n, hex, err);
  if (st == BR_OK) {
    (void)snprintf(resource, SYNC_LOCK_NAME_MAX, "bridge:table:%s", hex);
  }
  return st;
}

br_status sync_lock_event(tds_conn *conn, const char *event_key, const char *table,
                          bool *ret_granted, br_error *err) {
  static const char sql[] =
      "DECLARE @event int, @table int = -1; "
      "EXEC @event = sp_getapplock @Resource = @event_lock, @LockMode = N'Exclusive', "
      "@LockOwner = N'Session', @LockTimeout = 0; "
      "IF @event >= 0 EXEC @table = sp_getapplock @Resource = @table_lock, @LockMode = "
      "N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0; "
      "IF @event >= 0 AND @table < 0 EXEC sp_releaseapplock @Resource = @event_lock, @LockOwner = "
      "N'Session'; "
      "SELECT @table";
  char event_lock[SYNC_LOCK_NAME_MAX], table_lock[SYNC_LOCK_NAME_MAX];
  (void)snprintf(event_lock, sizeof event_lock, "bridge:event:%s", event_key);
  br_status st = table_resource(table, table_lock, err);
  const tds_parameter parameters[] = {sync_text_parameter("event_lock", event_lock),
                                      sync_text_parameter("table_lock", table_lock)};
  int64_t code = -1;
  st = st == BR_OK ? sync_query_number(conn, sql, parameters, 2, &code, err) : st;
  if (st != BR_OK) {
    return br_error_context(err, st, "application lock");
  }
  *ret_granted = code >= 0;
  return BR_OK;
}

br_status sync_unlock_event(tds_conn *conn, const char *event_key, const char *table,
                            br_error *err) {
  static const char sql[] =
      "EXEC sp_releaseapplock @Resource = @table_lock, @LockOwner = N'Session'; "
      "EXEC sp_releaseapplock @Resource = @event_lock, @LockOwner = N'Session'";
  char event_lock[SYNC_LOCK_NAME_MAX], table_lock[SYNC_LOCK_NAME_MAX];
  (void)snprintf(event_lock, sizeof event_lock, "bridge:event:%s", event_key);
  br_status st = table_resource(table, table_lock, err);
  const tds_parameter parameters[] = {sync_text_parameter("event_lock", event_lock),
                                      sync_text_parameter("table_lock", table_lock)};
  st = st == BR_OK ? tds_run_parameters(conn, sql, parameters, 2, NULL, err) : st;
  return st == BR_OK ? BR_OK : br_error_context(err, st, "application lock");
}

br_status sync_lock_slot(tds_conn *conn, const char *queue, unsigned slots, bool *ret_granted,
                         br_error *err) {
  static const char sql[] =
      "DECLARE @r int; EXEC @r = sp_getapplock @Resource = @slot, @LockMode = N'Exclusive', "
      "@LockOwner = N'Session', @LockTimeout = 0; SELECT @r";
  char hex[BR_SHA256_HEX_MAX];
  br_status st = br_sha256_hex(queue, strlen(queue), hex, err);
  *ret_granted = false;
  for (unsigned i = 0; i < slots && st == BR_OK && !*ret_granted; i++) {
    char slot[SYNC_LOCK_NAME_MAX];
    (void)snprintf(slot, sizeof slot, "bridge:slot:%s:%u", hex, i);
    const tds_parameter parameter = sync_text_parameter("slot", slot);
    int64_t code = -1;
    st = sync_query_number(conn, sql, &parameter, 1, &code, err);
    *ret_granted = st == BR_OK && code >= 0;
  }
  return st == BR_OK ? BR_OK : br_error_context(err, st, "application lock");
}
