/*
 * status.h: what a function that can fail returns, and the error that tells why.
 *
 *   br_status read_header(br_reader *r, uint16_t *ret_length, br_error *err);
 *
 *   if ((st = read_header(&r, &length, err)) != BR_OK) {
 *     return br_error_context(err, st, "row %" PRIu64, row);
 *   }
 *
 * Rules, the same in every room:
 *  - A function returns br_status and puts its result into ret_… parameters, which it leaves alone
 *    when it fails.
 *  - `err` belongs to the caller and may be NULL. It is written once where the failure is found;
 *    callers on the way up add context ("where") in front, and only cli, api, sync and jobs print.
 *  - A message holds no secret that br_secret_new() was told of: a server may repeat what it was
 *    sent.
 *  - BR_DONE is no failure: a sequence has ended.
 */
#ifndef BR_BASE_STATUS_H
#define BR_BASE_STATUS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum br_status {
  BR_OK = 0,
  BR_DONE,          /* the sequence has ended; nothing was put into ret_… */
  BR_ERR_NOMEM,     /* an allocation failed */
  BR_ERR_IO,        /* a file or system call failed */
  BR_ERR_DISK_FULL, /* no space left for a file */
  BR_ERR_USAGE,     /* the user asked for something that can't be: wrong option, file, parameter */
  BR_ERR_DATA,      /* a value can't be represented, or a file's content is broken */
  BR_ERR_PROTOCOL,  /* the other side broke the protocol */
  BR_ERR_NETWORK,   /* a connection could not be made, or broke */
  BR_ERR_TIMEOUT,   /* the time allowed is over */
  BR_ERR_TLS,       /* certificate or handshake refused */
  BR_ERR_AUTH,      /* the other side refused the credentials or the right */
  BR_ERR_NOT_FOUND, /* the thing named does not exist */
  BR_ERR_EXISTS,    /* the thing named exists already */
  BR_ERR_CONFLICT,  /* somebody else is at it */
  BR_ERR_LIMIT,     /* a ceiling was hit */
  BR_ERR_REMOTE,    /* the server answered with an error; native_code has its number */
  BR_ERR_CANCELLED, /* the user or the service asked to stop */
  BR_ERR_UNSUPPORTED, /* known, and not supported */
  BR_ERR_INTERNAL,    /* a bug in this program */
} br_status;

#define BR_CHECKED          __attribute__((warn_unused_result))
#define BR_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))

/* Room for 20 rows at fault, with their keys, columns and reasons. */
enum { BR_ERROR_MESSAGE_MAX = 8192 };

/* A failure in words. No allocation: it can report that memory is out. */
typedef struct br_error {
  br_status status;
  bool retriable;      /* the same call may succeed later (lost connection, 429, deadlock…) */
  int64_t native_code; /* SQL Server's error number, HTTP status or errno; 0 = none */
  char message[BR_ERROR_MESSAGE_MAX]; /* UTF-8, NUL-terminated, cut at a character if too long */
} br_error;

/* An error with nothing in it: `br_error err = BR_ERROR_INIT;`. That fills all of it with zeros: on
 * a path that every request or cell takes, br_error_clear() is for one that is not initialised. */
#define BR_ERROR_INIT                                                                              \
  { .status = BR_OK }

/* Fills err (may be NULL) and returns status, so that callers write
 * `return br_error_set(err, BR_ERR_DATA, "…")`. Clears retriable and native_code. */
br_status br_error_set(br_error *err, br_status status, const char *format, ...) BR_PRINTF(3, 4);
br_status br_error_vset(br_error *err, br_status status, const char *format, va_list args)
    BR_PRINTF(3, 0);

/* Puts "format: " in front of the message and returns status. */
br_status br_error_context(br_error *err, br_status status, const char *format, ...)
    BR_PRINTF(3, 4);

/* Appends " (format)" or any other text behind the message and returns status. */
br_status br_error_append(br_error *err, br_status status, const char *format, ...) BR_PRINTF(3, 4);

/* "what: strerror(errnum)"; ENOSPC and EDQUOT become BR_ERR_DISK_FULL, ENOENT BR_ERR_NOT_FOUND,
 * EEXIST BR_ERR_EXISTS, ENOMEM BR_ERR_NOMEM, the rest BR_ERR_IO. native_code = errnum. */
br_status br_error_errno(br_error *err, int errnum, const char *format, ...) BR_PRINTF(3, 4);

/* "Out of memory". */
br_status br_error_nomem(br_error *err);

/* Marks the error as worth another try and returns status. */
br_status br_error_set_retriable(br_error *err, br_status status);

void br_error_clear(br_error *err);

#if defined(__clang_analyzer__) && !defined(BR_STATUS_IMPLEMENTATION)
/* The analyzer looks at one file at a time: tell it that these return the status they are given and
 * never BR_OK out of nothing, so that it knows results to be set where a call succeeded. */
#define br_error_set(err, status, ...) ((void)br_error_set(err, status, __VA_ARGS__), (status))
#define br_error_context(err, status, ...)                                                         \
  ((void)br_error_context(err, status, __VA_ARGS__), (status))
#define br_error_append(err, status, ...)                                                          \
  ((void)br_error_append(err, status, __VA_ARGS__), (status))
#define br_error_errno(err, errnum, ...)    ((void)br_error_errno(err, errnum, __VA_ARGS__), BR_ERR_IO)
#define br_error_nomem(err)                 ((void)br_error_nomem(err), BR_ERR_NOMEM)
#define br_error_set_retriable(err, status) ((void)br_error_set_retriable(err, status), (status))
#endif

/* A short English name of a status, for logs and tests ("disk full"). Never NULL. */
const char *br_status_name(br_status status);

#endif
