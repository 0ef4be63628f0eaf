/* The schema message of the Arrow IPC format: what each column is called and how it lies. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "batch/ipc.h"

/* Names of the types that are refused, by their number in the format. */
static const char *const type_names[] = {
    [11] = "interval",        [12] = "list",        [13] = "struct",      [14] = "union",
    [16] = "fixed-size list", [17] = "map",         [18] = "duration",    [21] = "large list",
    [22] = "run-end encoded", [23] = "binary view", [24] = "string view", [25] = "list view",
    [26] = "large list view",
};

static br_status unsupported(br_error *err, const char *what) {
  return br_error_set(err, BR_ERR_UNSUPPORTED, "The Arrow type %s is not supported", what);
}

static ipc_wire copied(batch_layout layout) {
  return (ipc_wire){.kind = IPC_COPIED,
                    .type = {.layout = layout},
                    .width = (uint32_t)batch_layout_width(layout)};
}

static br_status read_int(const flatbuffer_table *table, ipc_wire *ret_wire, br_error *err) {
  int64_t bits = 0;
  int64_t is_signed = 0;
  br_status st = flatbuffer_number(table, 0, 4, 0, &bits, err);
  st = st == BR_OK ? flatbuffer_number(table, 1, 1, 0, &is_signed, err) : st;
  if (st != BR_OK) {
    return st;
  }
  if (bits != 8 && bits != 16 && bits != 32 && bits != 64) {
    return br_error_set(err, BR_ERR_PROTOCOL, "An integer of %" PRId64 " bits", bits);
  }
  /* The smallest layout that holds all its values; 64 bits unsigned are only good as an index. */
  int64_t needed = is_signed != 0 || bits == 64 ? bits : bits * 2;
  ipc_wire wire = copied(needed <= 16 ? BATCH_INT16 : needed <= 32 ? BATCH_INT32 : BATCH_INT64);
  wire.is_unsigned = is_signed == 0;
  wire.kind = wire.width * 8 == bits ? IPC_COPIED : IPC_WIDENED;
  wire.width = (uint32_t)bits / 8;
  *ret_wire = wire;
  return BR_OK;
}

static br_status read_float(const flatbuffer_table *table, ipc_wire *ret_wire, br_error *err) {
  int64_t precision = 0;
  br_status st = flatbuffer_number(table, 0, 2, 0, &precision, err);
  if (st != BR_OK) {
    return st;
  }
  if (precision != 1 && precision != 2) {
    return unsupported(err, "half float");
  }
  *ret_wire = copied(precision == 1 ? BATCH_FLOAT : BATCH_DOUBLE);
  return BR_OK;
}

static br_status read_decimal(const flatbuffer_table *table, ipc_wire *ret_wire, br_error *err) {
  int64_t precision = 0;
  int64_t scale = 0;
  int64_t bits = 0;
  br_status st = flatbuffer_number(table, 0, 4, 0, &precision, err);
  st = st == BR_OK ? flatbuffer_number(table, 1, 4, 0, &scale, err) : st;
  st = st == BR_OK ? flatbuffer_number(table, 2, 4, 128, &bits, err) : st;
  if (st != BR_OK) {
    return st;
  }
  int64_t most = bits == 32 ? 9 : bits == 64 ? 18 : bits == 128 ? 38 : 0;
  if (precision < 1 || precision > most || scale < 0 || scale > precision) {
    return br_error_set(err, BR_ERR_UNSUPPORTED,
                        "The Arrow type decimal%" PRId64 "(%" PRId64 ",%" PRId64
                        ") is not supported",
                        bits, precision, scale);
  }
  *ret_wire = copied(bits == 32   ? BATCH_DECIMAL32
                     : bits == 64 ? BATCH_DECIMAL64
                                  : BATCH_DECIMAL128);
  ret_wire->kind = IPC_DECIMAL;
  ret_wire->type.precision = (uint8_t)precision;
  ret_wire->type.scale = (uint8_t)scale;
  return BR_OK;
}

static br_status read_date(const flatbuffer_table *table, ipc_wire *ret_wire, br_error *err) {
  int64_t unit = 0;
  br_status st = flatbuffer_number(table, 0, 2, 1, &unit, err);
  if (st != BR_OK) {
    return st;
  }
  *ret_wire = copied(BATCH_DATE32);
  if (unit == 1) {
    ret_wire->kind = IPC_DAYS;
    ret_wire->width = 8;
  } else if (unit != 0) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A date in unit %" PRId64, unit);
  }
  return BR_OK;
}

