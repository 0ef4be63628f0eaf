/*
 * load.c: all rows of a source into a table: read in one thread, cast and sent in another.
 *
 * A row that can't be taken stops the sending, not the reading: the author is told of the first 20
 * such rows and how many there are.
 */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "batch/cast.h"
#include "flow/flow.h"
#include "sync/rejects.h"
#include "sync/source_internal.h"
#include "tds/load.h"

enum { BATCH_ROWS = 16384, FIRST_ROWS = 5 };

typedef struct loader {
  sync_source *source;
  tds_load *load;
  batch_schema *schema; /* the load's, with the target's NOT NULLs */
  batch_cast *cast;
  batch *out;
  sync_rejects rejects;
  sync_listing *first_rows; /* borrowed; NULL: nobody wants to see them */
} loader;

/* ---- the source's side of the pump ---- */

static br_status rows_schema(void *context, const batch_schema **ret_schema, br_error *err) {
  (void)err;
  *ret_schema = dbx_rows_schema(((sync_source *)context)->rows);
  return BR_OK;
}

static br_status rows_next(void *context, batch *b, size_t max_bytes, br_error *err) {
  return dbx_rows_next(((sync_source *)context)->rows, b, max_bytes, err);
}

/* ---- SQL Server's side ---- */

static br_status sink_begin(void *context, const batch_schema *schema, br_error *err) {
  loader *l = context;
  size_t *map = br_calloc(schema->count + 1, sizeof *map);
  if (map == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < schema->count; i++) {
    map[i] = i;
  }
  br_status st = batch_cast_new(schema, l->schema, map, &l->cast, err);
  br_free(map);
  return st == BR_OK ? batch_new(l->schema, BATCH_ROWS, &l->out, err) : st;
}

static br_status reject(void *context, const batch *in, size_t row, size_t column, const char *why,
                        br_error *err) {
  loader *l = context;
  return sync_rejects_add(&l->rejects, in, row, l->schema->fields[column].name, why, err);
}

/* "id=1, name=a" of the first rows, as they are sent. */
static br_status note_first_rows(loader *l, br_error *err) {
  br_status st = BR_OK;
  for (size_t row = 0; row < l->out->rows && st == BR_OK && !l->first_rows->full &&
                       l->first_rows->shown < FIRST_ROWS;
       row++) {
    sync_listing_begin(l->first_rows);
    for (size_t i = 0; i < l->schema->count && st == BR_OK; i++) {
      st = sync_listing_cell(l->first_rows, l->out, i, row, err);
    }
    if (st == BR_OK) {
      sync_listing_end(l->first_rows);
    }
  }
  return st;
}

static br_status sink_write(void *context, const batch *b, br_error *err) {
  loader *l = context;
  batch_reset(l->out, BR_MIB(16));
  l->out->first_row = b->first_row;
  br_status st = batch_cast_run(l->cast, b, l->out, reject, l, err);
  if (st != BR_OK || l->rejects.count > 0 || l->out->rows == 0) {
    return st;
  }
  st = l->first_rows == NULL ? BR_OK : note_first_rows(l, err);
  return st == BR_OK ? tds_load_write(l->load, l->out, err) : st;
}

static br_status sink_finish(void *context, br_error *err) {
  loader *l = context;
  return l->rejects.count > 0 ? sync_rejects_fail(&l->rejects, err) : BR_OK;
}

static void sink_abort(void *context) {
  (void)context; /* the load is given up by its owner */
}

/* ---- the load ---- */

/* The stage takes NULL everywhere; the target does not. Keys may be NULL in the stage: it finds
 * them with one question for all rows. */
static br_status strict_schema(loader *l, bool direct, br_error *err) {
  br_status st = batch_schema_copy(tds_load_schema(l->load), &l->schema, err);
  for (size_t i = 0; st == BR_OK && i < l->schema->count; i++) {
    l->schema->fields[i].nullable =
        l->source->columns[i]->nullable || (!direct && l->source->is_key[i]);
  }
  return st;
}

