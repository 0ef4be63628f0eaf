/*
 * Start and stop of the two servers.
 */
#include "sandbox/sandbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/sys.h"
#include "http/listen.h"
#include "sandbox/certificate.h"
#include "sandbox/engine.h"
#include "sandbox/fault.h"
#include "sandbox/place.h"
#include "sandbox/rest.h"
#include "sandbox/tds_server.h"

#define LOOPBACK        "127.0.0.1"
#define FAULTS_VARIABLE "BRIDGE_SANDBOX_FAULTS"
enum { PEM_MAX = 64 * 1024 };

struct sandbox {
  sandbox_place place;
  sandbox_faults *faults;
  sandbox_certificate_files tls; /* empty without TLS */
  engine *sqlserver_engine, *databricks_engine;
  sandbox_tds_server *sqlserver;
  rest_server *databricks;
  uint16_t sqlserver_port, databricks_port;
};

typedef struct listeners {
  int fds[2];
  size_t count;
} listeners;

static void close_listeners(const listeners *l) {
  for (size_t i = 0; i < l->count; i++) {
    (void)br_sys.close(l->fds[i]);
  }
}

/* The Unix socket, and TCP where asked for. */
static br_status listen_all(const char *socket, bool tcp, uint16_t port, listeners *ret_listeners,
                            uint16_t *ret_port, br_error *err) {
  listeners l = {.count = 0};
  br_status st = http_listen_unix(socket, &l.fds[0], err);
  if (st == BR_OK) {
    l.count++;
    if (tcp) {
      st = http_listen_tcp(LOOPBACK, port, &l.fds[1], ret_port, err);
      l.count += st == BR_OK;
    }
  }
  if (st != BR_OK) {
    close_listeners(&l);
    return st;
  }
  *ret_listeners = l;
  return BR_OK;
}

static br_status start_sqlserver(sandbox *sb, const sandbox_options *options, br_error *err) {
  const engine_options e = {.dialect = ENGINE_TSQL, .path = sb->place.sqlserver_db};
  listeners l = {.count = 0};
  br_status st = engine_open(&e, &sb->sqlserver_engine, err);
  if (st == BR_OK) {
    st = listen_all(sb->place.sqlserver_socket, options->listen, options->sqlserver_port, &l,
                    &sb->sqlserver_port, err);
  }
  if (st != BR_OK) {
    return st;
  }
  const sandbox_tds_options tds = {
      .engine = sb->sqlserver_engine,
      .faults = sb->faults,
      .listen_fds = {l.fds[0], l.fds[1]},
      .listen_count = l.count,
      .certificate_file = sb->tls.certificate,
      .key_file = sb->tls.key,
      .strict = options->strict,
  };
  return sandbox_tds_start(&tds, &sb->sqlserver, err);
}

static br_status start_workspace(sandbox *sb, const listeners *l, br_error *err) {
  br_buf certificate, key;
  br_buf_init(&certificate, PEM_MAX);
  br_buf_init(&key, PEM_MAX);
  rest_options rest = {
      .engine = sb->databricks_engine,
      .volumes_folder = sb->place.volumes,
      .uploads_folder = sb->place.uploads,
      .faults = sb->faults,
      .listen_fds = {l->fds[0], l->fds[1]},
      .listen_count = l->count,
  };
  br_status st = BR_OK;
  if (sb->tls.key != NULL) {
    st = br_file_read(sb->tls.certificate, PEM_MAX, &certificate, err);
    if (st == BR_OK) {
      st = br_file_read(sb->tls.key, PEM_MAX, &key, err);
    }
    rest.tls_certificate = st == BR_OK ? br_buf_cstr(&certificate) : NULL;
    rest.tls_key = st == BR_OK ? br_buf_cstr(&key) : NULL;
    if (st == BR_OK && (rest.tls_certificate == NULL || rest.tls_key == NULL)) {
      st = br_error_nomem(err);
    }
  }
  if (st == BR_OK) {
    st = rest_server_start(&rest, &sb->databricks, err);
  } else {
    close_listeners(l);
  }
  if (key.data != NULL) {
    br_wipe(key.data, key.cap);
  }
  br_buf_done(&certificate);
  br_buf_done(&key);
  return st;
}

static br_status start_databricks(sandbox *sb, const sandbox_options *options, br_error *err) {
  const engine_options e = {.dialect = ENGINE_DATABRICKS,
                            .path = sb->place.databricks_db,
                            .volumes_folder = sb->place.volumes};
  listeners l = {.count = 0};
  br_status st = engine_open(&e, &sb->databricks_engine, err);
  if (st == BR_OK) {
    st = listen_all(sb->place.databricks_socket, options->listen, options->databricks_port, &l,
                    &sb->databricks_port, err);
  }
  if (st != BR_OK) {
    return st;
  }
  return start_workspace(sb, &l, err);
}

static br_status start(sandbox *sb, const sandbox_options *options, br_error *err) {
  const char *faults = options->faults != NULL ? options->faults : getenv(FAULTS_VARIABLE);
  br_status st = sandbox_faults_parse(faults, &sb->faults, err);
  if (st == BR_OK) {
    st = sandbox_place_make(options->data_folder, &sb->place, err);
  }
  if (st == BR_OK && options->tls) {
    st = sandbox_certificate_make(sb->place.folder, &sb->tls, err);
  }
  if (st == BR_OK && options->sqlserver) {
    st = start_sqlserver(sb, options, err);
  }
  if (st == BR_OK && options->databricks) {
    st = start_databricks(sb, options, err);
  }
  return st;
}

br_status sandbox_start(const sandbox_options *options, sandbox **ret_sandbox, br_error *err) {
  sandbox *sb = br_calloc(1, sizeof *sb);
  if (sb == NULL) {
    return br_error_nomem(err);
  }
  br_status st = start(sb, options, err);
  if (st != BR_OK) {
    sandbox_stop(sb);
    return br_error_context(err, st, "Sandbox");
  }
  *ret_sandbox = sb;
  return BR_OK;
}

void sandbox_stop(sandbox *sb) {
  if (sb == NULL) {
    return;
  }
  sandbox_tds_stop(sb->sqlserver);
  rest_server_stop(sb->databricks);
  engine_close(sb->sqlserver_engine);
  engine_close(sb->databricks_engine);
  sandbox_certificate_files_done(&sb->tls);
  sandbox_place_done(&sb->place);
  sandbox_faults_free(sb->faults);
  br_free(sb);
}

const char *sandbox_sqlserver_socket(const sandbox *sb) {
  return sb->place.sqlserver_socket;
}

const char *sandbox_databricks_socket(const sandbox *sb) {
  return sb->place.databricks_socket;
}

uint16_t sandbox_sqlserver_port(const sandbox *sb) {
  return sb->sqlserver_port;
}

uint16_t sandbox_databricks_port(const sandbox *sb) {
  return sb->databricks_port;
}

const char *sandbox_certificate(const sandbox *sb) {
  return sb->tls.certificate;
}
