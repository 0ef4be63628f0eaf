/*
 * functions_json.c: Databricks' functions of arrays, maps and JSON texts, hashes and encodings.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "sandbox/sql/functions_databricks.h"
#include "sandbox/sql/parser.h"

/* ---- types inside types ---- */

static bool part_type(sql_binder *b, const sql_typename *name, sql_type *ret_type) {
  if (name == NULL || br_text_equal_nocase(name->name, "VOID")) {
    *ret_type = sql_type_of(SQL_VOID);
    return true;
  }
  return bind_type(b, name, false, ret_type);
}

/* Types in a text of their own. False: the text is none, which is not supported, or a failure. */
static bool parse_types(sql_binder *b, const char *text, const sql_typename **ret_first,
                        const sql_typename **ret_second) {
  sql_context inner = {.dialect = ENGINE_DATABRICKS,
                       .arena = b->context->arena,
                       .text = text,
                       .length = text == NULL ? 0 : strlen(text)};
  if (text != NULL && sql_parse_types(&inner, ret_first, ret_second) == BR_OK) {
    return true;
  }
  if (text == NULL || inner.status != BR_ERR_REMOTE) {
    (void)sql_fail_memory(b->context);
  }
  return false;
}

/* The types between < and > of an array (ret_value) or a map. */
bool bind_parts(sql_binder *b, const sql_type *type, sql_type *ret_key, sql_type *ret_value) {
  const sql_typename *first = NULL;
  const sql_typename *second = NULL;
  const char *open = type->text == NULL ? NULL : strchr(type->text, '<');
  const char *close = type->text == NULL ? NULL : strrchr(type->text, '>');
  if (open == NULL || close == NULL || type->kind == SQL_STRUCT) {
    return sql_unsupported(b->context, 1, "A part of a value of this type") != NULL;
  }
  const char *text = sql_copy(b->context, open + 1, (size_t)(close - open - 1));
  if (!parse_types(b, text, &first, &second)) {
    return sql_unsupported(b->context, 1, "A part of a value of this type") != NULL;
  }
  bool map = type->kind == SQL_MAP;
  *ret_key = sql_type_of(SQL_INT);
  return (!map || part_type(b, first, ret_key)) && part_type(b, map ? second : first, ret_value);
}

/* Types whose values JSON texts hold as Databricks writes them. */
static bool is_plain(const sql_type *type) {
  return type->kind == SQL_STRING || type->kind == SQL_VOID || type->kind == SQL_BIT ||
         sql_type_family(type->kind) == SQL_FAMILY_INTEGER ||
         sql_type_family(type->kind) == SQL_FAMILY_FLOAT || type->kind == SQL_DECIMAL ||
         sql_type_family(type->kind) == SQL_FAMILY_DATETIME ||
         sql_type_family(type->kind) == SQL_FAMILY_COMPLEX;
}

static bool container(sql_binder *b, const sql_call *call, sql_kind kind, sql_type *ret_key,
                      sql_type *ret_value) {
  const sql_bound *x = call->args[0];
  bool fits = x->type.kind == kind ||
              (kind == SQL_VOID && (x->type.kind == SQL_ARRAY || x->type.kind == SQL_MAP));
  if (!fits) {
    char name[160];
    sql_type_name(ENGINE_DATABRICKS, &x->type, name, sizeof name);
    return sql_fail_condition(b->context, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
                              "The first parameter of %s has the type \"%s\".",
                              strcmp(call->expr->text, "[]") == 0 ? "[ ]" : call->expr->text,
                              name) != NULL;
  }
  if (!bind_parts(b, &x->type, ret_key, ret_value)) {
    return false;
  }
  if (!is_plain(ret_key) || !is_plain(ret_value)) {
    (void)sql_unsupported(b->context, call->expr->line, "%s of this type", call->expr->text);
    return false;
  }
  return true;
}

/* ---- elements ---- */

sql_bound *bind_item(sql_binder *b, const sql_call *call) {
  static const struct {
    const char *name;
    sql_item_how how;
  } names[] = {{"[]", SQL_ITEM_SUBSCRIPT},
               {"element_at", SQL_ITEM_ELEMENT},
               {"try_element_at", SQL_ITEM_TRY},
               {"get", SQL_ITEM_GET}};
  sql_type key_type;
  sql_type type;
  sql_item_how how = SQL_ITEM_SUBSCRIPT;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    how = br_text_equal_nocase(call->expr->text, names[i].name) ? names[i].how : how;
  }
  if (!container(b, call, how == SQL_ITEM_GET ? SQL_ARRAY : SQL_VOID, &key_type, &type)) {
    return NULL;
  }
  sql_bound *key = call_as(b, call, 1, &key_type);
  return key == NULL
             ? NULL
             : bind_new(b, type, true,
                        sql_text(b->context, "f_item(%s,%s,%d,%lld,%lld)", call->args[0]->sql,
                                 key->sql, (int)how, call_pack(&key_type), call_pack(&type)));
}

