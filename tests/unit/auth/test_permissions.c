/* permissions.yaml: a good file is what it says, a bad one is refused with every problem, and no
 * spelling of a table's name gets around a rule. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/permissions.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/secret.h"
#include "support/torture.h"

#define TOKEN_A "sdb_first-token-of-the-test"
#define TOKEN_B "sdb_second-token-of-the-test"

static auth_permissions *parse(const char *text) {
  auth_permissions *p = NULL;
  br_error err = BR_ERROR_INIT;
  br_status st = auth_permissions_parse(text, strlen(text), "p.yaml", &p, &err);
  if (st != BR_OK) {
    print_error("%s\n", err.message);
  }
  assert_int_equal(st, BR_OK);
  return p;
}

static void assert_refused(const char *text, const char *message) {
  auth_permissions *p = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(auth_permissions_parse(text, strlen(text), "p.yaml", &p, &err), BR_ERR_DATA);
  assert_string_equal(err.message, message);
  assert_null(p);
}

static void users_are_found_by_token_and_name(void **state) {
  (void)state;
  char hash[BR_SHA256_HEX_MAX];
  char text[512];
  assert_int_equal(br_sha256_hex(TOKEN_B, strlen(TOKEN_B), hash, NULL), BR_OK);
  for (char *c = hash; *c != '\0'; c++) {
    *c = (char)(*c >= 'a' ? *c - 'a' + 'A' : *c); /* either case of hex digits is fine */
  }
  (void)snprintf(text, sizeof text,
                 "users:\n"
                 "  - {name: a, token: " TOKEN_A ", permissions: []}\n"
                 "  - {name: b, token_sha256: %s, permissions: []}\n",
                 hash);
  auth_permissions *p = parse(text);
  assert_int_equal(auth_permissions_users(p), 2);
  assert_string_equal(auth_user_name(auth_user_of_token(p, TOKEN_A)), "a");
  assert_string_equal(auth_user_name(auth_user_of_token(p, TOKEN_B)), "b");
  assert_ptr_equal(auth_user_of_name(p, "b"), auth_user_of_token(p, TOKEN_B));
  static const char *const strangers[] = {"", "a", TOKEN_A "x", "sdb_first-token-of-the-tes"};
  for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
    assert_null(auth_user_of_token(p, strangers[i]));
  }
  assert_null(auth_user_of_token(p, hash)); /* the hash is not the token */
  assert_null(auth_user_of_name(p, "A"));
  auth_permissions_unref(p);
}

static void a_plain_token_is_redacted_from_then_on(void **state) {
  (void)state;
  auth_permissions_unref(parse("users: [{name: a, token: planted-canary-token, permissions: []}]"));
  char line[] = "GET /jobs planted-canary-token";
  br_secret_redact(line);
  assert_string_equal(line, "GET /jobs ***");
}

static void a_token_of_a_refused_file_is_redacted_too(void **state) {
  (void)state;
  assert_refused("users: [{name: a, token: second-canary-token, permision: []}]",
                 "p.yaml, line 1: unknown key 'permision'; did you mean 'permissions'?");
  char line[] = "second-canary-token";
  br_secret_redact(line);
  assert_string_equal(line, "***");
}

#define RULES                                                                                      \
  "users:\n"                                                                                       \
  "  - name: a\n"                                                                                  \
  "    token: " TOKEN_A "\n"                                                                       \
  "    permissions:\n"                                                                             \
  "      - {table: '*', access: read}\n"                                                           \
  "      - {table: 'sales.*', access: read_write, max_delete_rows: 50}\n"                          \
  "      - {table: sales.Orders, access: write, max_delete_rows: 0}\n"                             \
  "      - {table: 'hr.sales.*', access: read}\n"                                                  \
  "      - {table: hr.sales.Orders, access: read_write}\n"                                         \
  "      - {table: '[dbo].[My Table]', access: write}\n"                                           \
  "      - {table: \"dbo.Se\\u00F1al\", access: write}\n"

typedef struct expectation {
  const char *table;
  unsigned access;
  int64_t max_delete; /* -1 = none */
  const char *rule;
} expectation;

