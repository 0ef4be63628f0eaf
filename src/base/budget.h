/*
 * budget.h: how many bytes a run may hold in memory, shared between its threads.
 *
 * Take before allocating large buffers, give back after freeing them. Taking waits until there is
 * room; a single request over the total is BR_ERR_LIMIT at once. The smallest request that can be
 * waited for is served first come, first served.
 */
#ifndef BR_BASE_BUDGET_H
#define BR_BASE_BUDGET_H

#include "base/cancel.h"
#include "base/status.h"

typedef struct br_budget br_budget;

br_status br_budget_new(size_t total_bytes, br_budget **ret_budget, br_error *err) BR_CHECKED;
void br_budget_free(br_budget *budget);
br_status br_budget_take(br_budget *budget, size_t bytes, const br_cancel *cancel,
                         br_error *err) BR_CHECKED;
void br_budget_give(br_budget *budget, size_t bytes);
size_t br_budget_total(const br_budget *budget);
size_t br_budget_used(br_budget *budget);

#endif
