#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "batch/batch.h"

br_status batch_schema_new(size_t count, batch_schema **ret_schema, br_error *err) {
  if (count > BR_LIMIT_COLUMNS) {
    return br_error_set(err, BR_ERR_LIMIT, "%zu columns are over the most that can be, %d", count,
                        BR_LIMIT_COLUMNS);
  }
  batch_schema *schema = br_calloc(1, sizeof *schema);
  if (schema == NULL) {
    return br_error_nomem(err);
  }
  schema->fields = br_calloc(count, sizeof *schema->fields);
  if (schema->fields == NULL) {
    br_free(schema);
    return br_error_nomem(err);
  }
  schema->count = count;
  *ret_schema = schema;
  return BR_OK;
}

br_status batch_schema_copy(const batch_schema *schema, batch_schema **ret_schema, br_error *err) {
  batch_schema *copy = NULL;
  br_status st = batch_schema_new(schema->count, &copy, err);
  for (size_t i = 0; st == BR_OK && i < schema->count; i++) {
    const batch_field *from = &schema->fields[i];
    char *name = from->name == NULL ? NULL : br_strdup(from->name);
    if (from->name != NULL && name == NULL) {
      st = br_error_nomem(err);
      break;
    }
    copy->fields[i] = *from;
    copy->fields[i].name = name;
  }
  if (st != BR_OK) {
    batch_schema_free(copy);
    return st;
  }
  *ret_schema = copy;
  return BR_OK;
}

void batch_schema_free(batch_schema *schema) {
  if (schema == NULL) {
    return;
  }
  for (size_t i = 0; i < schema->count; i++) {
    br_free(schema->fields[i].name);
  }
  br_free(schema->fields);
  br_free(schema);
}

br_status batch_schema_set(batch_schema *schema, size_t index, const char *name, batch_type type,
                           bool nullable, br_error *err) {
  char *copy = br_strdup(name);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  batch_field *field = &schema->fields[index];
  br_free(field->name);
  field->name = copy;
  field->type = type;
  field->nullable = nullable;
  return BR_OK;
}

static const char *name_of(const batch_field *field) {
  return field->name == NULL ? "" : field->name;
}

bool batch_schema_equal(const batch_schema *a, const batch_schema *b) {
  if (a->count != b->count) {
    return false;
  }
  for (size_t i = 0; i < a->count; i++) {
    const batch_field *x = &a->fields[i];
    const batch_field *y = &b->fields[i];
    if (strcmp(name_of(x), name_of(y)) != 0 || x->type.layout != y->type.layout ||
        x->type.precision != y->type.precision || x->type.scale != y->type.scale ||
        x->nullable != y->nullable) {
      return false;
    }
  }
  return true;
}

ptrdiff_t batch_schema_find(const batch_schema *schema, const char *name) {
  for (size_t i = 0; i < schema->count; i++) {
    if (strcmp(name_of(&schema->fields[i]), name) == 0) {
      return (ptrdiff_t)i;
    }
  }
  return -1;
}
