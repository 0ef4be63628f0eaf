/*
 * types.c: the table of types: names, families, batch types; arguments as written.
 */
#include "sandbox/sql/types.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

typedef struct type_row {
  const char *tsql;       /* NULL: the dialect has no such type */
  const char *databricks; /* the same */
  sql_family family;
  batch_sql_type source; /* what T-SQL describes it as */
  batch_layout layout;   /* of a Databricks result */
} type_row;

/* In the order of sql_kind. */
static const type_row type_rows[SQL_KIND_COUNT] = {
    [SQL_VOID] = {"NULL", "VOID", SQL_FAMILY_NONE, BATCH_SQL_INT, BATCH_STRING},
    [SQL_BIT] = {"bit", "BOOLEAN", SQL_FAMILY_INTEGER, BATCH_SQL_BIT, BATCH_BOOL},
    [SQL_TINYINT] = {"tinyint", NULL, SQL_FAMILY_INTEGER, BATCH_SQL_TINYINT, BATCH_INT16},
    [SQL_BYTE] = {NULL, "TINYINT", SQL_FAMILY_INTEGER, BATCH_SQL_SMALLINT, BATCH_INT16},
    [SQL_SMALLINT] = {"smallint", "SMALLINT", SQL_FAMILY_INTEGER, BATCH_SQL_SMALLINT, BATCH_INT16},
    [SQL_INT] = {"int", "INT", SQL_FAMILY_INTEGER, BATCH_SQL_INT, BATCH_INT32},
    [SQL_BIGINT] = {"bigint", "BIGINT", SQL_FAMILY_INTEGER, BATCH_SQL_BIGINT, BATCH_INT64},
    [SQL_DECIMAL] = {"decimal", "DECIMAL", SQL_FAMILY_DECIMAL, BATCH_SQL_DECIMAL, BATCH_DECIMAL128},
    [SQL_MONEY] = {"money", NULL, SQL_FAMILY_MONEY, BATCH_SQL_MONEY, BATCH_DECIMAL128},
    [SQL_SMALLMONEY] = {"smallmoney", NULL, SQL_FAMILY_MONEY, BATCH_SQL_SMALLMONEY,
                        BATCH_DECIMAL64},
    [SQL_REAL] = {"real", "FLOAT", SQL_FAMILY_FLOAT, BATCH_SQL_REAL, BATCH_FLOAT},
    [SQL_FLOAT] = {"float", "DOUBLE", SQL_FAMILY_FLOAT, BATCH_SQL_FLOAT, BATCH_DOUBLE},
    [SQL_CHAR] = {"char", NULL, SQL_FAMILY_TEXT, BATCH_SQL_CHAR, BATCH_STRING},
    [SQL_VARCHAR] = {"varchar", NULL, SQL_FAMILY_TEXT, BATCH_SQL_VARCHAR, BATCH_STRING},
    [SQL_TEXT] = {"text", NULL, SQL_FAMILY_TEXT, BATCH_SQL_TEXT, BATCH_STRING},
    [SQL_NCHAR] = {"nchar", NULL, SQL_FAMILY_TEXT, BATCH_SQL_NCHAR, BATCH_STRING},
    [SQL_NVARCHAR] = {"nvarchar", NULL, SQL_FAMILY_TEXT, BATCH_SQL_NVARCHAR, BATCH_STRING},
    [SQL_NTEXT] = {"ntext", NULL, SQL_FAMILY_TEXT, BATCH_SQL_NTEXT, BATCH_STRING},
    [SQL_XML] = {"xml", NULL, SQL_FAMILY_TEXT, BATCH_SQL_XML, BATCH_STRING},
    [SQL_STRING] = {NULL, "STRING", SQL_FAMILY_TEXT, BATCH_SQL_NVARCHAR, BATCH_STRING},
    [SQL_BINARY] = {"binary", NULL, SQL_FAMILY_BINARY, BATCH_SQL_BINARY, BATCH_BINARY},
    [SQL_VARBINARY] = {"varbinary", "BINARY", SQL_FAMILY_BINARY, BATCH_SQL_VARBINARY, BATCH_BINARY},
    [SQL_IMAGE] = {"image", NULL, SQL_FAMILY_BINARY, BATCH_SQL_IMAGE, BATCH_BINARY},
    [SQL_ROWVERSION] = {"timestamp", NULL, SQL_FAMILY_BINARY, BATCH_SQL_ROWVERSION, BATCH_BINARY},
    [SQL_DATE] = {"date", "DATE", SQL_FAMILY_DATETIME, BATCH_SQL_DATE, BATCH_DATE32},
    [SQL_TIME] = {"time", NULL, SQL_FAMILY_DATETIME, BATCH_SQL_TIME, BATCH_STRING},
    [SQL_SMALLDATETIME] = {"smalldatetime", NULL, SQL_FAMILY_DATETIME, BATCH_SQL_SMALLDATETIME,
                           BATCH_TIMESTAMP_US},
    [SQL_DATETIME] = {"datetime", NULL, SQL_FAMILY_DATETIME, BATCH_SQL_DATETIME,
                      BATCH_TIMESTAMP_US},
    [SQL_DATETIME2] = {"datetime2", NULL, SQL_FAMILY_DATETIME, BATCH_SQL_DATETIME2,
                       BATCH_TIMESTAMP_US},
    [SQL_DATETIMEOFFSET] = {"datetimeoffset", NULL, SQL_FAMILY_DATETIME, BATCH_SQL_DATETIMEOFFSET,
                            BATCH_TIMESTAMP_US_UTC},
    [SQL_TIMESTAMP] = {NULL, "TIMESTAMP", SQL_FAMILY_DATETIME, BATCH_SQL_DATETIME2,
                       BATCH_TIMESTAMP_US_UTC},
    [SQL_TIMESTAMP_NTZ] = {NULL, "TIMESTAMP_NTZ", SQL_FAMILY_DATETIME, BATCH_SQL_DATETIME2,
                           BATCH_TIMESTAMP_US},
    [SQL_GUID] = {"uniqueidentifier", NULL, SQL_FAMILY_GUID, BATCH_SQL_UNIQUEIDENTIFIER,
                  BATCH_STRING},
    [SQL_ARRAY] = {NULL, "ARRAY", SQL_FAMILY_COMPLEX, BATCH_SQL_NVARCHAR, BATCH_STRING},
    [SQL_MAP] = {NULL, "MAP", SQL_FAMILY_COMPLEX, BATCH_SQL_NVARCHAR, BATCH_STRING},
    [SQL_STRUCT] = {NULL, "STRUCT", SQL_FAMILY_COMPLEX, BATCH_SQL_NVARCHAR, BATCH_STRING},
};

