/*
 * The statement that reads all rows. A column in another form than its own has an alias that no
 * column has: Spark calls CAST(`x` AS STRING) "x", and ORDER BY would then sort numbers as text.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "databricks/rows.h"

/* What to_json leaves out or blurs unless told: fields of structs that are NULL, microseconds, the
 * zone. */
static const char json_nulls[] = "'ignoreNullFields', 'false'";
static const char json_times[] =
    "'timeZone', 'UTC', 'timestampFormat', 'yyyy-MM-dd\\'T\\'HH:mm:ss.SSSSSSXXX', "
    "'timestampNTZFormat', 'yyyy-MM-dd\\'T\\'HH:mm:ss.SSSSSS'";

static br_status put_name(br_buf *out, const char *name, br_error *err) {
  br_status st = br_buf_u8(out, '`', err);
  for (const char *p = name; *p != '\0' && st == BR_OK; p++) {
    st = *p == '`' ? br_buf_text(out, "``", err) : br_buf_u8(out, (uint8_t)*p, err);
  }
  return st == BR_OK ? br_buf_u8(out, '`', err) : st;
}

static br_status put_json_options(br_buf *out, const char *type_text, br_error *err) {
  bool nulls = strstr(type_text, "STRUCT") != NULL;
  bool times = strstr(type_text, "TIMESTAMP") != NULL;
  if (!nulls && !times) {
    return BR_OK;
  }
  return br_buf_printf(out, err, ", map(%s%s%s)", nulls ? json_nulls : "",
                       nulls && times ? ", " : "", times ? json_times : "");
}

enum { PREFIX_MAX = 64 };

/* Aliases are this and a number: "_c", with as many "_" more as no column's name begins so. */
static br_status choose_prefix(const batch_schema *schema, char prefix[PREFIX_MAX], br_error *err) {
  for (size_t length = 2; length < PREFIX_MAX; length++) {
    bool taken = false;
    (void)snprintf(prefix, PREFIX_MAX, "_c%.*s", (int)length - 2,
                   "______________________________________________________________");
    for (size_t i = 0; i < schema->count && !taken; i++) {
      taken = strncasecmp(schema->fields[i].name, prefix, length) == 0;
    }
    if (!taken) {
      return BR_OK;
    }
  }
  return br_error_set(err, BR_ERR_UNSUPPORTED, "Too many columns have names like %s…", prefix);
}

static br_status put_column(br_buf *out, dbx_form form, const char *name, const char *type_text,
                            br_error *err) {
  static const struct {
    const char *before;
    const char *behind;
  } forms[] = {
      [DBX_FORM_PLAIN] = {"", ""},           [DBX_FORM_TEXT] = {"CAST(", " AS STRING)"},
      [DBX_FORM_DAYS] = {"unix_date(", ")"}, [DBX_FORM_MICROS] = {"unix_micros(", ")"},
      [DBX_FORM_HEX] = {"hex(", ")"},        [DBX_FORM_JSON] = {"to_json(", ")"},
  };
  br_status st = br_buf_text(out, forms[form].before, err);
  if (st == BR_OK) {
    st = put_name(out, name, err);
  }
  if (st == BR_OK && form == DBX_FORM_JSON) {
    st = put_json_options(out, type_text, err);
  }
  return st == BR_OK ? br_buf_text(out, forms[form].behind, err) : st;
}

br_status dbx_rows_select(const dbx_rows *rows, const dbx_rows_options *options, bool arrow,
                          br_buf *out, br_error *err) {
  char prefix[PREFIX_MAX];
  br_status st = choose_prefix(rows->schema, prefix, err);
  if (st == BR_OK) {
    st = br_buf_text(out, "SELECT ", err);
  }
  for (size_t i = 0; i < rows->schema->count && st == BR_OK; i++) {
    const dbx_rows_column *column = &rows->columns[i];
    dbx_form form = arrow ? column->arrow_form : column->inline_form;
    st = i > 0 ? br_buf_text(out, ", ", err) : BR_OK;
    if (st == BR_OK) {
      st = put_column(out, form, rows->schema->fields[i].name, column->type_text, err);
    }
    if (st == BR_OK && form != DBX_FORM_PLAIN) {
      st = br_buf_printf(out, err, " AS `%s%zu`", prefix, i);
    }
  }
  if (st == BR_OK) {
    st = br_buf_printf(out, err, " FROM %s", options->from);
  }
  if (st == BR_OK && options->where != NULL) {
    st = br_buf_printf(out, err, " WHERE %s", options->where);
  }
  if (st == BR_OK && options->order_by != NULL) {
    st = br_buf_printf(out, err, " ORDER BY %s", options->order_by);
  }
  return st;
}

br_status dbx_rows_check_type(const dbx_rows *rows, size_t column, dbx_form form,
                              const char *result_type_text, br_error *err) {
  batch_type expected = rows->columns[column].type;
  if (form != DBX_FORM_PLAIN) {
    expected = (batch_type){.layout = form == DBX_FORM_DAYS     ? BATCH_INT32
                                      : form == DBX_FORM_MICROS ? BATCH_INT64
                                                                : BATCH_STRING};
  }
  dbx_rows_column found = {0};
  br_status st = dbx_rows_type_parse(result_type_text, &found, err);
  if (st == BR_OK &&
      (found.type.layout != expected.layout || found.type.precision != expected.precision ||
       found.type.scale != expected.scale)) {
    st = br_error_set(err, BR_ERR_CONFLICT,
                      "The type was %.100s when the table was described, and changed before it "
                      "was read",
                      rows->columns[column].type_text);
  }
  return st == BR_OK
             ? st
             : br_error_context(err, st, "Column %.100s", rows->schema->fields[column].name);
}

br_status dbx_rows_statement(const dbx_rows_options *options, br_buf *sql,
                             dbx_statement *ret_statement, br_error *err) {
  const char *text = br_buf_cstr(sql);
  if (text == NULL) {
    return br_error_nomem(err);
  }
  *ret_statement = (dbx_statement){.sql = text,
                                   .parameters = options->parameters,
                                   .parameter_count = options->parameter_count,
                                   .repeatable = true};
  return BR_OK;
}