static void the_most_specific_rule_decides(void **state) {
  (void)state;
  static const expectation all[] = {
      {"dbo.x", AUTH_READ, -1, "*"},
      {"x", AUTH_READ, -1, "*"},
      {"other.sales.x", AUTH_READ | AUTH_WRITE, 50, "sales.*"},
      {"hr.sales.x", AUTH_READ, -1, "hr.sales.*"},
      {"other.SALES.[orders]", AUTH_WRITE, 0, "sales.Orders"},
      {"hr.sales.orders", AUTH_READ | AUTH_WRITE, -1, "hr.sales.Orders"},
      {"my table", AUTH_WRITE, -1, "[dbo].[My Table]"},
      {"[dbo].[My Table ]", AUTH_WRITE, -1, "[dbo].[My Table]"},
      {"dbo.se\xC3\xB1"
       "al",
       AUTH_WRITE, -1,
       "dbo.Se\xC3\xB1"
       "al"},
      /* Without a database: the rules of a database may only take away. */
      {"sales.x", AUTH_READ, 50, "hr.sales.*"},
      {"sales.orders", AUTH_WRITE, 0, "sales.Orders"},
      /* Spellings that some collation takes for dbo.Señal, which is not to be read. */
      {"dbo.SE\xC3\x91"
       "AL",
       0, -1,
       "dbo.Se\xC3\xB1"
       "al"},
      {"dbo.senal", 0, -1,
       "dbo.Se\xC3\xB1"
       "al"},
      {"dbo.\xEF\xBC\xB3"
       "enal",
       0, -1,
       "dbo.Se\xC3\xB1"
       "al"},
      /* Not names. */
      {"", 0, -1, NULL},
      {"sales..orders", 0, -1, NULL},
      {"a.b.c.d", 0, -1, NULL},
      {"sales.*", 0, -1, NULL},
      {"sales.ord\x01"
       "ers",
       0, -1, NULL},
  };
  auth_permissions *p = parse(RULES);
  const auth_user *user = auth_user_of_name(p, "a");
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    auth_rights rights = auth_rights_on(user, all[i].table);
    if (rights.access != all[i].access) {
      print_error("%s: %u\n", all[i].table, rights.access);
    }
    assert_int_equal(rights.access, all[i].access);
    assert_int_equal(rights.has_max_delete_rows, all[i].max_delete >= 0);
    assert_int_equal(rights.max_delete_rows, all[i].max_delete >= 0 ? all[i].max_delete : 0);
    if (all[i].rule == NULL) {
      assert_null(rights.rule);
    } else {
      assert_string_equal(rights.rule, all[i].rule);
    }
  }
  assert_int_equal(auth_user_rules(user), 7);
  assert_string_equal(auth_user_rule(user, 1).rule, "sales.*");
  assert_int_equal(auth_user_rule(user, 1).max_delete_rows, 50);
  auth_permissions_unref(p);
}

static void among_equals_the_last_decides_and_is_warned_of(void **state) {
  (void)state;
  auth_permissions *p = parse("users:\n"
                              "  - name: a\n"
                              "    token: " TOKEN_A "\n"
                              "    permissions:\n"
                              "      - {table: Orders, access: read_write}\n"
                              "      - {table: '[DBO].orders', access: read}\n");
  assert_int_equal(auth_rights_on(auth_user_of_name(p, "a"), "dbo.Orders").access, AUTH_READ);
  assert_int_equal(auth_permissions_warnings(p), 1);
  assert_string_equal(auth_permissions_warning(p, 0),
                      "p.yaml, line 6: '[DBO].orders' stands already in line 5; this one holds");
  assert_int_equal(auth_permissions_check_strict(p, NULL), BR_OK);
  auth_permissions_unref(p);
}

