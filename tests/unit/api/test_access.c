/* Who asks: tokens, addresses behind proxies, failures that slow down, rights, and what is audited.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/access.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/sys.h"
#include "http/listen.h"
#include "support/cmocka.h"

#define ADMIN  "token-of-the-admin-1"
#define READER "token-of-the-reader-1"
static const char permissions[] =
    "users:\n"
    "  - {name: admin, token: " ADMIN ", permissions: [{table: '*', access: read_write}]}\n"
    "  - {name: reader, token: " READER ", permissions: [{table: '*', access: read_write}, "
    "{table: dbo.Orders, access: read}, {table: '*', access: read}]}\n";

static char folder[64];
static const settings *config;
static api_access *access_to;

/* ---- a service that only says who asks ---- */

static br_status answer(http_request *request, http_reply *reply, br_error *err) {
  char source[64], text[256];
  uint64_t wait_ms = 0;
  api_caller caller;
  static const char *const words[] = {"known", "unknown", "wait"};
  api_access_source(access_to, request, source);
  api_identity identity = api_access_identify(access_to, request, source, &caller, &wait_ms);
  bool due = identity == API_IDENTITY_KNOWN && caller.user != NULL &&
             api_access_login_is_due(access_to, &caller, source);
  if (due && http_request_header(request, "Lost") != NULL) {
    api_access_login_was_lost(access_to, &caller, source);
  }
  uint64_t rate_ms = api_access_take(access_to, &caller, source);
  (void)snprintf(text, sizeof text, "%s %s %s%s%s", words[identity],
                 api_caller_name(&caller) == NULL ? "-" : api_caller_name(&caller), source,
                 due ? " due" : "", rate_ms > 0 ? " limited" : "");
  api_caller_done(&caller);
  return http_reply_bytes(reply, "text/plain", text, strlen(text), err);
}

static const http_route routes[] = {{.method = HTTP_GET, .pattern = "/", .handle = answer}};

static void ask(const char *headers, char *text, size_t size) {
  char request[1024];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  int n = snprintf(request, sizeof request,
                   "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", headers);
  assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
  size_t fill = 0;
  ssize_t got = 0;
  while ((got = recv(fd, text + fill, size - 1 - fill, 0)) > 0) {
    fill += (size_t)got;
  }
  text[fill] = '\0';
  (void)close(fd);
}

static void assert_answer(const char *headers, const char *wanted) {
  char reply[2048];
  ask(headers, reply, sizeof reply);
  const char *body = strstr(reply, "\r\n\r\n");
  assert_non_null(body);
  assert_string_equal(body + 4, wanted);
}

/* ---- settings of each test ---- */

typedef struct world {
  settings *config;
  http_server *server;
} world;

static void write_permissions(const char *text) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/permissions.yaml", folder);
  assert_int_equal(br_file_write_atomic(path, text, strlen(text), 0600, NULL), BR_OK);
}

static world begin(const char *extra, const char *more) {
  world w = {.config = NULL};
  char file[128], data[128], socket_path[128];
  int fd = -1;
  (void)snprintf(file, sizeof file, "PERMISSIONS_FILE=%s/permissions.yaml", folder);
  (void)snprintf(data, sizeof data, "BRIDGE_DATA_DIR=%s/data", folder);
  (void)snprintf(socket_path, sizeof socket_path, "%s/socket", folder);
  const bool hot = extra != NULL && strcmp(extra, "PERMISSIONS_HOT_RELOAD=true") == 0;
  const char *const environment[] = {
      file, data, hot ? extra : "PERMISSIONS_HOT_RELOAD=false", hot ? NULL : extra, more, NULL};
  const settings_load_options load = {.env_file = "/dev/null", .environment = environment};
  assert_int_equal(settings_load(&load, &w.config, NULL), BR_OK);
  config = w.config;
  br_error err = BR_ERROR_INIT;
  if (api_access_new(config, &access_to, &err) != BR_OK) {
    print_error("%s\n", err.message);
    fail();
  }
  assert_int_equal(http_listen_unix(socket_path, &fd, &err), BR_OK);
  const http_server_options options = {.routes = routes, .route_count = 1, .listen_fd = fd};
  assert_int_equal(http_server_start(&options, &w.server, &err), BR_OK);
  return w;
}

