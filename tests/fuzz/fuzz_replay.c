/* Runs a fuzz target over every file of the folders named, without a fuzzing engine. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    return -1;
  }
  static uint8_t bytes[1 << 20];
  size_t size = fread(bytes, 1, sizeof bytes, file);
  (void)fclose(file);
  /* A copy of the exact size, so that the sanitizer sees a read behind the end. */
  uint8_t *copy = malloc(size == 0 ? 1 : size);
  if (copy == NULL) {
    return -1;
  }
  memcpy(copy, bytes, size);
  (void)LLVMFuzzerTestOneInput(copy, size);
  free(copy);
  return 0;
}

int main(int argc, char **argv) {
  size_t files = 0;
  for (int i = 1; i < argc; i++) {
    DIR *folder = opendir(argv[i]);
    if (folder == NULL) {
      (void)fprintf(stderr, "%s: no such folder\n", argv[i]);
      return 1;
    }
    struct dirent *entry = NULL;
    while ((entry = readdir(folder)) != NULL) {
      if (entry->d_name[0] == '.') {
        continue;
      }
      char path[4096];
      (void)snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
      if (replay_file(path) != 0) {
        (void)fprintf(stderr, "%s: can't be read\n", path);
        return 1;
      }
      files++;
    }
    (void)closedir(folder);
  }
  (void)printf("%zu files replayed\n", files);
  return files == 0;
}
