#include "parquet/dictionary.h"

#include <string.h>

#include "base/mem.h"

enum { FIRST_PLACES = 256, GROWTH = 2 };

/* 2^64 divided by the golden ratio: multiplying spreads nearby keys over the high bits. */
static const uint64_t SPREAD = 0x9E3779B97F4A7C15U;

void parquet_dictionary_init(parquet_dictionary *d, unsigned width, unsigned fixed, size_t max) {
  *d = (parquet_dictionary){.width = width, .fixed = fixed, .max = max};
  br_buf_init(&d->values, max);
  br_buf_init(&d->starts, SIZE_MAX);
}

void parquet_dictionary_done(parquet_dictionary *d) {
  br_buf_done(&d->values);
  br_buf_done(&d->starts);
  br_free(d->slots);
  br_free(d->entries);
  d->slots = NULL;
  d->entries = NULL;
  d->places = 0;
  d->count = 0;
}

void parquet_dictionary_clear(parquet_dictionary *d) {
  if (d->slots != NULL) {
    memset(d->slots, 0, d->places * sizeof *d->slots);
  }
  if (d->entries != NULL) {
    memset(d->entries, 0, d->places * sizeof *d->entries);
  }
  br_buf_clear(&d->values);
  br_buf_clear(&d->starts);
  d->count = 0;
}

size_t parquet_dictionary_memory(const parquet_dictionary *d) {
  return d->values.cap + d->starts.cap +
         d->places * (d->width != 0 ? sizeof *d->slots : sizeof *d->entries);
}

static inline uint64_t load_number(const uint8_t *values, size_t index, unsigned width) {
  if (width == 4) {
    uint32_t word = 0;
    memcpy(&word, values + index * 4, sizeof word);
    return word;
  }
  uint64_t word = 0;
  memcpy(&word, values + index * 8, sizeof word);
  return word;
}

static inline size_t number_place(uint64_t key, unsigned shift) {
  return (size_t)((key ^ key >> 32) * SPREAD >> shift);
}

static unsigned shift_of(size_t places) {
  return 64U - (unsigned)__builtin_ctzll(places);
}

/* Makes the table of numbers larger and puts all values in again. */
static br_status grow_slots(parquet_dictionary *d, br_error *err) {
  size_t places = d->places == 0 ? FIRST_PLACES : d->places * GROWTH;
  uint32_t *slots = br_calloc(places, sizeof *slots);
  if (slots == NULL) {
    return br_error_nomem(err);
  }
  unsigned shift = shift_of(places);
  for (uint32_t i = 0; i < d->count; i++) {
    size_t at = number_place(load_number(d->values.data, i, d->width), shift);
    while (slots[at] != 0) {
      at = (at + 1) & (places - 1);
    }
    slots[at] = i + 1;
  }
  br_free(d->slots);
  d->slots = slots;
  d->places = places;
  d->shift = shift;
  return BR_OK;
}

/* Inlined with a constant width. *ret_full: a new value has no room. */
static inline __attribute__((always_inline)) br_status
add_numbers(parquet_dictionary *d, unsigned width, const uint8_t *values, size_t count,
            uint32_t *indexes, size_t *ret_added, br_error *err) {
  for (size_t i = 0; i < count; i++) {
    uint64_t key = load_number(values, i, width);
    size_t at = number_place(key, d->shift);
    uint32_t slot = 0;
    while ((slot = d->slots[at]) != 0 && load_number(d->values.data, slot - 1, width) != key) {
      at = (at + 1) & (d->places - 1);
    }
    if (slot == 0) {
      if (d->values.len + width > d->max) {
        *ret_added = i;
        return BR_OK;
      }
      br_status st = br_buf_append(&d->values, values + i * width, width, err);
      if (st != BR_OK) {
        return st;
      }
      d->slots[at] = slot = ++d->count;
      if ((size_t)d->count * 2 > d->places && (st = grow_slots(d, err)) != BR_OK) {
        return st;
      }
    }
    indexes[i] = slot - 1;
  }
  *ret_added = count;
  return BR_OK;
}