static void end(world *w) {
  char path[128];
  http_server_stop(w->server);
  api_access_free(access_to);
  settings_free(w->config);
  (void)snprintf(path, sizeof path, "%s/socket", folder);
  (void)unlink(path);
}

static int set_up(void **state) {
  (void)state;
  br_log_configure(BR_LOG_ERROR, BR_LOG_TEXT, 2);
  (void)snprintf(folder, sizeof folder, "/tmp/api-access-XXXXXX");
  assert_non_null(mkdtemp(folder));
  write_permissions(permissions);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  char command[96];
  br_secret_forget_all();
  (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

#define FROM(address) "X-Forwarded-For: " address "\r\n"
#define BEARER(token) "Authorization: Bearer " token "\r\n"
#define PROXIED       "TRUSTED_PROXIES=10.0.0.0/8,2001:db8::/32"

/* ---- the tests ---- */

static void the_header_holds_a_token_or_none(void **state) {
  (void)state;
  assert_null(api_bearer(NULL));
  static const char *const none[] = {"",        "Bearer",  "Bearer ", "Bearer   ",
                                     "Basic x", "Bearerx", "B"};
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    assert_null(api_bearer(none[i]));
  }
  assert_string_equal(api_bearer("Bearer x"), "x");
  assert_string_equal(api_bearer("bEARER   x y"), "x y");
}

static void a_token_is_somebodys_or_nobodys(void **state) {
  (void)state;
  world w = begin("AUDIT_LOGIN_SECONDS=0", NULL);
  assert_answer(BEARER(ADMIN), "known admin unix due");
  assert_answer(BEARER(READER), "known reader unix due");
  assert_answer("", "unknown - unix");
  assert_answer(BEARER("x"), "unknown - unix");
  assert_answer(BEARER(ADMIN "x"), "unknown - unix");
  assert_answer("Authorization: Basic " ADMIN "\r\n", "unknown - unix");
  assert_true(api_access_enabled(access_to));
  assert_false(api_access_strict(access_to));
  assert_null(api_access_hint(access_to));
  end(&w);
}

static void only_trusted_proxies_are_believed(void **state) {
  (void)state;
  world w = begin(NULL, NULL);
  assert_answer(FROM("192.0.2.1"), "unknown - unix");
  end(&w);
  w = begin(PROXIED, NULL);
  static const struct {
    const char *header, *source;
  } samples[] = {
      {FROM("192.0.2.1"), "192.0.2.1"},
      {FROM("198.51.100.9, 192.0.2.1"), "192.0.2.1"}, /* what stands before could be made up */
      {FROM("192.0.2.1, 10.1.2.3"), "192.0.2.1"},
      {FROM("192.0.2.1 ,\t10.1.2.3 , 10.9.9.9"), "192.0.2.1"},
      {FROM("192.0.2.1, 2001:db8::5, ::ffff:10.0.0.1"), "192.0.2.1"},
      {FROM("10.1.2.3"), "10.1.2.3"},
      {FROM("2001:db9::1"), "2001:db9::1"},
      {FROM("192.0.2.1, nonsense, 10.1.2.3"), "10.1.2.3"}, /* not further than can be read */
      /* Lines are one list: what a client made up stands before what its proxy says. */
      {FROM("198.51.100.9") FROM("192.0.2.1"), "192.0.2.1"},
      {FROM("198.51.100.9, 10.1.2.3") "Host2: y\r\n" FROM("192.0.2.1") FROM("10.9.9.9"),
       "192.0.2.1"},
      {"x-forwarded-FOR: 198.51.100.9\r\n" FROM("192.0.2.1"), "192.0.2.1"},
      {FROM("") FROM("192.0.2.1") FROM(""), "unix"},
      {FROM("192.0.2.1/8"), "unix"},
      {FROM("nonsense"), "unix"},
      {FROM(""), "unix"},
      {FROM(",,,"), "unix"},
      {"", "unix"},
  };
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted, "unknown - %s", samples[i].source);
    assert_answer(samples[i].header, wanted);
  }
  end(&w);
}

