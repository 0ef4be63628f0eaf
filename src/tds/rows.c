/*
 * Result sets: COLMETADATA (MS-TDS 2.2.7.4) into a schema and a table of decoders; ROW and NBCROW
 * (2.2.7.17, 2.2.7.15) through the decoders straight into the columns of a batch.
 */
#include <inttypes.h>

#include "base/limits.h"
#include "base/mem.h"
#include "tds/conn.h"

enum {
  NAME_MAX_BYTES = 3 * 255 + 1,
  BYTES_CHECK_CELLS = 16384, /* the byte limit is looked at after so many cells at the latest */
  BYTES_CHECK_ROWS = 256,
};

/* --- columns --- */

/* Types that have a fixed form for NOT NULL columns and come in the other one. Microsoft's own mock
 * server forgets the flag. */
static bool says_nullable_by_form(uint8_t id) {
  return id == TDS_TYPE_INTN || id == TDS_TYPE_BITN || id == TDS_TYPE_FLTN ||
         id == TDS_TYPE_MONEYN || id == TDS_TYPE_DATETIMN || id == TDS_TYPE_NULL;
}

/* Columns that are read with their companions may be too many. */
static br_status take_place(tds_conn *conn, size_t *ret_place, br_error *err) {
  if (conn->schema->count == BR_LIMIT_COLUMNS) {
    return br_error_set(err, BR_ERR_LIMIT,
                        "The result has more than %d columns with the second ones that the options "
                        "add",
                        BR_LIMIT_COLUMNS);
  }
  *ret_place = conn->schema->count++;
  return BR_OK;
}

/* The column behind a column, where the options give it one. */
static br_status add_companion(tds_conn *conn, const batch_field *of, br_error *err) {
  batch_type type;
  const char *suffix = NULL;
  if (!batch_type_companion(of->source.type, &conn->options.types, &type, &suffix)) {
    return BR_OK;
  }
  size_t place = 0;
  char *name = br_asprintf("%s%s", of->name, suffix);
  br_status st = name == NULL ? br_error_nomem(err) : take_place(conn, &place, err);
  if (st == BR_OK) {
    st = batch_schema_set(conn->schema, place, name, type, of->nullable, err);
  }
  br_free(name);
  return st;
}

static br_status read_column(tds_conn *conn, size_t index, br_error *err) {
  tds_reader *r = &conn->reader;
  uint32_t user_type = 0;
  uint16_t flags = 0;
  tds_type_info info;
  br_status st = tds_reader_u32(r, &user_type, err);
  st = st == BR_OK ? tds_reader_u16(r, &flags, err) : st;
  if (st == BR_OK && (flags & TDS_COLUMN_ENCRYPTED) != 0) {
    st = br_error_set(err, BR_ERR_UNSUPPORTED, "Always Encrypted is not supported");
  }
  st = st == BR_OK ? tds_type_info_read(r, TDS_IN_RESULT, &info, err) : st;
  uint8_t units = 0;
  br_reader view = {.len = 0};
  st = st == BR_OK ? tds_reader_u8(r, &units, err) : st;
  st = st == BR_OK ? tds_reader_view(r, 2U * units, &view, err) : st;
  char name[NAME_MAX_BYTES];
  st = st == BR_OK ? tds_view_utf16(&view, units, name, sizeof name, err) : st;
  if (st != BR_OK) {
    return st;
  }
  info.user_type = user_type;
  info.flags = flags;
  info.nullable = (flags & (TDS_COLUMN_NULLABLE | TDS_COLUMN_NULLABLE_UNKNOWN)) != 0 ||
                  says_nullable_by_form(info.id);
  const tds_decode_options options = {.types = conn->options.types,
                                      .invalid_text = conn->options.types.invalid_replaced
                                                          ? BATCH_INVALID_REPLACE
                                                          : BATCH_INVALID_ERROR,
                                      .max_cell = conn->options.max_cell};
  tds_decoder *d = &conn->decoders[index];
  st = tds_decoder_init(d, &info, &options, err);
  size_t place = 0;
  st = st == BR_OK ? take_place(conn, &place, err) : st;
  if (st != BR_OK) {
    return st;
  }
  batch_field *field = &conn->schema->fields[place];
  st = tds_type_info_spec(&info, &field->source, err);
  st = st == BR_OK ? batch_schema_set(conn->schema, place, name, d->type, info.nullable, err) : st;
  if (st == BR_OK) {
    field->has_source = true;
    st = batch_type_resolve(&field->source, &options.types, &field->type, &field->loss, err);
  }
  return st == BR_OK ? add_companion(conn, field, err) : st;
}

