/*
 * file.h: files read and written whole, folders, paths, and an output that writes all or says why
 * not.
 */
#ifndef BR_BASE_FILE_H
#define BR_BASE_FILE_H

#include "base/buf.h"
#include "base/status.h"

/* Reads a whole file of at most max bytes into out (which is initialised here; the caller frees
 * with br_buf_done()). A larger file is BR_ERR_LIMIT. */
br_status br_file_read(const char *path, size_t max, br_buf *out, br_error *err) BR_CHECKED;
/* Says no to files by where they lie, links followed (real; NULL: to be found out, there need not
 * be anything yet). The error is the guard's. */
typedef struct br_file_guard {
  br_status (*check)(void *context, const char *path, const char *real, br_error *err);
  void *context;
} br_file_guard;
/* The same, where the guard (NULL: none) agrees with the place of just the file that is read then;
 * others are not even opened. */
br_status br_file_read_guarded(const char *path, size_t max, const br_file_guard *guard,
                               br_buf *out, br_error *err) BR_CHECKED;
/* Writes a file so that a reader sees the old content or the new, also after a crash: temporary
 * file in the same folder, fsync, rename, fsync of the folder. */
br_status br_file_write_atomic(const char *path, const void *bytes, size_t length, unsigned mode,
                               br_error *err) BR_CHECKED;
br_status br_file_write_all(int fd, const void *bytes, size_t length, const char *name,
                            br_error *err) BR_CHECKED;
br_status br_file_exists(const char *path, bool *ret_exists, br_error *err) BR_CHECKED;
/* mkdir -p. */
br_status br_dir_make(const char *path, unsigned mode, br_error *err) BR_CHECKED;
/* Names (not paths) of the entries in a folder without . and .., sorted by bytes. Free with
 * br_names_free(). */
br_status br_dir_list(const char *path, char ***ret_names, size_t *ret_count,
                      br_error *err) BR_CHECKED;
void br_names_free(char **names, size_t count);
/* Free bytes for an ordinary user on the file system that holds path. */
br_status br_dir_free_space(const char *path, uint64_t *ret_bytes, br_error *err) BR_CHECKED;
/* folder/name; the caller frees; NULL: no memory. */
char *br_path_join(const char *folder, const char *name);

#endif
