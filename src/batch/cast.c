/*
 * Batches of one schema into another. A batch is converted column by column: as a whole where
 * the layouts agree or nearly so, else value by value. Where one does not fit, the batch is
 * begun again row by row, so that rows are told of in their order and left out as a whole.
 */
#include "batch/cast.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "batch/cast_value.h"

typedef struct cast_column {
  size_t from; /* its number in `from` */
  batch_type from_type;
  cast_target target;
  cast_way way;
} cast_column;

struct batch_cast {
  const batch_schema *to;
  cast_column *columns; /* to->count */
};

static const char *name_of(const batch_schema *schema, size_t column) {
  const char *name = schema->fields[column].name;
  return name == NULL ? "" : name;
}

static bool is_stamp(batch_layout layout) {
  return layout == BATCH_TIMESTAMP_US || layout == BATCH_TIMESTAMP_US_UTC;
}

static bool same_type(const batch_type *a, const batch_type *b) {
  return (a->layout == b->layout && a->precision == b->precision && a->scale == b->scale) ||
         (is_stamp(a->layout) && is_stamp(b->layout));
}

static bool same_source(const batch_field *a, const batch_field *b) {
  return a->has_source && b->has_source && a->source.type == b->source.type &&
         a->source.precision == b->source.precision && a->source.scale == b->source.scale &&
         a->source.length == b->source.length;
}

/* Kinds whose values are checked and stay as they are. */
static bool is_checked_only(const cast_target *target) {
  switch (target->kind) {
  case CAST_TO_GUID:
    return false;
  case CAST_TO_TIME:
    return target->type.layout == BATCH_TIME64_US && target->digits == 6;
  case CAST_TO_STAMP:
    return target->grain == CAST_GRAIN_STEP;
  default:
    return true;
  }
}

static cast_way choose_way(const batch_field *from, const batch_field *to,
                           const cast_target *target) {
  cast_source source = cast_source_of(from->type.layout);
  if (same_type(&from->type, &to->type)) {
    return same_source(from, to)     ? CAST_TRUSTED
           : is_checked_only(target) ? CAST_COPIED
                                     : CAST_BY_VALUE;
  }
  bool ints = source == CAST_FROM_INT && target->kind == CAST_TO_INT;
  bool decimals = source == CAST_FROM_DECIMAL && target->kind == CAST_TO_DECIMAL &&
                  from->type.scale == to->type.scale;
  return ints || decimals ? CAST_RESIZED : CAST_BY_VALUE;
}

static br_status plan_column(const batch_field *from, const batch_field *to, cast_column *column,
                             br_error *err) {
  br_status st = cast_target_of(to, &column->target, err);
  if (st != BR_OK) {
    return st;
  }
  if (!cast_can_meet(cast_source_of(from->type.layout), column->target.kind)) {
    char name[40];
    batch_type_delta_name(&from->type, name, sizeof name);
    return br_error_set(err, BR_ERR_DATA, "%s can't become %s", name, column->target.name);
  }
  column->from_type = from->type;
  column->way = choose_way(from, to, &column->target);
  return BR_OK;
}

br_status batch_cast_new(const batch_schema *from, const batch_schema *to, const size_t *map,
                         batch_cast **ret_cast, br_error *err) {
  batch_cast *cast = br_calloc(1, sizeof *cast);
  if (cast == NULL) {
    return br_error_nomem(err);
  }
  cast->to = to;
  cast->columns = br_calloc(to->count, sizeof *cast->columns);
  br_status st = cast->columns == NULL ? br_error_nomem(err) : BR_OK;
  for (size_t i = 0; st == BR_OK && i < to->count; i++) {
    if (map[i] >= from->count) {
      st = br_error_set(err, BR_ERR_INTERNAL, "Column %zu of %zu", map[i], from->count);
      break;
    }
    cast->columns[i].from = map[i];
    st = plan_column(&from->fields[map[i]], &to->fields[i], &cast->columns[i], err);
    if (st != BR_OK) {
      st = br_error_context(err, st, "Column '%s'", name_of(to, i));
    }
  }
  if (st != BR_OK) {
    batch_cast_free(cast);
    return st;
  }
  *ret_cast = cast;
  return BR_OK;
}

