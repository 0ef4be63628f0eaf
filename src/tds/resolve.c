/*
 * getaddrinfo() can neither be given a deadline nor be stopped. So it runs in a thread of its own,
 * which tells through a pipe that it has ended; a caller that goes away earlier leaves the thread
 * behind with the request, and whoever is last frees it.
 */
#include "tds/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"

typedef struct request {
  atomic_int owners; /* the caller and the thread */
  int pipe_read, pipe_write;
  char *host;
  char port[8];
  int result; /* of getaddrinfo() */
  struct addrinfo *list;
} request;

static void release(request *q) {
  if (atomic_fetch_sub(&q->owners, 1) != 1) {
    return;
  }
  if (q->list != NULL) {
    freeaddrinfo(q->list);
  }
  (void)close(q->pipe_read);
  (void)close(q->pipe_write);
  br_free(q->host);
  br_free(q);
}

static const struct addrinfo wanted = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

static void *look_up(void *argument) {
  request *q = argument;
  q->result = getaddrinfo(q->host, q->port, &wanted, &q->list);
  const uint8_t byte = 1;
  ssize_t written = write(q->pipe_write, &byte, 1);
  (void)written;
  release(q);
  return NULL;
}

static br_status new_request(const char *host, const char *port, request **ret_q, br_error *err) {
  request *q = br_calloc(1, sizeof *q);
  char *copy = br_strdup(host);
  int ends[2] = {-1, -1};
  if (q == NULL || copy == NULL || pipe2(ends, O_CLOEXEC) < 0) {
    br_status st = q == NULL || copy == NULL ? br_error_nomem(err)
                                             : br_error_errno(err, errno, "Can't make a pipe");
    br_free(copy);
    br_free(q);
    return st;
  }
  atomic_init(&q->owners, 2);
  q->host = copy;
  q->pipe_read = ends[0];
  q->pipe_write = ends[1];
  (void)snprintf(q->port, sizeof q->port, "%s", port);
  *ret_q = q;
  return BR_OK;
}

static br_status start_thread(request *q, br_error *err) {
  pthread_attr_t attributes;
  pthread_t thread;
  int problem = pthread_attr_init(&attributes);
  if (problem == 0) {
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    problem = pthread_create(&thread, &attributes, look_up, q);
    (void)pthread_attr_destroy(&attributes);
  }
  return problem == 0 ? BR_OK : br_error_errno(err, problem, "Can't start a thread");
}

/* Until the thread has told, the deadline is over or somebody cancels. */
static br_status wait_for_thread(const request *q, const tds_wait *wait, br_error *err) {
  for (;;) {
    br_status st = br_cancel_check(wait->cancel, err);
    if (st != BR_OK) {
      return st;
    }
    struct pollfd fds[2] = {{.fd = q->pipe_read, .events = POLLIN},
                            {.fd = br_cancel_fd(wait->cancel), .events = POLLIN}};
    int n = br_sys.poll(fds, fds[1].fd >= 0 ? 2 : 1, br_deadline_poll_ms(wait->deadline));
    if (n < 0 && errno != EINTR) {
      return br_error_errno(err, errno, "Can't wait for the name");
    }
    if (n > 0 && fds[0].revents != 0) {
      return BR_OK;
    }
    if (n == 0 && br_deadline_passed(wait->deadline)) {
      br_error_set(err, BR_ERR_TIMEOUT, "Timed out while looking up the name");
      return br_error_set_retriable(err, BR_ERR_TIMEOUT);
    }
  }
}

static br_status unknown(br_error *err, const char *host, int result) {
  br_error_set(err, BR_ERR_NETWORK, "Can't find the server '%s': %s", host, gai_strerror(result));
  return result == EAI_AGAIN ? br_error_set_retriable(err, BR_ERR_NETWORK) : BR_ERR_NETWORK;
}

br_status tds_resolve(const char *host, uint16_t port, const tds_wait *wait,
                      struct addrinfo **ret_list, br_error *err) {
  char service[8];
  (void)snprintf(service, sizeof service, "%u", (unsigned)port);
  struct addrinfo numeric = wanted;
  numeric.ai_flags = AI_NUMERICHOST;
  if (getaddrinfo(host, service, &numeric, ret_list) == 0) {
    return BR_OK;
  }
  request *q = NULL;
  br_status st = new_request(host, service, &q, err);
  if (st != BR_OK) {
    return st;
  }
  st = start_thread(q, err);
  if (st != BR_OK) {
    release(q); /* the thread's share */
    release(q);
    return st;
  }
  st = wait_for_thread(q, wait, err);
  if (st == BR_OK && q->result != 0) {
    st = unknown(err, host, q->result);
  }
  if (st == BR_OK) {
    *ret_list = q->list;
    q->list = NULL;
  }
  release(q);
  return st;
}
