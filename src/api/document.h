/* document.h: the table of routes as text, for docs/API.md. */
#ifndef API_DOCUMENT_H
#define API_DOCUMENT_H

#include "base/buf.h"

/* Appends a Markdown table. */
br_status api_document(br_buf *out, br_error *err) BR_CHECKED;

#endif
