/* A TYPE_INFO and values of it, without packets: decoded, and skipped over the same bytes, which
 * must end at the same place. The first byte says where the TYPE_INFO stands. */
#include <stdlib.h>

#include "tds/typeinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 16 };

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
  static const tds_type_place places[] = {TDS_IN_RESULT, TDS_IN_BULK, TDS_IN_PARAMETER};
  if (size == 0) {
    return 0;
  }
  tds_reader r;
  tds_type_info info;
  tds_decoder d;
  batch_schema *schema = NULL;
  const tds_decode_options options = {.max_cell = 1 << 20, .invalid_text = BATCH_INVALID_REPLACE};
  tds_reader_init_memory(&r, data + 1, size - 1);
  if (tds_type_info_read(&r, places[data[0] % 3], &info, NULL) != BR_OK ||
      tds_decoder_init(&d, &info, &options, NULL) != BR_OK ||
      batch_schema_new(1, &schema, NULL) != BR_OK) {
    return 0;
  }
  if (batch_schema_set(schema, 0, "c", d.type, true, NULL) == BR_OK) {
    decode(&r, &info, &d, schema);
  }
  batch_schema_free(schema);
  return 0;
}