static br_status scaled(batch_layout layout, int64_t unit, uint32_t width, ipc_wire *ret_wire,
                        br_error *err) {
  static const int32_t multiply[] = {1000000, 1000, 1, 1};
  if (unit < IPC_UNIT_SECOND || unit > IPC_UNIT_NANO) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A time in unit %" PRId64, unit);
  }
  *ret_wire = (ipc_wire){.kind = IPC_SCALED,
                         .type = {.layout = layout},
                         .width = width,
                         .multiply = multiply[unit],
                         .divide = unit == IPC_UNIT_NANO ? 1000 : 1};
  return BR_OK;
}

static br_status read_time(const flatbuffer_table *table, ipc_wire *ret_wire, br_error *err) {
  int64_t unit = 0;
  int64_t bits = 0;
  br_status st = flatbuffer_number(table, 0, 2, IPC_UNIT_MILLI, &unit, err);
  st = st == BR_OK ? flatbuffer_number(table, 1, 4, 32, &bits, err) : st;
  if (st == BR_OK && bits != (unit <= IPC_UNIT_MILLI ? 32 : 64)) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A time of %" PRId64 " bits in unit %" PRId64, bits,
                      unit);
  }
  return st == BR_OK ? scaled(BATCH_TIME64_US, unit, (uint32_t)bits / 8, ret_wire, err) : st;
}

/* Whatever zone is named, the values are instants in UTC; the name is for display. */
static br_status read_timestamp(const flatbuffer_table *table, ipc_wire *ret_wire, br_error *err) {
  int64_t unit = 0;
  flatbuffer_vector zone = {0};
  br_status st = flatbuffer_number(table, 0, 2, IPC_UNIT_SECOND, &unit, err);
  st = st == BR_OK ? flatbuffer_items(table, 1, 1, &zone, err) : st;
  if (st != BR_OK) {
    return st;
  }
  batch_layout layout = zone.count == 0 ? BATCH_TIMESTAMP_US : BATCH_TIMESTAMP_US_UTC;
  return scaled(layout, unit, 8, ret_wire, err);
}

static br_status read_fixed(const flatbuffer_table *table, ipc_wire *ret_wire, br_error *err) {
  int64_t width = 0;
  br_status st = flatbuffer_number(table, 0, 4, 0, &width, err);
  if (st == BR_OK && width < 0) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "Values of %" PRId64 " bytes", width);
  }
  if (st == BR_OK) {
    *ret_wire =
        (ipc_wire){.kind = IPC_FIXED, .type = {.layout = BATCH_BINARY}, .width = (uint32_t)width};
  }
  return st;
}

static br_status read_type(int64_t type, const flatbuffer_table *table, ipc_wire *ret_wire,
                           br_error *err) {
  switch (type) {
  case IPC_TYPE_NULL:
    *ret_wire = (ipc_wire){.kind = IPC_NOTHING, .type = {.layout = BATCH_STRING}};
    return BR_OK;
  case IPC_TYPE_BOOL:
    *ret_wire = (ipc_wire){.kind = IPC_BITS, .type = {.layout = BATCH_BOOL}};
    return BR_OK;
  case IPC_TYPE_UTF8:
  case IPC_TYPE_LARGE_UTF8:
    *ret_wire = (ipc_wire){.kind = IPC_BYTES,
                           .type = {.layout = BATCH_STRING},
                           .is_large = type == IPC_TYPE_LARGE_UTF8};
    return BR_OK;
  case IPC_TYPE_BINARY:
  case IPC_TYPE_LARGE_BINARY:
    *ret_wire = (ipc_wire){.kind = IPC_BYTES,
                           .type = {.layout = BATCH_BINARY},
                           .is_large = type == IPC_TYPE_LARGE_BINARY};
    return BR_OK;
  case IPC_TYPE_INT:
    return read_int(table, ret_wire, err);
  case IPC_TYPE_FLOAT:
    return read_float(table, ret_wire, err);
  case IPC_TYPE_DECIMAL:
    return read_decimal(table, ret_wire, err);
  case IPC_TYPE_DATE:
    return read_date(table, ret_wire, err);
  case IPC_TYPE_TIME:
    return read_time(table, ret_wire, err);
  case IPC_TYPE_TIMESTAMP:
    return read_timestamp(table, ret_wire, err);
  case IPC_TYPE_FIXED_BINARY:
    return read_fixed(table, ret_wire, err);
  default:
    break;
  }
  bool known = type > 0 && (size_t)type < sizeof type_names / sizeof type_names[0];
  char number[32];
  (void)snprintf(number, sizeof number, "number %" PRId64, type);
  return unsupported(err, known ? type_names[type] : number);
}

