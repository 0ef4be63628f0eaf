/* The types of Databricks SQL as results spell them, and how each comes over whole. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "databricks/rows.h"

typedef struct type_row {
  const char *word; /* the text up to "(", "<" or a blank */
  batch_layout layout;
  dbx_form inline_form;
  dbx_form arrow_form;
} type_row;

static const type_row types[] = {
    {"BOOLEAN", BATCH_BOOL, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"TINYINT", BATCH_INT16, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"BYTE", BATCH_INT16, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"SMALLINT", BATCH_INT16, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"SHORT", BATCH_INT16, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"INT", BATCH_INT32, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"INTEGER", BATCH_INT32, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"BIGINT", BATCH_INT64, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"LONG", BATCH_INT64, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"FLOAT", BATCH_FLOAT, DBX_FORM_TEXT, DBX_FORM_PLAIN},
    {"REAL", BATCH_FLOAT, DBX_FORM_TEXT, DBX_FORM_PLAIN},
    {"DOUBLE", BATCH_DOUBLE, DBX_FORM_TEXT, DBX_FORM_PLAIN},
    {"DECIMAL", BATCH_DECIMAL128, DBX_FORM_TEXT, DBX_FORM_PLAIN},
    {"DEC", BATCH_DECIMAL128, DBX_FORM_TEXT, DBX_FORM_PLAIN},
    {"NUMERIC", BATCH_DECIMAL128, DBX_FORM_TEXT, DBX_FORM_PLAIN},
    {"DATE", BATCH_DATE32, DBX_FORM_DAYS, DBX_FORM_PLAIN},
    {"TIMESTAMP", BATCH_TIMESTAMP_US_UTC, DBX_FORM_MICROS, DBX_FORM_PLAIN},
    {"TIMESTAMP_LTZ", BATCH_TIMESTAMP_US_UTC, DBX_FORM_MICROS, DBX_FORM_PLAIN},
    {"TIMESTAMP_NTZ", BATCH_TIMESTAMP_US, DBX_FORM_TEXT, DBX_FORM_PLAIN},
    {"STRING", BATCH_STRING, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"CHAR", BATCH_STRING, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"VARCHAR", BATCH_STRING, DBX_FORM_PLAIN, DBX_FORM_PLAIN},
    {"BINARY", BATCH_BINARY, DBX_FORM_HEX, DBX_FORM_PLAIN},
    {"ARRAY", BATCH_STRING, DBX_FORM_JSON, DBX_FORM_JSON},
    {"MAP", BATCH_STRING, DBX_FORM_JSON, DBX_FORM_JSON},
    {"STRUCT", BATCH_STRING, DBX_FORM_JSON, DBX_FORM_JSON},
    {"VARIANT", BATCH_STRING, DBX_FORM_JSON, DBX_FORM_JSON},
    {"INTERVAL", BATCH_STRING, DBX_FORM_TEXT, DBX_FORM_TEXT},
    {"VOID", BATCH_STRING, DBX_FORM_TEXT, DBX_FORM_TEXT},
    {"NULL", BATCH_STRING, DBX_FORM_TEXT, DBX_FORM_TEXT},
};

static const type_row *find_row(const char *text, size_t length) {
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    if (strlen(types[i].word) == length && strncasecmp(types[i].word, text, length) == 0) {
      return &types[i];
    }
  }
  return NULL;
}

/* Blanks, then up to three digits; false: none. */
static bool take_number(const char **text, unsigned *ret_number) {
  const char *p = *text + strspn(*text, " ");
  unsigned number = 0;
  size_t digits = 0;
  for (; isdigit((unsigned char)*p) && digits < 3; p++, digits++) {
    number = number * 10 + (unsigned)(*p - '0');
  }
  *text = p + strspn(p, " ");
  *ret_number = number;
  return digits > 0;
}

/* "(10,2)", "(10)" or nothing, which is (10,0). */
static bool take_decimal(const char *text, batch_type *type) {
  unsigned precision = 10;
  unsigned scale = 0;
  if (*text == '(') {
    text++;
    if (!take_number(&text, &precision)) {
      return false;
    }
    if (*text == ',') {
      text++;
      if (!take_number(&text, &scale)) {
        return false;
      }
    }
    if (*text++ != ')') {
      return false;
    }
  }
  if (*text != '\0' || precision < 1 || precision > 38 || scale > precision) {
    return false;
  }
  type->precision = (uint8_t)precision;
  type->scale = (uint8_t)scale;
  return true;
}

br_status dbx_rows_type_parse(const char *type_text, dbx_rows_column *ret_column, br_error *err) {
  size_t length = strcspn(type_text, "(< ");
  const type_row *row = find_row(type_text, length);
  if (row == NULL) {
    return br_error_set(err, BR_ERR_UNSUPPORTED, "The type %.100s is not supported", type_text);
  }
  dbx_rows_column column = {.type = {.layout = row->layout},
                            .inline_form = row->inline_form,
                            .arrow_form = row->arrow_form};
  if (row->layout == BATCH_DECIMAL128 && !take_decimal(type_text + length, &column.type)) {
    return br_error_set(err, BR_ERR_PROTOCOL, "%.100s is no type", type_text);
  }
  *ret_column = column;
  return BR_OK;
}