/* Other spellings. A dialect of -1 means both. */
static const struct {
  const char *name;
  int dialect;
  sql_kind kind;
} type_aliases[] = {
    {"integer", -1, SQL_INT},
    {"dec", -1, SQL_DECIMAL},
    {"numeric", -1, SQL_DECIMAL},
    {"double precision", ENGINE_TSQL, SQL_FLOAT},
    {"character", ENGINE_TSQL, SQL_CHAR},
    {"char varying", ENGINE_TSQL, SQL_VARCHAR},
    {"character varying", ENGINE_TSQL, SQL_VARCHAR},
    {"national char", ENGINE_TSQL, SQL_NCHAR},
    {"national character", ENGINE_TSQL, SQL_NCHAR},
    {"national char varying", ENGINE_TSQL, SQL_NVARCHAR},
    {"national character varying", ENGINE_TSQL, SQL_NVARCHAR},
    {"national text", ENGINE_TSQL, SQL_NTEXT},
    {"binary varying", ENGINE_TSQL, SQL_VARBINARY},
    {"rowversion", ENGINE_TSQL, SQL_ROWVERSION},
    {"sysname", ENGINE_TSQL, SQL_NVARCHAR},
    {"byte", ENGINE_DATABRICKS, SQL_BYTE},
    {"short", ENGINE_DATABRICKS, SQL_SMALLINT},
    {"long", ENGINE_DATABRICKS, SQL_BIGINT},
    {"real", ENGINE_DATABRICKS, SQL_REAL},
    {"timestamp_ltz", ENGINE_DATABRICKS, SQL_TIMESTAMP},
    {"varchar", ENGINE_DATABRICKS, SQL_STRING},
    {"char", ENGINE_DATABRICKS, SQL_STRING},
};

