/*
 * fn_name.c: names of objects and types; hashes.
 *
 *   f_namepart(text, n)      the n-th part of [a].b."c" from its end; NULL where it has none
 *   f_typename(id)           of a type's id in sys.types;  f_typeid(name) back
 *   f_hash(algorithm, x, type)  HASHBYTES: of the bytes that x has as varbinary
 *   f_base64(bytes)  f_unbase64(text)  f_unhex(text)
 */
#include <openssl/evp.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "sandbox/sql/runtime.h"

enum { PARTS_MAX = 4, SYSNAME_ID = 256 };

typedef struct name_part {
  const char *text;
  size_t length;
  char close; /* of its quotes; 0: none */
} name_part;

/* Where a part ends; a closing quote that is doubled belongs to the name. */
static const char *part_end(const char *p, const char *end, char close) {
  if (close == 0) {
    while (p < end && *p != '.') {
      p++;
    }
    return p;
  }
  while (p < end && (*p != close || (p + 1 < end && p[1] == close))) {
    p += *p == close ? 2 : 1;
  }
  return p < end ? p : end;
}

/* 0: the text is no name. */
static size_t split(const char *text, size_t length, name_part *parts) {
  const char *end = text + length;
  size_t count = 0;
  for (;;) {
    while (text < end && *text == ' ') {
      text++;
    }
    char close = 0;
    if (text < end && (*text == '[' || *text == '"')) {
      close = *text++ == '[' ? ']' : '"';
    }
    const char *stop = part_end(text, end, close);
    if (count == PARTS_MAX) {
      return 0;
    }
    parts[count++] = (name_part){text, (size_t)(stop - text), close};
    stop += close != 0 && stop < end;
    if (stop == end) {
      return count;
    }
    if (*stop != '.') {
      return 0;
    }
    text = stop + 1;
  }
}

static void call_namepart(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  name_part parts[PARTS_MAX];
  sql_value in = sql_value_of(argv[0]);
  size_t n = (size_t)sqlite3_value_int(argv[1]);
  size_t count = in.form == SQL_FORM_TEXT ? split(in.p, in.n, parts) : 0;
  if (n == 0 || n > count || parts[count - n].length == 0) {
    return;
  }
  const name_part *part = &parts[count - n];
  char *out = sqlite3_malloc64(part->length);
  size_t used = 0;
  if (out == NULL) {
    sql_fail_call(context, BR_ERR_NOMEM);
    return;
  }
  for (size_t i = 0; i < part->length; i++) {
    out[used++] = part->text[i];
    i += part->close != 0 && part->text[i] == part->close;
  }
  sqlite3_result_text64(context, out, used, sqlite3_free, SQLITE_UTF8);
}

static void call_typename(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  int64_t id = sqlite3_value_int64(argv[0]);
  if (sql_any_null(1, argv)) {
    return;
  }
  for (int kind = SQL_BIT; kind < SQL_KIND_COUNT; kind++) {
    if (id != 0 && sql_system_type_id((sql_kind)kind) == id) {
      sqlite3_result_text(context, sql_type_word(ENGINE_TSQL, (sql_kind)kind), -1, SQLITE_STATIC);
      return;
    }
  }
  if (id == SYSNAME_ID) {
    sqlite3_result_text(context, "sysname", -1, SQLITE_STATIC);
  }
}

static void call_typeid(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_type type;
  bool bad = false;
  sql_typename name = {.name = (const char *)sqlite3_value_text(argv[0])};
  if (name.name == NULL) {
    return;
  }
  if (br_text_equal_nocase(name.name, "sysname")) {
    sqlite3_result_int(context, SYSNAME_ID);
  } else if (sql_type_of_name(ENGINE_TSQL, &name, false, &type, &bad)) {
    sqlite3_result_int64(context, sql_system_type_id(type.kind));
  }
}

static const EVP_MD *algorithm_of(const char *name) {
  static const struct {
    const char *name;
    const EVP_MD *(*get)(void);
  } algorithms[] = {{"MD5", EVP_md5},
                    {"SHA", EVP_sha1},
                    {"SHA1", EVP_sha1},
                    {"SHA2_256", EVP_sha256},
                    {"SHA2_512", EVP_sha512}};
  for (size_t i = 0; name != NULL && i < sizeof algorithms / sizeof algorithms[0]; i++) {
    if (br_text_equal_nocase(name, algorithms[i].name)) {
      return algorithms[i].get();
    }
  }
  return NULL;
}

