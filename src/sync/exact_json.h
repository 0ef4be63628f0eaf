/*
 * exact_json.h: JSON objects whose numbers keep their digits.
 *
 * jansson turns 12.10 into a double; a condition on a decimal column needs the text that was
 * written. The document is parsed by jansson (which also refuses double keys) and walked together
 * with the number tokens of the text, which come in the same order.
 */
#ifndef SYNC_EXACT_JSON_H
#define SYNC_EXACT_JSON_H

#include <jansson.h>

#include "base/status.h"

typedef struct sync_json sync_json;

/* BR_ERR_DATA: no JSON object; the message says where ("line 1, column 7: …"). */
br_status sync_json_parse(const char *text, sync_json **ret_json, br_error *err) BR_CHECKED;
void sync_json_free(sync_json *json); /* NULL is fine */
/* Borrowed. */
json_t *sync_json_root(const sync_json *json);
/* A scalar as text: strings as they are, numbers as written, true and false as 1 and 0, null as
 * NULL; the caller frees. BR_ERR_DATA for arrays and objects. */
br_status sync_json_scalar(const sync_json *json, const json_t *value, char **ret_text,
                           br_error *err) BR_CHECKED;

/* Any value of the document as JSON on one line, its numbers as written; the caller frees. */
br_status sync_json_text(const sync_json *json, const json_t *value, char **ret_text,
                         br_error *err) BR_CHECKED;
/* A value that was built as text, and its reference given up; the caller frees. complete false (a
 * part of it could not be made): out of memory. json may be NULL then. */
br_status sync_json_dump(json_t *json, bool complete, char **ret_text, br_error *err) BR_CHECKED;
/* ["a","b"]; the caller frees. */
br_status sync_json_list(const char *const *texts, size_t count, char **ret_text,
                         br_error *err) BR_CHECKED;

#endif
