/*
 * log.h: lines for operators on stderr, redacted, one write per line.
 *
 * Only cli, api, sync and jobs log; rooms below return errors. Text form: "2026-01-02T03:04:05.678Z
 * INFO message name=text…", with those fields of the thread's context whose text the message does
 * not hold; JSON form: {"time","level","message", fields of the thread's context}.
 */
#ifndef BR_BASE_LOG_H
#define BR_BASE_LOG_H

#include "base/status.h"

typedef enum br_log_level { BR_LOG_DEBUG, BR_LOG_INFO, BR_LOG_WARNING, BR_LOG_ERROR } br_log_level;
typedef enum br_log_format { BR_LOG_TEXT, BR_LOG_JSON } br_log_format;

void br_log_configure(br_log_level lowest, br_log_format format, int fd);
br_log_level br_log_lowest(void);
bool br_log_is_json(void);
/* Sets a field of the calling thread's context ("query", "job_id"); NULL text
 * takes it away. At most 8 fields; a longer text than 127 bytes is cut. */
void br_log_context(const char *name, const char *text);
void br_log(br_log_level level, const char *format, ...) BR_PRINTF(2, 3);

#endif
