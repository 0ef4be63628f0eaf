#include "api/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/poller.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

/* Upper ends of the buckets, in microseconds; +Inf follows. */
static const uint32_t buckets_us[] = {1000,   5000,   10000,   25000,   50000,   100000,
                                      250000, 500000, 1000000, 2500000, 5000000, 10000000};
enum { BUCKETS = sizeof buckets_us / sizeof buckets_us[0], STATUSES = 600 };

typedef struct route_metrics {
  _Atomic uint64_t by_status[STATUSES];
  _Atomic uint64_t buckets[BUCKETS];
  _Atomic uint64_t count, sum_ns;
} route_metrics;

struct api_metrics {
  route_metrics *routes; /* one more than there are: requests that no route fits */
  size_t count;
  _Atomic uint64_t rows;
};

br_status api_metrics_new(size_t routes, api_metrics **ret_metrics, br_error *err) {
  api_metrics *metrics = br_calloc(1, sizeof *metrics);
  if (metrics == NULL) {
    return br_error_nomem(err);
  }
  metrics->count = routes;
  metrics->routes = br_calloc(routes + 1, sizeof *metrics->routes);
  if (metrics->routes == NULL) {
    br_free(metrics);
    return br_error_nomem(err);
  }
  *ret_metrics = metrics;
  return BR_OK;
}

void api_metrics_free(api_metrics *metrics) {
  if (metrics != NULL) {
    br_free(metrics->routes);
    br_free(metrics);
  }
}

void api_metrics_request(api_metrics *metrics, size_t route, http_method method, unsigned status,
                         uint64_t took_ns) {
  (void)method;
  route_metrics *m = &metrics->routes[route < metrics->count ? route : metrics->count];
  atomic_fetch_add(&m->by_status[status < STATUSES ? status : 0], 1);
  atomic_fetch_add(&m->count, 1);
  atomic_fetch_add(&m->sum_ns, took_ns);
  for (size_t i = 0; i < BUCKETS; i++) {
    if (took_ns <= (uint64_t)buckets_us[i] * 1000) {
      atomic_fetch_add(&m->buckets[i], 1);
      break;
    }
  }
}

void api_metrics_rows(api_metrics *metrics, uint64_t rows) {
  atomic_fetch_add(&metrics->rows, rows);
}

/* ---- the text ---- */

/* Errors stick: after the first the calls do nothing. */
typedef struct page {
  br_buf text;
  br_status st;
  br_error *err;
} page;

static void add(page *p, const char *format, ...) BR_PRINTF(2, 3);
static void add(page *p, const char *format, ...) {
  char line[1024];
  if (p->st != BR_OK) {
    return;
  }
  va_list args;
  va_start(args, format);
  (void)vsnprintf(line, sizeof line, format, args);
  va_end(args);
  p->st = br_buf_text(&p->text, line, p->err);
}

static void head(page *p, const char *name, const char *type, const char *help) {
  add(p, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void number(page *p, const char *name, const char *type, const char *help, double value) {
  head(p, name, type, help);
  add(p, "%s %.15g\n", name, value);
}

/* The n-th number of /proc/self/stat behind the command's name; 0 where there is none. */
static unsigned long long stat_field(const char *text, int n) {
  const char *at = strrchr(text, ')');
  for (int i = 2; at != NULL && i < n; i++) {
    at = strchr(at + 1, ' ');
  }
  unsigned long long value = 0;
  return at != NULL && sscanf(at + 1, "%llu", &value) == 1 ? value : 0;
}

static void add_memory(page *p) {
  br_buf stat;
  if (br_file_read("/proc/self/stat", BR_KIB(8), &stat, NULL) != BR_OK) {
    return;
  }
  const char *text = br_buf_cstr(&stat);
  if (text != NULL) {
    const double tick = (double)sysconf(_SC_CLK_TCK);
    br_buf uptime;
    number(p, "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
           (double)stat_field(text, 23));
    number(p, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
           (double)stat_field(text, 24) * (double)sysconf(_SC_PAGESIZE));
    double up = 0;
    if (br_file_read("/proc/uptime", 256, &uptime, NULL) == BR_OK) {
      const char *line = br_buf_cstr(&uptime);
      if (line != NULL && sscanf(line, "%lf", &up) == 1) {
        number(p, "process_start_time_seconds", "gauge",
               "Start time of the process since unix epoch in seconds.",
               (double)br_clock_wall_us() / 1e6 - up + (double)stat_field(text, 22) / tick);
      }
      br_buf_done(&uptime);
    }
  }
  br_buf_done(&stat);
}

static void add_process(page *p) {
  char **names = NULL;
  size_t count = 0;
  struct rlimit limit = {.rlim_cur = 0};
  number(p, "process_cpu_seconds_total", "counter", "Total user and system CPU time in seconds.",
         (double)br_clock_cpu_ns() / 1e9);
  add_memory(p);
  if (br_dir_list("/proc/self/fd", &names, &count, NULL) == BR_OK) {
    number(p, "process_open_fds", "gauge", "Number of open file descriptors.",
           count == 0 ? 0 : (double)(count - 1)); /* one is the folder itself */
    br_names_free(names, count);
  }
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    number(p, "process_max_fds", "gauge", "Maximum number of open file descriptors.",
           (double)limit.rlim_cur);
  }
}

static void add_requests(page *p, api_metrics *metrics) {
  head(p, "http_requests_total", "counter", "Requests by route and status.");
  for (size_t i = 0; i <= metrics->count; i++) {
    const char *method = i < metrics->count ? http_method_name(api_routes[i].method) : "";
    const char *path = i < metrics->count ? api_routes[i].path : "";
    for (unsigned status = 0; status < STATUSES; status++) {
      const uint64_t count = atomic_load(&metrics->routes[i].by_status[status]);
      if (count > 0) {
        add(p, "http_requests_total{method=\"%s\",route=\"%s\",status=\"%u\"} %" PRIu64 "\n",
            method, path, status, count);
      }
    }
  }
  head(p, "http_request_duration_seconds", "histogram", "How long requests took, by route.");
  for (size_t i = 0; i < metrics->count; i++) {
    route_metrics *m = &metrics->routes[i];
    const uint64_t total = atomic_load(&m->count);
    char labels[160];
    (void)snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\"",
                   http_method_name(api_routes[i].method), api_routes[i].path);
    uint64_t below = 0;
    for (size_t k = 0; k < BUCKETS && total > 0; k++) {
      below += atomic_load(&m->buckets[k]);
      add(p, "http_request_duration_seconds_bucket{%s,le=\"%g\"} %" PRIu64 "\n", labels,
          (double)buckets_us[k] / 1e6, below);
    }
    if (total > 0) {
      add(p,
          "http_request_duration_seconds_bucket{%s,le=\"+Inf\"} %" PRIu64
          "\nhttp_request_duration_seconds_sum{%s} %.9f\nhttp_request_duration_seconds_count{%s} "
          "%" PRIu64 "\n",
          labels, total, labels, (double)atomic_load(&m->sum_ns) / 1e9, labels, total);
    }
  }
}

