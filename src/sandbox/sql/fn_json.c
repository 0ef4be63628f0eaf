/*
 * fn_json.c: Databricks' arrays and maps, which are stored as JSON text.
 *
 *   f_item(x, key, how, key type, value type)   an element as a value of its type
 *   f_json_has(x, value, type)                  array_contains, map_contains_key: 1, 0 or NULL
 *   f_json_part(x, which, key type)             map_keys (0), map_values (1) as an array
 *   f_from_json(text, map, type)                NULL where the text is no such array or map
 *   f_json_path(text, path)                     get_json_object
 *   f_array_join(x, between, for NULL)
 */
#include <string.h>

#include "sandbox/sql/functions.h"
#include "sandbox/sql/json_scan.h"
#include "sandbox/sql/runtime.h"

#define TEXT_MAX (UINT64_C(1) << 30)

static const sql_type string_type = {.kind = SQL_STRING, .length = SQL_LENGTH_MAX};

static bool is_complex(const sql_type *type) {
  return sql_type_family(type->kind) == SQL_FAMILY_COMPLEX;
}

static bool scan_argument(sqlite3_value *argument, json_span *ret_span) {
  sql_value in = sql_value_of(argument);
  return in.form == SQL_FORM_TEXT && json_scan(in.p, in.n, ret_span);
}

/* A JSON value as a value of a type; the bytes belong to `out` or the runtime's scratch. */
static br_status typed_value(sql_runtime *runtime, const json_span *span, const sql_type *type,
                             br_buf *out, sql_value *ret_value) {
  if (span->kind == JSON_KIND_NULL) {
    *ret_value = sql_value_null();
    return BR_OK;
  }
  br_status st = json_text(span, out, NULL);
  sql_value text = sql_value_text(out->data == NULL ? "" : (const char *)out->data, out->len);
  if (st != BR_OK || is_complex(type) || type->kind == SQL_STRING) {
    *ret_value = text;
    return st;
  }
  sql_conversion c = {.dialect = runtime->dialect,
                      .style = SQL_STYLE_NONE,
                      .scratch = &runtime->scratch,
                      .error = &runtime->error};
  return sql_convert(&c, &string_type, type, &text, ret_value);
}

static void result_typed(sqlite3_context *context, const json_span *span, const sql_type *type) {
  br_buf out;
  sql_value value = sql_value_null();
  br_buf_init(&out, TEXT_MAX);
  br_status st = typed_value(sql_runtime_of(context), span, type, &out, &value);
  if (st != BR_OK) {
    sql_fail_call(context, st);
  } else {
    sql_value_result(context, &value);
  }
  br_buf_done(&out);
}