static void proxies_that_are_no_addresses_are_refused(void **state) {
  (void)state;
  static const char *const wrong[] = {
      "TRUSTED_PROXIES=proxy.example", "TRUSTED_PROXIES=10.0.0.0/33", "TRUSTED_PROXIES=10.0.0.1,x",
      "TRUSTED_PROXIES=::/129",        "TRUSTED_PROXIES=10.0.0.0/",   "TRUSTED_PROXIES=/8",
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    const char *const environment[] = {wrong[i], NULL};
    const settings_load_options load = {.env_file = "/dev/null", .environment = environment};
    settings *s = NULL;
    api_access *access = NULL;
    br_error err = BR_ERROR_INIT;
    assert_int_equal(settings_load(&load, &s, NULL), BR_OK);
    assert_int_equal(api_access_new(s, &access, &err), BR_ERR_DATA);
    assert_non_null(strstr(err.message, "TRUSTED_PROXIES"));
    settings_free(s);
  }
}

/* Five tries are free; who was here before is let in meanwhile, also behind the same address. */
static void failures_slow_down_strangers(void **state) {
  (void)state;
  world w = begin(PROXIED, "AUDIT_LOGIN_SECONDS=0");
  assert_answer(FROM("192.0.2.1") BEARER(ADMIN), "known admin 192.0.2.1 due");
  for (int i = 0; i < 6; i++) {
    assert_answer(FROM("192.0.2.1") BEARER("guess"), "unknown - 192.0.2.1");
  }
  assert_answer(FROM("192.0.2.1") BEARER("guess"), "wait - 192.0.2.1");
  assert_answer(FROM("192.0.2.1") BEARER(ADMIN), "known admin 192.0.2.1 due");
  assert_answer(FROM("192.0.2.1") BEARER(READER), "wait - 192.0.2.1");
  assert_answer(FROM("192.0.2.1"), "unknown - 192.0.2.1"); /* tried nothing */
  assert_answer(FROM("192.0.2.2") BEARER(READER), "known reader 192.0.2.2 due");
  end(&w);
}

static void a_login_is_audited_once_for_each_address(void **state) {
  (void)state;
  world w = begin(PROXIED, NULL);
  assert_answer(FROM("192.0.2.1") BEARER(ADMIN) "Lost: yes\r\n", "known admin 192.0.2.1 due");
  assert_answer(FROM("192.0.2.1") BEARER(ADMIN), "known admin 192.0.2.1 due"); /* again */
  assert_answer(FROM("192.0.2.1") BEARER(ADMIN), "known admin 192.0.2.1");
  assert_answer(FROM("192.0.2.2") BEARER(ADMIN), "known admin 192.0.2.2 due");
  assert_answer(FROM("192.0.2.1") BEARER(READER), "known reader 192.0.2.1 due");
  assert_answer(FROM("192.0.2.1") BEARER(ADMIN), "known admin 192.0.2.1");
  end(&w);
}

static void users_are_counted_wherever_they_come_from(void **state) {
  (void)state;
  world w = begin(PROXIED, "HTTP_REQUESTS_PER_MINUTE=1");
  assert_answer(FROM("192.0.2.1") BEARER(ADMIN), "known admin 192.0.2.1 due");
  assert_answer(FROM("192.0.2.2") BEARER(ADMIN), "known admin 192.0.2.2 due limited");
  assert_answer(FROM("192.0.2.1") BEARER(READER), "known reader 192.0.2.1 due");
  assert_answer(FROM("192.0.2.1"), "unknown - 192.0.2.1");
  assert_answer(FROM("192.0.2.1"), "unknown - 192.0.2.1 limited");
  assert_answer(FROM("192.0.2.3"), "unknown - 192.0.2.3");
  end(&w);
}

