/*
 * metrics.h: counters of the process, and their text for Prometheus
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "http/http.h"

typedef struct api_metrics api_metrics;

br_status api_metrics_new(size_t routes, api_metrics **ret_metrics, br_error *err) BR_CHECKED;
void api_metrics_free(api_metrics *metrics); /* NULL is fine */

/* route: its place in api_routes; SIZE_MAX: none fitted. */
void api_metrics_request(api_metrics *metrics, size_t route, http_method method, unsigned status,
                         uint64_t took_ns);
void api_metrics_rows(api_metrics *metrics, uint64_t rows); /* extracted */

#endif
