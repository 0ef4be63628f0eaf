/* Any bytes as a folder of a request: what comes out lies in the allowed folder, whatever links and
 * dots lie on the way. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/paths.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[64], allowed[128];
static int home = -1, inside = -1; /* folders: the engine has its own working directory */

static const char *below(const char *name) {
  static char text[256];
  (void)snprintf(text, sizeof text, "%s/%s", root, name);
  return text;
}

static void clean_up(void) {
  static const char *const links[] = {"in/away", "in/near", "in/loop", "in/up", "out/back"};
  static const char *const folders[] = {"in/deep", "in", "inner", "out", ""};
  for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
    (void)unlink(below(links[i]));
  }
  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
    (void)rmdir(below(folders[i]));
  }
}

static void link_to(const char *target, const char *name) {
  if (symlink(target, below(name)) != 0) {
    abort();
  }
}

static void set_up(void) {
  static const char *const folders[] = {"in", "in/deep", "inner", "out"};
  (void)snprintf(root, sizeof root, "/tmp/fuzz-path-XXXXXX");
  if (mkdtemp(root) == NULL) {
    abort();
  }
  home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  inside = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  (void)atexit(clean_up);
  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
    if (mkdir(below(folders[i]), 0700) != 0) {
      abort();
    }
  }
  link_to("../out", "in/away");
  link_to("deep", "in/near");
  link_to("loop", "in/loop");
  link_to("..", "in/up");
  link_to("../in", "out/back");
  (void)snprintf(allowed, sizeof allowed, "%s/in", root);
}

/* path without links and dots: inside, and the longest part of it that exists is itself. */
static void check_inside(const char *path) {
  const size_t length = strlen(allowed);
  char real[PATH_MAX];
  if (strncmp(path, allowed, length) != 0 || (path[length] != '/' && path[length] != '\0') ||
      strstr(path, "/../") != NULL || (realpath(path, real) != NULL && strcmp(real, path) != 0)) {
    abort();
  }
  for (size_t end = strlen(path); end > length; end--) {
    if (path[end] == '/' || path[end] == '\0') {
      char part[PATH_MAX];
      (void)snprintf(part, sizeof part, "%.*s", (int)end, path);
      if (realpath(part, real) != NULL && strcmp(real, part) != 0) {
        abort();
      }
    }
  }
}

static void check(const char *path, bool may_be_new) {
  char *real = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = api_path_resolve(allowed, path, may_be_new, &real, &err);
  if (st == BR_OK) {
    check_inside(real);
  } else if (real != NULL || err.message[0] == '\0') {
    abort();
  }
  br_free(real);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (root[0] == '\0') {
    set_up();
  }
  char *path = br_strndup((const char *)data, size);
  if (path == NULL) {
    return 0;
  }
  if (fchdir(inside) != 0) {
    abort();
  }
  check(path, false);
  check(path, true);
  if (fchdir(home) != 0) {
    abort();
  }
  if (api_path_check_volume(path, NULL) == BR_OK && strstr(path, "/../") != NULL) {
    abort();
  }
  br_free(path);
  return 0;
}
