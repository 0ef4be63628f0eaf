#include "parquet/rle.h"

#include <string.h>

#include "base/buf.h"
#include "parquet/thrift.h"

enum { GROUP = 8, HEADER_MAX = 5 };

/* A run breaks a packed stretch in two, so it has to save more than two headers and its value. Runs
 * of this many groups or more pay; with this rule packing everything is the worst case. */
static size_t paying_groups(unsigned width) {
  unsigned cost = 2U * HEADER_MAX + (width + 7U) / 8U;
  return (cost + width - 1U) / width;
}

size_t parquet_rle_bound(size_t count, unsigned width) {
  return (count + GROUP - 1) / GROUP * width + 2 * (size_t)HEADER_MAX + sizeof(uint64_t) * 4;
}

/* Packs 8 values; inlined with a constant width each time, so that shifts are constants. */
static inline __attribute__((always_inline)) void pack_group(const uint32_t *v, unsigned width,
                                                             uint8_t *out) {
  uint64_t bits = 0;
  unsigned used = 0;
  for (unsigned i = 0; i < GROUP; i++) {
    bits |= (uint64_t)v[i] << used;
    used += width;
    if (used >= 32) {
      br_store_u32le(out, (uint32_t)bits);
      out += 4;
      bits >>= 32;
      used -= 32;
    }
  }
  for (; used > 0; used = used > 8 ? used - 8 : 0) {
    *out++ = (uint8_t)bits;
    bits >>= 8;
  }
}

#define PACK_CASE(w)                                                                               \
  case w:                                                                                          \
    for (size_t g = 0; g < groups; g++) {                                                          \
      pack_group(values + g * GROUP, w, out + g * (w));                                            \
    }                                                                                              \
    break;

#define PACK_CASES_8(w)                                                                            \
  PACK_CASE(w)                                                                                     \
  PACK_CASE((w) + 1)                                                                               \
  PACK_CASE((w) + 2)                                                                               \
  PACK_CASE((w) + 3)                                                                               \
  PACK_CASE((w) + 4)                                                                               \
  PACK_CASE((w) + 5)                                                                               \
  PACK_CASE((w) + 6)                                                                               \
  PACK_CASE((w) + 7)

static void pack_groups(const uint32_t *values, size_t groups, unsigned width, uint8_t *out) {
  switch (width) {
    PACK_CASES_8(1)
    PACK_CASES_8(9)
    PACK_CASES_8(17)
    PACK_CASES_8(25)
  default:
    break;
  }
}

/* Groups of full 8 values, all equal to the first one, from values on. */
static size_t equal_groups(const uint32_t *values, size_t groups) {
  uint32_t first = values[0];
  for (size_t g = 0; g < groups; g++) {
    const uint32_t *v = values + g * GROUP;
    uint32_t difference = 0;
    for (unsigned i = 0; i < GROUP; i++) {
      difference |= v[i] ^ first;
    }
    if (difference != 0) {
      return g;
    }
  }
  return groups;
}

/* Writes one packed stretch; a last group that isn't full is filled up with zeros. */
static uint8_t *put_packed(const uint32_t *values, size_t count, unsigned width, uint8_t *out) {
  size_t full = count / GROUP;
  size_t rest = count % GROUP;
  if (count == 0) {
    return out;
  }
  out += parquet_varint_put(out, (uint64_t)(full + (rest > 0)) << 1 | 1);
  pack_groups(values, full, width, out);
  out += full * width;
  if (rest > 0) {
    uint32_t last[GROUP] = {0};
    memcpy(last, values + full * GROUP, rest * sizeof *values);
    pack_groups(last, 1, width, out);
    out += width;
  }
  return out;
}

static uint8_t *put_run(uint32_t value, size_t count, unsigned width, uint8_t *out) {
  out += parquet_varint_put(out, (uint64_t)count << 1);
  for (unsigned bits = 0; bits < width; bits += 8) {
    *out++ = (uint8_t)(value >> bits);
  }
  return out;
}

size_t parquet_rle_encode(const uint32_t *values, size_t count, unsigned width, uint8_t *out) {
  uint8_t *start = out;
  size_t pays = paying_groups(width);
  size_t packed_from = 0;
  size_t i = 0;
  while (count - i >= GROUP) {
    size_t run = equal_groups(values + i, (count - i) / GROUP);
    if (run < pays) {
      i += (run == 0 ? 1 : run) * GROUP;
      continue;
    }
    size_t end = i + run * GROUP;
    while (end < count && values[end] == values[i]) {
      end++;
    }
    out = put_packed(values + packed_from, i - packed_from, width, out);
    out = put_run(values[i], end - i, width, out);
    i = packed_from = end;
  }
  if (packed_from == 0 && count > 0 && count < GROUP && values[0] == values[count - 1]) {
    size_t same = 1;
    while (same < count && values[same] == values[0]) {
      same++;
    }
    if (same == count) {
      return (size_t)(put_run(values[0], count, width, out) - start);
    }
  }
  out = put_packed(values + packed_from, count - packed_from, width, out);
  return (size_t)(out - start);
}

