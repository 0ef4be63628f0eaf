/* Any bytes are the lines of a .env file or an error that names its line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "settings/dotenv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  dotenv file = {0};
  br_error err = BR_ERROR_INIT;
  br_status st = dotenv_parse((const char *)data, size, ".env", &file, &err);
  if (st != BR_OK) {
    if (file.entries != NULL || strstr(err.message, ".env, line ") != err.message) {
      abort();
    }
    return 0;
  }
  for (size_t i = 0; i < file.count; i++) {
    if (file.entries[i].name[0] == '\0' || file.entries[i].line == 0 ||
        (i > 0 && file.entries[i].line <= file.entries[i - 1].line)) {
      abort();
    }
  }
  dotenv_done(&file);
  return 0;
}