br_status parquet_dictionary_add_numbers(parquet_dictionary *d, const uint8_t *values, size_t count,
                                         uint32_t *indexes, size_t *ret_added, br_error *err) {
  if (d->places == 0) {
    br_status st = grow_slots(d, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return d->width == 4 ? add_numbers(d, 4, values, count, indexes, ret_added, err)
                       : add_numbers(d, 8, values, count, indexes, ret_added, err);
}

/* The first 8 bytes, without reading behind the end. */
static inline uint64_t head_of(const uint8_t *value, size_t length) {
  uint64_t head = 0;
  if (length >= 8) {
    memcpy(&head, value, 8);
  } else if (length >= 4) {
    head = br_load_u32le(value) | (uint64_t)br_load_u32le(value + length - 4) << (8 * (length - 4));
  } else if (length > 0) {
    head = value[0] | (uint64_t)value[length / 2] << (8 * (length / 2)) |
           (uint64_t)value[length - 1] << (8 * (length - 1));
  }
  return head;
}

static inline uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * SPREAD;
  return hash ^ hash >> 29;
}

static inline uint64_t hash_of(const uint8_t *value, size_t length, uint64_t head) {
  uint64_t hash = mix(length, head);
  if (length > 8) {
    for (size_t i = 8; i + 8 < length; i += 8) {
      uint64_t word = 0;
      memcpy(&word, value + i, 8);
      hash = mix(hash, word);
    }
    uint64_t tail = 0;
    memcpy(&tail, value + length - 8, 8);
    hash = mix(hash, tail);
  }
  return hash * SPREAD;
}

const uint8_t *parquet_dictionary_string(const parquet_dictionary *d, uint32_t index,
                                         size_t *ret_length) {
  uint32_t start = 0;
  memcpy(&start, d->starts.data + (size_t)index * sizeof start, sizeof start);
  const uint8_t *value = d->values.data + start;
  *ret_length = d->fixed != 0 ? d->fixed : br_load_u32le(value - 4);
  return value;
}

static br_status grow_entries(parquet_dictionary *d, br_error *err) {
  size_t places = d->places == 0 ? FIRST_PLACES : d->places * GROWTH;
  parquet_entry *entries = br_calloc(places, sizeof *entries);
  if (entries == NULL) {
    return br_error_nomem(err);
  }
  unsigned shift = shift_of(places);
  for (uint32_t i = 0; i < d->count; i++) {
    size_t length = 0;
    const uint8_t *value = parquet_dictionary_string(d, i, &length);
    uint64_t head = head_of(value, length);
    size_t at = (size_t)(hash_of(value, length, head) >> shift);
    while (entries[at].index_plus_1 != 0) {
      at = (at + 1) & (places - 1);
    }
    entries[at] = (parquet_entry){head, (uint32_t)length, i + 1};
  }
  br_free(d->entries);
  d->entries = entries;
  d->places = places;
  d->shift = shift;
  return BR_OK;
}

static inline bool same(const parquet_dictionary *d, const parquet_entry *entry,
                        const uint8_t *value, size_t length, uint64_t head) {
  if (entry->head != head || entry->length != length) {
    return false;
  }
  if (length <= 8) {
    return true;
  }
  size_t stored_length = 0;
  const uint8_t *stored = parquet_dictionary_string(d, entry->index_plus_1 - 1, &stored_length);
  return memcmp(stored + 8, value + 8, length - 8) == 0;
}

/* Appends a value that isn't there yet. */
static br_status append_string(parquet_dictionary *d, const uint8_t *value, size_t length,
                               br_error *err) {
  size_t old = d->values.len;
  br_status st = d->fixed != 0 ? BR_OK : br_buf_u32le(&d->values, (uint32_t)length, err);
  uint32_t start = (uint32_t)d->values.len;
  if (st == BR_OK) {
    st = br_buf_append(&d->values, value, length, err);
  }
  if (st == BR_OK) {
    st = br_buf_append(&d->starts, &start, sizeof start, err);
  }
  if (st != BR_OK) {
    d->values.len = old;
    return st;
  }
  d->count++;
  return BR_OK;
}

/* Finds or adds one value. *ret_index UINT32_MAX: no room for it. */
static inline br_status add_string(parquet_dictionary *d, const uint8_t *value, size_t length,
                                   uint32_t *ret_index, br_error *err) {
  uint64_t head = head_of(value, length);
  size_t at = (size_t)(hash_of(value, length, head) >> d->shift);
  parquet_entry *entry = NULL;
  while ((entry = &d->entries[at])->index_plus_1 != 0) {
    if (same(d, entry, value, length, head)) {
      *ret_index = entry->index_plus_1 - 1;
      return BR_OK;
    }
    at = (at + 1) & (d->places - 1);
  }
  size_t bytes = length + (d->fixed != 0 ? 0 : 4);
  if (bytes > d->max - d->values.len) {
    *ret_index = UINT32_MAX;
    return BR_OK;
  }
  br_status st = append_string(d, value, length, err);
  if (st != BR_OK) {
    return st;
  }
  *entry = (parquet_entry){head, (uint32_t)length, d->count};
  *ret_index = d->count - 1;
  return (size_t)d->count * 2 > d->places ? grow_entries(d, err) : BR_OK;
}

br_status parquet_dictionary_add_strings(parquet_dictionary *d, const uint8_t *data,
                                         const int32_t *offsets, size_t count, uint32_t *indexes,
                                         size_t *ret_added, br_error *err) {
  br_status st = d->places == 0 ? grow_entries(d, err) : BR_OK;
  size_t i = 0;
  for (; st == BR_OK && i < count; i++) {
    st = add_string(d, data + offsets[i], (size_t)(offsets[i + 1] - offsets[i]), &indexes[i], err);
    if (st == BR_OK && indexes[i] == UINT32_MAX) {
      break;
    }
  }
  if (st == BR_OK) {
    *ret_added = i;
  }
  return st;
}

br_status parquet_dictionary_add_fixed(parquet_dictionary *d, const uint8_t *values, size_t count,
                                       uint32_t *indexes, size_t *ret_added, br_error *err) {
  br_status st = d->places == 0 ? grow_entries(d, err) : BR_OK;
  size_t i = 0;
  for (; st == BR_OK && i < count; i++) {
    st = add_string(d, values + i * d->fixed, d->fixed, &indexes[i], err);
    if (st == BR_OK && indexes[i] == UINT32_MAX) {
      break;
    }
  }
  if (st == BR_OK) {
    *ret_added = i;
  }
  return st;
}
