/*
 * problem_list.h: problems of a file, a line of text each, gathered to be told all at once.
 */
#ifndef AUTH_PROBLEM_LIST_H
#define AUTH_PROBLEM_LIST_H

#include "base/status.h"

typedef struct auth_problem_list {
  char **lines; /* owned; the first AUTH_PROBLEMS_KEPT of them */
  size_t kept;
  size_t count; /* all, kept or not */
} auth_problem_list;

enum { AUTH_PROBLEMS_KEPT = 100 };

/* Keeps a copy of the line. */
br_status auth_problem_add(auth_problem_list *list, const char *line, br_error *err) BR_CHECKED;
/* The lines under a head ("" = none) as the message of status, as many as fit, and how many more
 * there are. */
br_status auth_problem_fail(const auth_problem_list *list, const char *head, br_status status,
                            br_error *err) BR_CHECKED;
void auth_problem_list_done(auth_problem_list *list);

#endif
