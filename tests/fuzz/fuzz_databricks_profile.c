/* A .databrickscfg, read for its default profile and for one by name. */
#include <stdint.h>

#include "databricks/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[] = {NULL, "a"};
  for (size_t i = 0; i < 2; i++) {
    dbx_profile *profile = NULL;
    br_error err = BR_ERROR_INIT;
    if (dbx_profile_parse((const char *)data, size, "file", names[i], &profile, &err) == BR_OK) {
      (void)dbx_profile_get(profile, "host");
      (void)dbx_profile_get(profile, "token");
      dbx_profile_free(profile);
    }
  }
  return 0;
}