static br_status read_field_type(const flatbuffer_table *field, ipc_wire *ret_wire, br_error *err) {
  int64_t type = 0;
  flatbuffer_table table = {0};
  flatbuffer_vector children = {0};
  bool there = false;
  br_status st = flatbuffer_number(field, IPC_FIELD_TYPE_TYPE, 1, 0, &type, err);
  st = st == BR_OK ? flatbuffer_child(field, IPC_FIELD_TYPE, &table, &there, err) : st;
  st = st == BR_OK ? flatbuffer_items(field, IPC_FIELD_CHILDREN, 4, &children, err) : st;
  if (st == BR_OK && !there) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "It has no type");
  }
  st = st == BR_OK ? read_type(type, &table, ret_wire, err) : st;
  if (st == BR_OK && children.count != 0) {
    st = br_error_set(err, BR_ERR_PROTOCOL, "A plain column with columns inside");
  }
  return st;
}

static bool same_wire(const ipc_wire *a, const ipc_wire *b) {
  return a->kind == b->kind && a->type.layout == b->type.layout &&
         a->type.precision == b->type.precision && a->type.scale == b->type.scale &&
         a->width == b->width && a->is_unsigned == b->is_unsigned && a->is_large == b->is_large &&
         a->multiply == b->multiply && a->divide == b->divide;
}

/* The dictionary with this id, made where it is new. dictionaries has room. */
static br_status find_dictionary(ipc_schema *s, int64_t id, const ipc_wire *wire,
                                 ptrdiff_t *ret_number, br_error *err) {
  for (size_t i = 0; i < s->dictionary_count; i++) {
    if (s->dictionaries[i].id == id) {
      *ret_number = (ptrdiff_t)i;
      return same_wire(&s->dictionaries[i].wire, wire)
                 ? BR_OK
                 : br_error_set(err, BR_ERR_PROTOCOL, "Its dictionary is another column's, too");
    }
  }
  batch_schema *schema = NULL;
  br_status st = batch_schema_new(1, &schema, err);
  if (st == BR_OK && (st = batch_schema_set(schema, 0, "", wire->type, true, err)) != BR_OK) {
    batch_schema_free(schema);
  }
  if (st == BR_OK) {
    s->dictionaries[s->dictionary_count] =
        (ipc_dictionary){.id = id, .wire = *wire, .schema = schema};
    *ret_number = (ptrdiff_t)s->dictionary_count++;
  }
  return st;
}

/* A column's dictionary encoding, where it has one: wire becomes that of its indices. */
static br_status read_dictionary(const flatbuffer_table *field, ipc_schema *s, ipc_column *column,
                                 br_error *err) {
  flatbuffer_table encoding = {0};
  flatbuffer_table index = {0};
  bool there = false;
  bool has_index = false;
  int64_t id = 0;
  br_status st = flatbuffer_child(field, IPC_FIELD_DICTIONARY, &encoding, &there, err);
  if (st != BR_OK || !there) {
    return st;
  }
  ipc_wire indices = copied(BATCH_INT32); /* unless it says otherwise */
  st = flatbuffer_number(&encoding, IPC_DICTIONARY_ID, 8, 0, &id, err);
  if (st == BR_OK) {
    st = flatbuffer_child(&encoding, IPC_DICTIONARY_INDEX, &index, &has_index, err);
  }
  if (st == BR_OK && has_index) {
    st = read_int(&index, &indices, err);
  }
  st = st == BR_OK ? find_dictionary(s, id, &column->wire, &column->dictionary, err) : st;
  column->wire = indices;
  return st;
}