size_t parquet_rle_encode_bits(const uint8_t *bits, size_t count, uint8_t *out) {
  uint8_t *start = out;
  size_t pays = paying_groups(1);
  size_t full = count / GROUP;
  size_t bytes = (count + GROUP - 1) / GROUP;
  size_t packed_from = 0;
  for (size_t i = 0; i < full;) {
    size_t end = i + 1;
    if (bits[i] == 0 || bits[i] == 0xFF) {
      while (end < full && bits[end] == bits[i]) {
        end++;
      }
    }
    if (end - i >= pays) {
      if (i > packed_from) {
        out += parquet_varint_put(out, (uint64_t)(i - packed_from) << 1 | 1);
        memcpy(out, bits + packed_from, i - packed_from);
        out += i - packed_from;
      }
      out = put_run(bits[i] & 1U, (end - i) * GROUP, 1, out);
      packed_from = end;
    }
    i = end;
  }
  if (packed_from < bytes) {
    out += parquet_varint_put(out, (uint64_t)(bytes - packed_from) << 1 | 1);
    memcpy(out, bits + packed_from, bytes - packed_from);
    out += bytes - packed_from;
  }
  return (size_t)(out - start);
}

parquet_rle_decoder parquet_rle_decoder_of(const uint8_t *bytes, size_t length, unsigned width) {
  return (parquet_rle_decoder){.next = bytes, .end = bytes + length, .width = width};
}

/* Opens the next run. */
static br_status open_run(parquet_rle_decoder *d, br_error *err) {
  br_reader in = br_reader_of(d->next, (size_t)(d->end - d->next));
  uint64_t head = 0;
  br_status st = parquet_varint_get(&in, &head, err);
  if (st != BR_OK) {
    return st;
  }
  d->next += in.pos;
  size_t left = (size_t)(d->end - d->next);
  d->packed = (head & 1) != 0;
  if (d->packed) {
    /* The last group may be cut: values that the bytes don't hold are missed when asked for. */
    uint64_t groups = head >> 1;
    uint64_t held = d->width == 0 ? UINT32_MAX : (uint64_t)left * 8 / d->width;
    d->left = groups > held / GROUP ? (size_t)held : (size_t)groups * GROUP;
    d->bit = 0;
  } else {
    unsigned bytes = (d->width + 7) / 8;
    if (bytes > left) {
      return br_error_set(err, BR_ERR_DATA, "Parquet: a run of levels or indexes ends early");
    }
    d->value = 0;
    for (unsigned i = 0; i < bytes; i++) {
      d->value |= (uint32_t)d->next[i] << (8 * i);
    }
    d->next += bytes;
    d->left = head >> 1 > UINT32_MAX ? UINT32_MAX : (size_t)(head >> 1);
  }
  if (d->left == 0) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: an empty run of levels or indexes");
  }
  return BR_OK;
}

/* Takes count values from the packed run; the bytes are there. */
static void unpack(parquet_rle_decoder *d, uint32_t *out, size_t count) {
  unsigned width = d->width;
  uint64_t mask = width == 32 ? UINT32_MAX : ((uint64_t)1 << width) - 1;
  const uint8_t *p = d->next;
  unsigned bit = d->bit % 8;
  size_t i = 0;
  for (; i < count && d->end - p >= 8; i++) {
    out[i] = (uint32_t)(br_load_u64le(p) >> bit & mask);
    bit += width;
    p += bit / 8;
    bit %= 8;
  }
  for (; i < count; i++) {
    uint64_t word = 0;
    for (unsigned b = 0; b * 8 < bit + width; b++) {
      word |= (uint64_t)p[b] << (8 * b);
    }
    out[i] = (uint32_t)(word >> bit & mask);
    bit += width;
    p += bit / 8;
    bit %= 8;
  }
  d->next = p;
  d->bit = bit;
}

br_status parquet_rle_decode(parquet_rle_decoder *d, uint32_t *out, size_t count, br_error *err) {
  while (count > 0) {
    if (d->left == 0) {
      br_status st = open_run(d, err);
      if (st != BR_OK) {
        return st;
      }
    }
    size_t n = count < d->left ? count : d->left;
    if (d->packed) {
      unpack(d, out, n);
    } else {
      for (size_t i = 0; i < n; i++) {
        out[i] = d->value;
      }
    }
    out += n;
    count -= n;
    d->left -= n;
    if (d->left == 0 && d->packed && d->bit != 0) {
      d->next++;
      d->bit = 0;
    }
  }
  return BR_OK;
}