sql_family sql_type_family(sql_kind kind) {
  return type_rows[kind].family;
}

bool sql_type_is_text(sql_kind kind) {
  return type_rows[kind].family == SQL_FAMILY_TEXT;
}

bool sql_type_is_unicode(sql_kind kind) {
  return kind == SQL_NCHAR || kind == SQL_NVARCHAR || kind == SQL_NTEXT || kind == SQL_XML ||
         kind == SQL_STRING;
}

bool sql_type_is_fixed(sql_kind kind) {
  return kind == SQL_CHAR || kind == SQL_NCHAR || kind == SQL_BINARY;
}

static bool has_length(sql_kind kind) {
  return kind == SQL_CHAR || kind == SQL_VARCHAR || kind == SQL_NCHAR || kind == SQL_NVARCHAR ||
         kind == SQL_BINARY || kind == SQL_VARBINARY;
}

const char *sql_type_word(engine_dialect dialect, sql_kind kind) {
  const char *word = dialect == ENGINE_TSQL ? type_rows[kind].tsql : type_rows[kind].databricks;
  return word != NULL ? word : "unknown";
}

void sql_type_name(engine_dialect dialect, const sql_type *type, char *text, size_t size) {
  const char *word = sql_type_word(dialect, type->kind);
  if (type->text != NULL) {
    (void)snprintf(text, size, "%s", type->text);
  } else if (type->kind == SQL_DECIMAL) {
    (void)snprintf(text, size, "%s(%u,%u)", word, type->precision, type->scale);
  } else if (dialect == ENGINE_TSQL && has_length(type->kind)) {
    if (type->length == SQL_LENGTH_MAX) {
      (void)snprintf(text, size, "%s(max)", word);
    } else {
      (void)snprintf(text, size, "%s(%u)", word, type->length);
    }
  } else if (type->kind == SQL_TIME || type->kind == SQL_DATETIME2 ||
             type->kind == SQL_DATETIMEOFFSET) {
    (void)snprintf(text, size, "%s(%u)", word, type->scale);
  } else {
    (void)snprintf(text, size, "%s", word);
  }
}

sql_type sql_type_of(sql_kind kind) {
  sql_type type = {.kind = kind};
  switch (kind) {
  case SQL_DECIMAL:
    type.precision = 18;
    break;
  case SQL_TIME:
  case SQL_DATETIME2:
  case SQL_DATETIMEOFFSET:
    type.scale = 7;
    break;
  case SQL_CHAR:
  case SQL_VARCHAR:
  case SQL_NCHAR:
  case SQL_NVARCHAR:
    type.length = 1;
    type.collation = SQL_COLLATION_CI;
    break;
  case SQL_BINARY:
    type.length = 1;
    break;
  case SQL_VARBINARY:
    type.length = SQL_LENGTH_MAX;
    break;
  case SQL_TEXT:
  case SQL_NTEXT:
    type.length = SQL_LENGTH_MAX;
    type.collation = SQL_COLLATION_CI;
    break;
  case SQL_XML:
  case SQL_STRING:
  case SQL_IMAGE:
    type.length = SQL_LENGTH_MAX;
    break;
  case SQL_ROWVERSION:
    type.length = 8;
    break;
  default:
    break;
  }
  return type;
}

sql_type sql_type_decimal(unsigned precision, unsigned scale) {
  return (sql_type){.kind = SQL_DECIMAL, .precision = (uint8_t)precision, .scale = (uint8_t)scale};
}

sql_type sql_type_text(sql_kind kind, uint32_t length) {
  sql_type type = sql_type_of(kind);
  type.length = length;
  return type;
}

sql_type sql_type_scaled(sql_kind kind, unsigned scale) {
  sql_type type = sql_type_of(kind);
  type.scale = (uint8_t)scale;
  return type;
}

