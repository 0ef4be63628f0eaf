#include "parquet/delta.h"

#include "parquet/thrift.h"

enum { MINIBLOCK_MULTIPLE = 32, MINIBLOCK_MAX = 1 << 20, WIDTH_MAX = 64 };

static br_status broken(br_error *err) {
  return br_error_set(err, BR_ERR_DATA, "Parquet: delta-encoded values are broken");
}

br_status parquet_delta_open(parquet_delta *d, const uint8_t *bytes, size_t length, br_error *err) {
  *d = (parquet_delta){.in = br_reader_of(bytes, length), .first = true};
  uint64_t block = 0;
  uint64_t first = 0;
  br_status st = parquet_varint_get(&d->in, &block, err);
  if (st == BR_OK) {
    st = parquet_varint_get(&d->in, &d->miniblocks, err);
  }
  if (st == BR_OK) {
    st = parquet_varint_get(&d->in, &d->values_left, err);
  }
  if (st == BR_OK) {
    st = parquet_varint_get(&d->in, &first, err);
  }
  if (st != BR_OK) {
    return st;
  }
  if (d->miniblocks == 0 || block % d->miniblocks != 0) {
    return broken(err);
  }
  d->miniblock_values = block / d->miniblocks;
  if (d->miniblock_values == 0 || d->miniblock_values % MINIBLOCK_MULTIPLE != 0 ||
      d->miniblock_values > MINIBLOCK_MAX) {
    return broken(err);
  }
  d->value = (uint64_t)parquet_unzigzag(first);
  d->miniblock = d->miniblocks;
  return BR_OK;
}

static br_status open_block(parquet_delta *d, br_error *err) {
  uint64_t min_delta = 0;
  br_status st = parquet_varint_get(&d->in, &min_delta, err);
  if (st != BR_OK) {
    return st;
  }
  if (d->miniblocks > br_reader_left(&d->in)) {
    return broken(err);
  }
  d->min_delta = (uint64_t)parquet_unzigzag(min_delta);
  d->widths = d->in.pos;
  d->in.pos += (size_t)d->miniblocks;
  d->miniblock = 0;
  return BR_OK;
}

/* Opens the next miniblock. The last one of all may be cut behind the values that count. */
static br_status open_miniblock(parquet_delta *d, br_error *err) {
  if (d->miniblock == d->miniblocks) {
    br_status st = open_block(d, err);
    if (st != BR_OK) {
      return st;
    }
  }
  d->width = d->in.data[d->widths + (size_t)d->miniblock++];
  uint64_t left = br_reader_left(&d->in);
  uint64_t bytes = d->width * d->miniblock_values / 8;
  uint64_t counted = d->values_left < d->miniblock_values ? d->values_left : d->miniblock_values;
  if (d->width > WIDTH_MAX || (counted * d->width + 7) / 8 > left) {
    return broken(err);
  }
  d->bits_at = d->in.pos;
  d->bit = 0;
  d->in.pos += (size_t)(bytes < left ? bytes : left);
  d->miniblock_left = d->miniblock_values;
  return BR_OK;
}

static uint64_t take_bits(parquet_delta *d) {
  uint64_t value = 0;
  unsigned have = 0;
  while (have < d->width) {
    uint64_t at = d->bit + have;
    unsigned offset = at & 7;
    unsigned take = 8 - offset < d->width - have ? 8 - offset : d->width - have;
    uint64_t byte = d->in.data[d->bits_at + (size_t)(at >> 3)];
    value |= (byte >> offset & ((1U << take) - 1U)) << have;
    have += take;
  }
  d->bit += d->width;
  return value;
}

br_status parquet_delta_next(parquet_delta *d, int64_t *ret_value, br_error *err) {
  if (d->values_left == 0) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a page has too few delta-encoded values");
  }
  if (!d->first) {
    if (d->miniblock_left == 0) {
      br_status st = open_miniblock(d, err);
      if (st != BR_OK) {
        return st;
      }
    }
    d->value += d->min_delta + take_bits(d);
    d->miniblock_left--;
  }
  d->first = false;
  d->values_left--;
  *ret_value = (int64_t)d->value;
  return BR_OK;
}

br_status parquet_delta_skip_all(parquet_delta *d, size_t *ret_end, br_error *err) {
  if (d->first && d->values_left > 0) {
    d->first = false;
    d->values_left--;
  }
  while (d->values_left > 0) {
    if (d->miniblock_left == 0) {
      br_status st = open_miniblock(d, err);
      if (st != BR_OK) {
        return st;
      }
    }
    uint64_t n = d->values_left < d->miniblock_left ? d->values_left : d->miniblock_left;
    /* All widths 0: values that take no bytes; a count that lies costs no more than this loop. */
    d->values_left -= n;
    d->miniblock_left -= n;
  }
  *ret_end = d->in.pos;
  return BR_OK;
}
