/*
 * The stream of a bulk load (MS-TDS 2.2.6.1): what a client sends behind INSERT BULK.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "tds/server.h"

static br_status read_column(tds_bulk *bulk, tds_reader *r, size_t index,
                             const tds_decode_options *options, br_error *err) {
  uint32_t user_type = 0;
  uint16_t flags = 0;
  uint8_t units = 0;
  tds_type_info info;
  br_reader view;
  char name[TDS_LOGIN_TEXT_MAX];
  br_status st = tds_reader_u32(r, &user_type, err);
  if (st == BR_OK) {
    st = tds_reader_u16(r, &flags, err);
  }
  if (st == BR_OK) {
    st = tds_type_info_read(r, TDS_IN_BULK, &info, err);
  }
  if (st == BR_OK) {
    st = tds_reader_u8(r, &units, err);
  }
  if (st == BR_OK) {
    st = tds_reader_view(r, (size_t)units * 2, &view, err);
  }
  if (st == BR_OK) {
    st = tds_view_utf16(&view, units, name, sizeof name, err);
  }
  if (st != BR_OK) {
    return st;
  }
  /* json comes as varchar(max) without a collation, in UTF-8. */
  static const uint8_t no_collation[TDS_COLLATION_SIZE] = {0};
  if (info.id == TDS_TYPE_BIGVARCHAR && info.frame == TDS_FRAME_PLP &&
      memcmp(info.collation, no_collation, sizeof no_collation) == 0) {
    memcpy(info.collation, tds_collation_utf8, sizeof info.collation);
  }
  info.user_type = user_type;
  info.nullable = true;
  st = tds_decoder_init(&bulk->decoders[index], &info, options, err);
  batch_field *field = &bulk->schema->fields[index];
  if (st == BR_OK) {
    st = batch_schema_set(bulk->schema, index, name, bulk->decoders[index].type, true, err);
  }
  if (st == BR_OK) {
    field->has_source = true;
    st = tds_type_info_spec(&info, &field->source, err);
  }
  return st;
}

static br_status read_columns(tds_bulk *bulk, tds_reader *r, size_t max_cell, br_error *err) {
  const tds_decode_options options = {.invalid_text = BATCH_INVALID_REPLACE, .max_cell = max_cell};
  uint8_t token = 0;
  uint16_t count = 0;
  br_status st = tds_reader_u8(r, &token, err);
  if (st == BR_OK && token != TDS_TOKEN_COLMETADATA) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "COLMETADATA must be present when using bcp");
  }
  if (st == BR_OK) {
    st = tds_reader_u16(r, &count, err);
  }
  if (st == BR_OK && (count == 0 || count > BR_LIMIT_COLUMNS)) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A bulk load of %u columns", count);
  }
  if (st == BR_OK) {
    st = batch_schema_new(count, &bulk->schema, err);
  }
  if (st == BR_OK) {
    bulk->decoders = br_calloc(count, sizeof *bulk->decoders);
    st = bulk->decoders == NULL ? br_error_nomem(err) : BR_OK;
  }
  for (size_t i = 0; i < count && st == BR_OK; i++) {
    st = read_column(bulk, r, i, &options, err);
    if (st != BR_OK) {
      return br_error_context(err, st, "column %zu", i + 1);
    }
  }
  return st;
}

br_status tds_bulk_begin(tds_bulk *bulk, tds_reader *r, size_t max_cell, br_error *err) {
  tds_bulk made = {.schema = NULL};
  br_status st = read_columns(&made, r, max_cell, err);
  if (st != BR_OK) {
    tds_bulk_done(&made);
    return st;
  }
  *bulk = made;
  return BR_OK;
}

static br_status read_row(tds_bulk *bulk, tds_reader *r, batch *b, br_error *err) {
  for (size_t i = 0; i < bulk->schema->count; i++) {
    tds_decoder *d = &bulk->decoders[i];
    br_status st = d->decode(d, r, &b->columns[i], b->rows, err);
    if (st != BR_OK) {
      batch_rollback_row(b);
      return br_error_context(err, st, "row %" PRIu64 ", column %zu", bulk->rows + 1, i + 1);
    }
  }
  b->rows++;
  bulk->rows++;
  return BR_OK;
}

br_status tds_bulk_read(tds_bulk *bulk, tds_reader *r, batch *b, br_error *err) {
  while (b->rows < b->capacity_rows) {
    uint8_t token = 0;
    /* Some clients send no DONE: the end of the message does as well. */
    if (bulk->ended || tds_reader_at_end(r)) {
      break;
    }
    br_status st = tds_reader_u8(r, &token, err);
    if (st != BR_OK) {
      return st;
    }
    if (token == TDS_TOKEN_DONE) {
      st = tds_reader_skip(r, TDS_DONE_SIZE, err);
      bulk->ended = true;
      return st != BR_OK || b->rows > 0 ? st : BR_DONE;
    }
    if (token != TDS_TOKEN_ROW) {
      return br_error_set(err, BR_ERR_PROTOCOL, "Token 0x%02X in a bulk load", token);
    }
    st = read_row(bulk, r, b, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return b->rows > 0 ? BR_OK : BR_DONE;
}

void tds_bulk_done(tds_bulk *bulk) {
  batch_schema_free(bulk->schema);
  br_free(bulk->decoders);
  *bulk = (tds_bulk){.schema = NULL};
}
