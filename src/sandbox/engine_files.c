/*
 * engine_files.c: parquet.`/Volumes/…`: the files' rows in a temporary table, for one statement.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/text.h"
#include "parquet/parquet.h"
#include "sandbox/engine_internal.h"
#include "store/store.h"

enum { FILE_BATCH_ROWS = 4096 };

static br_status read_at(void *context, uint64_t offset, void *bytes, size_t length,
                         br_error *err) {
  int fd = *(const int *)context;
  uint8_t *out = bytes;
  while (length > 0) {
    ssize_t n = br_sys.pread(fd, out, length, (off_t)offset);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return n < 0 ? br_error_errno(err, errno, "read")
                   : br_error_set(err, BR_ERR_DATA, "The file ends early");
    }
    out += n;
    offset += (uint64_t)n;
    length -= (size_t)n;
  }
  return BR_OK;
}

static void *not_found(sql_context *context, const char *path) {
  return sql_fail_condition(context, "PATH_NOT_FOUND", "42K03", "Path does not exist: %s.", path);
}

/* A path of the workspace to one of the disk: under the volumes' folder, never above it. */
static const char *disk_path(engine_session *s, sql_context *context, const char *path) {
  if (!br_text_starts_with(path, "/Volumes/") || strstr(path, "/../") != NULL ||
      br_text_ends_with(path, "/..")) {
    return not_found(context, path);
  }
  return sql_text(context, "%s/%s", s->owner->volumes_folder, path + strlen("/Volumes/"));
}

typedef struct loader {
  engine_session *s;
  sql_context *context;
  const char *table; /* temp.files1 */
  catalog_table *described;
  sqlite3_stmt *insert;
} loader;

/* Spark has no type for TIME of Parquet. */
static bool has_time(loader *l, const batch_schema *schema) {
  for (size_t i = 0; i < schema->count; i++) {
    if (schema->fields[i].type.layout == BATCH_TIME64_US) {
      (void)sql_unsupported(l->context, 1, "Reading the TIME column `%.200s` of a parquet file",
                            schema->fields[i].name);
      return true;
    }
  }
  return false;
}

/* The first file says what the columns are. */
static bool describe(loader *l, const batch_schema *schema) {
  catalog_table *t = has_time(l, schema) ? NULL : sql_new(l->context, sizeof *t);
  if (t == NULL) {
    return false;
  }
  *t = (catalog_table){.temporary = true,
                       .kind = 'U',
                       .database = "",
                       .schema = "",
                       .name = "",
                       .physical = l->table,
                       .column_count = schema->count};
  t->columns = sql_new(l->context, (schema->count + 1) * sizeof *t->columns);
  const char *columns = "";
  const char *marks = "";
  for (size_t i = 0; t->columns != NULL && i < schema->count; i++) {
    sql_type type = engine_field_type(&schema->fields[i], ENGINE_DATABRICKS);
    t->columns[i] = (catalog_column){
        .id = (int)i + 1,
        .name = sql_copy(l->context, schema->fields[i].name, strlen(schema->fields[i].name)),
        .type = type,
        .nullable = true};
    columns = sql_text(l->context, "%s%sc%zu", columns, i == 0 ? "" : ",", i + 1);
    marks = sql_text(l->context, "%s%s?", marks, i == 0 ? "" : ",");
  }
  l->described = t;
  return catalog_run(l->context, l->s->db,
                     sql_text(l->context, "CREATE TABLE %s(%s)", l->table, columns), "") &&
         (l->insert = catalog_prepare(
              l->context, l->s->db,
              sql_text(l->context, "INSERT INTO %s(%s) VALUES(%s)", l->table, columns, marks),
              "")) != NULL;
}

static bool same_columns(loader *l, const batch_schema *schema) {
  bool same = schema->count == l->described->column_count;
  for (size_t i = 0; same && i < schema->count; i++) {
    sql_type type = engine_field_type(&schema->fields[i], ENGINE_DATABRICKS);
    const catalog_column *c = &l->described->columns[i];
    same = strcmp(schema->fields[i].name, c->name) == 0 &&
           sql_type_pack(&type) == sql_type_pack(&c->type);
  }
  if (!same) {
    (void)sql_unsupported(l->context, 1, "Reading parquet files with different columns");
  }
  return same;
}

