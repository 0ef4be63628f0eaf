/*
 * process.h: which process on which machine, said so that another one can tell later whether it is
 * gone for sure.
 *
 * A process id alone says little: ids are used again, every container counts its own, and machines
 * or containers may share a host name. So it counts only together with the kernel's boot, the
 * namespace of ids, and the time the process began.
 */
#ifndef EXTRACT_PROCESS_H
#define EXTRACT_PROCESS_H

#include "base/status.h"

typedef struct extract_process {
  char host[128];     /* for people */
  char boot[64];      /* of this start of the kernel; "" = not known */
  char pid_space[64]; /* of process ids; "" = not known */
  int64_t pid;
  uint64_t started; /* in the kernel's ticks since its boot; 0 = not known */
} extract_process;

/* The calling process. What can't be found out stays empty. */
void extract_process_self(extract_process *ret_process);
/* True only where it is sure: same boot, same namespace, and no such process or one that began at
 * another time. */
bool extract_process_is_gone(const extract_process *process);

#endif
