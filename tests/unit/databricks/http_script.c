#include "unit/databricks/http_script.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_REQUESTS = 4096, MOST_CONNECTIONS = 4096, LONGEST_REPLY = 64 * 1024 };

struct script_server {
  int listener;
  int stop_pipe[2];
  char base[64];
  const script_step *steps;
  size_t step_count;
  script_choose choose;
  bool body_first; /* choose() sees the request's body */
  void *context;
  pthread_t acceptor;
  pthread_mutex_t lock;
  script_request *requests[MOST_REQUESTS];
  size_t request_count;
  pthread_t threads[MOST_CONNECTIONS];
  size_t thread_count;
};

typedef struct connection {
  script_server *server;
  int fd;
} connection;

/* Waits for bytes or for the server's end; false at the end. */
static bool wait_readable(const script_server *server, int fd) {
  struct pollfd fds[2] = {{.fd = fd, .events = POLLIN},
                          {.fd = server->stop_pipe[0], .events = POLLIN}};
  while (poll(fds, 2, -1) < 0) {
    if (errno != EINTR) {
      return false;
    }
  }
  return fds[1].revents == 0;
}

static bool send_all(const script_server *server, int fd, const char *bytes, size_t length) {
  while (length > 0) {
    struct pollfd fds[2] = {{.fd = fd, .events = POLLOUT},
                            {.fd = server->stop_pipe[0], .events = POLLIN}};
    if (poll(fds, 2, -1) < 0 || fds[1].revents != 0) {
      return false;
    }
    ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) {
      continue;
    }
    if (n <= 0) {
      return false;
    }
    bytes += n;
    length -= (size_t)n;
  }
  return true;
}

/* Reads up to the blank line; *rest bytes of the body may have come with it. */
static bool read_head(connection *c, script_request *request, char *rest, size_t *rest_length) {
  size_t used = 0;
  for (;;) {
    if (!wait_readable(c->server, c->fd) || used + 1 >= sizeof request->head) {
      return false;
    }
    ssize_t n = recv(c->fd, request->head + used, sizeof request->head - 1 - used, 0);
    if (n <= 0) {
      return false;
    }
    used += (size_t)n;
    request->head[used] = '\0';
    char *end = strstr(request->head, "\r\n\r\n");
    if (end != NULL) {
      *rest_length = used - (size_t)(end + 4 - request->head);
      memcpy(rest, end + 4, *rest_length);
      end[2] = '\0';
      return sscanf(request->head, "%15s %4095s", request->method, request->target) == 2;
    }
  }
}

bool script_header(const script_request *request, const char *name, char *text, size_t size) {
  size_t length = strlen(name);
  for (const char *line = request->head; line != NULL; line = strstr(line, "\r\n")) {
    line += line[0] == '\r' ? 2 : 0;
    if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
      const char *value = line + length + 1 + strspn(line + length + 1, " ");
      (void)snprintf(text, size, "%.*s", (int)strcspn(value, "\r"), value);
      return true;
    }
  }
  return false;
}

static void read_body(connection *c, script_request *request, const char *rest,
                      size_t rest_length) {
  char text[32] = "0";
  (void)script_header(request, "Content-Length", text, sizeof text);
  size_t length = strtoul(text, NULL, 10);
  request->body = malloc(length + 1);
  request->complete = request->body != NULL;
  if (request->body == NULL) {
    return;
  }
  request->body_length = rest_length < length ? rest_length : length;
  memcpy(request->body, rest, request->body_length);
  while (request->body_length < length) {
    ssize_t n = wait_readable(c->server, c->fd) ? recv(c->fd, request->body + request->body_length,
                                                       length - request->body_length, 0)
                                                : 0;
    if (n <= 0) {
      request->complete = false;
      break;
    }
    request->body_length += (size_t)n;
  }
  request->body[request->body_length] = '\0';
}

static void drain(connection *c) {
  char bytes[4096];
  while (wait_readable(c->server, c->fd) && recv(c->fd, bytes, sizeof bytes, 0) > 0) {
  }
}

/* True where the connection goes on. */
static bool play(connection *c, const script_step *step) {
  size_t length = step->length != 0 ? step->length : step->reply != NULL ? strlen(step->reply) : 0;
  if (step->cut > 0 && step->cut - 1 < length) {
    length = step->cut - 1;
  }
  bool sent = length == 0 || send_all(c->server, c->fd, step->reply, length);
  if (step->then == SCRIPT_STALL) {
    drain(c);
  }
  while (sent && step->then == SCRIPT_ENDLESS_HEADERS) {
    static const char line[] = "X-Endless: header\r\n";
    sent = send_all(c->server, c->fd, line, sizeof line - 1);
  }
  return sent && step->then == SCRIPT_KEEP && step->cut == 0;
}

/* Records the request and finds its step. */
static script_step next_step(script_server *server, script_request *request) {
  script_step step = {.then = SCRIPT_CLOSE};
  (void)pthread_mutex_lock(&server->lock);
  size_t nth = server->request_count;
  if (nth < MOST_REQUESTS) {
    server->requests[server->request_count++] = request;
  }
  if (server->choose != NULL) {
    step = server->choose(server->context, request, nth);
  } else if (nth < server->step_count) {
    step = server->steps[nth];
  } else {
    static const char surplus[] =
        "HTTP/1.1 418 Unexpected\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    step.reply = surplus;
  }
  (void)pthread_mutex_unlock(&server->lock);
  return step;
}

