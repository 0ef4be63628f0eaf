/*
 * Values of any length into a column: those with their length in front, and those that come in
 * pieces: PLP (MS-TDS 2.2.5.2.3) and text pointers (2.2.5.5.2). Bytes go from the packet buffer
 * through the column's conversion straight into its data.
 *
 * A piece may end inside a character. Inside one chunk the rest stays in the reader's window, which
 * grows by the next packet; from one chunk to the next it travels in `carry`.
 */
#include <inttypes.h>

#include "tds/family.h"

enum {
  STEP_MAX = 32 * 1024, /* bytes converted at once */
  GROWTH_MAX = 3,       /* bytes stored for one byte sent, at most */
  CARRY_MAX = 16,
};

typedef struct value_sink {
  const tds_decoder *d;
  batch_column *out;
  size_t start;             /* data_len before the value */
  uint8_t carry[CARRY_MAX]; /* the beginning of a character */
  size_t carry_length;
} value_sink;

static br_status over_limit(const tds_decoder *d, br_error *err) {
  return br_error_set(err, BR_ERR_LIMIT, "The cell is larger than the limit of %zu bytes",
                      d->max_cell);
}

static br_status check_size(const value_sink *s, br_error *err) {
  return s->out->data_len - s->start > s->d->max_cell ? over_limit(s->d, err) : BR_OK;
}

/* Converts bytes that lie together into the column; *ret_used as the conversion says. */
static br_status put(value_sink *s, const uint8_t *bytes, size_t length, bool more_follows,
                     size_t *ret_used, br_error *err) {
  batch_column *out = s->out;
  br_status st = batch_column_reserve_data(out, length * GROWTH_MAX, err);
  if (st != BR_OK) {
    return st;
  }
  size_t written = 0;
  st = s->d->convert(s->d, bytes, length, more_follows, out->data + out->data_len, &written,
                     ret_used, err);
  if (st != BR_OK) {
    return st;
  }
  out->data_len += written;
  return check_size(s, err);
}

/* Completes the character in `carry` with the first bytes of the next run. */
static br_status put_carry(value_sink *s, tds_reader *r, uint32_t *run, br_error *err) {
  while (s->carry_length > 0 && *run > 0) {
    uint8_t byte = 0;
    br_status st = tds_reader_u8(r, &byte, err);
    if (st != BR_OK) {
      return st;
    }
    (*run)--;
    s->carry[s->carry_length++] = byte;
    size_t used = 0;
    st = put(s, s->carry, s->carry_length, true, &used, err);
    if (st != BR_OK) {
      return st;
    }
    s->carry_length -= used;
    memmove(s->carry, s->carry + used, s->carry_length);
    if (s->carry_length == sizeof s->carry) {
      return br_error_set(err, BR_ERR_INTERNAL, "A character of %zu bytes", s->carry_length);
    }
  }
  return BR_OK;
}

/* `run` bytes of the value follow in the message. */
static br_status take_run(value_sink *s, tds_reader *r, uint32_t run, br_error *err) {
  br_status st = put_carry(s, r, &run, err);
  while (st == BR_OK && run > 0) {
    st = tds_reader_need(r, 1, err);
    if (st != BR_OK) {
      break;
    }
    size_t there = (size_t)(r->end - r->pos);
    size_t step = there < run ? there : run;
    step = step < STEP_MAX ? step : STEP_MAX;
    size_t used = 0;
    st = put(s, r->pos, step, true, &used, err);
    if (st != BR_OK) {
      break;
    }
    r->pos += used;
    run -= (uint32_t)used;
    if (used == 0 && step == run) {
      /* The run ends inside a character. */
      st = step < CARRY_MAX ? tds_reader_copy(r, s->carry, step, err)
                            : br_error_set(err, BR_ERR_INTERNAL, "A character of %zu bytes", step);
      s->carry_length = step;
      run = 0;
    } else if (used == 0) {
      st = tds_reader_more(r, err); /* the window ends inside a character */
    }
  }
  return st;
}

static br_status end_value(value_sink *s, size_t row, br_error *err) {
  if (s->carry_length > 0) {
    size_t used = 0;
    br_status st = put(s, s->carry, s->carry_length, false, &used, err);
    if (st != BR_OK) {
      return st;
    }
  }
  s->out->offsets[row + 1] = (int32_t)s->out->data_len;
  batch_column_mark_valid(s->out, row);
  return BR_OK;
}

br_status tds_store_whole(const tds_decoder *d, const uint8_t *bytes, size_t length,
                          batch_column *out, size_t row, br_error *err) {
  if (length == 0) {
    return batch_column_append_bytes(out, row, NULL, 0, err);
  }
  br_status st = batch_column_reserve_data(out, length * GROWTH_MAX, err);
  if (st != BR_OK) {
    return st;
  }
  size_t written = 0;
  size_t used = 0;
  st = d->convert(d, bytes, length, false, out->data + out->data_len, &written, &used, err);
  if (st != BR_OK) {
    return st;
  }
  if (written > d->max_cell) {
    return over_limit(d, err);
  }
  out->data_len += written;
  out->offsets[row + 1] = (int32_t)out->data_len;
  batch_column_mark_valid(out, row);
  return BR_OK;
}

