#include "extract/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { PROC_FILE_MAX = 4096, START_TIME_FIELD = 22 /* of /proc/PID/stat, see proc(5) */ };

/* A file of /proc as text; "" where it can't be read. */
static void read_proc(const char *path, char *text, size_t size) {
  br_buf content;
  text[0] = '\0';
  if (br_file_read(path, PROC_FILE_MAX, &content, NULL) == BR_OK && content.len < size) {
    memcpy(text, content.data, content.len);
    text[content.len] = '\0';
  }
  br_buf_done(&content);
}

/* When a process began; 0 = not known, or there is none. */
static uint64_t start_time(int64_t pid) {
  char path[64];
  char stat[1024];
  (void)snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
  read_proc(path, stat, sizeof stat);
  /* The second field, the program's name in parentheses, may hold anything, blanks too. */
  const char *at = strrchr(stat, ')');
  for (int field = 2; at != NULL && field < START_TIME_FIELD; field++) {
    at = strchr(at + 1, ' ');
  }
  return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

void extract_process_self(extract_process *ret_process) {
  *ret_process = (extract_process){.pid = getpid(), .started = start_time(getpid())};
  (void)gethostname(ret_process->host, sizeof ret_process->host - 1);
  read_proc("/proc/sys/kernel/random/boot_id", ret_process->boot, sizeof ret_process->boot);
  ret_process->boot[strcspn(ret_process->boot, "\n")] = '\0';
  ssize_t n =
      readlink("/proc/self/ns/pid", ret_process->pid_space, sizeof ret_process->pid_space - 1);
  ret_process->pid_space[n > 0 ? n : 0] = '\0';
}

bool extract_process_is_gone(const extract_process *process) {
  extract_process self;
  extract_process_self(&self);
  bool same_place = process->boot[0] != '\0' && strcmp(process->boot, self.boot) == 0 &&
                    process->pid_space[0] != '\0' &&
                    strcmp(process->pid_space, self.pid_space) == 0;
  if (!same_place || process->pid <= 0) {
    return false;
  }
  if (kill((pid_t)process->pid, 0) != 0) {
    return errno == ESRCH;
  }
  uint64_t started = start_time(process->pid);
  return process->started != 0 && started != 0 && started != process->started;
}
