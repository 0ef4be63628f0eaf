/*
 * engine_fixture.h: an engine and a session on a new file for each test program, and tables of
 * batches with their answers.
 */
#ifndef TESTS_SANDBOX_ENGINE_FIXTURE_H
#define TESTS_SANDBOX_ENGINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sql_text.h"

typedef struct answer {
  const char *sql, *text;
} answer;

static engine *the_engine;
static engine_session *session;
static char fixture_folder[] = "/tmp/engine-test-XXXXXX";

static inline int open_fixture(engine_dialect dialect) {
  char path[64];
  if (mkdtemp(fixture_folder) == NULL) {
    return -1;
  }
  (void)snprintf(path, sizeof path, "%s/test.db", fixture_folder);
  const engine_options options = {.dialect = dialect,
                                  .path = path,
                                  .volumes_folder =
                                      dialect == ENGINE_DATABRICKS ? fixture_folder : NULL};
  return engine_open(&options, &the_engine, NULL) == BR_OK &&
                 engine_session_new(the_engine, &session, NULL) == BR_OK
             ? 0
             : -1;
}

static inline int open_tsql(void **state) {
  (void)state;
  return open_fixture(ENGINE_TSQL);
}

static inline int open_databricks(void **state) {
  (void)state;
  return open_fixture(ENGINE_DATABRICKS);
}

static inline int close_engine(void **state) {
  char command[128];
  (void)state;
  engine_session_free(session);
  engine_close(the_engine);
  (void)snprintf(command, sizeof command, "rm -r '%s'", fixture_folder);
  return system(command);
}

static inline void check(const answer *answers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char *text = sql_text_run(session, answers[i].sql, false);
    if (strcmp(text, answers[i].text) != 0) {
      print_error("%s\n", answers[i].sql);
    }
    assert_string_equal(text, answers[i].text);
    free(text);
  }
}

#define CHECK(...)                                                                                 \
  do {                                                                                             \
    static const answer answers[] = {__VA_ARGS__};                                                 \
    check(answers, sizeof answers / sizeof answers[0]);                                            \
  } while (0)

#endif
