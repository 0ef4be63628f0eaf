/*
 * Batches into a bulk load. Where the source's columns lie in memory as the table's do, the load
 * reads them where they are; otherwise a batch of the table's schema is filled by batch/cast.h.
 */
#include "flow/sink_load.h"

#include "base/mem.h"
#include "batch/cast.h"

enum { KEEP_BYTES = 4 * 1024 * 1024 };

struct flow_load_sink {
  flow_load_options options;
  const char **names; /* owned; texts borrowed */
  size_t *map;        /* owned */
  tds_load *load;     /* NULL outside a flow */
  batch view;         /* the source's columns in the table's order; columns owned as an array */
  batch_cast *cast;   /* NULL: not needed */
  batch *converted;   /* its target; NULL until the first batch */
  uint64_t rows;
};

static size_t column_count(const flow_load_sink *s, const batch_schema *schema) {
  return s->options.load.columns != NULL ? s->options.load.column_count : schema->count;
}

/* The names of the columns and which field fills each. */
static br_status find_fields(flow_load_sink *s, const batch_schema *schema, br_error *err) {
  size_t count = column_count(s, schema);
  s->names = br_calloc(count, sizeof *s->names);
  s->map = br_calloc(count, sizeof *s->map);
  s->view.columns = br_calloc(count, sizeof *s->view.columns);
  if (s->names == NULL || s->map == NULL || s->view.columns == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < count; i++) {
    bool all = s->options.load.columns == NULL;
    s->names[i] = all ? schema->fields[i].name : s->options.load.columns[i];
    ptrdiff_t at = s->options.map != NULL ? (ptrdiff_t)s->options.map[i]
                   : all                  ? (ptrdiff_t)i
                                          : batch_schema_find(schema, s->names[i]);
    if (at < 0 || (size_t)at >= schema->count) {
      return br_error_set(err, BR_ERR_USAGE, "No column of the source is named '%s'", s->names[i]);
    }
    s->map[i] = (size_t)at;
  }
  return BR_OK;
}

/* The load takes a field's cells as they are: it checks all that could not fit, but would round
 * digits of a time that its column doesn't have. */
static bool fits_as_is(const batch_field *from, const batch_field *to) {
  if (from->type.layout != to->type.layout || from->type.scale != to->type.scale) {
    return false;
  }
  bool rounds = to->type.layout == BATCH_TIMESTAMP_US || to->type.layout == BATCH_TIMESTAMP_US_UTC;
  return !rounds || (from->has_source && from->source.type == to->source.type &&
                     from->source.scale == to->source.scale);
}

static br_status prepare_cast(flow_load_sink *s, const batch_schema *from, br_error *err) {
  const batch_schema *to = tds_load_schema(s->load);
  s->view.schema = to;
  bool all_fit = true;
  for (size_t i = 0; i < to->count; i++) {
    all_fit = all_fit && fits_as_is(&from->fields[s->map[i]], &to->fields[i]);
  }
  return all_fit ? BR_OK : batch_cast_new(from, to, s->map, &s->cast, err);
}

/* Back to the state before begin; an unfinished load is given up. */
static void release(flow_load_sink *s) {
  batch_cast_free(s->cast);
  batch_free(s->converted);
  tds_load_free(s->load);
  br_free(s->view.columns);
  br_free(s->names);
  br_free(s->map);
  *s = (flow_load_sink){.options = s->options, .rows = s->rows};
}

static br_status sink_begin(void *context, const batch_schema *schema, br_error *err) {
  flow_load_sink *s = context;
  release(s);
  br_status st = find_fields(s, schema, err);
  if (st == BR_OK) {
    tds_load_options options = s->options.load;
    options.columns = s->names;
    options.column_count = column_count(s, schema);
    st = tds_load_open(s->options.conn, &options, &s->load, err);
  }
  return st == BR_OK ? prepare_cast(s, schema, err) : st;
}

static br_status write_as_is(flow_load_sink *s, const batch *b, br_error *err) {
  for (size_t i = 0; i < s->view.schema->count; i++) {
    s->view.columns[i] = b->columns[s->map[i]];
  }
  s->view.rows = b->rows;
  s->view.capacity_rows = b->rows;
  s->view.first_row = b->first_row;
  return tds_load_write(s->load, &s->view, err);
}

static br_status write_converted(flow_load_sink *s, const batch *b, br_error *err) {
  if (s->converted != NULL && s->converted->capacity_rows < b->rows) {
    batch_free(s->converted);
    s->converted = NULL;
  }
  br_status st = BR_OK;
  if (s->converted == NULL) {
    st = batch_new(s->view.schema, b->capacity_rows, &s->converted, err);
  }
  if (st == BR_OK) {
    batch_reset(s->converted, KEEP_BYTES);
    s->converted->first_row = b->first_row;
    st = batch_cast_run(s->cast, b, s->converted, NULL, NULL, err);
  }
  return st == BR_OK ? tds_load_write(s->load, s->converted, err) : st;
}

static br_status sink_write(void *context, const batch *b, br_error *err) {
  flow_load_sink *s = context;
  return s->cast == NULL ? write_as_is(s, b, err) : write_converted(s, b, err);
}

static br_status sink_finish(void *context, br_error *err) {
  flow_load_sink *s = context;
  br_status st = tds_load_finish(s->load, &s->rows, err);
  if (st == BR_OK) {
    release(s);
  }
  return st;
}

static void sink_abort(void *context) {
  release(context);
}

br_status flow_load_sink_new(const flow_load_options *options, flow_load_sink **ret_sink,
                             br_error *err) {
  flow_load_sink *s = br_calloc(1, sizeof *s);
  if (s == NULL) {
    return br_error_nomem(err);
  }
  s->options = *options;
  *ret_sink = s;
  return BR_OK;
}

flow_sink flow_load_sink_as_sink(flow_load_sink *sink) {
  return (flow_sink){.context = sink,
                     .begin = sink_begin,
                     .write = sink_write,
                     .finish = sink_finish,
                     .abort = sink_abort};
}

uint64_t flow_load_sink_rows(const flow_load_sink *sink) {
  return sink->rows;
}

void flow_load_sink_free(flow_load_sink *sink) {
  if (sink != NULL) {
    release(sink);
    br_free(sink);
  }
}