static bool find_kind(engine_dialect dialect, const char *name, sql_kind *ret_kind) {
  for (size_t i = 0; i < sizeof type_aliases / sizeof type_aliases[0]; i++) {
    if ((type_aliases[i].dialect == -1 || type_aliases[i].dialect == (int)dialect) &&
        br_text_equal_nocase(type_aliases[i].name, name)) {
      *ret_kind = type_aliases[i].kind;
      return true;
    }
  }
  for (int kind = SQL_BIT; kind < SQL_KIND_COUNT; kind++) {
    const char *word = dialect == ENGINE_TSQL ? type_rows[kind].tsql : type_rows[kind].databricks;
    if (word != NULL && br_text_equal_nocase(word, name)) {
      *ret_kind = (sql_kind)kind;
      return true;
    }
  }
  return false;
}

/* decimal(p[,s]). */
static bool decimal_arguments(engine_dialect dialect, const sql_typename *name, sql_type *type) {
  type->precision = dialect == ENGINE_TSQL ? 18 : 10;
  if (name->count >= 1) {
    if (name->args[0] < 1 || name->args[0] > 38) {
      return false;
    }
    type->precision = (uint8_t)name->args[0];
  }
  if (name->count == 2) {
    if (name->args[1] < 0 || name->args[1] > type->precision) {
      return false;
    }
    type->scale = (uint8_t)name->args[1];
  }
  return true;
}

static bool length_argument(const sql_typename *name, bool in_cast, sql_type *type) {
  bool unicode = sql_type_is_unicode(type->kind);
  if (br_text_equal_nocase(name->name, "sysname")) {
    type->length = 128;
    return name->count == 0;
  }
  if (name->max) {
    type->length = SQL_LENGTH_MAX;
    return !sql_type_is_fixed(type->kind);
  }
  if (name->count == 0) {
    type->length = in_cast ? 30 : 1;
    return true;
  }
  if (name->count != 1 || name->args[0] < 1 || name->args[0] > (unicode ? 4000 : 8000)) {
    return false;
  }
  type->length = (uint32_t)name->args[0];
  return true;
}

bool sql_type_of_name(engine_dialect dialect, const sql_typename *name, bool in_cast,
                      sql_type *ret_type, bool *ret_bad_arguments) {
  sql_kind kind = SQL_VOID;
  *ret_bad_arguments = false;
  if (!find_kind(dialect, name->name, &kind)) {
    return false;
  }
  sql_type type = sql_type_of(kind);
  bool good = name->count == 0 && !name->max;
  if (kind == SQL_DECIMAL) {
    good = !name->max && decimal_arguments(dialect, name, &type);
  } else if (dialect == ENGINE_TSQL && has_length(kind)) {
    good = length_argument(name, in_cast, &type);
  } else if (kind == SQL_FLOAT && dialect == ENGINE_TSQL && name->count == 1) {
    good = name->args[0] >= 1 && name->args[0] <= 53;
    type.kind = name->args[0] <= 24 ? SQL_REAL : SQL_FLOAT;
  } else if (kind == SQL_TIME || kind == SQL_DATETIME2 || kind == SQL_DATETIMEOFFSET) {
    good = name->count <= 1 && !name->max;
    if (name->count == 1) {
      good = name->args[0] >= 0 && name->args[0] <= 7;
      type.scale = (uint8_t)name->args[0];
    }
  } else if (kind == SQL_STRING) {
    good = name->count <= 1;
    if (name->count == 1) {
      good = name->args[0] >= 1;
      type.length = (uint32_t)name->args[0];
    }
  }
  type.text = name->text;
  *ret_bad_arguments = !good;
  *ret_type = type;
  return true;
}