static void the_token_of_a_hash_is_redacted_once_it_was_used(void **state) {
  (void)state;
  char text[] = "GET /jobs/" READER;
  br_secret_forget_all();
  world w = begin("AUDIT_LOGIN_SECONDS=0", NULL);
  br_secret_forget_all(); /* as if the file held only its hash */
  assert_answer(BEARER(READER), "known reader unix due");
  br_secret_redact(text);
  assert_string_equal(text, "GET /jobs/***");
  end(&w);
}

static void rights_come_from_the_rules(void **state) {
  (void)state;
  world w = begin(NULL, NULL);
  auth_permissions *p = api_access_current(access_to);
  assert_non_null(p);
  const api_caller admin = {.user = auth_user_of_name(p, "admin")};
  const api_caller reader = {.user = auth_user_of_name(p, "reader")};
  const api_caller everybody = {.everything = true};
  const api_caller nobody = {.user = NULL};
  assert_true(api_may(&admin, "dbo.Orders", AUTH_READ | AUTH_WRITE));
  assert_true(api_may(&reader, "dbo.Orders", AUTH_READ));
  assert_false(api_may(&reader, "dbo.Orders", AUTH_READ | AUTH_WRITE));
  assert_true(api_may_all(&admin, AUTH_READ | AUTH_WRITE));
  assert_true(api_may_all(&reader, AUTH_READ)); /* the last of two rules for * */
  assert_false(api_may_all(&reader, AUTH_WRITE));
  assert_true(api_may(&everybody, "anything at all", AUTH_WRITE));
  assert_true(api_may_all(&everybody, AUTH_READ | AUTH_WRITE));
  assert_false(api_may(&nobody, "dbo.Orders", AUTH_READ));
  assert_false(api_may_all(&nobody, AUTH_READ));
  assert_null(api_caller_name(&nobody));
  auth_permissions_unref(p);
  end(&w);
}

static void a_reload_is_on_request_without_hot_reload(void **state) {
  (void)state;
  world w = begin("AUDIT_LOGIN_SECONDS=0", NULL);
  write_permissions("users: [{name: new, token: token-of-the-new-one, permissions: []}]");
  assert_answer(BEARER(ADMIN), "known admin unix due");
  api_access_reload(access_to);
  assert_answer(BEARER(ADMIN), "unknown - unix");
  assert_answer(BEARER("token-of-the-new-one"), "known new unix due");
  end(&w);
  write_permissions(permissions);
}

static void without_a_file_nobody_is_known(void **state) {
  (void)state;
  char path[128];
  (void)snprintf(path, sizeof path, "%s/permissions.yaml", folder);
  assert_int_equal(unlink(path), 0);
  world w = begin(NULL, NULL);
  assert_non_null(strstr(api_access_hint(access_to), "token new"));
  assert_null(api_access_current(access_to));
  assert_answer(BEARER(ADMIN), "unknown - unix");
  write_permissions(permissions);
  api_access_reload(access_to);
  assert_null(api_access_hint(access_to));
  assert_answer(BEARER(ADMIN), "known admin unix due");
  end(&w);
}

/* ---- a file that comes later, looked for every two seconds ---- */

static time_t ahead_s;
static int later(clockid_t clock, struct timespec *ret_time) {
  int failed = clock_gettime(clock, ret_time);
  ret_time->tv_sec += ahead_s;
  return failed;
}

/* What is logged by three looks at the file. */
static void assert_looks_log(int fd, const char *wanted, size_t count) {
  char text[4096];
  for (int i = 0; i < 3; i++) {
    ahead_s += 3;
    auth_permissions_unref(api_access_current(access_to));
  }
  ssize_t n = read(fd, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = '\0';
  size_t found = 0;
  for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
    found++;
  }
  if (found != count || (count > 0 && strstr(text, wanted) == NULL)) {
    print_error("%s", text);
    fail();
  }
}

