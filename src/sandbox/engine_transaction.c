/*
 * engine_transaction.c: transactions as SQL Server counts them, on SQLite's single writer.
 *
 * BEGIN TRANSACTION opens nothing in SQLite: until the first write each statement reads what is
 * committed then (READ COMMITTED). The first write takes SQLite's write lock; from there on nobody
 * else writes. SNAPSHOT fixes what is read at the first read; REPEATABLE READ, SERIALIZABLE and
 * hints that keep locks (UPDLOCK, HOLDLOCK…) take the write lock at the first read.
 */
#include <stdio.h>
#include <string.h>

#include "sandbox/engine_internal.h"
#include "store/store.h"

static br_status run(engine_session *s, const char *sql, br_error *err) {
  return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? BR_OK
                                                                 : engine_step_failed(s, err);
}

br_status engine_check_doomed(engine_session *s, br_error *err) {
  if (!s->doomed) {
    return BR_OK;
  }
  sql_error_set(&s->error, 3930, 16,
                "The current transaction cannot be committed and cannot support operations that "
                "write to the log file. Roll back the transaction.");
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

br_status engine_write_begin(engine_session *s, bool temporary_only, br_error *err) {
  br_status st = engine_check_doomed(s, err);
  if (st != BR_OK) {
    return st;
  }
  if (!s->in_sqlite) {
    st = run(s, temporary_only && s->trancount == 0 ? "BEGIN" : "BEGIN IMMEDIATE", err);
    if (st != BR_OK) {
      return st;
    }
    s->in_sqlite = true;
  }
  st = run(s, "SAVEPOINT statement", err);
  if (st != BR_OK && s->trancount == 0) { /* nobody would end it */
    engine_rollback_all(s);
  }
  return st;
}

/* A full disk, an I/O error, no memory or an interrupted write: SQLite has rolled everything back
 * by itself. What follows must not run as if the transaction were still open: it would be kept at
 * once. */
static bool is_lost(const engine_session *s) {
  return s->in_sqlite && sqlite3_get_autocommit(s->db) != 0;
}

void engine_forget_lost(engine_session *s) {
  if (is_lost(s)) {
    engine_rollback_all(s);
  }
}

br_status engine_write_end(engine_session *s, bool keep, br_error *err) {
  br_status st = BR_OK;
  if (is_lost(s)) {
    engine_rollback_all(s);
    return keep ? br_error_set(err, BR_ERR_INTERNAL, "The transaction is gone") : BR_OK;
  }
  if (!keep) {
    st = run(s, "ROLLBACK TO statement", err);
  }
  if (st == BR_OK) {
    st = run(s, "RELEASE statement", err);
  }
  if (s->trancount > 0 && st == BR_OK) {
    return BR_OK;
  }
  if (s->trancount == 0) {
    br_status ended = run(s, keep && st == BR_OK ? "COMMIT" : "ROLLBACK", st == BR_OK ? err : NULL);
    if (ended != BR_OK && sqlite3_get_autocommit(s->db) == 0) {
      (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    s->in_sqlite = false;
    return st != BR_OK ? st : ended;
  }
  return st;
}

br_status engine_read_begin(engine_session *s, const char *sql, br_error *err) {
  const bool locks = s->serializable || s->keeps_locks;
  if (s->trancount == 0 || s->in_sqlite || (!s->snapshot && !locks) ||
      strstr(sql, "main.t") == NULL) {
    return BR_OK;
  }
  br_status st = run(s, locks ? "BEGIN IMMEDIATE" : "BEGIN", err);
  s->in_sqlite = st == BR_OK;
  return st;
}

void engine_rollback_all(engine_session *s) {
  if (s->in_sqlite && !is_lost(s)) {
    sqlite3_stmt *stmt = NULL;
    while ((stmt = sqlite3_next_stmt(s->db, stmt)) != NULL) {
      (void)sqlite3_reset(stmt);
    }
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
  }
  s->in_sqlite = false;
  s->doomed = false;
  s->trancount = 0;
  s->transaction_name[0] = '\0';
  applocks_release_owner(&s->applocks, APPLOCK_TRANSACTION);
}

static br_status commit(engine_session *s, br_error *err) {
  if (s->trancount == 1 && s->in_sqlite) {
    br_status st = run(s, "COMMIT", err);
    if (st != BR_OK) {
      engine_forget_lost(s);
      return st;
    }
    s->in_sqlite = false;
  }
  if (--s->trancount == 0) {
    s->transaction_name[0] = '\0';
    applocks_release_owner(&s->applocks, APPLOCK_TRANSACTION);
  }
  return BR_OK;
}

static br_status not_begun(engine_session *s, int32_t number, const char *word, br_error *err) {
  sql_error_set(&s->error, number, 16,
                "The %s TRANSACTION request has no corresponding BEGIN TRANSACTION.", word);
  return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
}

/* A user's savepoint: names of their own space, and in hexadecimal, for SQL Server tells upper from
 * lower case here and SQLite does not. NULL: no memory. */
static const char *savepoint_sql(engine_session *s, const char *verb, const char *name) {
  static const char digits[] = "0123456789abcdef";
  size_t n = strlen(name);
  char *hex = sql_new(&s->context, n * 2 + 1);
  for (size_t i = 0; hex != NULL && i < n; i++) {
    hex[2 * i] = digits[(uint8_t)name[i] >> 4];
    hex[2 * i + 1] = digits[(uint8_t)name[i] & 15U];
  }
  return hex == NULL ? NULL : sql_text(&s->context, "%s u_%s", verb, hex);
}

static br_status begin_for_savepoint(engine_session *s, br_error *err) {
  if (s->in_sqlite) {
    return BR_OK;
  }
  br_status st = run(s, "BEGIN IMMEDIATE", err);
  s->in_sqlite = st == BR_OK;
  return st;
}

static br_status save(engine_session *s, const sql_stmt *stmt, br_error *err) {
  if (s->trancount == 0) {
    sql_error_set(&s->error, 628, 16,
                  "Cannot issue SAVE TRANSACTION when there is no active "
                  "transaction.");
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  br_status st = engine_check_doomed(s, err);
  st = st == BR_OK ? begin_for_savepoint(s, err) : st;
  if (st != BR_OK) {
    return st;
  }
  const char *sql = savepoint_sql(s, "SAVEPOINT", stmt->text);
  return sql == NULL ? br_error_nomem(err) : run(s, sql, err);
}

static br_status rollback(engine_session *s, const sql_stmt *stmt, br_error *err) {
  if (s->trancount == 0) {
    return not_begun(s, 3903, "ROLLBACK", err);
  }
  if (stmt->text != NULL && s->doomed) {
    sql_error_set(&s->error, 3931, 16,
                  "The current transaction cannot be committed and cannot be rolled back to a "
                  "savepoint. Roll back the entire transaction.");
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  if (stmt->text != NULL && s->in_sqlite) {
    const char *sql = savepoint_sql(s, "ROLLBACK TO", stmt->text);
    if (sql == NULL) {
      return br_error_nomem(err);
    }
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK) {
      return BR_OK;
    }
  }
  /* The outermost transaction's own name takes all back; inner ones have none that counts. */
  if (stmt->text != NULL && strcmp(stmt->text, s->transaction_name) != 0) {
    sql_error_set(&s->error, 6401, 16,
                  "Cannot roll back %s. No transaction or savepoint of that name was found.",
                  stmt->text);
    return br_error_set(err, BR_ERR_REMOTE, "%s", s->error.message);
  }
  engine_rollback_all(s);
  return BR_OK;
}

br_status engine_part_begin(engine_session *s, br_error *err) {
  br_status st = engine_check_doomed(s, err);
  if (st == BR_OK && s->trancount == 0) {
    s->trancount++;
    s->part_is_whole = true;
    return BR_OK;
  }
  s->part_is_whole = false;
  st = st == BR_OK ? begin_for_savepoint(s, err) : st;
  return st == BR_OK ? run(s, "SAVEPOINT part", err) : st;
}

br_status engine_part_end(engine_session *s, bool keep, br_error *err) {
  if (s->trancount == 0) { /* an error has taken the transaction with it */
    return keep ? br_error_set(err, BR_ERR_INTERNAL, "The load's transaction is gone") : BR_OK;
  }
  if (s->part_is_whole) {
    br_status st = keep ? commit(s, err) : BR_OK;
    if (!keep || st != BR_OK) {
      engine_rollback_all(s);
    }
    return st;
  }
  br_status st = keep ? BR_OK : run(s, "ROLLBACK TO part", err);
  return st == BR_OK ? run(s, "RELEASE part", err) : st;
}

br_status engine_transaction(engine_session *s, const sql_stmt *stmt, br_error *err) {
  br_status st = BR_OK;
  switch (stmt->kind) {
  case SQL_S_BEGIN_TRAN:
    s->statement_kind = "BEGIN TRANSACTION";
    if (s->trancount == 0) {
      (void)snprintf(s->transaction_name, sizeof s->transaction_name, "%s",
                     stmt->text == NULL ? "" : stmt->text);
    }
    s->trancount++;
    return BR_OK;
  case SQL_S_COMMIT:
    s->statement_kind = "COMMIT TRANSACTION";
    if (s->trancount == 0) {
      return not_begun(s, 3902, "COMMIT", err);
    }
    if ((st = engine_check_doomed(s, err)) != BR_OK) {
      return st;
    }
    return commit(s, err);
  case SQL_S_SAVE:
    s->statement_kind = "SAVE TRANSACTION";
    return save(s, stmt, err);
  default:
    s->statement_kind = "ROLLBACK TRANSACTION";
    return rollback(s, stmt, err);
  }
}