br_status sql_type_of_spec(const batch_sql_typespec *spec, sql_type *ret_type, br_error *err) {
  for (int kind = SQL_BIT; kind < SQL_KIND_COUNT; kind++) {
    if (type_rows[kind].tsql == NULL || type_rows[kind].source != spec->type) {
      continue;
    }
    sql_type type = sql_type_of((sql_kind)kind);
    if (kind == SQL_DECIMAL) {
      type.precision = spec->precision;
      type.scale = spec->scale;
    } else if (has_length((sql_kind)kind)) {
      type.length = spec->length;
    } else if (kind == SQL_TIME || kind == SQL_DATETIME2 || kind == SQL_DATETIMEOFFSET) {
      type.scale = spec->scale;
    }
    *ret_type = type;
    return BR_OK;
  }
  return br_error_set(err, BR_ERR_UNSUPPORTED, "The sandbox has no type %s",
                      batch_type_row_of(spec->type)->name);
}

static batch_type databricks_batch_type(const sql_type *type) {
  batch_type result = {.layout = type_rows[type->kind].layout};
  if (type->kind == SQL_DECIMAL) {
    result.layout = type->precision <= 9    ? BATCH_DECIMAL32
                    : type->precision <= 18 ? BATCH_DECIMAL64
                                            : BATCH_DECIMAL128;
    result.precision = type->precision;
    result.scale = type->scale;
  }
  return result;
}

/* What TDS describes: an untyped NULL is int, as SQL Server says. */
static void fill_source(const sql_type *type, batch_sql_typespec *spec) {
  *spec = (batch_sql_typespec){.type = type_rows[type->kind].source};
  if (type->kind == SQL_DECIMAL) {
    spec->precision = type->precision;
    spec->scale = type->scale;
  } else if (has_length(type->kind)) {
    spec->length = type->length;
  } else if (type->kind == SQL_TIME || type->kind == SQL_DATETIME2 ||
             type->kind == SQL_DATETIMEOFFSET) {
    spec->scale = type->scale;
  }
}

br_status sql_type_to_field(const sql_type *type, const char *name, bool nullable,
                            batch_schema *schema, size_t index, br_error *err) {
  if (type_rows[type->kind].databricks != NULL && type_rows[type->kind].tsql == NULL) {
    return batch_schema_set(schema, index, name, databricks_batch_type(type), nullable, err);
  }
  batch_sql_typespec spec;
  fill_source(type, &spec);
  batch_type resolved = {0};
  unsigned loss = 0;
  const batch_type_options options = {0};
  br_status st = batch_type_resolve(&spec, &options, &resolved, &loss, err);
  if (st != BR_OK) {
    return st;
  }
  if ((st = batch_schema_set(schema, index, name, resolved, nullable, err)) != BR_OK) {
    return st;
  }
  schema->fields[index].has_source = true;
  schema->fields[index].source = spec;
  schema->fields[index].loss = loss;
  return BR_OK;
}

int64_t sql_type_pack(const sql_type *type) {
  uint64_t packed = (uint64_t)type->kind | (uint64_t)type->precision << 8 |
                    (uint64_t)type->scale << 16 | (uint64_t)type->collation << 24 |
                    (uint64_t)type->length << 32;
  return (int64_t)packed;
}

sql_type sql_type_unpack(int64_t packed) {
  uint64_t p = (uint64_t)packed;
  sql_type type = {
      .kind = (sql_kind)(p & 0xff),
      .precision = (uint8_t)(p >> 8),
      .scale = (uint8_t)(p >> 16),
      .collation = (uint8_t)(p >> 24),
      .length = (uint32_t)(p >> 32),
  };
  if (type.kind >= SQL_KIND_COUNT) {
    type.kind = SQL_VOID;
  }
  return type;
}

const char *sql_type_collate(const sql_type *type) {
  if (type->kind == SQL_DATETIMEOFFSET) {
    return " COLLATE dto";
  }
  if (!sql_type_is_text(type->kind)) {
    return "";
  }
  bool unicode = sql_type_is_unicode(type->kind);
  switch ((sql_collation)type->collation) {
  case SQL_COLLATION_CI:
    return unicode ? " COLLATE wci" : " COLLATE sci";
  case SQL_COLLATION_CS:
    return unicode ? " COLLATE wcs" : " COLLATE scs";
  case SQL_COLLATION_BIN:
    return " COLLATE bin2";
  default:
    return " COLLATE BINARY";
  }
}