sql_bound *bind_json_has(sql_binder *b, const sql_call *call) {
  sql_type key;
  sql_type value;
  bool array = br_text_equal_nocase(call->expr->text, "array_contains");
  if (!container(b, call, array ? SQL_ARRAY : SQL_MAP, &key, &value)) {
    return NULL;
  }
  const sql_type *type = array ? &value : &key;
  sql_bound *wanted = call_as(b, call, 1, type);
  return wanted == NULL ? NULL
                        : bind_new(b, sql_type_of(SQL_BIT), true,
                                   sql_text(b->context, "f_json_has(%s,%s,%lld)",
                                            call->args[0]->sql, wanted->sql, call_pack(type)));
}

static sql_type array_of(sql_binder *b, const sql_type *element) {
  char name[256];
  sql_type type = sql_type_of(SQL_ARRAY);
  sql_type_name(ENGINE_DATABRICKS, element, name, sizeof name);
  type.text = sql_text(b->context, "ARRAY<%s>", name);
  return type;
}

sql_bound *bind_json_part(sql_binder *b, const sql_call *call) {
  sql_type key;
  sql_type value;
  bool values = br_text_equal_nocase(call->expr->text, "map_values");
  if (!container(b, call, SQL_MAP, &key, &value)) {
    return NULL;
  }
  return bind_new(
      b, array_of(b, values ? &value : &key), call->args[0]->nullable,
      sql_text(b->context, "f_json_part(%s,%d,%lld)", call->args[0]->sql, values, call_pack(&key)));
}

sql_bound *bind_array_join(sql_binder *b, const sql_call *call) {
  sql_type key;
  sql_type value;
  sql_bound *between = call_text(b, call, 1);
  sql_bound *instead = call->count > 2 ? call_text(b, call, 2) : bind_null(b);
  if (between == NULL || instead == NULL || !container(b, call, SQL_ARRAY, &key, &value)) {
    return NULL;
  }
  return bind_new(b, sql_type_of(SQL_STRING), true,
                  sql_text(b->context, "f_array_join(%s,%s,%s)", call->args[0]->sql, between->sql,
                           instead->sql));
}

/* ---- JSON texts ---- */

/* from_json(text, 'ARRAY<STRING>'): elements and values of one plain type. */
sql_bound *bind_from_json(sql_binder *b, const sql_call *call) {
  const sql_bound *schema = call->args[1];
  const sql_typename *name = NULL;
  const sql_typename *second = NULL;
  sql_type type;
  sql_type key;
  sql_type value;
  sql_bound *x = call_text(b, call, 0);
  if (x == NULL) {
    return NULL;
  }
  if (!schema->literal || schema->value.form != SQL_FORM_TEXT) {
    return sql_unsupported(b->context, call->expr->line, "from_json without a constant schema");
  }
  if (!parse_types(b, schema->value.p, &name, &second) || second != NULL || name->text == NULL) {
    return sql_unsupported(b->context, call->expr->line, "from_json with the schema '%.100s'",
                           schema->value.p);
  }
  if (!bind_type(b, name, false, &type) || !bind_parts(b, &type, &key, &value)) {
    return NULL;
  }
  bool time = sql_type_family(value.kind) == SQL_FAMILY_DATETIME;
  if (!is_plain(&value) || time || sql_type_family(value.kind) == SQL_FAMILY_COMPLEX ||
      (type.kind == SQL_MAP && key.kind != SQL_STRING)) {
    return sql_unsupported(b->context, call->expr->line, "from_json with the schema '%.100s'",
                           schema->value.p);
  }
  return bind_new(b, type, true,
                  sql_text(b->context, "f_from_json(%s,%d,%lld)", x->sql, type.kind == SQL_MAP,
                           call_pack(&value)));
}

sql_bound *bind_json_path(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_text(b, call, 0);
  sql_bound *path = call_text(b, call, 1);
  if (path != NULL && path->literal && path->value.form == SQL_FORM_TEXT &&
      strchr(path->value.p, '*') != NULL) {
    return sql_unsupported(b->context, call->expr->line, "A path with *");
  }
  return x == NULL || path == NULL
             ? NULL
             : bind_new(b, sql_type_of(SQL_STRING), true,
                        sql_text(b->context, "f_json_path(%s,%s)", x->sql, path->sql));
}

/* ---- hashes and encodings ---- */

/* Text as its UTF-8 bytes, binary as it is. */
static sql_bound *bytes_of(sql_binder *b, const sql_call *call) {
  sql_bound *x = call->args[0];
  if (sql_type_family(x->type.kind) == SQL_FAMILY_BINARY) {
    return x;
  }
  x = call_text(b, call, 0);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_VARBINARY), x->nullable,
                              sql_text(b->context, "CAST(%s AS BLOB)", x->sql));
}

