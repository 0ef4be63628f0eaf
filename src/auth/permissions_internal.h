/*
 * permissions_internal.h: what permissions_read.c makes and permissions.c answers from.
 */
#ifndef AUTH_PERMISSIONS_INTERNAL_H
#define AUTH_PERMISSIONS_INTERNAL_H

#include <stdatomic.h>

#include "auth/permissions.h"
#include "auth/problem_list.h"
#include "auth/table_name.h"
#include "base/hash.h"

typedef struct auth_rule {
  char *text;    /* the pattern as it stands in the file */
  char *storage; /* what pattern borrows from */
  auth_table_name pattern;
  unsigned access;
  bool has_max_delete_rows;
  uint64_t max_delete_rows;
  size_t line; /* of the pattern */
} auth_rule;

struct auth_user {
  char *name;
  char token_sha256[BR_SHA256_HEX_MAX]; /* lower case */
  auth_rule *rules;                     /* in the order of the file */
  size_t rule_count;
  size_t name_line, token_line;
};

/* Never changes once it is handed out, but for the count of references. */
struct auth_permissions {
  atomic_size_t references;
  auth_user *users;
  size_t user_count;
  auth_problem_list warnings;
  auth_problem_list doubts; /* the warnings that strict mode refuses */
};

#endif
