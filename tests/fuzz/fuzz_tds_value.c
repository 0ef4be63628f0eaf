/* A TYPE_INFO and values of it, without packets: decoded, and skipped over the same bytes, which
 * must end at the same place. The first byte says where the TYPE_INFO stands, and with its highest
 * bit that all options for types are on. */
#include <stdlib.h>

#include "tds/typeinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 16 };

static br_status set_columns(batch_schema *schema, const tds_decoder *d,
                             const tds_decode_options *options) {
  batch_sql_typespec spec;
  batch_type type;
  const char *suffix = "";
  br_status st = batch_schema_set(schema, 0, "c", d->type, true, NULL);
  st = st == BR_OK ? tds_type_info_spec(&d->info, &spec, NULL) : st;
  if (st == BR_OK && batch_type_companion(spec.type, &options->types, &type, &suffix)) {
    st = batch_schema_set(schema, 1, suffix, type, true, NULL);
  }
  return st;
}

static void decode(tds_reader *r, const tds_type_info *info, tds_decoder *d,
                   const batch_schema *schema) {
  batch *b = NULL;
  if (batch_new(schema, ROWS, &b, NULL) != BR_OK) {
    return;
  }
  tds_reader other = *r;
  br_status st = BR_OK;
  while (b->rows < ROWS && r->pos < r->end && st == BR_OK) {
    st = d->decode(d, r, &b->columns[0], b->rows, NULL);
    if (st == BR_OK) {
      b->rows++;
      if (tds_value_skip(&other, info, NULL) != BR_OK || other.pos != r->pos) {
        abort();
      }
    }
  }
  batch_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const tds_type_place places[] = {TDS_IN_RESULT, TDS_IN_BULK, TDS_IN_PARAMETER,
                                          TDS_IN_RETURN};
  if (size == 0) {
    return 0;
  }
  tds_reader r;
  tds_type_info info;
  tds_decoder d;
  batch_schema *schema = NULL;
  tds_decode_options options = {.max_cell = 1 << 20, .invalid_text = BATCH_INVALID_REPLACE};
  if (data[0] >= 0x80) {
    options.types = (batch_type_options){.timestamp_utc = true,
                                         .time_as_time = true,
                                         .offset_column = true,
                                         .base_type_column = true,
                                         .clr_decoded = true};
  }
  tds_reader_init_memory(&r, data + 1, size - 1);
  if (tds_type_info_read(&r, places[data[0] % 4], &info, NULL) != BR_OK ||
      tds_decoder_init(&d, &info, &options, NULL) != BR_OK ||
      batch_schema_new(d.columns, &schema, NULL) != BR_OK) {
    return 0;
  }
  if (set_columns(schema, &d, &options) == BR_OK) {
    decode(&r, &info, &d, schema);
  }
  batch_schema_free(schema);
  return 0;
}
