/*
 * killpoint.c: loaded before the other libraries (LD_PRELOAD), writes down what the program is
 * about to do to files and sockets, and kills it (SIGKILL) at a chosen one (tests/system/kills.py).
 *
 *   KILLPOINT_LOG   the file that gets a line for each event; without it nothing is done here
 *   KILLPOINT_AT    an extended regular expression: the events that count; none: nobody is killed
 *   KILLPOINT_FROM  likewise: counting begins behind the first event that it fits
 *   KILLPOINT_NTH   the how many-th counted event is the last, from 1
 *   KILLPOINT_HALF  "1": half of what that event writes or sends still goes out
 *
 * Events: "open PATH" (for writing), "write PATH", "pread PATH", "fsync PATH", "unlink PATH",
 * "rmdir PATH", "rename PATH -> PATH", "request METHOD TARGET", "body METHOD TARGET",
 * "answer METHOD TARGET" (it is there to be read), "sql send", "sql recv" (likewise). One at a
 * time, in all threads: what stands in the log before the last line has been done.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048, PATH_MAX_BYTES = 900, REQUEST_MAX = 512, FDS = 256 };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static regex_t at, from;
static bool killing, counting, halving;
static long to_go;
static char requests[FDS][REQUEST_MAX]; /* what a connection was last asked for; "" = no HTTP */

static bool compile(const char *name, regex_t *expression) {
  const char *text = getenv(name);
  return text != NULL && regcomp(expression, text, REG_EXTENDED | REG_NOSUB) == 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("KILLPOINT_LOG");
  if (path == NULL) {
    return;
  }
  const char *nth = getenv("KILLPOINT_NTH");
  to_go = nth == NULL ? 1 : strtol(nth, NULL, 10);
  halving = getenv("KILLPOINT_HALF") != NULL;
  killing = compile("KILLPOINT_AT", &at);
  counting = !compile("KILLPOINT_FROM", &from);
  log_fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

_Noreturn static void die(void) {
  for (;;) {
    (void)kill(getpid(), SIGKILL);
    (void)pause();
  }
}

/* Writes the event down, and ends everything where it is the chosen one: at once, or, where it
 * returns true, when the caller has done half of it. */
static bool event(bool has_half, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool event(bool has_half, const char *format, ...) {
  char line[LINE_MAX_BYTES];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  size_t used = length < 0 ? 0 : (size_t)length;
  used = used < sizeof line - 1 ? used : sizeof line - 2;
  bool chosen = killing && counting && regexec(&at, line, 0, NULL, 0) == 0 && --to_go == 0;
  counting = counting || regexec(&from, line, 0, NULL, 0) == 0;
  line[used] = '\n';
  (void)syscall(SYS_write, log_fd, line, used + 1);
  if (chosen && !(halving && has_half)) {
    die();
  }
  return chosen;
}

static void enter(void) {
  (void)pthread_mutex_lock(&one_at_a_time);
}

static void leave(void) {
  int kept = errno;
  (void)pthread_mutex_unlock(&one_at_a_time);
  errno = kept;
}

static bool is_socket(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
}

/* "" where it has none. */
static const char *path_of(int fd, char path[PATH_MAX_BYTES]) {
  char link[64];
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, PATH_MAX_BYTES - 1);
  path[n > 0 ? n : 0] = '\0';
  return path;
}

static int open_logged(const char *path, int flags, mode_t mode) {
  if (log_fd < 0 || (flags & O_ACCMODE) == O_RDONLY) {
    return openat(AT_FDCWD, path, flags, mode);
  }
  enter();
  (void)event(false, "open %s", path);
  int fd = openat(AT_FDCWD, path, flags, mode);
  leave();
  return fd;
}

/* With 64 bits of offset, as the program is built, these are open64() and pread64(). */
int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return open_logged(path, flags, mode);
}