static void without_a_rule_there_is_no_right(void **state) {
  (void)state;
  auth_permissions *p =
      parse("users:\n  - {name: a, token: " TOKEN_A "}\n"
            "  - {name: b, token: " TOKEN_B ", permissions: [{table: hr.dbo.x, access: read}]}\n");
  assert_int_equal(auth_rights_on(auth_user_of_name(p, "a"), "dbo.x").access, 0);
  assert_null(auth_rights_on(auth_user_of_name(p, "a"), "dbo.x").rule);
  assert_int_equal(auth_rights_on(auth_user_of_name(p, "b"), "dbo.x").access, 0);
  assert_int_equal(auth_rights_on(auth_user_of_name(p, "b"), "hr.dbo.x").access, AUTH_READ);
  assert_string_equal(auth_permissions_warning(p, 0),
                      "p.yaml, line 2: this user has no permissions and may do nothing");
  auth_permissions_unref(p);
}

static void every_problem_is_told_with_its_line(void **state) {
  (void)state;
  assert_refused(
      "usrs: 1\n"
      "users:\n"
      "  - name: a\n"
      "    token: " TOKEN_A "\n"
      "    token_sha256: 12\n"
      "    permissions:\n"
      "      - table: a.b.c.d\n"
      "        acess: read\n"
      "      - table: dbo.x\n"
      "        access: rw\n"
      "        max_delete_rows: -5\n"
      "      - table: dbo.y\n"
      "        access: read\n"
      "        max_delete_rows: 5\n"
      "      - {table: '*.x', access: write, max_delete_rows: ten}\n"
      "      - dbo.z\n"
      "  - token: " TOKEN_A "\n"
      "    name: a\n"
      "    permissions: dbo.x\n"
      "  - permissions: []\n"
      "  - x\n",
      "p.yaml, line 1: unknown key 'usrs'; did you mean 'users'?\n"
      "p.yaml, line 5: a user has either 'token' or 'token_sha256', not both\n"
      "p.yaml, line 8: unknown key 'acess'; did you mean 'access'?\n"
      "p.yaml, line 7: 'a.b.c.d' is no table: it has more than three parts; it takes schema.table, "
      "schema.*, * or these with a database in front\n"
      "p.yaml, line 7: a permission has no 'access'\n"
      "p.yaml, line 10: unknown access 'rw'; it takes read, write or read_write\n"
      "p.yaml, line 11: max_delete_rows is negative: -5\n"
      "p.yaml, line 14: max_delete_rows means nothing with access: read; take it away, or give "
      "write\n"
      "p.yaml, line 15: '*.x' is no table: * stands only for the last part; it takes schema.table, "
      "schema.*, * or these with a database in front\n"
      "p.yaml, line 15: max_delete_rows takes a whole number, not 'ten'\n"
      "p.yaml, line 16: a permission is a map of table and access\n"
      "p.yaml, line 19: 'permissions' is a list\n"
      "p.yaml, line 20: a user has no 'name'\n"
      "p.yaml, line 20: a user has no 'token_sha256' (or 'token')\n"
      "p.yaml, line 21: a user is a map of name, token_sha256 and permissions\n"
      "p.yaml, line 18: the user 'a' stands already in line 3\n"
      "p.yaml, line 17: the same token stands already in line 4");
}

static void other_bad_files_are_refused(void **state) {
  (void)state;
  assert_refused("", "p.yaml, line 1: 'users' is missing");
  assert_refused("[]", "p.yaml, line 1: the file is a map with the key 'users'");
  assert_refused("users:\n", "p.yaml, line 1: 'users' is a list; [] stands for nobody");
  assert_refused("users: [{name: '', token: }]",
                 "p.yaml, line 1: 'name' has no value\np.yaml, line 1: 'token' has no value");
  assert_refused("users: [{name: [], token: {}}]", "p.yaml, line 1: 'name' is a single value\n"
                                                   "p.yaml, line 1: 'token' is a single value");
  assert_refused("users: [{name: a, token: 'two words', permissions: []}]",
                 "p.yaml, line 1: the token holds a blank or another character that a header can't "
                 "carry");
  assert_refused("users: [{name: a, token: t\xC3\xB6ken-of-the-test, permissions: []}]",
                 "p.yaml, line 1: the token holds a blank or another character that a header can't "
                 "carry");
  assert_refused("users: [{name: \"a\\nb\", token: " TOKEN_A ", permissions: []}]",
                 "p.yaml, line 1: a name holds a line break or another control character");
  assert_refused("users: [{name: a, token_sha256: 057ba03d, permissions: []}]",
                 "p.yaml, line 1: token_sha256 takes 64 hex digits");
  assert_refused("users: [{name: a, permissions: [], token_sha256: "
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}]",
                 "p.yaml, line 1: token_sha256 is that of an empty text");
  assert_refused("users: [\n", "p.yaml, line 2, column 1: did not find expected node content");
}

