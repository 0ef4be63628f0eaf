/*
 * health.h: whether the two sides can be reached, looked at in the background: a probe answers at
 * once from what was seen last.
 *
 * SQL Server is asked by a login; Databricks by the warehouse's state, which wakes no warehouse.
 */
#ifndef API_HEALTH_H
#define API_HEALTH_H

#include "base/status.h"

typedef struct api_health api_health;
struct api;

/* Starts to look; the service's options and clients must be there. */
br_status api_health_start(struct api *service, api_health **ret_health, br_error *err) BR_CHECKED;
void api_health_stop(api_health *health); /* NULL is fine */
bool api_health_is_up(api_health *health, unsigned side);
/* Each side has been looked at once. */
bool api_health_has_looked(api_health *health);

#endif
