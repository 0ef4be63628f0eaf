/* A request's target against patterns, and as a path of a volume. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "http/uri.h"
#include "sandbox/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const patterns[] = {"/fs/files/{*}", "/s/{id}/chunks/{n}", "/{a}/{b}", "/"};
  char *target = br_strndup((const char *)data, size);
  http_uri uri;
  if (target == NULL || http_uri_parse(target, &uri, NULL) != BR_OK) {
    br_free(target);
    return 0;
  }
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    http_captures captures = {0};
    bool match = false;
    volume_path path;
    if (http_pattern_match(patterns[i], uri.raw, &captures, &match, NULL) == BR_OK && match &&
        captures.count == 1 &&
        volume_path_parse("/root", captures.texts[0], &path, NULL) == BR_OK) {
      /* Never above the folder of volumes. */
      if (strncmp(path.disk, "/root/", 6) != 0 || strstr(path.disk, "/../") != NULL) {
        abort();
      }
      volume_path_done(&path);
    }
    http_captures_done(&captures);
  }
  http_uri_done(&uri);
  br_free(target);
  return 0;
}
