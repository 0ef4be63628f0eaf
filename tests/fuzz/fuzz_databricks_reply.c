/*
 * An answer of the Statement Execution API, taken through all that a client does with it: state,
 * failure or result, every value looked at and put into a batch, every link. The same bytes as an
 * error answer, too.
 */
#include <stdint.h>
#include <string.h>

#include "databricks/error.h"
#include "databricks/links.h"
#include "databricks/reply.h"
#include "databricks/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t look_at_values(const dbx_result *result) {
  uint64_t sum = 0;
  for (uint64_t row = 0; row < dbx_result_rows(result); row++) {
    for (size_t column = 0; column < dbx_result_columns(result); column++) {
      const char *value = dbx_result_value(result, row, column);
      size_t length = dbx_result_value_length(result, row, column);
      if (value != NULL && (value[length] != '\0' || strlen(value) > length)) {
        __builtin_trap();
      }
      sum += length;
    }
  }
  return sum;
}

/* A column's values as a table reader takes them. */
static void append_values(const dbx_result *result, size_t column) {
  dbx_rows_column about = {0};
  batch_schema *schema = NULL;
  batch *b = NULL;
  const dbx_column *said = dbx_result_column(result, column);
  if (dbx_rows_type_parse(said->type_text, &about, NULL) == BR_OK &&
      batch_schema_new(1, &schema, NULL) == BR_OK &&
      batch_schema_set(schema, 0, said->name, about.type, true, NULL) == BR_OK &&
      batch_new(schema, 1, &b, NULL) == BR_OK) {
    char type_text[] = "type";
    about.type_text = type_text;
    for (uint64_t row = 0; row < dbx_result_rows(result); row++) {
      br_error err = BR_ERROR_INIT;
      batch_reset(b, 0);
      if (dbx_rows_append(&about, &b->columns[0], 0, dbx_result_value(result, row, column),
                          dbx_result_value_length(result, row, column), &err) == BR_OK) {
        b->rows = 1;
      } else if (err.message[0] == '\0') {
        __builtin_trap();
      }
    }
  }
  batch_free(b);
  batch_schema_free(schema);
}

static void read_links(const dbx_reply *reply) {
  dbx_links links = {0};
  if (dbx_links_add(&links, reply, "https://workspace.example.com", NULL) == BR_OK) {
    for (size_t i = 0; i < links.count; i++) {
      if (strncmp(links.items[i].url, "https://", 8) != 0) {
        __builtin_trap();
      }
    }
  }
  dbx_links_done(&links);
}

static void read_result(dbx_reply *reply, br_error *err) {
  dbx_result *result = NULL;
  uint64_t next = 0;
  bool more = false;
  if (dbx_result_new(reply, &result, err) == BR_OK &&
      dbx_result_add(result, reply, 0, &next, &more, err) == BR_OK) {
    bool limited = dbx_result_finish(result, false, err) != BR_OK;
    (void)look_at_values(result);
    for (size_t i = 0; i < dbx_result_columns(result); i++) {
      append_values(result, i);
    }
    if (limited && dbx_result_truncated(result) && dbx_result_finish(result, true, err) != BR_OK) {
      __builtin_trap();
    }
  }
  dbx_result_free(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  br_error err = BR_ERROR_INIT;
  dbx_http_response response = {.reach = DBX_ANSWERED, .status = 400};
  br_buf_init(&response.body, size + 1);
  if (br_buf_append(&response.body, data, size, &err) != BR_OK) {
    return 0;
  }
  (void)dbx_error_of_answer(&response, &err);
  dbx_reply reply = {0};
  if (dbx_reply_parse(&response.body, &reply, &err) == BR_OK) {
    dbx_state state = DBX_STATE_PENDING;
    char text[DBX_CONDITION_MAX];
    if (dbx_reply_state(&reply, &state, &err) == BR_OK && state >= DBX_STATE_FAILED) {
      (void)dbx_reply_failure(&reply, state, &err);
      (void)dbx_error_sqlstate(&err, text);
      (void)dbx_error_condition(&err, text);
    }
    read_links(&reply);
    read_result(&reply, &err);
    dbx_reply_done(&reply);
  }
  dbx_http_response_done(&response);
  return 0;
}
