/*
 * engine.c: opening, sessions, and what the last result was.
 */
#include "sandbox/engine_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "sandbox/sql/collate.h"
#include "store/store.h"

#define BATCH_ARENA_MAX     BR_MIB(256)
#define STATEMENT_ARENA_MAX BR_MIB(512)

static br_status open_database(const engine *e, sqlite3 **ret_db, br_error *err) {
  br_status st = store_open(e->path, ret_db, err);
  if (st != BR_OK) {
    return st;
  }
  st = sql_collations_register(*ret_db, err);
  if (st != BR_OK) {
    store_close(*ret_db);
  }
  return st;
}

/* "sqlserver.db-applocks", beside SQLite's own files. */
static char *lock_path(const char *path) {
  static const char suffix[] = "-applocks";
  size_t length = strlen(path);
  char *text = br_malloc(length + sizeof suffix);
  if (text != NULL) {
    memcpy(text, path, length);
    memcpy(text + length, suffix, sizeof suffix);
  }
  return text;
}

br_status engine_open(const engine_options *options, engine **ret_engine, br_error *err) {
  engine *e = br_calloc(1, sizeof *e);
  sqlite3 *db = NULL;
  br_status st = BR_OK;
  if (e == NULL) {
    return br_error_nomem(err);
  }
  e->dialect = options->dialect;
  atomic_init(&e->next_spid, 51);
  e->path = br_strdup(options->path);
  e->volumes_folder = options->volumes_folder == NULL ? NULL : br_strdup(options->volumes_folder);
  e->lock_path = lock_path(options->path);
  if (e->path == NULL || e->lock_path == NULL ||
      (options->volumes_folder != NULL && e->volumes_folder == NULL)) {
    st = br_error_nomem(err);
  }
  if (st == BR_OK && (st = open_database(e, &db, err)) == BR_OK) {
    st = catalog_open(db, e->dialect, err);
    store_close(db);
  }
  if (st != BR_OK) {
    engine_close(e);
    return br_error_context(err, st, "Sandbox database %s", options->path);
  }
  *ret_engine = e;
  return BR_OK;
}

void engine_close(engine *e) {
  if (e != NULL) {
    br_free(e->path);
    br_free(e->volumes_folder);
    br_free(e->lock_path);
    br_free(e);
  }
}

static int on_progress(void *context) {
  const engine_session *s = context;
  return br_cancel_requested(s->cancel);
}

static void default_options(engine_session *s) {
  s->quoted_identifier = true;
  s->lock_timeout_ms = -1;
  s->nocount = s->xact_abort = s->fmtonly = false;
  s->identity_insert = s->row_limit = 0;
  s->statement_kind = "";
}

br_status engine_session_new(engine *e, engine_session **ret_session, br_error *err) {
  engine_session *s = br_calloc(1, sizeof *s);
  if (s == NULL) {
    return br_error_nomem(err);
  }
  s->owner = e;
  sql_arena_init(&s->batch_arena, BATCH_ARENA_MAX);
  sql_arena_init(&s->statement_arena, STATEMENT_ARENA_MAX);
  sql_scratch_init(&s->runtime.scratch);
  s->runtime.dialect = e->dialect;
  applocks_init(&s->applocks, e->lock_path);
  s->runtime.locks = &s->applocks;
  default_options(s);
  s->environment.spid = atomic_fetch_add(&e->next_spid, 1);
  s->environment.user = e->dialect == ENGINE_TSQL ? "sa" : "sandbox";
  s->environment.owner = s;
  s->environment.files = e->volumes_folder == NULL ? NULL : engine_files_table;
  (void)snprintf(s->database, sizeof s->database, "%s",
                 e->dialect == ENGINE_TSQL ? "master" : "main");
  (void)snprintf(s->schema, sizeof s->schema, "%s", e->dialect == ENGINE_TSQL ? "dbo" : "default");
  br_status st = open_database(e, &s->db, err);
  if (st == BR_OK) {
    st = sql_runtime_register(&s->runtime, s->db, err);
  }
  if (st != BR_OK) {
    engine_session_free(s);
    return st;
  }
  sqlite3_progress_handler(s->db, 1000, on_progress, s);
  *ret_session = s;
  return BR_OK;
}

void engine_variables_free(sql_variable *variables) {
  sql_variable *v = variables;
  while (v != NULL) {
    sql_variable *next = v->next;
    br_free((char *)v->value.p);
    br_free((char *)v->name);
    br_free(v);
    v = next;
  }
}

void engine_batch_done(engine_session *s) {
  engine_rows_done(s);
  engine_files_done(s);
  engine_frames_cut(s, 0);
  engine_variables_free(s->environment.variables);
  s->environment.variables = NULL;
  s->variable_count = 0;
  sql_arena_done(&s->batch_arena);
  sql_arena_done(&s->statement_arena);
  br_free(s->batch_text);
  s->batch_text = NULL;
  s->queue_count = 0;
  s->cancel = NULL;
}

