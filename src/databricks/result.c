/* The result of a statement: columns, and the chunks of rows that add up to it. */
#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "databricks/json.h"
#include "databricks/reply.h"

typedef struct chunk {
  char *text; /* owned; the cells' offsets count from here */
  dbx_cells cells;
  uint64_t first_row;
} chunk;

struct dbx_result {
  char *statement_id;
  json_t *manifest; /* a reference; the columns' texts live in it. NULL: none */
  dbx_column *columns;
  size_t column_count;
  chunk *chunks;
  size_t chunk_count;
  uint64_t rows;
  size_t text_bytes;
  bool truncated;
  bool has_total;
  uint64_t total_rows; /* as the manifest says */
};

void dbx_result_free(dbx_result *result) {
  if (result == NULL) {
    return;
  }
  for (size_t i = 0; i < result->chunk_count; i++) {
    br_free(result->chunks[i].text);
    dbx_cells_done(&result->chunks[i].cells);
  }
  br_free(result->chunks);
  br_free(result->columns);
  json_decref(result->manifest);
  br_free(result->statement_id);
  br_free(result);
}

static const char *text_or_empty(const json_t *object, const char *key) {
  const char *text = dbx_json_text(object, key);
  return text == NULL ? "" : text;
}

/* A result without columns (DDL) has column_count 0 and no list. */
static br_status read_columns(dbx_result *result, br_error *err) {
  const json_t *schema = dbx_json_object(result->manifest, "schema");
  const json_t *list = dbx_json_array(schema, "columns");
  size_t count = json_array_size(list);
  uint64_t announced = count;
  if (json_object_get(schema, "column_count") != NULL &&
      (!dbx_json_u64(schema, "column_count", &announced) || announced != count)) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The manifest lists other columns than it counts");
  }
  if (count > BR_LIMIT_COLUMNS) {
    return br_error_set(err, BR_ERR_LIMIT, "The result has %zu columns; %d are supported", count,
                        BR_LIMIT_COLUMNS);
  }
  result->columns = br_calloc(count, sizeof *result->columns);
  if (result->columns == NULL) {
    return br_error_nomem(err);
  }
  for (size_t i = 0; i < count; i++) {
    const json_t *column = json_array_get(list, i);
    uint64_t position = i;
    if (!json_is_object(column) || dbx_json_text(column, "name") == NULL ||
        (json_object_get(column, "position") != NULL &&
         (!dbx_json_u64(column, "position", &position) || position != i))) {
      return br_error_set(err, BR_ERR_PROTOCOL, "Column %zu of the manifest is broken", i + 1);
    }
    result->columns[i] = (dbx_column){
        .name = text_or_empty(column, "name"),
        .type_name = text_or_empty(column, "type_name"),
        .type_text = text_or_empty(column, "type_text"),
    };
  }
  result->column_count = count;
  return BR_OK;
}

br_status dbx_result_new(const dbx_reply *reply, dbx_result **ret_result, br_error *err) {
  dbx_result *result = br_calloc(1, sizeof *result);
  if (result == NULL) {
    return br_error_nomem(err);
  }
  result->manifest = json_incref(dbx_json_object(reply->root, "manifest"));
  result->truncated = json_is_true(json_object_get(result->manifest, "truncated"));
  result->has_total = dbx_json_u64(result->manifest, "total_row_count", &result->total_rows);
  const char *id = dbx_reply_statement_id(reply);
  result->statement_id = br_strdup(id == NULL ? "" : id);
  br_status st = result->statement_id == NULL ? br_error_nomem(err) : read_columns(result, err);
  if (st != BR_OK) {
    dbx_result_free(result);
    return st;
  }
  *ret_result = result;
  return BR_OK;
}

/* ---- rows ---- */

static br_status append_chunk(dbx_result *result, dbx_reply *reply, br_error *err) {
  size_t bytes = reply->rows.end - reply->rows.start;
  if (bytes > BR_LIMIT_HTTP_BODY - result->text_bytes) {
    return br_error_set(err, BR_ERR_LIMIT, "The result is longer than %zu MiB",
                        BR_LIMIT_HTTP_BODY / BR_MIB(1));
  }
  chunk *chunks = br_realloc_array(result->chunks, result->chunk_count + 1, sizeof *result->chunks);
  if (chunks == NULL) {
    return br_error_nomem(err);
  }
  result->chunks = chunks;
  chunk next = {.first_row = result->rows};
  br_status st = dbx_cells_decode(reply->text, reply->rows, result->column_count, &next.cells, err);
  if (st != BR_OK) {
    return st;
  }
  next.text = reply->text;
  reply->text = NULL;
  result->chunks[result->chunk_count++] = next;
  result->rows += next.cells.rows;
  result->text_bytes += bytes;
  return BR_OK;
}

