/*
 * no_sandbox.c: stands in for the sandbox until it is linked.
 */
#include "sandbox/sandbox.h"

__attribute__((weak)) br_status sandbox_start(const sandbox_options *options, sandbox **ret_sandbox,
                                              br_error *err) {
  (void)options;
  (void)ret_sandbox;
  return br_error_set(err, BR_ERR_UNSUPPORTED, "This build has no sandbox");
}

__attribute__((weak)) void sandbox_stop(sandbox *sb) {
  (void)sb;
}

__attribute__((weak)) const char *sandbox_sqlserver_socket(const sandbox *sb) {
  (void)sb;
  return NULL;
}

__attribute__((weak)) const char *sandbox_databricks_socket(const sandbox *sb) {
  (void)sb;
  return NULL;
}

__attribute__((weak)) uint16_t sandbox_sqlserver_port(const sandbox *sb) {
  (void)sb;
  return 0;
}

__attribute__((weak)) uint16_t sandbox_databricks_port(const sandbox *sb) {
  (void)sb;
  return 0;
}

__attribute__((weak)) const char *sandbox_certificate(const sandbox *sb) {
  (void)sb;
  return NULL;
}
