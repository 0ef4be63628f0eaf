/* openapi.h: the API as an OpenAPI 3.1 document. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include <jansson.h>

/* The caller releases it; NULL: memory is out. */
json_t *api_openapi_json(const char *version);

#endif