/* What the chunk says of itself must fit what came before. */
static br_status check_chunk(const dbx_result *result, const json_t *about, uint64_t index,
                             uint64_t rows, br_error *err) {
  const struct {
    const char *key;
    uint64_t expected;
  } claims[] = {{"chunk_index", index}, {"row_offset", result->rows - rows}, {"row_count", rows}};
  for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
    uint64_t claimed = 0;
    if (dbx_json_u64(about, claims[i].key, &claimed) && claimed != claims[i].expected) {
      return br_error_set(err, BR_ERR_PROTOCOL,
                          "Chunk %" PRIu64 " of the result: %s is %" PRIu64 " instead of %" PRIu64,
                          index, claims[i].key, claimed, claims[i].expected);
    }
  }
  return BR_OK;
}

br_status dbx_result_add(dbx_result *result, dbx_reply *reply, uint64_t index, uint64_t *ret_next,
                         bool *ret_more, br_error *err) {
  const json_t *nested = dbx_json_object(reply->root, "result");
  const json_t *about = nested != NULL ? nested : reply->root;
  if (json_object_get(about, "external_links") != NULL) {
    return br_error_set(err, BR_ERR_UNSUPPORTED,
                        "The server sends links to the result instead of its rows");
  }
  uint64_t before = result->rows;
  const json_t *rows = json_object_get(about, "data_array");
  if (rows != NULL && !json_is_null(rows)) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The result's rows are no array");
  }
  if (reply->rows.start != reply->rows.end) {
    br_status st = append_chunk(result, reply, err);
    if (st != BR_OK) {
      return st;
    }
  }
  br_status st = check_chunk(result, about, index, result->rows - before, err);
  if (st != BR_OK) {
    return st;
  }
  uint64_t next = 0;
  bool more = dbx_json_u64(about, "next_chunk_index", &next);
  if (more && next != index + 1) {
    return br_error_set(err, BR_ERR_PROTOCOL,
                        "Chunk %" PRIu64 " of the result is followed by chunk %" PRIu64, index,
                        next);
  }
  *ret_next = next;
  *ret_more = more;
  return BR_OK;
}

br_status dbx_result_finish(const dbx_result *result, bool limited, br_error *err) {
  if (result->truncated && !limited) {
    return br_error_set(err, BR_ERR_LIMIT, "The server cut the result after %" PRIu64 " rows",
                        result->rows);
  }
  if (result->has_total && !result->truncated && result->total_rows != result->rows) {
    return br_error_set(err, BR_ERR_PROTOCOL, "The result has %" PRIu64 " rows instead of %" PRIu64,
                        result->rows, result->total_rows);
  }
  return BR_OK;
}

/* ---- looking at it ---- */

const char *dbx_result_statement_id(const dbx_result *result) {
  return result->statement_id;
}

size_t dbx_result_columns(const dbx_result *result) {
  return result->column_count;
}

const dbx_column *dbx_result_column(const dbx_result *result, size_t index) {
  return index < result->column_count ? &result->columns[index] : NULL;
}

uint64_t dbx_result_rows(const dbx_result *result) {
  return result->rows;
}

bool dbx_result_truncated(const dbx_result *result) {
  return result->truncated;
}

/* The chunk and cell of a value; NULL: outside the result. */
static const dbx_cell *find_cell(const dbx_result *result, uint64_t row, size_t column,
                                 const char **ret_text) {
  if (row >= result->rows || column >= result->column_count) {
    return NULL;
  }
  size_t low = 0;
  size_t high = result->chunk_count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (result->chunks[middle].first_row <= row) {
      low = middle;
    } else {
      high = middle;
    }
  }
  const chunk *found = &result->chunks[low];
  *ret_text = found->text;
  return &found->cells.cells[(size_t)(row - found->first_row) * result->column_count + column];
}

const char *dbx_result_value(const dbx_result *result, uint64_t row, size_t column) {
  const char *text = NULL;
  const dbx_cell *cell = find_cell(result, row, column, &text);
  return cell == NULL || cell->offset == DBX_CELL_NULL ? NULL : text + cell->offset;
}

size_t dbx_result_value_length(const dbx_result *result, uint64_t row, size_t column) {
  const char *text = NULL;
  const dbx_cell *cell = find_cell(result, row, column, &text);
  return cell == NULL ? 0 : cell->length;
}