void engine_session_free(engine_session *s) {
  if (s == NULL) {
    return;
  }
  engine_batch_done(s);
  if (s->db != NULL) {
    engine_rollback_all(s);
  }
  store_close(s->db);
  applocks_done(&s->applocks);
  sql_scratch_done(&s->runtime.scratch);
  br_free(s);
}

static br_status unknown_place(engine_session *s, const char *database, const char *schema,
                               engine_error *ret_error) {
  if (s->owner->dialect == ENGINE_TSQL) {
    sql_error_set(ret_error, 911, 16,
                  "Database '%s' does not exist. Make sure that the name is entered correctly.",
                  database);
  } else if (schema == NULL) {
    sql_error_condition(ret_error, "NO_SUCH_CATALOG_EXCEPTION", "42704",
                        "Catalog '%s' was not found. Please verify the catalog name and then retry "
                        "the query or command again.",
                        database);
  } else {
    sql_error_condition(ret_error, "SCHEMA_NOT_FOUND", "42704",
                        "The schema `%s`.`%s` cannot be found. Verify the spelling and correctness "
                        "of the schema and catalog.",
                        database, schema);
  }
  return BR_ERR_REMOTE;
}

br_status engine_session_use(engine_session *s, const char *database, const char *schema,
                             engine_error *ret_error, br_error *err) {
  sql_arena arena;
  sql_arena_init(&arena, BR_MIB(1));
  sql_context context = {.dialect = s->owner->dialect, .arena = &arena};
  const char *found = s->database;
  const char *found_schema = NULL;
  const char *wanted = database != NULL ? database : s->database;
  int64_t id = catalog_database(&context, s->db, wanted, &found);
  br_status st = context.status;
  bool system =
      s->owner->dialect == ENGINE_DATABRICKS && database != NULL && strcmp(database, "system") == 0;
  if (st == BR_OK && id == 0 && !system) {
    st = unknown_place(s, wanted, NULL, ret_error);
  }
  if (st == BR_OK && schema != NULL && strcmp(schema, "information_schema") != 0) {
    int64_t schema_id = catalog_schema(&context, s->db, id, schema, &found_schema);
    st = context.status;
    if (st == BR_OK && schema_id == 0) {
      st = unknown_place(s, found, schema, ret_error);
    }
  }
  if (st == BR_OK) {
    (void)snprintf(s->database, sizeof s->database, "%s", found);
    if (found_schema != NULL || schema != NULL) {
      (void)snprintf(s->schema, sizeof s->schema, "%s",
                     found_schema != NULL ? found_schema : schema);
    } else if (database != NULL) {
      (void)snprintf(s->schema, sizeof s->schema, "%s",
                     s->owner->dialect == ENGINE_TSQL ? "dbo" : "default");
    }
  }
  sql_arena_done(&arena);
  return st == BR_ERR_REMOTE  ? br_error_set(err, st, "%s", ret_error->message)
         : st == BR_ERR_NOMEM ? br_error_nomem(err)
                              : st;
}

br_status engine_session_reset(engine_session *s, const char *database, bool keep_transaction,
                               engine_error *ret_error, br_error *err) {
  engine_batch_done(s);
  if (!keep_transaction || s->doomed) {
    engine_rollback_all(s);
    s->snapshot = s->serializable = false;
  }
  engine_drop_temporary_since(s, 0);
  applocks_release_owner(&s->applocks, APPLOCK_SESSION);
  default_options(s);
  engine_set_lock_timeout(s, -1);
  s->environment.has_identity = false;
  s->environment.rowcount = s->environment.error_number = 0;
  return engine_session_use(s, database == NULL ? "master" : database, NULL, ret_error, err);
}

const char *engine_session_database(const engine_session *s) {
  return s->database;
}

const batch_schema *engine_result_schema(const engine_session *s) {
  return s->schema_of_rows;
}

int64_t engine_rows_affected(const engine_session *s) {
  return s->nocount ? -1 : s->rows_affected;
}

engine_merge_counts engine_rows_merged(const engine_session *s) {
  return s->merged;
}

const engine_error *engine_result_error(const engine_session *s) {
  return &s->error;
}

const char *engine_statement_kind(const engine_session *s) {
  return s->statement_kind;
}

int32_t engine_return_status(const engine_session *s) {
  return s->return_status;
}

bool engine_in_transaction(const engine_session *s) {
  return s->trancount > 0;
}

const char *engine_result_type_text(const engine_session *s, size_t column) {
  return column < s->row_width ? s->row_type_texts[column] : "";
}

const engine_extra *engine_result_extra(const engine_session *s, size_t column) {
  return column < s->row_width ? s->extras[column] : NULL;
}
