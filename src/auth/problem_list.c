#include "auth/problem_list.h"

#include <string.h>

#include "base/mem.h"

br_status auth_problem_add(auth_problem_list *list, const char *line, br_error *err) {
  if (list->kept == AUTH_PROBLEMS_KEPT) {
    list->count++;
    return BR_OK;
  }
  char *text = br_strdup(line);
  char **lines = br_realloc_array(list->lines, list->kept + 1, sizeof *lines);
  if (lines != NULL) {
    list->lines = lines;
  }
  if (text == NULL || lines == NULL) {
    br_free(text);
    return br_error_nomem(err);
  }
  list->lines[list->kept++] = text;
  list->count++;
  return BR_OK;
}

br_status auth_problem_fail(const auth_problem_list *list, const char *head, br_status status,
                            br_error *err) {
  enum { ROOM_FOR_MORE = 48 };
  br_error told = BR_ERROR_INIT;
  size_t shown = 0;
  (void)br_error_set(&told, status, "%s", head);
  while (shown < list->kept &&
         strlen(told.message) + strlen(list->lines[shown]) + ROOM_FOR_MORE < BR_ERROR_MESSAGE_MAX) {
    (void)br_error_append(&told, status, "%s%s", told.message[0] == '\0' ? "" : "\n",
                          list->lines[shown]);
    shown++;
  }
  if (shown < list->count) {
    (void)br_error_append(&told, status, "\n… and %zu more", list->count - shown);
  }
  return br_error_set(err, status, "%s", told.message);
}

void auth_problem_list_done(auth_problem_list *list) {
  for (size_t i = 0; i < list->kept; i++) {
    br_free(list->lines[i]);
  }
  br_free(list->lines);
  *list = (auth_problem_list){.lines = NULL};
}