void batch_cast_free(batch_cast *cast) {
  if (cast != NULL) {
    br_free(cast->columns);
    br_free(cast);
  }
}

static br_status convert_cell(const cast_column *c, const batch_column *in, size_t in_row,
                              batch_column *out, size_t out_row, br_error *err) {
  if (!batch_column_is_valid(in, in_row)) {
    return cast_store_null(&c->target, out, out_row, err);
  }
  cast_value value = {0};
  cast_load(in, &c->from_type, in_row, &value);
  return cast_store(&c->target, &value, out, out_row, err);
}

static br_status convert_columns(const batch_cast *cast, const batch *in, batch *out,
                                 br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < cast->to->count; i++) {
    const cast_column *c = &cast->columns[i];
    const batch_column *from = &in->columns[c->from];
    if (c->way != CAST_BY_VALUE) {
      st = cast_copy_column(&c->target, c->way, from, in->rows, &out->columns[i], err);
      continue;
    }
    for (size_t row = 0; st == BR_OK && row < in->rows; row++) {
      st = convert_cell(c, from, row, &out->columns[i], row, err);
    }
  }
  if (st == BR_OK) {
    out->rows = in->rows;
  }
  return st;
}

/* One row; *ret_column is the last one looked at, which failed where one did. */
static br_status convert_row(const batch_cast *cast, const batch *in, size_t row, batch *out,
                             size_t *ret_column, br_error *err) {
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < cast->to->count; i++) {
    const cast_column *c = &cast->columns[i];
    st = convert_cell(c, &in->columns[c->from], row, &out->columns[i], out->rows, err);
    *ret_column = i;
  }
  if (st == BR_OK) {
    out->rows++;
  } else {
    batch_rollback_row(out);
  }
  return st;
}

static br_status convert_rows(const batch_cast *cast, const batch *in, batch *out,
                              batch_cast_reject_fn on_reject, void *context, br_error *err) {
  br_status st = BR_OK;
  br_error why = BR_ERROR_INIT;
  for (size_t row = 0; st == BR_OK && row < in->rows; row++) {
    size_t column = 0;
    st = convert_row(cast, in, row, out, &column, &why);
    if (st == BR_ERR_DATA && on_reject != NULL) {
      st = on_reject(context, in, row, column, why.message, err);
    } else if (st != BR_OK) {
      st = br_error_set(err, st, "Row %" PRIu64 ", column '%s': %s", in->first_row + row + 1,
                        name_of(cast->to, column), why.message);
    }
  }
  return st;
}

br_status batch_cast_run(batch_cast *cast, const batch *in, batch *out,
                         batch_cast_reject_fn on_reject, void *context, br_error *err) {
  if (out->rows != 0 || out->capacity_rows < in->rows) {
    return br_error_set(err, BR_ERR_INTERNAL, "The batch to fill has %zu rows and room for %zu",
                        out->rows, out->capacity_rows);
  }
  out->first_row = in->first_row;
  br_status st = convert_columns(cast, in, out, err);
  if (st == BR_ERR_DATA) {
    batch_reset(out, SIZE_MAX);
    br_error_clear(err);
    st = convert_rows(cast, in, out, on_reject, context, err);
  }
  if (st != BR_OK) {
    batch_reset(out, SIZE_MAX);
  }
  return st;
}

br_status batch_append_text(batch_column *column, const batch_field *field, size_t row,
                            const char *text, size_t length, bool base64, br_error *err) {
  cast_target target;
  br_status st = cast_target_of(field, &target, err);
  if (st != BR_OK) {
    return st;
  }
  if (text == NULL) {
    return cast_store_null(&target, column, row, err);
  }
  if (!br_utf8_valid(text, length, NULL)) {
    return br_error_set(err, BR_ERR_DATA, "the text is not UTF-8");
  }
  target.base64 = base64;
  cast_value value = {.source = CAST_FROM_TEXT, .bytes = text, .length = length};
  return cast_store(&target, &value, column, row, err);
}