static br_status read_name(const flatbuffer_table *field, size_t *names_left, char **ret_name,
                           br_error *err) {
  flatbuffer_vector text = {0};
  br_status st = flatbuffer_items(field, IPC_FIELD_NAME, 1, &text, err);
  if (st != BR_OK) {
    return st;
  }
  /* Names that lie over each other could add up to more than the metadata has. */
  if (text.count > *names_left || memchr(text.items, '\0', text.count) != NULL ||
      !br_utf8_valid((const char *)text.items, text.count, NULL)) {
    return br_error_set(err, BR_ERR_PROTOCOL, "A column's name is broken");
  }
  char *name = br_strndup((const char *)text.items, text.count);
  if (name == NULL) {
    return br_error_nomem(err);
  }
  *names_left -= text.count;
  *ret_name = name;
  return BR_OK;
}

static br_status read_field(const flatbuffer_table *field, ipc_schema *s, size_t index,
                            const char *name, br_error *err) {
  ipc_column *column = &s->columns[index];
  *column = (ipc_column){.dictionary = -1};
  int64_t nullable = 0;
  br_status st = flatbuffer_number(field, IPC_FIELD_NULLABLE, 1, 0, &nullable, err);
  st = st == BR_OK ? read_field_type(field, &column->wire, err) : st;
  if (st != BR_OK) {
    return st;
  }
  batch_type type = column->wire.type;
  bool is_null = column->wire.kind == IPC_NOTHING;
  if ((st = read_dictionary(field, s, column, err)) != BR_OK) {
    return st;
  }
  bool is_index = column->dictionary >= 0;
  const ipc_wire *values = is_index ? &s->dictionaries[column->dictionary].wire : &column->wire;
  if (values->is_unsigned && values->width == 8) {
    return unsupported(err, "uint64");
  }
  return batch_schema_set(s->schema, index, name, type, nullable != 0 || is_null, err);
}

static br_status read_fields(const flatbuffer_table *header, const flatbuffer_vector *fields,
                             ipc_schema *s, br_error *err) {
  size_t names_left = header->size;
  br_status st = BR_OK;
  for (size_t i = 0; st == BR_OK && i < fields->count; i++) {
    flatbuffer_table field = {0};
    char *name = NULL;
    st = flatbuffer_item_table(header, fields, i, &field, err);
    st = st == BR_OK ? read_name(&field, &names_left, &name, err) : st;
    if (st == BR_OK && (st = read_field(&field, s, i, name, err)) != BR_OK) {
      st = br_error_context(err, st, "Column %s", name);
    }
    br_free(name);
  }
  return st;
}

br_status ipc_schema_read(const flatbuffer_table *header, ipc_schema *ret_schema, br_error *err) {
  int64_t endianness = 0;
  flatbuffer_vector fields = {0};
  br_status st = flatbuffer_number(header, IPC_SCHEMA_ENDIANNESS, 2, 0, &endianness, err);
  st = st == BR_OK ? flatbuffer_items(header, IPC_SCHEMA_FIELDS, 4, &fields, err) : st;
  if (st == BR_OK && endianness != 0) {
    st = br_error_set(err, BR_ERR_UNSUPPORTED, "Arrow data in big-endian order is not supported");
  }
  if (st != BR_OK) {
    return st;
  }
  ipc_schema s = {0};
  st = batch_schema_new(fields.count, &s.schema, err);
  if (st == BR_OK) {
    s.columns = br_calloc(fields.count + 1, sizeof *s.columns);
    s.dictionaries = br_calloc(fields.count + 1, sizeof *s.dictionaries);
    st = s.columns == NULL || s.dictionaries == NULL ? br_error_nomem(err) : BR_OK;
  }
  st = st == BR_OK ? read_fields(header, &fields, &s, err) : st;
  if (st != BR_OK) {
    ipc_schema_done(&s);
    return st;
  }
  *ret_schema = s;
  return BR_OK;
}

void ipc_schema_done(ipc_schema *schema) {
  for (size_t i = 0; i < schema->dictionary_count; i++) {
    batch_free(schema->dictionaries[i].values);
    batch_schema_free(schema->dictionaries[i].schema);
  }
  br_free(schema->dictionaries);
  br_free(schema->columns);
  batch_schema_free(schema->schema);
  *schema = (ipc_schema){0};
}
