/*
 * fn_lock.c: APPLOCK_MODE and APPLOCK_TEST.
 *
 *   f_lock_mode(database, principal, resource, owner)        the mode that the session holds
 *   f_lock_test(database, principal, resource, mode, owner)  1 where it would be granted
 */
#include "base/text.h"
#include "sandbox/sql/lock_words.h"
#include "sandbox/sql/runtime.h"

static const char *const mode_words[] = {"NoLock", "IntentShared", "Shared", "Update", "Exclusive"};

bool applock_mode_of_word(const char *word, applock_mode *ret_mode) {
  for (int mode = APPLOCK_INTENT_SHARED; word != NULL && mode <= APPLOCK_EXCLUSIVE; mode++) {
    if (br_text_equal_nocase(word, mode_words[mode])) {
      *ret_mode = (applock_mode)mode;
      return true;
    }
  }
  return false;
}

bool applock_owner_of_word(const char *word, applock_owner *ret_owner) {
  bool session = word != NULL && br_text_equal_nocase(word, "Session");
  *ret_owner = session ? APPLOCK_SESSION : APPLOCK_TRANSACTION;
  return session || (word != NULL && br_text_equal_nocase(word, "Transaction"));
}

const char *applock_mode_word(applock_mode mode) {
  return mode_words[mode];
}

static void refuse(sqlite3_context *context, int32_t number, const char *what) {
  sql_error_set(&sql_runtime_of(context)->error, number, 16,
                "An invalid application lock %s was passed to the function.", what);
  sql_raise(context);
}

static bool key_of(sqlite3_context *context, sqlite3_value **argv, uint64_t *ret_key) {
  br_status st =
      applock_key(sqlite3_value_int64(argv[0]), (const char *)sqlite3_value_text(argv[1]),
                  (const char *)sqlite3_value_text(argv[2]), ret_key, NULL);
  if (st != BR_OK) {
    sql_fail_call(context, st);
  }
  return st == BR_OK;
}

static void call_mode(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  applock_owner owner = APPLOCK_SESSION;
  uint64_t key = 0;
  if (sql_any_null(4, argv)) {
    return;
  }
  if (!applock_owner_of_word((const char *)sqlite3_value_text(argv[3]), &owner)) {
    refuse(context, 1226, "owner");
  } else if (key_of(context, argv, &key)) {
    const char *word = applock_mode_word(applock_held(sql_runtime_of(context)->locks, key, owner));
    sqlite3_result_text(context, word, -1, SQLITE_STATIC);
  }
}

static void call_test(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  applock_owner owner = APPLOCK_SESSION;
  applock_mode mode = APPLOCK_NONE;
  uint64_t key = 0;
  bool possible = false;
  if (sql_any_null(5, argv)) {
    return;
  }
  if (!applock_mode_of_word((const char *)sqlite3_value_text(argv[3]), &mode)) {
    refuse(context, 1225, "mode");
    return;
  }
  if (!applock_owner_of_word((const char *)sqlite3_value_text(argv[4]), &owner)) {
    refuse(context, 1226, "owner");
    return;
  }
  if (!key_of(context, argv, &key)) {
    return;
  }
  br_status st = applock_possible(sql_runtime_of(context)->locks, key, mode, &possible, NULL);
  if (st != BR_OK) {
    sql_fail_call(context, st);
  } else {
    sqlite3_result_int(context, possible);
  }
}

const sql_function sql_functions_lock[] = {
    {"f_lock_mode", 4, call_mode}, {"f_lock_test", 5, call_test}, {NULL, 0, NULL}};