int close(int fd) {
  if (log_fd >= 0 && fd >= 0 && fd < FDS) {
    requests[fd][0] = '\0';
  }
  return (int)syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  if (log_fd < 0 || fd <= STDERR_FILENO || is_socket(fd)) {
    return syscall(SYS_write, fd, bytes, length);
  }
  char path[PATH_MAX_BYTES];
  enter();
  bool last = event(true, "write %s", path_of(fd, path));
  ssize_t n = syscall(SYS_write, fd, bytes, last ? length / 2 : length);
  if (last) {
    die();
  }
  leave();
  return n;
}

ssize_t pread(int fd, void *bytes, size_t length, off_t offset) {
  struct iovec into = {.iov_base = bytes, .iov_len = length};
  if (log_fd < 0) {
    return preadv(fd, &into, 1, offset);
  }
  char path[PATH_MAX_BYTES];
  enter();
  (void)event(false, "pread %s", path_of(fd, path));
  ssize_t n = preadv(fd, &into, 1, offset);
  leave();
  return n;
}

int fsync(int fd) {
  if (log_fd < 0) {
    return (int)syscall(SYS_fsync, fd);
  }
  char path[PATH_MAX_BYTES];
  enter();
  (void)event(false, "fsync %s", path_of(fd, path));
  int result = (int)syscall(SYS_fsync, fd);
  leave();
  return result;
}

int unlink(const char *path) {
  if (log_fd < 0) {
    return unlinkat(AT_FDCWD, path, 0);
  }
  enter();
  (void)event(false, "unlink %s", path);
  int result = unlinkat(AT_FDCWD, path, 0);
  leave();
  return result;
}

int rmdir(const char *path) {
  if (log_fd < 0) {
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
  }
  enter();
  (void)event(false, "rmdir %s", path);
  int result = unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
  leave();
  return result;
}

int rename(const char *old, const char *new) {
  if (log_fd < 0) {
    return renameat(AT_FDCWD, old, AT_FDCWD, new);
  }
  enter();
  (void)event(false, "rename %s -> %s", old, new);
  int result = renameat(AT_FDCWD, old, AT_FDCWD, new);
  leave();
  return result;
}

/* True where the bytes begin an HTTP/1.1 request; keeps its method and target. */
static bool begins_request(char request[REQUEST_MAX], const char *bytes, size_t length) {
  static const char *const methods[] = {"GET ", "HEAD ", "PUT ", "POST ", "DELETE "};
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    size_t known = strlen(methods[i]);
    if (length > known && memcmp(bytes, methods[i], known) == 0) {
      size_t end = known;
      while (end < length && end < REQUEST_MAX - 1 && bytes[end] != ' ') {
        end++;
      }
      memcpy(request, bytes, end);
      request[end] = '\0';
      return true;
    }
  }
  return false;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
  if (log_fd < 0 || fd < 0 || fd >= FDS) {
    return sendto(fd, bytes, length, flags, NULL, 0);
  }
  char *request = requests[fd];
  bool last;
  enter();
  if (begins_request(request, bytes, length)) {
    last = event(true, "request %s", request);
  } else {
    last = request[0] == '\0' ? event(true, "sql send") : event(true, "body %s", request);
  }
  ssize_t n = sendto(fd, bytes, last ? length / 2 : length, flags, NULL, 0);
  if (last) {
    die();
  }
  leave();
  return n;
}

ssize_t recv(int fd, void *bytes, size_t length, int flags) {
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  if (log_fd < 0 || fd < 0 || fd >= FDS || poll(&ready, 1, 0) != 1) {
    return recvfrom(fd, bytes, length, flags, NULL, NULL);
  }
  enter();
  if (requests[fd][0] == '\0') {
    (void)event(false, "sql recv");
  } else {
    (void)event(false, "answer %s", requests[fd]);
  }
  ssize_t n = recvfrom(fd, bytes, length, flags, NULL, NULL);
  leave();
  return n;
}
