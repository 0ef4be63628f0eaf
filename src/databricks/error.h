/*
 * error.h: what an answer that is no success says, in the shapes that the platform has: error_code
 * (text or number) and message, API 1.2, SCIM, OAuth, "CODE: text", HTML, nothing at all.
 */
#ifndef DATABRICKS_ERROR_H
#define DATABRICKS_ERROR_H

#include "databricks/transport.h"

/* Makes text of a server fit for a message, in place: control characters become blanks, runs of
 * blanks one, what isn't UTF-8 '?', and registered secrets asterisks. */
void dbx_text_clean(char *text);

/* The error of an answer: "HTTP 403 PERMISSION_DENIED: …"; native_code = HTTP status. Never BR_OK.
 */
br_status dbx_error_of_answer(const dbx_http_response *response, br_error *err);

/* The answer says that the credentials are no longer good. */
bool dbx_answer_refuses_credentials(const dbx_http_response *response);

#endif
