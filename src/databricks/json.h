/*
 * json.h: JSON documents of moderate size through jansson, with the API's habits: numbers may come
 * as strings, members may be missing or null.
 */
#ifndef DATABRICKS_JSON_H
#define DATABRICKS_JSON_H

#include <jansson.h>

#include "base/buf.h"

/* Lets jansson allocate through base/mem.h; called before the first use of jansson. */
void dbx_json_init(void);

/* A document whose root is an object; the caller releases it with json_decref(). */
br_status dbx_json_load(const void *bytes, size_t length, json_t **ret_root,
                        br_error *err) BR_CHECKED;

/* Borrowed member values; NULL where missing or of another kind. Objects may be NULL. */
const char *dbx_json_text(const json_t *object, const char *key);
json_t *dbx_json_object(const json_t *object, const char *key);
json_t *dbx_json_array(const json_t *object, const char *key);

/* A whole number >= 0, also as a string of digits; false where missing or anything else. */
bool dbx_json_u64(const json_t *object, const char *key, uint64_t *ret_value);

/* Appends the document to out in its shortest form. */
br_status dbx_json_write(const json_t *root, br_buf *out, br_error *err) BR_CHECKED;

#endif
