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

/* Where a lock was refused. SQL Server does nothing there; Babelfish keeps the error that a refusal
 * was inside on a stack of five until another error is caught, and breaks down when it is full. */
#define FORGET_REFUSAL "SET @nothing = TRY_CAST(N'-' AS int)"

br_status sync_lock_event(tds_conn *conn, const char *event_key, const char *table,
                          bool *ret_granted, br_error *err) {
  static const char sql[] =
      "DECLARE @event int, @table int = -1, @nothing int; "
      "EXEC @event = sp_getapplock @Resource = @event_lock, @LockMode = N'Exclusive', "
      "@LockOwner = N'Session', @LockTimeout = 0; "
      "IF @event >= 0 EXEC @table = sp_getapplock @Resource = @table_lock, @LockMode = "
      "N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0; "
      "IF @event >= 0 AND @table < 0 EXEC sp_releaseapplock @Resource = @event_lock, @LockOwner = "
      "N'Session'; "
      "IF @table < 0 " FORGET_REFUSAL "; "
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

/* Whoever stands by asks again and again: a look at each slot comes first, which leaves no trace on
 * the server; only one that is free is asked for. Where two ask at once sp_getapplock decides. */
br_status sync_lock_slot(tds_conn *conn, const char *queue, unsigned slots, bool *ret_granted,
                         br_error *err) {
  static const char sql[] = "DECLARE @r int = -1, @n int = 0, @nothing int, @slot nvarchar(255); "
                            "WHILE @r < 0 AND @n < @slots BEGIN "
                            "SET @slot = @queue + CAST(@n AS nvarchar(10)); "
                            "IF APPLOCK_TEST(N'public', @slot, N'Exclusive', N'Session') = 1 "
                            "EXEC @r = sp_getapplock @Resource = @slot, @LockMode = N'Exclusive', "
                            "@LockOwner = N'Session', @LockTimeout = 0; "
                            "IF @r < 0 " FORGET_REFUSAL "; "
                            "SET @n = @n + 1 END; "
                            "SELECT @r";
  char hex[BR_SHA256_HEX_MAX], prefix[SYNC_LOCK_NAME_MAX], number[16];
  int64_t code = -1;
  br_status st = br_sha256_hex(queue, strlen(queue), hex, err);
  if (st == BR_OK) {
    (void)snprintf(prefix, sizeof prefix, "bridge:slot:%s:", hex);
    (void)snprintf(number, sizeof number, "%u", slots);
    const tds_parameter parameters[] = {sync_text_parameter("queue", prefix),
                                        sync_number_parameter("slots", number)};
    st = sync_query_number(conn, sql, parameters, 2, &code, err);
  }
  if (st != BR_OK) {
    return br_error_context(err, st, "application lock");
  }
  *ret_granted = code >= 0;
  return BR_OK;
}
