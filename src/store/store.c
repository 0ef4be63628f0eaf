#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/clock.h"

br_status store_error(sqlite3 *db, const char *what, br_error *err) {
  int code = db == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode(db);
  br_status status = BR_ERR_IO;
  switch (code & 0xff) {
  case SQLITE_NOMEM:
    status = BR_ERR_NOMEM;
    break;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    status = BR_ERR_CONFLICT;
    break;
  case SQLITE_FULL:
    status = BR_ERR_DISK_FULL;
    break;
  case SQLITE_INTERRUPT:
    status = BR_ERR_CANCELLED;
    break;
  case SQLITE_CONSTRAINT:
    status = BR_ERR_EXISTS;
    break;
  case SQLITE_TOOBIG:
    status = BR_ERR_LIMIT;
    break;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    status = BR_ERR_DATA;
    break;
  case SQLITE_ERROR:
  case SQLITE_MISUSE:
  case SQLITE_RANGE:
    status = BR_ERR_INTERNAL;
    break;
  default:
    break;
  }
  (void)br_error_set(err, status, "%s: %s", what, db == NULL ? "no memory" : sqlite3_errmsg(db));
  if (err != NULL) {
    err->native_code = code;
    err->retriable = status == BR_ERR_CONFLICT;
  }
  return status;
}

/* Where several make the same file at the same moment, SQLite says "locked" at once: each would
 * wait for the others, so it waits for none. */
static bool write_ahead(sqlite3 *db) {
  const uint64_t by_ms = br_clock_monotonic_ms() + STORE_BUSY_TIMEOUT_MS;
  int code = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
  while ((code & 0xff) == SQLITE_BUSY && br_clock_monotonic_ms() < by_ms &&
         br_cancel_sleep_ms(NULL, 5, NULL) == BR_OK) {
    code = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
  }
  return code == SQLITE_OK;
}

static br_status apply_settings(sqlite3 *db, const char *path, br_error *err) {
  (void)sqlite3_extended_result_codes(db, 1);
  (void)sqlite3_busy_timeout(db, STORE_BUSY_TIMEOUT_MS);
  if (!write_ahead(db) ||
      sqlite3_exec(db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL) != SQLITE_OK) {
    return store_error(db, path, err);
  }
  return BR_OK;
}

/* SQLite would make it for everybody to read. Made without a descriptor: closing one would drop the
 * locks that the process holds on the file. What isn't made here SQLite makes, or says why not. */
static void make_file(const char *path) {
  if (path[0] != '\0' && path[0] != ':') {
    (void)mknod(path, S_IFREG | STORE_FILE_MODE, 0);
  }
}

br_status store_open(const char *path, sqlite3 **ret_db, br_error *err) {
  sqlite3 *db = NULL;
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  br_status st = BR_OK;
  make_file(path);
  if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
    st = store_error(db, path, err);
  } else {
    st = apply_settings(db, path, err);
  }
  if (st != BR_OK) {
    store_close(db);
    return st;
  }
  *ret_db = db;
  return BR_OK;
}

void store_close(sqlite3 *db) {
  if (db == NULL) {
    return;
  }
  sqlite3_stmt *stmt = NULL;
  while ((stmt = sqlite3_next_stmt(db, NULL)) != NULL) {
    (void)sqlite3_finalize(stmt);
  }
  (void)sqlite3_close_v2(db);
}

br_status store_exec(sqlite3 *db, const char *sql, br_error *err) {
  if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
    return store_error(db, "SQLite", err);
  }
  return BR_OK;
}

br_status store_prepare(sqlite3 *db, const char *sql, size_t length, sqlite3_stmt **ret_stmt,
                        br_error *err) {
  sqlite3_stmt *stmt = NULL;
  if (length > INT32_MAX) {
    return br_error_set(err, BR_ERR_LIMIT, "SQLite: statement of %zu bytes", length);
  }
  if (sqlite3_prepare_v2(db, sql, (int)length, &stmt, NULL) != SQLITE_OK) {
    return store_error(db, "SQLite", err);
  }
  *ret_stmt = stmt;
  return BR_OK;
}

br_status store_step(sqlite3 *db, sqlite3_stmt *stmt, bool *ret_row, br_error *err) {
  int rc = sqlite3_step(stmt);
  if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
    return store_error(db, "SQLite", err);
  }
  *ret_row = rc == SQLITE_ROW;
  return BR_OK;
}

static br_status read_version(sqlite3 *db, int *ret_version, br_error *err) {
  sqlite3_stmt *stmt = NULL;
  br_status st =
      store_prepare(db, "PRAGMA user_version", strlen("PRAGMA user_version"), &stmt, err);
  bool row = false;
  if (st == BR_OK && (st = store_step(db, stmt, &row, err)) == BR_OK) {
    *ret_version = row ? sqlite3_column_int(stmt, 0) : 0;
  }
  (void)sqlite3_finalize(stmt);
  return st;
}

/* Inside one write transaction, so that two processes that open a new file don't both build it. */
static br_status migrate_locked(sqlite3 *db, const char *const *steps, size_t count,
                                br_error *err) {
  int version = 0;
  br_status st = read_version(db, &version, err);
  if (st != BR_OK) {
    return st;
  }
  if (version < 0 || (size_t)version > count) {
    return br_error_set(err, BR_ERR_UNSUPPORTED,
                        "The database file has schema version %d; this program knows %zu", version,
                        count);
  }
  for (size_t i = (size_t)version; i < count; i++) {
    char pragma[48];
    (void)snprintf(pragma, sizeof pragma, "PRAGMA user_version=%zu", i + 1);
    if ((st = store_exec(db, steps[i], err)) != BR_OK ||
        (st = store_exec(db, pragma, err)) != BR_OK) {
      return st;
    }
  }
  return BR_OK;
}

br_status store_migrate(sqlite3 *db, const char *const *steps, size_t count, br_error *err) {
  int version = 0;
  br_status st = read_version(db, &version, err);
  if (st != BR_OK || (size_t)version == count) {
    return st;
  }
  if ((st = store_exec(db, "BEGIN IMMEDIATE", err)) != BR_OK) {
    return st;
  }
  st = migrate_locked(db, steps, count, err);
  if (st == BR_OK) {
    st = store_exec(db, "COMMIT", err);
  }
  if (st != BR_OK) {
    (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  }
  return st;
}