static void result_buffer(sqlite3_context *context, br_buf *out, br_status st) {
  if (st != BR_OK) {
    sql_fail_call(context, st);
  } else {
    sqlite3_result_text64(context, out->data == NULL ? "" : (const char *)out->data, out->len,
                          SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  br_buf_done(out);
}

/* ---- one element ---- */

static void raise_index(sqlite3_context *context, int64_t index, size_t size, sql_item_how how) {
  bool element = how == SQL_ITEM_ELEMENT;
  if (element && index == 0) {
    sql_error_condition(&sql_runtime_of(context)->error, "INVALID_INDEX_OF_ZERO", "22003",
                        "The index 0 is invalid. An index shall be either < 0 or > 0 (the first "
                        "element has index 1).");
  } else {
    sql_error_condition(&sql_runtime_of(context)->error,
                        element ? "INVALID_ARRAY_INDEX_IN_ELEMENT_AT" : "INVALID_ARRAY_INDEX",
                        "22003", "The index %lld is out of bounds. The array has %zu elements.",
                        (long long)index, size);
  }
  sql_raise(context);
}

static void array_item(sqlite3_context *context, const json_span *array, int64_t index,
                       sql_item_how how, const sql_type *type) {
  json_span value = {0};
  json_span key = {0};
  json_walk walk = json_walk_begin(array);
  size_t size = 0;
  while (json_walk_next(&walk, &key, &value)) {
    size++;
  }
  bool from_one = how == SQL_ITEM_ELEMENT || how == SQL_ITEM_TRY;
  int64_t position = !from_one ? index : index < 0 ? (int64_t)size + index : index - 1;
  if (position < 0 || position >= (int64_t)size) {
    if (how == SQL_ITEM_SUBSCRIPT || how == SQL_ITEM_ELEMENT || (from_one && index == 0)) {
      raise_index(context, index, size, from_one ? SQL_ITEM_ELEMENT : how);
    }
    return;
  }
  walk = json_walk_begin(array);
  for (int64_t i = 0; i <= position && json_walk_next(&walk, &key, &value); i++) {
  }
  result_typed(context, &value, type);
}

/* The member of a name; false: there is none. */
static br_status find_member(const json_span *map, const char *name, size_t length,
                             json_span *ret_value, bool *ret_found) {
  json_span key = {0};
  json_walk walk = json_walk_begin(map);
  br_buf text;
  br_status st = BR_OK;
  br_buf_init(&text, TEXT_MAX);
  while (st == BR_OK && !*ret_found && json_walk_next(&walk, &key, ret_value)) {
    br_buf_clear(&text);
    st = json_text(&key, &text, NULL);
    *ret_found =
        st == BR_OK && text.len == length && (length == 0 || memcmp(text.data, name, length) == 0);
  }
  br_buf_done(&text);
  return st;
}

/* A key as the names of a map's members are written. */
static br_status key_text(sql_runtime *runtime, const sql_type *type, const sql_value *key,
                          sql_value *ret_text) {
  sql_conversion c = {.dialect = runtime->dialect,
                      .style = SQL_STYLE_NONE,
                      .scratch = &runtime->scratch,
                      .error = &runtime->error};
  return sql_convert(&c, type, &string_type, key, ret_text);
}

static void call_item(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  json_span container = {0};
  json_span value = {0};
  sql_value key = sql_value_of(argv[1]);
  sql_item_how how = (sql_item_how)sqlite3_value_int(argv[2]);
  const sql_type key_type = sql_type_argument(argv[3]);
  const sql_type type = sql_type_argument(argv[4]);
  if (key.form == SQL_FORM_NULL || !scan_argument(argv[0], &container)) {
    return;
  }
  if (container.kind == JSON_KIND_ARRAY) {
    array_item(context, &container, key.i, how, &type);
    return;
  }
  sql_value text = sql_value_null();
  bool found = false;
  br_status st = key_text(sql_runtime_of(context), &key_type, &key, &text);
  if (st == BR_OK) {
    st = find_member(&container, text.p, text.n, &value, &found);
  }
  if (st != BR_OK) {
    sql_fail_call(context, st);
  } else if (found) {
    result_typed(context, &value, &type);
  }
}

static bool same_value(const sql_value *a, const sql_value *b) {
  switch (a->form) {
  case SQL_FORM_INTEGER:
    return b->form == SQL_FORM_INTEGER && a->i == b->i;
  case SQL_FORM_REAL:
    return b->form == SQL_FORM_REAL && a->d == b->d;
  default:
    return b->form == a->form && a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
  }
}

/* Whether an array has a value: 1; NULL where it has not but holds NULLs. */
static void array_has(sqlite3_context *context, const json_span *array, const sql_value *wanted,
                      const sql_type *type) {
  json_span key = {0};
  json_span item = {0};
  json_walk walk = json_walk_begin(array);
  bool any_null = false;
  bool found = false;
  br_status st = BR_OK;
  br_buf out;
  br_buf_init(&out, TEXT_MAX);
  while (st == BR_OK && !found && json_walk_next(&walk, &key, &item)) {
    sql_value value = sql_value_null();
    br_buf_clear(&out);
    st = typed_value(sql_runtime_of(context), &item, type, &out, &value);
    any_null = any_null || item.kind == JSON_KIND_NULL;
    found = st == BR_OK && item.kind != JSON_KIND_NULL && same_value(&value, wanted);
  }
  br_buf_done(&out);
  if (st != BR_OK) {
    sql_fail_call(context, st);
  } else if (found || !any_null) {
    sqlite3_result_int(context, found);
  }
}

static void call_has(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  json_span container = {0};
  json_span value = {0};
  sql_value wanted = sql_value_of(argv[1]);
  sql_value text = sql_value_null();
  const sql_type type = sql_type_argument(argv[2]);
  bool found = false;
  if (wanted.form == SQL_FORM_NULL || !scan_argument(argv[0], &container)) {
    return;
  }
  if (container.kind == JSON_KIND_ARRAY) {
    array_has(context, &container, &wanted, &type);
    return;
  }
  br_status st = key_text(sql_runtime_of(context), &type, &wanted, &text);
  if (st == BR_OK) {
    st = find_member(&container, text.p, text.n, &value, &found);
  }
  if (st != BR_OK) {
    sql_fail_call(context, st);
  } else {
    sqlite3_result_int(context, found);
  }
}

/* ---- arrays out of maps and texts ---- */

static bool is_bare(const sql_type *type) {
  sql_family family = sql_type_family(type->kind);
  return family == SQL_FAMILY_INTEGER || family == SQL_FAMILY_DECIMAL || family == SQL_FAMILY_FLOAT;
}

static br_status put_key(const json_span *key, bool bare, br_buf *out) {
  return bare ? json_text(key, out, NULL) : br_buf_append(out, key->p, key->n, NULL);
}

static void call_part(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  json_span map = {0};
  json_span key = {0};
  json_span value = {0};
  bool values = sqlite3_value_int(argv[1]) != 0;
  const sql_type key_type = sql_type_argument(argv[2]);
  if (!scan_argument(argv[0], &map)) {
    return;
  }
  br_buf out;
  br_buf_init(&out, TEXT_MAX);
  br_status st = br_buf_u8(&out, '[', NULL);
  json_walk walk = json_walk_begin(&map);
  while (st == BR_OK && json_walk_next(&walk, &key, &value)) {
    st = out.len > 1 ? br_buf_u8(&out, ',', NULL) : BR_OK;
    if (st == BR_OK) {
      st = values ? br_buf_append(&out, value.p, value.n, NULL)
                  : put_key(&key, is_bare(&key_type), &out);
    }
  }
  if (st == BR_OK) {
    st = br_buf_u8(&out, ']', NULL);
  }
  result_buffer(context, &out, st);
}

/* An element of from_json in the form that it is stored in. *ret_fits: false: not of this type. */
static br_status put_element(sql_runtime *runtime, const json_span *item, const sql_type *type,
                             br_buf *out, bool *ret_fits) {
  br_buf text;
  sql_value value = sql_value_null();
  if (item->kind == JSON_KIND_NULL) {
    return br_buf_text(out, "null", NULL);
  }
  bool bare = is_bare(type);
  bool boolean = type->kind == SQL_BIT;
  if (bare && (boolean != (item->kind == JSON_KIND_BOOLEAN) ||
               (!boolean && item->kind != JSON_KIND_NUMBER))) {
    *ret_fits = false;
    return BR_OK;
  }
  br_buf_init(&text, TEXT_MAX);
  br_status st = typed_value(runtime, item, type, &text, &value);
  if (st == BR_ERR_REMOTE) {
    *ret_fits = false;
    st = BR_OK;
  } else if (st == BR_OK) {
    st = bare ? br_buf_append(out, text.data, text.len, NULL)
              : json_put_string(value.p, value.n, out, NULL);
  }
  br_buf_done(&text);
  return st;
}

static void call_from_json(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  json_span whole = {0};
  json_span key = {0};
  json_span item = {0};
  bool map = sqlite3_value_int(argv[1]) != 0;
  const sql_type type = sql_type_argument(argv[2]);
  bool fits =
      scan_argument(argv[0], &whole) && whole.kind == (map ? JSON_KIND_OBJECT : JSON_KIND_ARRAY);
  br_buf out;
  if (!fits) {
    return;
  }
  br_buf_init(&out, TEXT_MAX);
  br_status st = br_buf_u8(&out, map ? '{' : '[', NULL);
  json_walk walk = json_walk_begin(&whole);
  while (st == BR_OK && fits && json_walk_next(&walk, &key, &item)) {
    st = out.len > 1 ? br_buf_u8(&out, ',', NULL) : BR_OK;
    if (st == BR_OK && map) {
      st = br_buf_append(&out, key.p, key.n, NULL);
      st = st == BR_OK ? br_buf_u8(&out, ':', NULL) : st;
    }
    if (st == BR_OK) {
      st = put_element(sql_runtime_of(context), &item, &type, &out, &fits);
    }
  }
  if (st == BR_OK) {
    st = br_buf_u8(&out, map ? '}' : ']', NULL);
  }
  if (fits || st != BR_OK) {
    result_buffer(context, &out, st);
  } else {
    br_buf_done(&out);
  }
}

/* ---- get_json_object ---- */

/* The next step of a path: .name, ['name'] or [3]. False: the path is wrong. */
static bool next_step(const char **at, const char **ret_name, size_t *ret_length,
                      int64_t *ret_index) {
  const char *p = *at;
  *ret_index = -1;
  if (*p == '.') {
    *ret_name = ++p;
    p += strcspn(p, ".[");
    *ret_length = (size_t)(p - *ret_name);
    *at = p;
    return *ret_length != 0;
  }
  if (p[0] == '[' && p[1] == '\'') {
    *ret_name = p + 2;
    *ret_length = strcspn(*ret_name, "'");
    p = *ret_name + *ret_length;
    *at = p + 2;
    return p[0] == '\'' && p[1] == ']';
  }
  int64_t index = 0;
  size_t digits = p[0] == '[' ? strspn(p + 1, "0123456789") : 0;
  for (size_t i = 1; i <= digits && digits < 10; i++) {
    index = index * 10 + (p[i] - '0');
  }
  *ret_index = index;
  *at = p + digits + 2;
  return digits > 0 && digits < 10 && p[digits + 1] == ']';
}

static br_status follow(json_span *value, const char *name, size_t length, int64_t index,
                        bool *ret_found) {
  json_span key = {0};
  json_span item = {0};
  br_status st = BR_OK;
  *ret_found = false;
  if (index < 0) {
    if (value->kind == JSON_KIND_OBJECT) {
      st = find_member(value, name, length, &item, ret_found);
    }
  } else if (value->kind == JSON_KIND_ARRAY) {
    json_walk walk = json_walk_begin(value);
    bool more = true;
    for (int64_t i = 0; i <= index && more; i++) {
      more = json_walk_next(&walk, &key, &item);
    }
    *ret_found = more;
  }
  *value = item;
  return st;
}

static void call_path(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  json_span value = {0};
  const char *path = (const char *)sqlite3_value_text(argv[1]);
  if (path == NULL || path[0] != '$' || !scan_argument(argv[0], &value)) {
    return;
  }
  for (path++; *path != '\0';) {
    const char *name = NULL;
    size_t length = 0;
    int64_t index = -1;
    bool found = false;
    if (!next_step(&path, &name, &length, &index)) {
      return;
    }
    br_status st = follow(&value, name, length, index, &found);
    if (st != BR_OK) {
      sql_fail_call(context, st);
      return;
    }
    if (!found) {
      return;
    }
  }
  if (value.kind != JSON_KIND_NULL) {
    br_buf out;
    br_buf_init(&out, TEXT_MAX);
    br_status st = json_text(&value, &out, NULL);
    result_buffer(context, &out, st);
  }
}

static void call_array_join(sqlite3_context *context, int argc, sqlite3_value **argv) {
  json_span array = {0};
  json_span key = {0};
  json_span item = {0};
  sql_value between = sql_value_of(argv[1]);
  sql_value instead = argc > 2 ? sql_value_of(argv[2]) : sql_value_null();
  if (between.form != SQL_FORM_TEXT || !scan_argument(argv[0], &array)) {
    return;
  }
  br_buf out;
  br_buf_init(&out, TEXT_MAX);
  br_status st = BR_OK;
  bool first = true;
  json_walk walk = json_walk_begin(&array);
  while (st == BR_OK && json_walk_next(&walk, &key, &item)) {
    bool null = item.kind == JSON_KIND_NULL;
    if (null && instead.form == SQL_FORM_NULL) {
      continue;
    }
    st = first ? BR_OK : br_buf_append(&out, between.p, between.n, NULL);
    first = false;
    if (st == BR_OK) {
      st = null ? br_buf_append(&out, instead.p, instead.n, NULL) : json_text(&item, &out, NULL);
    }
  }
  result_buffer(context, &out, st);
}

const sql_function sql_functions_json[] = {{"f_item", 5, call_item},
                                           {"f_json_has", 3, call_has},
                                           {"f_json_part", 3, call_part},
                                           {"f_from_json", 3, call_from_json},
                                           {"f_json_path", 2, call_path},
                                           {"f_array_join", -1, call_array_join},
                                           {NULL, 0, NULL}};
