/* The folders of file.h: making, listing, free space. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"

/* Makes one folder; one that is there already is fine. */
static br_status make_one(const char *path, unsigned mode, br_error *err) {
  if (br_sys.mkdir(path, (mode_t)mode) == 0) {
    return BR_OK;
  }
  int errnum = errno;
  struct stat info;
  if (br_sys.stat(path, &info) == 0) {
    if (S_ISDIR(info.st_mode)) {
      return BR_OK;
    }
    errnum = ENOTDIR;
  }
  return br_error_errno(err, errnum, "Can't make the folder %s", path);
}

br_status br_dir_make(const char *path, unsigned mode, br_error *err) {
  char *part = br_strdup(path);
  if (part == NULL) {
    return br_error_nomem(err);
  }
  br_status st = BR_OK;
  for (char *p = part; *p != '\0' && st == BR_OK; p++) {
    bool inner = *p == '/' && p > part && p[-1] != '/';
    if (inner) {
      *p = '\0';
      st = make_one(part, mode, err);
      *p = '/';
    }
  }
  if (st == BR_OK && *part != '\0') {
    st = make_one(part, mode, err);
  }
  br_free(part);
  return st;
}

typedef struct name_list {
  char **names;
  size_t count;
  size_t cap;
} name_list;

static br_status add_name(name_list *list, const char *name, br_error *err) {
  if (list->count == list->cap) {
    size_t cap = list->cap == 0 ? 16 : list->cap * 2;
    char **names = br_realloc_array(list->names, cap, sizeof *names);
    if (names == NULL) {
      return br_error_nomem(err);
    }
    list->names = names;
    list->cap = cap;
  }
  char *copy = br_strdup(name);
  if (copy == NULL) {
    return br_error_nomem(err);
  }
  list->names[list->count++] = copy;
  return BR_OK;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static br_status read_names(DIR *folder, const char *path, name_list *list, br_error *err) {
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    if (entry == NULL) {
      return errno == 0 ? BR_OK : br_error_errno(err, errno, "Can't list %s", path);
    }
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
      continue;
    }
    br_status st = add_name(list, entry->d_name, err);
    if (st != BR_OK) {
      return st;
    }
  }
}

br_status br_dir_list(const char *path, char ***ret_names, size_t *ret_count, br_error *err) {
  DIR *folder = opendir(path);
  if (folder == NULL) {
    return br_error_errno(err, errno, "Can't list %s", path);
  }
  name_list list = {0};
  br_status st = read_names(folder, path, &list, err);
  (void)closedir(folder);
  if (st != BR_OK) {
    br_names_free(list.names, list.count);
    return st;
  }
  if (list.count > 1) {
    qsort(list.names, list.count, sizeof *list.names, compare_names);
  }
  *ret_names = list.names;
  *ret_count = list.count;
  return BR_OK;
}

void br_names_free(char **names, size_t count) {
  for (size_t i = 0; names != NULL && i < count; i++) {
    br_free(names[i]);
  }
  br_free(names);
}

br_status br_dir_free_space(const char *path, uint64_t *ret_bytes, br_error *err) {
  struct statvfs info;
  int n = 0;
  do {
    n = br_sys.statvfs(path, &info);
  } while (n != 0 && errno == EINTR);
  if (n != 0) {
    return br_error_errno(err, errno, "Can't ask for the free space of %s", path);
  }
  *ret_bytes = (uint64_t)info.f_bavail * (uint64_t)info.f_frsize;
  return BR_OK;
}