static void call_hash(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_runtime *runtime = sql_runtime_of(context);
  const EVP_MD *algorithm = algorithm_of((const char *)sqlite3_value_text(argv[0]));
  const sql_type from = sql_type_argument(argv[2]);
  const sql_type to = sql_type_of(SQL_VARBINARY);
  sql_value in = sql_value_of(argv[1]);
  sql_value bytes = sql_value_null();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  sql_conversion c = {.dialect = runtime->dialect,
                      .style = SQL_STYLE_NONE,
                      .scratch = &runtime->scratch,
                      .error = &runtime->error};
  if (algorithm == NULL || in.form == SQL_FORM_NULL) {
    return;
  }
  br_status st = sql_convert(&c, &from, &to, &in, &bytes);
  if (st == BR_OK &&
      EVP_Digest(bytes.p == NULL ? "" : bytes.p, bytes.n, digest, &length, algorithm, NULL) != 1) {
    st = BR_ERR_NOMEM;
  }
  if (st != BR_OK) {
    sql_fail_call(context, st);
    return;
  }
  sqlite3_result_blob(context, digest, (int)length, SQLITE_TRANSIENT);
}

static void result_bytes(sqlite3_context *context, br_buf *out, br_status st, bool text) {
  const char *bytes = out->data == NULL ? "" : (const char *)out->data;
  if (st != BR_OK) {
    sql_fail_call(context, st);
  } else if (text) {
    sqlite3_result_text64(context, bytes, out->len, SQLITE_TRANSIENT, SQLITE_UTF8);
  } else {
    sqlite3_result_blob64(context, bytes, out->len, SQLITE_TRANSIENT);
  }
  br_buf_done(out);
}

static void call_base64(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_value in = sql_value_of(argv[0]);
  br_buf out;
  if (in.form == SQL_FORM_NULL) {
    return;
  }
  br_buf_init(&out, UINT64_C(1) << 30);
  br_status st = br_base64_encode((const uint8_t *)(in.p == NULL ? "" : in.p), in.n, &out, NULL);
  result_bytes(context, &out, st, true);
}

static void call_unbase64(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_value in = sql_value_of(argv[0]);
  br_buf out;
  if (in.form != SQL_FORM_TEXT) {
    return;
  }
  br_buf_init(&out, UINT64_C(1) << 30);
  br_status st = br_base64_decode(in.p, in.n, &out, NULL);
  if (st != BR_OK && st != BR_ERR_NOMEM) {
    sql_error_condition(&sql_runtime_of(context)->error, "CONVERSION_INVALID_INPUT", "22018",
                        "The value '%.100s' (STRING) cannot be converted to BINARY because it is "
                        "malformed. Use try_to_binary to tolerate malformed input and return NULL "
                        "instead.",
                        in.p);
    st = BR_ERR_REMOTE;
  }
  result_bytes(context, &out, st, false);
}

/* NULL where the text is no hex. */
static void call_unhex(sqlite3_context *context, int argc, sqlite3_value **argv) {
  (void)argc;
  sql_value in = sql_value_of(argv[0]);
  br_buf out;
  br_status st = BR_OK;
  bool good = in.form == SQL_FORM_TEXT;
  br_buf_init(&out, UINT64_C(1) << 30);
  size_t i = good && in.n % 2 != 0 ? 1 : 0;
  if (i == 1) {
    good = br_hex_digit(in.p[0]) >= 0;
    st = good ? br_buf_u8(&out, (uint8_t)br_hex_digit(in.p[0]), NULL) : BR_OK;
  }
  for (; good && st == BR_OK && i < in.n; i += 2) {
    int high = br_hex_digit(in.p[i]);
    int low = br_hex_digit(in.p[i + 1]);
    good = high >= 0 && low >= 0;
    st = good ? br_buf_u8(&out, (uint8_t)(high << 4 | low), NULL) : BR_OK;
  }
  if (good || st != BR_OK) {
    result_bytes(context, &out, st, false);
  } else {
    br_buf_done(&out);
  }
}

const sql_function sql_functions_name[] = {
    {"f_base64", 1, call_base64},     {"f_unbase64", 1, call_unbase64},
    {"f_unhex", 1, call_unhex},       {"f_namepart", 2, call_namepart},
    {"f_typename", 1, call_typename}, {"f_typeid", 1, call_typeid},
    {"f_hash", 3, call_hash},         {NULL, 0, NULL}};