static void the_same_token_in_two_forms_is_refused(void **state) {
  (void)state;
  char hash[BR_SHA256_HEX_MAX];
  char text[512];
  assert_int_equal(br_sha256_hex(TOKEN_A, strlen(TOKEN_A), hash, NULL), BR_OK);
  (void)snprintf(text, sizeof text,
                 "users:\n- {name: a, token: " TOKEN_A ", permissions: []}\n"
                 "- {name: b, token_sha256: %s, permissions: []}\n",
                 hash);
  assert_refused(text, "p.yaml, line 3: the same token stands already in line 2");
}

static void more_problems_than_fit_are_counted(void **state) {
  (void)state;
  br_buf text;
  br_buf_init(&text, 1 << 20);
  assert_int_equal(br_buf_text(&text, "users:\n", NULL), BR_OK);
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(br_buf_text(&text, "- x\n", NULL), BR_OK);
  }
  auth_permissions *p = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(auth_permissions_parse((const char *)text.data, text.len, "p.yaml", &p, &err),
                   BR_ERR_DATA);
  size_t lines = 0;
  for (const char *at = err.message; (at = strchr(at, '\n')) != NULL; at++) {
    lines++;
  }
  char tail[64];
  (void)snprintf(tail, sizeof tail, "\n… and %zu more", 1000 - lines);
  assert_string_equal(err.message + strlen(err.message) - strlen(tail), tail);
  br_buf_done(&text);
}

static void strict_mode_takes_no_weak_token(void **state) {
  (void)state;
  auth_permissions *p = parse("users:\n"
                              "- {name: a, token: fifteen-letters, permissions: []}\n"
                              "- {name: b, token: your-api-token, permissions: []}\n"
                              "- {name: c, permissions: [], token_sha256: "
                              "057ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86}\n"
                              "- {name: d, token: sixteen-letters-, permissions: []}\n");
  assert_int_equal(auth_permissions_warnings(p), 3);
  br_error err = BR_ERROR_INIT;
  assert_int_equal(auth_permissions_check_strict(p, &err), BR_ERR_USAGE);
  assert_string_equal(
      err.message,
      "Strict mode (ENVIRONMENT=production or USE_DATABRICKS=true) refuses these tokens:\n"
      "p.yaml, line 2: the token is short: fewer than 16 characters can be guessed\n"
      "p.yaml, line 3: the token is a placeholder, not a value\n"
      "p.yaml, line 4: token_sha256 is that of a placeholder, not of a token");
  auth_permissions_unref(p);
}

static void a_hash_under_the_wrong_key_is_warned_of(void **state) {
  (void)state;
  auth_permissions *p = parse("users: [{name: a, permissions: [], token: "
                              "157ba03d6c44104863dc7361fe4578965d1887360f90a0895882e58a6248fc86}]");
  assert_string_equal(
      auth_permissions_warning(p, 0),
      "p.yaml, line 1: the token looks like a SHA-256; if it is one, name it token_sha256");
  auth_permissions_unref(p);
}

static void plain_tokens_that_everybody_may_read_are_warned_of(void **state) {
  (void)state;
  static const char text[] = "users: [{name: a, token: " TOKEN_A ", permissions: []}]";
  char path[] = "/tmp/bridge-permissions-XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  (void)close(fd);
  for (unsigned mode = 0600; mode <= 0604; mode += 4) {
    assert_int_equal(br_file_write_atomic(path, text, strlen(text), mode, NULL), BR_OK);
    assert_int_equal(chmod(path, (mode_t)mode), 0);
    auth_permissions *p = NULL;
    assert_int_equal(auth_permissions_load(path, &p, NULL), BR_OK);
    assert_int_equal(auth_permissions_warnings(p), mode == 0604);
    auth_permissions_unref(p);
  }
  assert_int_equal(unlink(path), 0);
  auth_permissions *p = NULL;
  br_error err = BR_ERROR_INIT;
  assert_int_equal(auth_permissions_load(path, &p, &err), BR_ERR_NOT_FOUND);
  assert_non_null(strstr(err.message, path));
}