/* A schema without columns yet, with room for all and their companions, which few may need. */
static br_status new_schema(tds_conn *conn, size_t count, br_error *err) {
  const batch_type_options *types = &conn->options.types;
  bool companions = types->offset_column || types->base_type_column || types->clr_decoded;
  size_t room = companions ? 2 * count : count;
  room = room < BR_LIMIT_COLUMNS ? room : BR_LIMIT_COLUMNS;
  br_status st = batch_schema_new(room, &conn->schema, err);
  if (st == BR_OK) {
    conn->schema->count = 0;
  }
  return st;
}

br_status tds_conn_read_metadata(tds_conn *conn, bool *ret_has_columns, br_error *err) {
  uint16_t count = 0;
  br_status st = tds_reader_u16(&conn->reader, &count, err);
  if (st != BR_OK) {
    return st;
  }
  tds_conn_forget_result(conn);
  conn->in_rows = false;
  conn->rows_read = 0;
  if (count == 0 || count == TDS_COLUMNS_NO_METADATA) {
    return BR_OK;
  }
  if (count > BR_LIMIT_COLUMNS) {
    return br_error_set(err, BR_ERR_LIMIT, "The result has %u columns; %d are the most", count,
                        BR_LIMIT_COLUMNS);
  }
  st = new_schema(conn, count, err);
  if (st == BR_OK) {
    conn->decoder_count = count;
    conn->decoders = br_calloc(count, sizeof *conn->decoders);
    conn->null_bitmap = br_calloc((count + 7U) / 8U, 1);
    st = conn->decoders == NULL || conn->null_bitmap == NULL ? br_error_nomem(err) : BR_OK;
  }
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    st = read_column(conn, i, err);
    if (st != BR_OK) {
      br_error_context(err, st, "Column %zu", i + 1);
    }
  }
  if (st != BR_OK) {
    tds_conn_forget_result(conn);
    return st;
  }
  conn->in_rows = true;
  *ret_has_columns = true;
  return BR_OK;
}

/* --- rows --- */

static br_status read_null_bitmap(tds_conn *conn, br_error *err) {
  return tds_reader_copy(&conn->reader, conn->null_bitmap, (conn->decoder_count + 7) / 8, err);
}

static bool is_null_in_bitmap(const tds_conn *conn, size_t column) {
  return (conn->null_bitmap[column >> 3] >> (column & 7U) & 1U) != 0;
}

br_status tds_conn_skip_row(tds_conn *conn, uint8_t token, br_error *err) {
  bool compressed = token == TDS_TOKEN_NBCROW;
  br_status st = compressed ? read_null_bitmap(conn, err) : BR_OK;
  for (size_t i = 0; st == BR_OK && i < conn->decoder_count; i++) {
    if (!compressed || !is_null_in_bitmap(conn, i)) {
      st = tds_value_skip(&conn->reader, &conn->decoders[i].info, err);
    }
  }
  conn->rows_read++;
  return st;
}

/* Takes back the row that failed and says where: `column` is one that the server sends. */
static br_status row_failed(tds_conn *conn, batch *b, size_t column, br_status st, br_error *err) {
  size_t place = 0;
  for (size_t i = 0; i < column; i++) {
    place += conn->decoders[i].columns;
  }
  batch_rollback_row(b);
  br_error_context(err, st, "Row %" PRIu64 ", column %zu (%s)", conn->rows_read + 1, column + 1,
                   conn->schema->fields[place].name);
  return tds_conn_read_failed(conn, true, st, err);
}

static br_status decode_row(tds_conn *conn, batch *b, br_error *err) {
  tds_reader *r = &conn->reader;
  tds_decoder *d = conn->decoders;
  const tds_decoder *end = d + conn->decoder_count;
  batch_column *column = b->columns;
  size_t row = b->rows;
  for (; d < end; column += d->columns, d++) {
    br_status st = d->decode(d, r, column, row, err);
    if (st != BR_OK) {
      return row_failed(conn, b, (size_t)(d - conn->decoders), st, err);
    }
  }
  return BR_OK;
}

static br_status append_null(const tds_decoder *d, batch_column *out, size_t row, br_error *err) {
  br_status st = batch_column_append_null(out, row, err);
  return st == BR_OK && d->columns == 2 ? batch_column_append_null(out + 1, row, err) : st;
}

static br_status decode_compressed_row(tds_conn *conn, batch *b, br_error *err) {
  br_status st = read_null_bitmap(conn, err);
  if (st != BR_OK) {
    return row_failed(conn, b, 0, st, err);
  }
  batch_column *column = b->columns;
  for (size_t i = 0; i < conn->decoder_count; i++) {
    tds_decoder *d = &conn->decoders[i];
    st = is_null_in_bitmap(conn, i) ? append_null(d, column, b->rows, err)
                                    : d->decode(d, &conn->reader, column, b->rows, err);
    if (st != BR_OK) {
      return row_failed(conn, b, i, st, err);
    }
    column += d->columns;
  }
  return BR_OK;
}

/* When a batch has reached its byte limit. Adding up the columns for every row would cost more
 * than decoding narrow rows, so it is done when enough bytes have come in for it to be possible,
 * and every so many rows. */