sql_bound *bind_sha2(sql_binder *b, const sql_call *call) {
  sql_bound *x = bytes_of(b, call);
  sql_bound *bits = call_integer(b, call, 1);
  return x == NULL || bits == NULL
             ? NULL
             : bind_new(b, sql_type_of(SQL_STRING), true,
                        sql_text(b->context,
                                 "nullif(lower(hex(f_hash('SHA2_'||CASE %s WHEN 0 THEN 256"
                                 " ELSE %s END,(%s),%lld))),'')",
                                 bits->sql, bits->sql, x->sql, call_pack(&x->type)));
}

sql_bound *bind_md5(sql_binder *b, const sql_call *call) {
  sql_bound *x = bytes_of(b, call);
  const char *algorithm = br_text_equal_nocase(call->expr->text, "md5") ? "MD5" : "SHA1";
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_STRING), x->nullable,
                              sql_text(b->context, "nullif(lower(hex(f_hash('%s',(%s),%lld))),'')",
                                       algorithm, x->sql, call_pack(&x->type)));
}

sql_bound *bind_base64(sql_binder *b, const sql_call *call) {
  sql_bound *x = bytes_of(b, call);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_STRING), x->nullable,
                              sql_text(b->context, "f_base64((%s))", x->sql));
}

sql_bound *bind_unbase64(sql_binder *b, const sql_call *call) {
  bool hex = br_text_equal_nocase(call->expr->text, "unhex");
  sql_bound *x = call_text(b, call, 0);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_VARBINARY), true,
                              sql_text(b->context, hex ? "f_unhex(%s)" : "f_unbase64(%s)", x->sql));
}

sql_bound *bind_hex(sql_binder *b, const sql_call *call) {
  sql_bound *x = call->args[0];
  if (sql_type_family(x->type.kind) == SQL_FAMILY_INTEGER && x->type.kind != SQL_BIT) {
    return bind_new(b, sql_type_of(SQL_STRING), x->nullable,
                    sql_text(b->context, "printf('%%X',%s)", x->sql));
  }
  x = bytes_of(b, call);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_STRING), x->nullable,
                              sql_text(b->context, "(CASE WHEN %s IS NOT NULL THEN hex(%s) END)",
                                       x->sql, x->sql));
}

/* ---- points in time as numbers ---- */

static int64_t unit_of(const char *name) {
  return strstr(name, "micros") != NULL ? 1 : strstr(name, "millis") != NULL ? 1000 : 1000000;
}

sql_bound *bind_timestamp_of(sql_binder *b, const sql_call *call) {
  sql_bound *x = call_integer(b, call, 0);
  return x == NULL ? NULL
                   : bind_new(b, sql_type_of(SQL_TIMESTAMP), x->nullable,
                              sql_text(b->context, "(%s*%lld)", x->sql,
                                       (long long)unit_of(call->expr->text)));
}

/* unix_micros(x)…: whole units, rounded down. */
sql_bound *bind_unix(sql_binder *b, const sql_call *call) {
  const sql_type type = sql_type_of(SQL_TIMESTAMP);
  sql_bound *x = call_as(b, call, 0, &type);
  long long unit = (long long)unit_of(call->expr->text);
  return x == NULL
             ? NULL
             : bind_new(b, sql_type_of(SQL_BIGINT), x->nullable,
                        unit == 1 ? x->sql
                                  : sql_text(b->context, "((%s-((%s%%%lld+%lld)%%%lld))/%lld)",
                                             x->sql, x->sql, unit, unit, unit, unit));
}

/* ---- greatest, least: NULLs are skipped ---- */

sql_bound *bind_extreme(sql_binder *b, const sql_call *call) {
  bool greatest = br_text_equal_nocase(call->expr->text, "greatest");
  sql_bound so_far = *call->args[0];
  for (size_t i = 1; i < call->count; i++) {
    sql_type type;
    if (!bind_common(b, &so_far, call->args[i], call->expr->text, call->expr->line, &type)) {
      return NULL;
    }
    so_far.type = type;
  }
  const char *sql = "";
  for (size_t i = 0; i < call->count; i++) {
    sql_bound *arg = call_as(b, call, i, &so_far.type);
    if (arg == NULL) {
      return NULL;
    }
    sql = sql_text(b->context, "%s%sSELECT %s AS x", sql, i == 0 ? "" : " UNION ALL ", arg->sql);
  }
  return bind_new(b, so_far.type, true,
                  sql_text(b->context, "(SELECT %s(x) FROM (%s))", greatest ? "max" : "min", sql));
}
