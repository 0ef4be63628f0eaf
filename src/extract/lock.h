/*
 * lock.h: a lock file of this machine. The kernel gives the lock up when its process dies, however
 * it dies; so a lock that can be taken belongs to nobody.
 */
#ifndef EXTRACT_LOCK_H
#define EXTRACT_LOCK_H

#include "base/status.h"

/* Makes the file where it is missing. BR_ERR_CONFLICT where another process holds it. */
br_status extract_lock_take(const char *path, int *ret_fd, br_error *err) BR_CHECKED;
/* Takes the lock of a file that is there already: BR_ERR_CONFLICT where its process lives,
 * BR_ERR_NOT_FOUND where the file has just gone. */
br_status extract_lock_take_over(const char *path, int *ret_fd, br_error *err) BR_CHECKED;
/* Deletes the file and gives the lock up. */
void extract_lock_release(const char *path, int fd);

#endif