typedef struct byte_watch {
  size_t limit; /* 0 = none */
  uint64_t check_at_consumed;
  size_t check_at_row;
  size_t rows_between;
} byte_watch;

static byte_watch watch_bytes(const tds_conn *conn, size_t limit, const batch *b) {
  size_t by_cells = BYTES_CHECK_CELLS / conn->decoder_count + 1;
  return (byte_watch){.limit = limit,
                      .check_at_consumed = tds_reader_consumed(&conn->reader) + limit / 4,
                      .rows_between = by_cells < BYTES_CHECK_ROWS ? by_cells : BYTES_CHECK_ROWS,
                      .check_at_row = b->rows};
}

static bool reached(byte_watch *w, const tds_conn *conn, const batch *b) {
  uint64_t consumed = tds_reader_consumed(&conn->reader);
  if (w->limit == 0 || (consumed < w->check_at_consumed && b->rows < w->check_at_row)) {
    return false;
  }
  size_t bytes = batch_bytes(b);
  if (bytes >= w->limit) {
    return true;
  }
  w->check_at_consumed = consumed + (w->limit - bytes) / 4 + 1;
  w->check_at_row = b->rows + w->rows_between;
  return false;
}

/* Something else than a row: goes on until rows follow again or the result set has ended. */
static br_status between_rows(tds_conn *conn, br_error *err) {
  token_effect effect = EFFECT_NONE;
  uint8_t token = 0;
  tds_done done = {.status = 0};
  br_status st = tds_conn_token(conn, &effect, &token, &done, err);
  if (st == BR_OK && effect == EFFECT_RESULT) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A result set begins inside another");
  }
  if (st == BR_OK && effect == EFFECT_DONE) {
    st = tds_conn_after_done(conn, &done, err);
    if (conn->state != CONN_RESPONSE) {
      return st; /* the answer has ended, with an error or without */
    }
  }
  if (st != BR_OK) {
    br_error_context(err, st, "After row %" PRIu64, conn->rows_read);
    return tds_conn_read_failed(conn, true, st, err);
  }
  return BR_OK;
}

/* One row, or what stands between rows. BR_DONE: no row any more. */
static br_status next_row(tds_conn *conn, batch *b, br_error *err) {
  tds_reader *r = &conn->reader;
  for (;;) {
    if (conn->attention_sent) {
      return tds_conn_finish_stop(conn, false, err);
    }
    if (!conn->in_rows) {
      return BR_DONE;
    }
    br_status st = tds_reader_need(r, 1, err);
    if (st != BR_OK) {
      br_error_context(err, st, "After row %" PRIu64, conn->rows_read);
      return tds_conn_read_failed(conn, true, st, err);
    }
    if (*r->pos == TDS_TOKEN_ROW) {
      r->pos++;
      return decode_row(conn, b, err);
    }
    if (*r->pos == TDS_TOKEN_NBCROW) {
      r->pos++;
      return decode_compressed_row(conn, b, err);
    }
    st = between_rows(conn, err);
    if (st != BR_OK) {
      return st;
    }
  }
}

/* The rows have ended; an error that ended them must not look like success. */
static br_status end_of_rows(tds_conn *conn, br_error *err) {
  if (conn->pending.status == BR_OK) {
    return BR_DONE;
  }
  if (conn->state == CONN_RESPONSE) {
    br_status st = BR_OK;
    while (st == BR_OK) {
      st = tds_conn_to_next_result(conn, err);
    }
    return st;
  }
  if (err != NULL) {
    *err = conn->pending;
  }
  return conn->pending.status;
}

br_status tds_read_batch(tds_conn *conn, const tds_batch_limits *limits, batch *b, br_error *err) {
  if (conn->state == CONN_DEAD) {
    return tds_conn_say_lost(conn, err);
  }
  if (conn->schema == NULL || b->schema->count != conn->schema->count) {
    return br_error_set(err, BR_ERR_INTERNAL, "There is no result set for this batch");
  }
  size_t most = b->capacity_rows;
  if (limits->rows != 0 && limits->rows < most) {
    most = limits->rows;
  }
  if (b->rows == 0) {
    b->first_row = conn->rows_read;
  }
  size_t before = b->rows;
  byte_watch watch = watch_bytes(conn, limits->bytes, b);
  br_status st = conn->in_rows ? BR_OK : BR_DONE;
  while (st == BR_OK && b->rows < most) {
    st = next_row(conn, b, err);
    if (st == BR_OK) {
      b->rows++;
      conn->rows_read++;
      if (reached(&watch, conn, b)) {
        break;
      }
    }
  }
  if (b->rows > before && (st == BR_DONE || st == BR_ERR_REMOTE)) {
    return BR_OK; /* these rows first; the next call tells the rest */
  }
  return st == BR_DONE ? end_of_rows(conn, err) : st;
}
