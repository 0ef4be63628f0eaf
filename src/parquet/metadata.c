#include "parquet/metadata.h"

#include <inttypes.h>

#include "base/limits.h"
#include "base/mem.h"

/* Names in messages are cut here. */
enum { NAME_SHOWN = 100, LEAVES_MAX = 1 << 16 };

static br_status parse_decimal(br_reader *in, parquet_element *e, br_error *err) {
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if (field.id == 1) {
      st = parquet_thrift_get_i32(in, &field, &e->logical_scale, err);
    } else if (field.id == 2) {
      st = parquet_thrift_get_i32(in, &field, &e->logical_precision, err);
    } else {
      st = parquet_thrift_skip(in, field.type, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

/* The union TimeUnit: the id of its field is the unit. */
static br_status parse_unit(br_reader *in, parquet_element *e, br_error *err) {
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    e->unit = field.id;
    st = parquet_thrift_skip(in, field.type, err);
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

static br_status parse_time(br_reader *in, parquet_element *e, br_error *err) {
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if (field.id == 1) {
      st = parquet_thrift_get_bool(&field, &e->utc, err);
    } else if (field.id == 2 && field.type == PARQUET_THRIFT_STRUCT) {
      st = parse_unit(in, e, err);
    } else {
      st = parquet_thrift_skip(in, field.type, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

static br_status parse_integer(br_reader *in, parquet_element *e, br_error *err) {
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if (field.id == 1) {
      st = parquet_thrift_get_i8(in, &field, &e->bits, err);
    } else if (field.id == 2) {
      st = parquet_thrift_get_bool(&field, &e->is_signed, err);
    } else {
      st = parquet_thrift_skip(in, field.type, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

/* The union LogicalType. */
static br_status parse_logical(br_reader *in, parquet_element *e, br_error *err) {
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    st = parquet_thrift_want_struct(&field, err);
    if (st != BR_OK) {
      return st;
    }
    e->logical = (parquet_logical)field.id;
    if (field.id == PARQUET_LOGICAL_DECIMAL) {
      st = parse_decimal(in, e, err);
    } else if (field.id == PARQUET_LOGICAL_TIME || field.id == PARQUET_LOGICAL_TIMESTAMP) {
      st = parse_time(in, e, err);
    } else if (field.id == PARQUET_LOGICAL_INTEGER) {
      st = parse_integer(in, e, err);
    } else {
      st = parquet_thrift_skip(in, field.type, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

static br_status parse_element_field(br_reader *in, const parquet_thrift_field *field,
                                     parquet_element *e, br_error *err) {
  switch (field->id) {
  case 1:
    return parquet_thrift_get_i32(in, field, &e->physical, err);
  case 2:
    return parquet_thrift_get_i32(in, field, &e->type_length, err);
  case 3:
    return parquet_thrift_get_i32(in, field, &e->repetition, err);
  case 4:
    return parquet_thrift_get_binary(in, field, &e->name, &e->name_length, err);
  case 5:
    return parquet_thrift_get_i32(in, field, &e->children, err);
  case 6:
    return parquet_thrift_get_i32(in, field, &e->converted, err);
  case 7:
    return parquet_thrift_get_i32(in, field, &e->scale, err);
  case 8:
    return parquet_thrift_get_i32(in, field, &e->precision, err);
  case 10: {
    br_status st = parquet_thrift_want_struct(field, err);
    return st == BR_OK ? parse_logical(in, e, err) : st;
  }
  default:
    return parquet_thrift_skip(in, field->type, err);
  }
}

static br_status parse_element(br_reader *in, parquet_element *e, br_error *err) {
  parquet_thrift_field field = {0};
  *e = (parquet_element){.physical = -1, .converted = PARQUET_CONVERTED_NONE};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if ((st = parse_element_field(in, &field, e, err)) != BR_OK) {
      return st;
    }
  }
  return st;
}

static br_status parse_leaf(br_reader *in, parquet_leaf *leaf, br_error *err) {
  parquet_element e;
  br_status st = parse_element(in, &e, err);
  if (st == BR_OK) {
    st = parquet_leaf_resolve(&e, leaf, err);
  }
  if (st != BR_OK) {
    int shown = e.name_length < NAME_SHOWN ? (int)e.name_length : NAME_SHOWN;
    return br_error_context(err, st, "Parquet: column %.*s", shown,
                            e.name == NULL ? "" : (const char *)e.name);
  }
  leaf->name = br_strndup(e.name == NULL ? "" : (const char *)e.name, e.name_length);
  return leaf->name == NULL ? br_error_nomem(err) : BR_OK;
}

static br_status parse_schema(parquet_metadata *m, br_reader *in, size_t count, br_error *err) {
  parquet_element root;
  if (count < 2 || count > LEAVES_MAX) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a schema of %zu elements", count);
  }
  br_status st = parse_element(in, &root, err);
  if (st != BR_OK) {
    return st;
  }
  if (m->leaves != NULL) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: two schemas");
  }
  m->leaves = br_calloc(count - 1, sizeof *m->leaves);
  if (m->leaves == NULL) {
    return br_error_nomem(err);
  }
  m->count = count - 1;
  for (size_t i = 0; st == BR_OK && i < m->count; i++) {
    st = parse_leaf(in, &m->leaves[i], err);
  }
  return st;
}

static br_status copy_text(br_reader *in, const parquet_thrift_field *field, char **ret_text,
                           br_error *err) {
  const uint8_t *bytes = NULL;
  size_t length = 0;
  br_status st = parquet_thrift_get_binary(in, field, &bytes, &length, err);
  if (st != BR_OK) {
    return st;
  }
  br_free(*ret_text);
  *ret_text = br_strndup((const char *)bytes, length);
  return *ret_text == NULL ? br_error_nomem(err) : BR_OK;
}

static br_status parse_pair(br_reader *in, parquet_pair *pair, br_error *err) {
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if (field.id == 1) {
      st = copy_text(in, &field, &pair->key, err);
    } else if (field.id == 2) {
      st = copy_text(in, &field, &pair->value, err);
    } else {
      st = parquet_thrift_skip(in, field.type, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

static br_status parse_pairs(parquet_metadata *m, br_reader *in, size_t count, br_error *err) {
  if (m->pairs != NULL) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: key-value metadata twice");
  }
  m->pairs = br_calloc(count, sizeof *m->pairs);
  if (m->pairs == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    m->pair_count = i + 1;
    st = parse_pair(in, &m->pairs[i], err);
  }
  return st;
}

static br_status parse_rows(parquet_metadata *m, br_reader *in, const parquet_thrift_field *field,
                            br_error *err) {
  int64_t rows = 0;
  br_status st = parquet_thrift_get_i64(in, field, &rows, err);
  if (st == BR_OK && rows < 0) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a file of %" PRId64 " rows", rows);
  }
  m->rows = (uint64_t)rows;
  return st;
}

static br_status parse_file_field(parquet_metadata *m, br_reader *in,
                                  const parquet_thrift_field *field, br_error *err) {
  size_t count = 0;
  br_status st = BR_OK;
  switch (field->id) {
  case 2:
    st = parquet_thrift_get_list(in, field, PARQUET_THRIFT_STRUCT, &count, err);
    return st == BR_OK ? parse_schema(m, in, count, err) : st;
  case 3:
    return parse_rows(m, in, field, err);
  case 4:
    st = parquet_thrift_get_list(in, field, PARQUET_THRIFT_STRUCT, &m->groups, err);
    m->groups_at = in->pos;
    for (size_t i = 0; st == BR_OK && i < m->groups; i++) {
      st = parquet_thrift_skip(in, PARQUET_THRIFT_STRUCT, err);
    }
    return st;
  case 5:
    st = parquet_thrift_get_list(in, field, PARQUET_THRIFT_STRUCT, &count, err);
    return st == BR_OK ? parse_pairs(m, in, count, err) : st;
  default:
    return parquet_thrift_skip(in, field->type, err);
  }
}

br_status parquet_metadata_parse(parquet_metadata *m, br_buf *footer, uint64_t data_end,
                                 br_error *err) {
  *m = (parquet_metadata){.footer = *footer, .data_end = data_end};
  br_buf_init(footer, footer->max);
  br_reader in = br_reader_of(m->footer.data, m->footer.len);
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(&in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if ((st = parse_file_field(m, &in, &field, err)) != BR_OK) {
      return st;
    }
  }
  if (st == BR_OK && m->leaves == NULL) {
    st = br_error_set(err, BR_ERR_DATA, "Parquet: the footer has no schema");
  }
  return st;
}

void parquet_metadata_done(parquet_metadata *m) {
  for (size_t i = 0; m->leaves != NULL && i < m->count; i++) {
    br_free(m->leaves[i].name);
  }
  for (size_t i = 0; m->pairs != NULL && i < m->pair_count; i++) {
    br_free(m->pairs[i].key);
    br_free(m->pairs[i].value);
  }
  br_free(m->leaves);
  br_free(m->pairs);
  br_buf_done(&m->footer);
  *m = (parquet_metadata){0};
}

/* Parts of ColumnMetaData that reading takes. */
typedef struct column_facts {
  int64_t values;
  int64_t compressed;
  int64_t data_offset;
  int64_t dictionary_offset;
  int32_t physical;
  int32_t codec;
} column_facts;

static br_status parse_facts(br_reader *in, column_facts *facts, br_error *err) {
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    switch (field.id) {
    case 1:
      st = parquet_thrift_get_i32(in, &field, &facts->physical, err);
      break;
    case 4:
      st = parquet_thrift_get_i32(in, &field, &facts->codec, err);
      break;
    case 5:
      st = parquet_thrift_get_i64(in, &field, &facts->values, err);
      break;
    case 7:
      st = parquet_thrift_get_i64(in, &field, &facts->compressed, err);
      break;
    case 9:
      st = parquet_thrift_get_i64(in, &field, &facts->data_offset, err);
      break;
    case 11:
      st = parquet_thrift_get_i64(in, &field, &facts->dictionary_offset, err);
      break;
    default:
      st = parquet_thrift_skip(in, field.type, err);
      break;
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st;
}

/* Turns the facts into a stretch of the file, which has to lie before the footer. */
static br_status check_facts(const parquet_metadata *m, const parquet_leaf *leaf,
                             const column_facts *facts, parquet_chunk *chunk, br_error *err) {
  int64_t start = facts->dictionary_offset > 0 && facts->dictionary_offset < facts->data_offset
                      ? facts->dictionary_offset
                      : facts->data_offset;
  if (start < PARQUET_MAGIC_LENGTH || facts->compressed < 0 || facts->values < 0 ||
      (uint64_t)start > m->data_end ||
      (uint64_t)facts->compressed > m->data_end - (uint64_t)start) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: column %s lies outside the file", leaf->name);
  }
  if (facts->physical != (int32_t)leaf->physical) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: column %s has another type in a row group",
                        leaf->name);
  }
  chunk->start = (uint64_t)start;
  chunk->end = (uint64_t)start + (uint64_t)facts->compressed;
  chunk->values = (uint64_t)facts->values;
  chunk->codec = (parquet_compression)facts->codec;
  return BR_OK;
}

static br_status parse_chunk(const parquet_metadata *m, br_reader *in, const parquet_leaf *leaf,
                             parquet_chunk *chunk, br_error *err) {
  column_facts facts = {.physical = -1, .data_offset = -1};
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if (field.id == 1) {
      return br_error_set(err, BR_ERR_UNSUPPORTED, "Parquet: column %s lies in another file",
                          leaf->name);
    }
    if (field.id == 3 && field.type == PARQUET_THRIFT_STRUCT) {
      st = parse_facts(in, &facts, err);
    } else {
      st = parquet_thrift_skip(in, field.type, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  return st == BR_OK ? check_facts(m, leaf, &facts, chunk, err) : st;
}

static br_status parse_chunks(const parquet_metadata *m, br_reader *in,
                              const parquet_thrift_field *field, parquet_chunk *chunks,
                              br_error *err) {
  size_t count = 0;
  br_status st = parquet_thrift_get_list(in, field, PARQUET_THRIFT_STRUCT, &count, err);
  if (st == BR_OK && count != m->count) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a row group of %zu columns, the schema has %zu",
                        count, m->count);
  }
  for (size_t i = 0; st == BR_OK && i < count; i++) {
    st = parse_chunk(m, in, &m->leaves[i], &chunks[i], err);
  }
  return st;
}

br_status parquet_metadata_group(const parquet_metadata *m, size_t *at, parquet_chunk *chunks,
                                 uint64_t *ret_rows, br_error *err) {
  br_reader in = br_reader_of(m->footer.data, m->footer.len);
  in.pos = *at;
  bool found = false;
  int64_t rows = -1;
  parquet_thrift_field field = {0};
  br_status st = BR_OK;
  while ((st = parquet_thrift_next(&in, &field, err)) == BR_OK &&
         field.type != PARQUET_THRIFT_STOP) {
    if (field.id == 1) {
      st = parse_chunks(m, &in, &field, chunks, err);
      found = true;
    } else if (field.id == 3) {
      st = parquet_thrift_get_i64(&in, &field, &rows, err);
    } else {
      st = parquet_thrift_skip(&in, field.type, err);
    }
    if (st != BR_OK) {
      return st;
    }
  }
  if (st != BR_OK) {
    return st;
  }
  for (size_t i = 0; found && i < m->count; i++) {
    found = chunks[i].values == (uint64_t)rows;
  }
  if (!found || rows < 0) {
    return br_error_set(err, BR_ERR_DATA, "Parquet: a row group's columns differ in length");
  }
  *at = in.pos;
  *ret_rows = (uint64_t)rows;
  return BR_OK;
}
