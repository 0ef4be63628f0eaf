#include "api/paths.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/text.h"

/* realpath() into memory of ours; NULL: errno tells. */
static char *real_path(const char *path) {
  char text[PATH_MAX];
  return realpath(path, text) == NULL ? NULL : br_strdup(text);
}

static bool is_inside(const char *folder, const char *path) {
  const size_t length = strlen(folder);
  if (strcmp(folder, "/") == 0) {
    return true;
  }
  return strncmp(folder, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool is_allowed(const char *allowed, const char *real) {
  while (*allowed != '\0') {
    const size_t length = strcspn(allowed, ":");
    char *one = length == 0 ? NULL : br_strndup(allowed, length);
    char *folder = one == NULL ? NULL : real_path(one);
    const bool inside = folder != NULL && is_inside(folder, real);
    br_free(folder);
    br_free(one);
    if (inside) {
      return true;
    }
    allowed += length + (allowed[length] == ':');
  }
  return false;
}

static bool has_dots(const char *path) {
  for (const char *part = path; *part != '\0';) {
    const size_t length = strcspn(part, "/");
    if ((length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.')) {
      return true;
    }
    part += length + (part[length] == '/');
  }
  return false;
}

/* The first bytes of a path, which is changed and put back. errno is ENOENT afterwards. */
static bool is_link(char *path, size_t length) {
  struct stat info;
  const char kept = path[length];
  path[length] = '\0';
  const bool found = length > 0 && lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
  path[length] = kept;
  errno = ENOENT;
  return found;
}

/* The real path of the longest part of the path that exists; *ret_rest points at what is behind it.
 * The path is changed and put back. NULL: errno tells. */
static char *longest_real(char *path, const char **ret_rest) {
  size_t end = strlen(path);
  for (;;) {
    const char kept = path[end];
    path[end] = '\0';
    char *real = real_path(end == 0 ? (kept == '/' ? "/" : ".") : path);
    path[end] = kept;
    if (real == NULL && errno == ENOENT && is_link(path, end)) {
      return NULL; /* to something that isn't there: who makes a file of that name makes it there */
    }
    if (real != NULL || errno != ENOENT || end == 0) {
      *ret_rest = path + end;
      return real;
    }
    while (end > 0 && path[end - 1] != '/') {
      end--;
    }
    while (end > 0 && path[end - 1] == '/') {
      end--;
    }
  }
}

static br_status outside(const char *path, br_error *err) {
  return br_error_set(err, BR_ERR_AUTH,
                      "The path %.500s is not inside the allowed folders (BRIDGE_ALLOWED_PATHS)",
                      path);
}

static br_status join(const char *real, const char *rest, char **ret_path, br_error *err) {
  rest += strspn(rest, "/");
  char *path = *rest == '\0'            ? br_strdup(real)
               : strcmp(real, "/") == 0 ? br_asprintf("/%s", rest)
                                        : br_asprintf("%s/%s", real, rest);
  if (path == NULL) {
    return br_error_nomem(err);
  }
  *ret_path = path;
  return BR_OK;
}

static br_status resolve(const char *allowed, char *path, bool may_be_new, char **ret_real,
                         br_error *err) {
  const char *rest = NULL;
  char *real = longest_real(path, &rest);
  if (real == NULL || !is_allowed(allowed, real)) {
    br_free(real);
    return outside(path, err);
  }
  br_status st = BR_OK;
  if (rest[strspn(rest, "/")] == '\0') {
    *ret_real = real;
    return BR_OK;
  }
  if (!may_be_new) {
    st = br_error_set(err, BR_ERR_NOT_FOUND, "%.500s", path);
  } else if (has_dots(rest)) {
    st = outside(path, err);
  } else {
    st = join(real, rest, ret_real, err);
  }
  br_free(real);
  return st;
}

br_status api_path_resolve(const char *allowed, const char *path, bool may_be_new, char **ret_real,
                           br_error *err) {
  size_t offset = 0;
  if (path[0] == '\0' || strlen(path) >= PATH_MAX) {
    return br_error_set(err, BR_ERR_USAGE, "The path is empty or too long");
  }
  if (!br_utf8_valid(path, strlen(path), &offset)) {
    return br_error_set(err, BR_ERR_USAGE, "The path is no valid text");
  }
  char *copy = br_strdup(path);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  br_status st = resolve(allowed, copy, may_be_new, ret_real, err);
  br_free(copy);
  return st;
}

br_status api_path_check_again(const char *allowed, const char *real, bool may_be_new,
                               br_error *err) {
  char *now = NULL;
  br_status st = api_path_resolve(allowed, real, may_be_new, &now, err);
  if (st == BR_OK && strcmp(now, real) != 0) {
    st = br_error_set(err, BR_ERR_AUTH, "The path %.500s leads elsewhere now", real);
  }
  br_free(now);
  return st;
}

static br_status check_file(void *context, const char *path, const char *real, br_error *err) {
  const char *allowed = context;
  char *found = NULL;
  br_status st = api_path_resolve(allowed, real == NULL ? path : real, true, &found, err);
  br_free(found);
  return st == BR_ERR_AUTH ? outside(path, err) : st;
}

br_file_guard api_path_guard(const char *allowed) {
  return (br_file_guard){.check = check_file, .context = (void *)allowed};
}

br_status api_path_check_volume(const char *path, br_error *err) {
  return has_dots(path)
             ? br_error_set(err, BR_ERR_USAGE, "The destination must not have parts '.' or '..'")
             : BR_OK;
}