/* The sample as it stands lets nobody in; with its comments taken away it is a good file. */
static void the_sample_is_a_good_file(void **state) {
  (void)state;
  auth_permissions *p = NULL;
  assert_int_equal(auth_permissions_load(PERMISSIONS_SAMPLE, &p, NULL), BR_OK);
  assert_int_equal(auth_permissions_users(p), 0);
  auth_permissions_unref(p);
  br_buf sample;
  assert_int_equal(br_file_read(PERMISSIONS_SAMPLE, 1 << 16, &sample, NULL), BR_OK);
  const char *example = strstr(br_buf_cstr(&sample), "# users:");
  assert_non_null(example);
  char text[4096];
  size_t length = 0;
  for (const char *c = example; *c != '\0'; c++) {
    bool comment = *c == '#' && (c == example || c[-1] == '\n');
    c += comment ? 2 : 0;
    text[length++] = *c;
  }
  text[length] = '\0';
  p = parse(text);
  assert_int_equal(auth_permissions_users(p), 2);
  assert_int_equal(auth_permissions_warnings(p), 0);
  assert_int_equal(auth_rights_on(auth_user_of_name(p, "reporting"), "dbo.x").access, AUTH_READ);
  auth_permissions_unref(p);
  br_buf_done(&sample);
}

static void every_cut_of_a_file_is_read_or_refused(void **state) {
  (void)state;
  for (size_t length = 0; length < sizeof RULES; length++) {
    auth_permissions *p = NULL;
    br_error err = BR_ERROR_INIT;
    br_status st = auth_permissions_parse(RULES, length, "p.yaml", &p, &err);
    assert_true(st == BR_OK || st == BR_ERR_DATA);
    assert_int_equal(st == BR_OK, p != NULL);
    auth_permissions_unref(p);
  }
}

static br_status parse_and_free(void *context, br_error *err) {
  const char *text = context;
  br_secret_forget_all();
  auth_permissions *p = NULL;
  br_status st = auth_permissions_parse(text, strlen(text), "p.yaml", &p, err);
  if (st == BR_OK) {
    auth_permissions_unref(p);
  }
  return st;
}

static br_status parse_bad(void *context, br_error *err) {
  br_status st = parse_and_free(context, err);
  return st == BR_ERR_DATA ? BR_OK : st;
}

static void no_memory_is_an_error_without_leaks(void **state) {
  (void)state;
  static char good[] = RULES "  - {name: b, token: short}\n";
  static char bad[] = "users: [{name: a, token: " TOKEN_A ", permissions: [{table: 'x..', acces: "
                      "1}]}, {name: a, token_sha256: 5}]";
  torture_allocations(parse_and_free, good);
  torture_allocations(parse_bad, bad);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(users_are_found_by_token_and_name),
      cmocka_unit_test(a_plain_token_is_redacted_from_then_on),
      cmocka_unit_test(a_token_of_a_refused_file_is_redacted_too),
      cmocka_unit_test(the_most_specific_rule_decides),
      cmocka_unit_test(among_equals_the_last_decides_and_is_warned_of),
      cmocka_unit_test(without_a_rule_there_is_no_right),
      cmocka_unit_test(every_problem_is_told_with_its_line),
      cmocka_unit_test(other_bad_files_are_refused),
      cmocka_unit_test(the_same_token_in_two_forms_is_refused),
      cmocka_unit_test(more_problems_than_fit_are_counted),
      cmocka_unit_test(strict_mode_takes_no_weak_token),
      cmocka_unit_test(a_hash_under_the_wrong_key_is_warned_of),
      cmocka_unit_test(plain_tokens_that_everybody_may_read_are_warned_of),
      cmocka_unit_test(the_sample_is_a_good_file),
      cmocka_unit_test(every_cut_of_a_file_is_read_or_refused),
      cmocka_unit_test(no_memory_is_an_error_without_leaks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
