/* The poller's options from the settings. */
#include <string.h>

#include "sync/sync.h"

void sync_options_of(const settings *config, sync_options *ret_options) {
  *ret_options = (sync_options){
      .events_table = settings_get(config, SETTING_EVENTS_TABLE),
      .ledger_table = settings_get(config, SETTING_SYNC_LEDGER_TABLE),
      .lowest_first =
          strcmp(settings_get(config, SETTING_SYNC_PRIORITY_ORDER), "lowest_first") == 0,
      .parallel_tables = (unsigned)settings_u64(config, SETTING_SYNC_PARALLEL_TABLES),
      .interval_ms = settings_u64(config, SETTING_POLLING_INTERVAL_SECONDS) * 1000,
      .max_events = (size_t)settings_u64(config, SETTING_MAX_EVENTS_PER_POLL),
      .blocked_as = settings_get(config, SETTING_SYNC_BLOCKED_STATUS),
      .empty_is_fine = strcmp(settings_get(config, SETTING_SYNC_EMPTY_SOURCE), "completed") == 0,
      .principal = settings_get(config, SETTING_SYNC_EVENTS_PRINCIPAL),
      .lock_timeout_s = (unsigned)settings_u64(config, SETTING_SYNC_LOCK_TIMEOUT_SECONDS),
      .ledger_days = settings_u64(config, SETTING_SYNC_LEDGER_DAYS),
  };
}
