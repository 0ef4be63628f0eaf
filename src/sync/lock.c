#include "sync/lock.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "sync/query.h"
#include "sync/retry.h"

/* Where there is no such table: a resource is at most 255 characters, so the name goes in as a
 * hash. */
static br_status resource_by_name(const sync_name *table, char *resource, br_error *err) {
  char key[SYNC_NAME_TEXT_MAX];
  char hex[BR_SHA256_HEX_MAX];
  sync_name_key(table, NULL, key);
  br_status st = br_sha256_hex(key, strlen(key), hex, err);
  if (st == BR_OK) {
    (void)snprintf(resource, SYNC_LOCK_NAME_MAX, "bridge:table:%s", hex);
  }
  return st;
}

/* Where a lock was refused. SQL Server does nothing there; Babelfish keeps the error that a refusal
 * was inside on a stack of five until another error is caught, and breaks down when it is full. */
#define FORGET_REFUSAL "SET @nothing = TRY_CAST(N'-' AS int)"

static br_status take_locks(tds_conn *conn, const tds_parameter *parameters, size_t count,
                            sync_event_lock *lock, bool *ret_granted, br_error *err) {
  static const char sql[] =
      "DECLARE @event int, @table int = 0, @nothing int, @id int = OBJECT_ID(@object), "
      "@name nvarchar(255) = @by_name; "
      "IF @id IS NOT NULL SET @name = N'bridge:table:' + CAST(ISNULL(DB_ID(ISNULL(@database, "
      "DB_NAME())), 0) AS nvarchar(12)) + N':' + CAST(@id AS nvarchar(12)); "
      "EXEC @event = sp_getapplock @Resource = @event_lock, @LockMode = N'Exclusive', "
      "@LockOwner = N'Session', @LockTimeout = 0; "
      "IF @event >= 0 AND @name IS NOT NULL EXEC @table = sp_getapplock @Resource = @name, "
      "@LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0; "
      "IF @event >= 0 AND @table < 0 EXEC sp_releaseapplock @Resource = @event_lock, @LockOwner = "
      "N'Session'; "
      "IF @event < 0 SET @table = @event; "
      "IF @table < 0 " FORGET_REFUSAL "; "
      "SELECT @table, @name";
  sync_rows *rows = NULL;
  br_status st = sync_query(conn, sql, parameters, count, &rows, err);
  if (st != BR_OK) {
    return st;
  }
  const char *code = sync_rows_text(rows, 0, 0), *name = sync_rows_text(rows, 0, 1);
  *ret_granted = code != NULL && code[0] != '-';
  (void)snprintf(lock->table, sizeof lock->table, "%s", name == NULL ? "" : name);
  sync_rows_free(rows);
  return BR_OK;
}

/* The database that a name of three parts names; NULL: the session's. */
static const char *database_of(const sync_name *table) {
  return table != NULL && table->count == SYNC_NAME_PARTS ? table->parts[0] : NULL;
}

br_status sync_lock_event(tds_conn *conn, const char *event_key, const sync_name *table,
                          sync_event_lock *ret_lock, bool *ret_granted, br_error *err) {
  char object[SYNC_NAME_TEXT_MAX], by_name[SYNC_LOCK_NAME_MAX];
  (void)snprintf(ret_lock->event, sizeof ret_lock->event, "bridge:event:%s", event_key);
  br_status st = table == NULL ? BR_OK : resource_by_name(table, by_name, err);
  if (table != NULL) {
    sync_name_sql(table, object);
  }
  const tds_parameter parameters[] = {
      sync_text_parameter("event_lock", ret_lock->event),
      sync_text_parameter("object", table == NULL ? NULL : object),
      sync_text_parameter("database", database_of(table)),
      sync_text_parameter("by_name", table == NULL ? NULL : by_name),
  };
  br_error why = BR_ERROR_INIT;
  st = st == BR_OK ? take_locks(conn, parameters, 4, ret_lock, ret_granted, &why) : st;
  if (st != BR_OK && sync_is_lock_wait(&why)) { /* somebody is altering the table */
    *ret_granted = false;
    return BR_OK;
  }
  if (st != BR_OK && why.status != BR_OK && err != NULL) {
    *err = why;
  }
  return st == BR_OK ? BR_OK : br_error_context(err, st, "application lock");
}

br_status sync_unlock_event(tds_conn *conn, const sync_event_lock *lock, br_error *err) {
  static const char sql[] =
      "IF @table_lock IS NOT NULL EXEC sp_releaseapplock @Resource = @table_lock, @LockOwner = "
      "N'Session'; "
      "EXEC sp_releaseapplock @Resource = @event_lock, @LockOwner = N'Session'";
  const tds_parameter parameters[] = {
      sync_text_parameter("event_lock", lock->event),
      sync_text_parameter("table_lock", lock->table[0] == '\0' ? NULL : lock->table)};
  br_status st = tds_run_parameters(conn, sql, parameters, 2, NULL, err);
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