static void a_bad_file_that_comes_later_is_told_once(void **state) {
  (void)state;
  char path[128];
  int ends[2];
  assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
  (void)snprintf(path, sizeof path, "%s/permissions.yaml", folder);
  assert_int_equal(unlink(path), 0);
  world w = begin("PERMISSIONS_HOT_RELOAD=true", NULL);
  br_log_configure(BR_LOG_ERROR, BR_LOG_TEXT, ends[1]);
  br_sys.clock_gettime = later;
  assert_looks_log(ends[0], "", 0);
  write_permissions("users: []\nfirst: 1\n");
  assert_looks_log(ends[0], "unknown key 'first'", 1);
  assert_non_null(strstr(api_access_hint(access_to), "can't be used"));
  write_permissions("users: []\nsecond: 1\n");
  assert_looks_log(ends[0], "unknown key 'second'", 1);
  assert_int_equal(unlink(path), 0);
  assert_looks_log(ends[0], "", 0);
  assert_non_null(strstr(api_access_hint(access_to), "token new"));
  write_permissions("users: []\nsecond: 1\n");
  assert_looks_log(ends[0], "unknown key 'second'", 1);
  write_permissions(permissions);
  assert_looks_log(ends[0], "", 0);
  assert_null(api_access_hint(access_to));
  br_sys_reset();
  br_log_configure(BR_LOG_ERROR, BR_LOG_TEXT, STDERR_FILENO);
  end(&w);
  (void)close(ends[0]);
  (void)close(ends[1]);
}

static void authentication_can_be_off(void **state) {
  (void)state;
  world w = begin("AUTH_ENABLED=false", NULL);
  assert_false(api_access_enabled(access_to));
  assert_answer("", "known - unix");
  assert_answer(BEARER("anything"), "known - unix");
  end(&w);
}

/* Only strict mode makes an error of an audit that can't be written. */
static void the_audit_counts_in_strict_mode(void **state) {
  (void)state;
  const auth_audit_record record = {.event = AUTH_AUDIT_PERMISSION_DENIED, .user_name = "x"};
  static const char *const modes[] = {"ENVIRONMENT=development", "ENVIRONMENT=production"};
  char full[128], audit_file[160];
  (void)snprintf(full, sizeof full, "%s/full", folder);
  assert_int_equal(symlink("/dev/full", full), 0);
  (void)snprintf(audit_file, sizeof audit_file, "AUDIT_FILE=%s", full);
  for (size_t i = 0; i < 2; i++) {
    br_error err = BR_ERROR_INIT;
    world w = begin(audit_file, modes[i]);
    assert_int_equal(api_access_strict(access_to), i == 1);
    br_log_configure(BR_LOG_ERROR, BR_LOG_TEXT, -1); /* what is logged is expected */
    assert_int_equal(api_access_audit(access_to, &record, &err), i == 0 ? BR_OK : BR_ERR_IO);
    br_log_configure(BR_LOG_ERROR, BR_LOG_TEXT, 2);
    end(&w);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_header_holds_a_token_or_none),
      cmocka_unit_test(a_token_is_somebodys_or_nobodys),
      cmocka_unit_test(only_trusted_proxies_are_believed),
      cmocka_unit_test(proxies_that_are_no_addresses_are_refused),
      cmocka_unit_test(failures_slow_down_strangers),
      cmocka_unit_test(a_login_is_audited_once_for_each_address),
      cmocka_unit_test(users_are_counted_wherever_they_come_from),
      cmocka_unit_test(the_token_of_a_hash_is_redacted_once_it_was_used),
      cmocka_unit_test(rights_come_from_the_rules),
      cmocka_unit_test(a_reload_is_on_request_without_hot_reload),
      cmocka_unit_test(without_a_file_nobody_is_known),
      cmocka_unit_test(a_bad_file_that_comes_later_is_told_once),
      cmocka_unit_test(authentication_can_be_off),
      cmocka_unit_test(the_audit_counts_in_strict_mode),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
