#include "sync/retry.h"

/* Numbers of sys.messages: 1205 deadlock, 3960 snapshot conflict; 41301, 41302, 41305 and 41325 the
 * conflicts of memory-optimized tables, some of which only show at COMMIT
 * (https://learn.microsoft.com/sql/relational-databases/in-memory-oltp/transactions-with-memory-optimized-tables);
 * the others are Azure SQL's throttling and reconfiguration
 * (https://learn.microsoft.com/azure/azure-sql/database/troubleshoot-common-errors-issues). */
static const int64_t transient[] = {1205,  3960,  41301, 41302, 41305, 41325, 40197,
                                    40501, 40613, 10928, 10929, 49918, 49919, 49920};
enum { LOCK_TIMEOUT = 1222 };

bool sync_is_transient(const br_error *err) {
  if (sync_is_lost(err->status)) {
    return true;
  }
  for (size_t i = 0; i < sizeof transient / sizeof transient[0]; i++) {
    if (err->status == BR_ERR_REMOTE && err->native_code == transient[i]) {
      return true;
    }
  }
  return err->retriable;
}

bool sync_is_lock_wait(const br_error *err) {
  return err->status == BR_ERR_CONFLICT ||
         (err->status == BR_ERR_REMOTE && err->native_code == LOCK_TIMEOUT);
}

bool sync_is_lost(br_status status) {
  return status == BR_ERR_NETWORK || status == BR_ERR_TIMEOUT;
}

uint64_t sync_retry_delay_ms(unsigned attempt, uint64_t random) {
  uint64_t delay = SYNC_RETRY_BASE_MS;
  for (unsigned i = 1; i < attempt && delay < SYNC_RETRY_LONGEST_MS; i++) {
    delay *= 2;
  }
  if (delay > SYNC_RETRY_LONGEST_MS) {
    delay = SYNC_RETRY_LONGEST_MS;
  }
  return delay / 2 + random % (delay / 2 + 1);
}