static bool serve_request(connection *c) {
  char *rest = malloc(8192);
  script_request *request = calloc(1, sizeof *request);
  size_t rest_length = 0;
  if (rest == NULL || request == NULL || !read_head(c, request, rest, &rest_length)) {
    free(rest);
    free(request);
    return false;
  }
  bool body_first = c->server->body_first;
  if (body_first) {
    read_body(c, request, rest, rest_length);
  }
  script_step step = next_step(c->server, request);
  if (!body_first && !step.unread) {
    read_body(c, request, rest, rest_length);
  }
  free(rest);
  return play(c, &step);
}

static void *serve_connection(void *argument) {
  connection *c = argument;
  while (serve_request(c)) {
  }
  (void)shutdown(c->fd, SHUT_RDWR);
  (void)close(c->fd);
  free(c);
  return NULL;
}

static void *accept_connections(void *argument) {
  script_server *server = argument;
  while (wait_readable(server, server->listener)) {
    connection *c = malloc(sizeof *c);
    int fd = accept(server->listener, NULL, NULL);
    if (c == NULL || fd < 0 || server->thread_count == MOST_CONNECTIONS) {
      free(c);
      continue;
    }
    *c = (connection){.server = server, .fd = fd};
    if (pthread_create(&server->threads[server->thread_count], NULL, serve_connection, c) == 0) {
      server->thread_count++;
    }
  }
  return NULL;
}

static script_server *start(int listener) {
  script_server *server = calloc(1, sizeof *server);
  if (server == NULL || pipe(server->stop_pipe) != 0) {
    abort();
  }
  server->listener = listener;
  (void)pthread_mutex_init(&server->lock, NULL);
  return server;
}

static script_server *run(script_server *server) {
  if (listen(server->listener, 64) != 0 ||
      pthread_create(&server->acceptor, NULL, accept_connections, server) != 0) {
    abort();
  }
  return server;
}

static script_server *start_tcp(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
    abort();
  }
  script_server *server = start(fd);
  (void)snprintf(server->base, sizeof server->base, "http://127.0.0.1:%u",
                 (unsigned)ntohs(address.sin_port));
  return server;
}

script_server *script_start(const script_step *steps, size_t count) {
  script_server *server = start_tcp();
  server->steps = steps;
  server->step_count = count;
  return run(server);
}

script_server *script_start_routed(script_choose choose, void *context) {
  script_server *server = start_tcp();
  server->choose = choose;
  server->context = context;
  return run(server);
}

script_server *script_start_by_body(script_choose choose, void *context) {
  script_server *server = start_tcp();
  server->choose = choose;
  server->body_first = true;
  server->context = context;
  return run(server);
}

script_server *script_start_unix(const char *path, const script_step *steps, size_t count) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  (void)unlink(path);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    abort();
  }
  script_server *server = start(fd);
  server->steps = steps;
  server->step_count = count;
  return run(server);
}

void script_stop(script_server *server) {
  (void)close(server->stop_pipe[1]); /* the other end becomes readable for all */
  (void)pthread_join(server->acceptor, NULL);
  for (size_t i = 0; i < server->thread_count; i++) {
    (void)pthread_join(server->threads[i], NULL);
  }
  for (size_t i = 0; i < server->request_count; i++) {
    free(server->requests[i]->body);
    free(server->requests[i]);
  }
  (void)close(server->stop_pipe[0]);
  (void)close(server->listener);
  (void)pthread_mutex_destroy(&server->lock);
  free(server);
}

const char *script_base(const script_server *server) {
  return server->base;
}

size_t script_request_count(script_server *server) {
  (void)pthread_mutex_lock(&server->lock);
  size_t count = server->request_count;
  (void)pthread_mutex_unlock(&server->lock);
  return count;
}

const script_request *script_request_at(script_server *server, size_t index) {
  (void)pthread_mutex_lock(&server->lock);
  const script_request *request = index < server->request_count ? server->requests[index] : NULL;
  (void)pthread_mutex_unlock(&server->lock);
  return request;
}

size_t script_count(script_server *server, const char *method, const char *target) {
  size_t count = 0;
  size_t total = script_request_count(server);
  for (size_t i = 0; i < total; i++) {
    const script_request *request = script_request_at(server, i);
    count += strcmp(request->method, method) == 0 &&
             strncmp(request->target, target, strlen(target)) == 0;
  }
  return count;
}

const char *script_json(int status, const char *extra_headers, const char *body) {
  static _Thread_local char texts[8][LONGEST_REPLY];
  static _Thread_local size_t turn;
  char *text = texts[turn++ % 8];
  (void)snprintf(text, LONGEST_REPLY,
                 "HTTP/1.1 %d Status\r\nContent-Type: application/json\r\n%sContent-Length: "
                 "%zu\r\n\r\n%s",
                 status, extra_headers == NULL ? "" : extra_headers, strlen(body), body);
  return text;
}