static br_status open_load(loader *l, tds_conn *conn, const char *table, bool direct,
                           bool table_lock, br_error *err) {
  sync_source *s = l->source;
  const char **names = br_calloc(s->count + 1, sizeof *names);
  if (names == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < s->count; i++) {
    names[i] = s->columns[i]->name;
  }
  const tds_load_options options = {
      .table = table,
      .columns = names,
      .column_count = s->count,
      .check_constraints = direct,
      .fire_triggers = direct,
      .keep_nulls = !direct || sync_source_sends_nulls(s),
      .table_lock = table_lock,
      .rows_expected = dbx_rows_total(s->rows),
  };
  br_status st = tds_load_open(conn, &options, &l->load, err);
  br_free(names);
  return st == BR_OK ? strict_schema(l, direct, err) : st;
}

static br_status pump(loader *l, uint64_t *ret_rows, br_error *err) {
  const flow_source from = {
      .context = l->source, .schema = rows_schema, .next = rows_next, .interrupt = NULL};
  const flow_sink to = {.context = l,
                        .begin = sink_begin,
                        .write = sink_write,
                        .finish = sink_finish,
                        .abort = sink_abort};
  const flow_options options = {.batch_rows = BATCH_ROWS};
  br_status st = flow_pump(&from, &to, &options, NULL, err);
  return st == BR_OK ? tds_load_finish(l->load, ret_rows, err) : st;
}

static br_status load_into(sync_source *source, tds_conn *conn, const char *table, bool direct,
                           bool table_lock, sync_listing *first_rows, uint64_t *ret_rows,
                           br_error *err) {
  loader l = {.source = source, .first_rows = first_rows};
  sync_rejects_init(&l.rejects, source->naming, source->naming_count);
  br_status st = open_load(&l, conn, table, direct, table_lock, err);
  st = st == BR_OK ? pump(&l, ret_rows, err) : st;
  tds_load_free(l.load);
  batch_cast_free(l.cast);
  batch_free(l.out);
  batch_schema_free(l.schema);
  sync_rejects_done(&l.rejects);
  return st;
}

static br_status create_stage(const sync_source *s, tds_conn *conn, const char *stage,
                              br_error *err) {
  br_buf sql;
  br_buf_init(&sql, BR_MIB(1));
  br_status st = br_buf_printf(
      &sql, err, "IF OBJECT_ID(N'tempdb..%s') IS NOT NULL DROP TABLE %s; CREATE TABLE %s (", stage,
      stage, stage);
  for (size_t i = 0; i < s->count && st == BR_OK; i++) {
    st = i > 0 ? br_buf_text(&sql, ", ", err) : BR_OK;
    st = st == BR_OK ? sync_target_column_ddl(s->columns[i], &sql, err) : st;
  }
  st = st == BR_OK ? br_buf_text(&sql, ")", err) : st;
  const char *text = st == BR_OK ? br_buf_cstr(&sql) : NULL;
  if (st == BR_OK && text == NULL) {
    st = br_error_nomem(err);
  }
  st = st == BR_OK ? tds_run(conn, text, err) : st;
  br_buf_done(&sql);
  return st == BR_OK ? BR_OK : br_error_context(err, st, "staging table");
}

br_status sync_source_stage(sync_source *source, tds_conn *conn, const char *stage,
                            uint64_t *ret_rows, br_error *err) {
  br_status st = create_stage(source, conn, stage, err);
  return st == BR_OK ? load_into(source, conn, stage, false, true, NULL, ret_rows, err) : st;
}

br_status sync_source_load(sync_source *source, tds_conn *conn, bool table_lock,
                           sync_listing *first_rows, uint64_t *ret_rows, br_error *err) {
  return load_into(source, conn, source->target->sql, true, table_lock, first_rows, ret_rows, err);
}
