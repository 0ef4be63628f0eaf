/*
 * store.h: SQLite as the rooms above use it: open with the project's settings, run statements,
 * errors in the house's form.
 *
 *   sqlite3 *db;  store_open(path, &db, err);  store_exec(db, "BEGIN IMMEDIATE", err);
 *   store_prepare(db, sql, length, &stmt, err);  store_step(db, stmt, &row, err);  store_close(db);
 *
 * A file opened here is in WAL mode (readers never wait for the writer) and waits
 * STORE_BUSY_TIMEOUT_MS for another writer before it answers BR_ERR_CONFLICT (retriable).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <sqlite3.h>

#include "base/status.h"

enum {
  STORE_BUSY_TIMEOUT_MS = 30000,
  STORE_FILE_MODE = 0640, /* of a new file, less the umask; SQLite's files beside it follow */
};

/* Opens or creates a database file; ":memory:" and "" (a private temporary file) work too. */
br_status store_open(const char *path, sqlite3 **ret_db, br_error *err) BR_CHECKED;
void store_close(sqlite3 *db); /* NULL is fine; unfinished statements are finalized */

/* Runs one or more statements that return nothing. */
br_status store_exec(sqlite3 *db, const char *sql, br_error *err) BR_CHECKED;

/* One statement; the caller finalizes it. */
br_status store_prepare(sqlite3 *db, const char *sql, size_t length, sqlite3_stmt **ret_stmt,
                        br_error *err) BR_CHECKED;
/* *ret_row: a row is there; false: the statement has ended. */
br_status store_step(sqlite3 *db, sqlite3_stmt *stmt, bool *ret_row, br_error *err) BR_CHECKED;

/* The database's last error as a status: SQLITE_BUSY is BR_ERR_CONFLICT (retriable), SQLITE_FULL
 * BR_ERR_DISK_FULL, SQLITE_NOMEM BR_ERR_NOMEM, SQLITE_INTERRUPT BR_ERR_CANCELLED, constraints
 * BR_ERR_EXISTS; native_code is SQLite's extended code. */
br_status store_error(sqlite3 *db, const char *what, br_error *err) BR_CHECKED;

/* Brings the schema to version count: runs steps[user_version] … steps[count - 1], each with its
 * new user_version in one transaction. A file of a newer version is BR_ERR_UNSUPPORTED. */
br_status store_migrate(sqlite3 *db, const char *const *steps, size_t count,
                        br_error *err) BR_CHECKED;

#endif