br_status tds_decode_len16(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                           br_error *err) {
  br_status st = tds_reader_need(r, 2, err);
  if (st != BR_OK) {
    return st;
  }
  size_t length = br_load_u16le(r->pos);
  if (length == TDS_LENGTH16_NULL) {
    r->pos += 2;
    return batch_column_append_null(out, row, err);
  }
  st = tds_reader_need(r, 2 + length, err);
  if (st != BR_OK) {
    return st;
  }
  const uint8_t *bytes = r->pos + 2;
  r->pos += 2 + length;
  return tds_store_whole(d, bytes, length, out, row, err);
}

br_status tds_decode_len8(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                          br_error *err) {
  br_status st = tds_reader_need(r, 1, err);
  if (st != BR_OK) {
    return st;
  }
  size_t length = *r->pos;
  if (length == 0) {
    r->pos++;
    return batch_column_append_null(out, row, err);
  }
  st = tds_reader_need(r, 1 + length, err);
  if (st != BR_OK) {
    return st;
  }
  const uint8_t *bytes = r->pos + 1;
  r->pos += 1 + length;
  return tds_store_whole(d, bytes, length, out, row, err);
}

br_status tds_decode_plp(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                         br_error *err) {
  uint64_t total = 0;
  br_status st = tds_reader_u64(r, &total, err);
  if (st == BR_OK && total == TDS_PLP_NULL) {
    return batch_column_append_null(out, row, err);
  }
  value_sink sink = {.d = d, .out = out, .start = out->data_len};
  uint64_t sum = 0;
  uint32_t chunk = 0;
  while (st == BR_OK && (st = tds_reader_u32(r, &chunk, err)) == BR_OK && chunk > 0) {
    sum += chunk;
    if (total != TDS_PLP_UNKNOWN && sum > total) {
      return br_error_set(err, BR_ERR_PROTOCOL,
                          "The chunks of a value hold more than the %" PRIu64 " bytes announced",
                          total);
    }
    st = take_run(&sink, r, chunk, err);
  }
  if (st == BR_OK && total != TDS_PLP_UNKNOWN && sum != total) {
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "The chunks of a value hold %" PRIu64 " of the %" PRIu64 " bytes announced",
                        sum, total);
  }
  return st == BR_OK ? end_value(&sink, row, err) : st;
}

/* The length behind a text pointer, or bare as a parameter has it; *ret_null: there is no value. */
static br_status text_length(const tds_decoder *d, tds_reader *r, uint32_t *ret_length,
                             bool *ret_null, br_error *err) {
  uint8_t pointer = 0;
  if (d->info.frame == TDS_FRAME_LONG) {
    br_status st = tds_reader_u32(r, ret_length, err);
    *ret_null = st == BR_OK && *ret_length == TDS_LENGTH32_NULL;
    return st;
  }
  br_status st = tds_reader_u8(r, &pointer, err);
  *ret_null = st == BR_OK && pointer == 0;
  if (st == BR_OK && pointer != 0) {
    st = tds_reader_skip(r, (uint64_t)pointer + TDS_TEXT_TIMESTAMP_SIZE, err);
    if (st == BR_OK) {
      st = tds_reader_u32(r, ret_length, err);
    }
  }
  return st;
}

br_status tds_decode_textptr(tds_decoder *d, tds_reader *r, batch_column *out, size_t row,
                             br_error *err) {
  uint32_t length = 0;
  bool null = false;
  br_status st = text_length(d, r, &length, &null, err);
  if (st == BR_OK && null) {
    return batch_column_append_null(out, row, err);
  }
  if (st == BR_OK && length > INT32_MAX) {
    return tds_bad_length(err, &d->info, length);
  }
  value_sink sink = {.d = d, .out = out, .start = out->data_len};
  if (st == BR_OK) {
    st = take_run(&sink, r, length, err);
  }
  return st == BR_OK ? end_value(&sink, row, err) : st;
}

br_status tds_convert_utf16(const tds_decoder *d, const uint8_t *bytes, size_t length,
                            bool more_follows, uint8_t *out, size_t *ret_written, size_t *ret_used,
                            br_error *err) {
  if (length % 2 != 0 && !more_follows) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A Unicode text ends in half a character");
  }
  return batch_utf16le_to_utf8(bytes, length, more_follows, d->invalid_text, out, ret_written,
                               ret_used, err);
}

br_status tds_convert_code_page(const tds_decoder *d, const uint8_t *bytes, size_t length,
                                bool more_follows, uint8_t *out, size_t *ret_written,
                                size_t *ret_used, br_error *err) {
  return batch_code_page_to_utf8(d->code_page, bytes, length, more_follows, d->invalid_text, out,
                                 ret_written, ret_used, err);
}

br_status tds_convert_bytes(const tds_decoder *d, const uint8_t *bytes, size_t length,
                            bool more_follows, uint8_t *out, size_t *ret_written, size_t *ret_used,
                            br_error *err) {
  (void)d;
  (void)more_follows;
  (void)err;
  memcpy(out, bytes, length);
  *ret_written = *ret_used = length;
  return BR_OK;
}
