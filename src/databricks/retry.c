#include "databricks/retry.h"

#include <curl/curl.h>
#include <limits.h>
#include <string.h>
#include <time.h>

enum { SECOND_MS = 1000, LONGEST_WAIT_S = 7 * 24 * 3600 };

/* Statuses worth another try. Few tries where the failure may well be there to stay. */
static const struct {
  long status;
  bool surely_not_started;
  unsigned tries;
} retried[] = {
    {408, false, 4},       /* request time-out at a proxy */
    {429, true, UINT_MAX}, /* too many requests */
    {500, false, 4},       /* internal error */
    {502, false, 4},       /* bad gateway */
    {503, true, UINT_MAX}, /* starting, overloaded */
    {504, false, 4},       /* gateway time-out */
};

unsigned dbx_retry_tries_of_status(long http_status, bool repeatable) {
  for (size_t i = 0; i < sizeof retried / sizeof retried[0]; i++) {
    if (retried[i].status == http_status) {
      return repeatable || retried[i].surely_not_started ? retried[i].tries : 1;
    }
  }
  return 1;
}

bool dbx_retry_after(const char *header, int64_t now, uint64_t *ret_ms) {
  size_t digits = strspn(header, "0123456789");
  if (digits > 0 && header[digits] == '\0') {
    uint64_t seconds = 0;
    for (size_t i = 0; i < digits && seconds <= LONGEST_WAIT_S; i++) {
      seconds = seconds * 10 + (uint64_t)(header[i] - '0');
    }
    *ret_ms = (seconds > LONGEST_WAIT_S ? LONGEST_WAIT_S : seconds) * SECOND_MS;
    return true;
  }
  time_t at = digits > 0 ? -1 : curl_getdate(header, NULL);
  if (at == -1) {
    return false;
  }
  int64_t seconds = (int64_t)at - now;
  seconds = seconds < 0 ? 0 : seconds;
  *ret_ms = (uint64_t)(seconds > LONGEST_WAIT_S ? LONGEST_WAIT_S : seconds) * SECOND_MS;
  return true;
}

uint64_t dbx_retry_backoff(const dbx_retry_policy *policy, unsigned tries, uint64_t random) {
  uint64_t step = policy->first_backoff_ms;
  for (unsigned i = 1; i < tries && step < policy->longest_backoff_ms; i++) {
    step *= 2;
  }
  step = step > policy->longest_backoff_ms ? policy->longest_backoff_ms : step;
  return step / 2 + (step < 2 ? 0 : random % (step - step / 2 + 1));
}