static void add_jobs(page *p, api *service) {
  uint64_t counts[JOB_STATUS_COUNT] = {0};
  br_error ignored = BR_ERROR_INIT;
  if (jobs_count(service->jobs, counts, &ignored) == BR_OK) {
    head(p, "bridge_jobs", "gauge", "Stored jobs by status.");
    for (int i = 0; i < JOB_STATUS_COUNT; i++) {
      add(p, "bridge_jobs{status=\"%s\"} %" PRIu64 "\n", job_status_name((job_status)i), counts[i]);
    }
  }
  number(p, "bridge_rows_extracted_total", "counter", "Rows that jobs have extracted.",
         (double)atomic_load(&service->metrics->rows));
}

static void add_poller(page *p, api *service) {
  sync_poller_status status = {.running = false};
  api_poller_get(service, &status);
  head(p, "bridge_events_total", "counter", "Events carried out by this process, by outcome.");
  add(p,
      "bridge_events_total{status=\"completed\"} %" PRIu64
      "\nbridge_events_total{status=\"failed\"} %" PRIu64
      "\nbridge_events_total{status=\"blocked\"} %" PRIu64 "\n",
      status.completed, status.failed, status.blocked);
  number(p, "bridge_poller_running", "gauge", "1 where the poller looks for events.",
         status.running ? 1 : 0);
  number(p, "bridge_poller_polls_total", "counter", "Looks at the events table.",
         (double)status.polls);
  number(p, "bridge_poller_events_waiting", "gauge", "Events read and not begun.",
         (double)status.waiting);
  number(p, "bridge_poller_events_active", "gauge", "Events being carried out.",
         (double)status.active);
  number(p, "bridge_poller_last_poll_timestamp_seconds", "gauge",
         "When the events table was read last, since unix epoch.",
         (double)status.last_poll_us / 1e6);
  head(p, "bridge_side_up", "gauge", "1 where the side could be reached, as last seen.");
  add(p, "bridge_side_up{side=\"sql_server\"} %d\nbridge_side_up{side=\"databricks\"} %d\n",
      api_health_is_up(service->health, SETTINGS_SQLSERVER),
      api_health_is_up(service->health, SETTINGS_DATABRICKS));
  head(p, "bridge_info", "gauge", "The program's version.");
  add(p, "bridge_info{version=\"%s\"} 1\n", service->options.version);
}

br_status api_get_metrics(api_request *r, http_reply *reply, br_error *err) {
  page p = {.st = BR_OK, .err = err};
  br_buf_init(&p.text, BR_MIB(4));
  add_process(&p);
  add_requests(&p, r->service->metrics);
  add_jobs(&p, r->service);
  add_poller(&p, r->service);
  br_status st = p.st;
  if (st == BR_OK) {
    st = http_reply_bytes(reply, "text/plain; version=0.0.4; charset=utf-8", p.text.data,
                          p.text.len, err);
  }
  br_buf_done(&p.text);
  return st;
}