static br_status put_rows(loader *l, const batch *b, br_error *err) {
  for (size_t row = 0; row < b->rows; row++) {
    for (size_t i = 0; i < b->schema->count; i++) {
      sql_value value;
      br_status st = engine_cell_value(b, i, row, &l->described->columns[i].type,
                                       &l->s->runtime.scratch, &value, err);
      if (st != BR_OK) {
        return st;
      }
      if (sql_value_bind(l->insert, (int)i + 1, &value) != SQLITE_OK) {
        return store_error(l->s->db, "parquet", err);
      }
    }
    int rc = sqlite3_step(l->insert);
    (void)sqlite3_reset(l->insert);
    if (rc != SQLITE_DONE) {
      return store_error(l->s->db, "parquet", err);
    }
  }
  return BR_OK;
}

static br_status load_reader(loader *l, parquet_reader *reader, br_error *err) {
  const batch_schema *schema = parquet_reader_schema(reader);
  batch *b = NULL;
  if (l->described == NULL ? !describe(l, schema) : !same_columns(l, schema)) {
    return l->context->status;
  }
  br_status st = batch_new(schema, FILE_BATCH_ROWS, &b, err);
  while (st == BR_OK) {
    batch_reset(b, (size_t)1 << 20);
    st = parquet_reader_read(reader, b, err);
    if (st == BR_OK) {
      st = put_rows(l, b, err);
    }
    if (st == BR_OK) {
      st = br_cancel_check(l->s->cancel, err);
    }
  }
  batch_free(b);
  return st == BR_DONE ? BR_OK : st;
}

static br_status load_file(loader *l, const char *path, br_error *err) {
  struct stat info;
  int fd = br_sys.open(path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    return br_error_errno(err, errno, "%s", path);
  }
  parquet_reader *reader = NULL;
  br_status st = br_sys.fstat(fd, &info) == 0 ? BR_OK : br_error_errno(err, errno, "%s", path);
  if (st == BR_OK) {
    parquet_input input = {.read_at = read_at, .context = &fd, .size = (uint64_t)info.st_size};
    st = parquet_reader_new(input, &reader, err);
  }
  if (st == BR_OK) {
    st = load_reader(l, reader, err);
  }
  parquet_reader_free(reader);
  (void)br_sys.close(fd);
  return st;
}

/* Names that begin with _ or . are no data. */
static br_status load_folder(loader *l, const char *path, br_error *err) {
  char **names = NULL;
  size_t count = 0;
  br_status st = br_dir_list(path, &names, &count, err);
  for (size_t i = 0; i < count && st == BR_OK; i++) {
    if (names[i][0] == '_' || names[i][0] == '.' || !br_text_ends_with(names[i], ".parquet")) {
      continue;
    }
    char *file = br_path_join(path, names[i]);
    st = file == NULL ? br_error_nomem(err) : load_file(l, file, err);
    br_free(file);
  }
  br_names_free(names, count);
  return st;
}

/* A failure that isn't the SQL's becomes one: the path, and what is wrong with it. */
static bool finish(loader *l, br_status st, const char *path, const br_error *err) {
  (void)sqlite3_finalize(l->insert);
  if (l->context->status != BR_OK) {
    return false;
  }
  if (st == BR_ERR_NOT_FOUND) {
    (void)not_found(l->context, path);
  } else if (st == BR_ERR_NOMEM) {
    (void)sql_fail_memory(l->context);
  } else if (st != BR_OK) {
    (void)sql_fail_condition(l->context, "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH",
                             "KD001", "Error while reading file %s: %.400s.", path, err->message);
  } else if (l->described == NULL) {
    (void)sql_fail_condition(l->context, "UNABLE_TO_INFER_SCHEMA", "42KD9",
                             "Unable to infer schema for PARQUET. It must be specified manually.");
  }
  return l->context->status == BR_OK;
}

bool engine_files_table(void *owner, sql_context *context, const char *path,
                        catalog_table **ret_table) {
  engine_session *s = owner;
  br_error err = BR_ERROR_INIT;
  struct stat info;
  const char *disk = disk_path(s, context, path);
  loader l = {.s = s, .context = context};
  l.table = sql_text(context, "temp.files%d", ++s->file_tables);
  if (disk == NULL || l.table == NULL) {
    return false;
  }
  br_status st = br_sys.stat(disk, &info) == 0 ? BR_OK : br_error_errno(&err, errno, "%s", disk);
  if (st == BR_OK) {
    st = S_ISDIR(info.st_mode) ? load_folder(&l, disk, &err) : load_file(&l, disk, &err);
  }
  if (!finish(&l, st, path, &err)) {
    return false;
  }
  *ret_table = l.described;
  return true;
}

void engine_files_done(engine_session *s) {
  char sql[64];
  while (s->file_tables > 0) {
    (void)snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS temp.files%d", s->file_tables--);
    (void)sqlite3_exec(s->db, sql, NULL, NULL, NULL);
  }
}
