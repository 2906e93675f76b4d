/*
 * The C half of the benchmark. It connects to the socket named by argv[1] and obeys one line at a time:
 *
 *   round LOOP N    run the loop for N events, reply with ns per event
 *   pair LOOP N     the same on two threads at once, N events each, reply with the mean of both
 *   single LOOP K   one clock read after each of K events, reply with p50 p99.9 max of the differences in ns
 *   quit            reply with the number of events produced, end
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "loops.h"

struct run { const struct loop *loop; long n; double ns_per_event; pthread_barrier_t *start; };

static void *timed(void *argument)
{
  struct run *r = argument;
  if (r->start) pthread_barrier_wait(r->start);
  double begin = now_ns();
  r->loop->run(r->n);
  r->ns_per_event = (now_ns() - begin) / (double)r->n;
  return NULL;
}

static double two_threads(const struct loop *loop, long n)
{
  pthread_barrier_t start;
  pthread_t other;
  pthread_barrier_init(&start, NULL, 2);
  struct run a = {loop, n, 0, &start}, b = {loop, n, 0, &start};
  if (pthread_create(&other, NULL, timed, &b)) exit(3);
  timed(&a);
  pthread_join(other, NULL);
  pthread_barrier_destroy(&start);
  return (a.ns_per_event + b.ns_per_event) / 2;
}

static int by_value(const void *x, const void *y)
{
  double a = *(const double *)x, b = *(const double *)y;
  return a < b ? -1 : a > b;
}

static void single(FILE *out, const struct loop *loop, long k)
{
  double *delta = malloc((size_t)k * sizeof *delta);
  if (!delta) exit(3);
  /* Touched beforehand: a page fault of this array must not count as a slow event. */
  memset(delta, 1, (size_t)k * sizeof *delta);
  double last = now_ns();
  for (long i = 0; i < k; i++) {
    loop->run(1);
    double now = now_ns();
    delta[i] = now - last;
    last = now;
  }
  qsort(delta, (size_t)k, sizeof *delta, by_value);
  fprintf(out, "%.1f %.1f %.1f\n", delta[k / 2], delta[k * 999 / 1000], delta[k - 1]);
  free(delta);
}

int main(int argc, char **argv)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
  strcpy(address.sun_path, argv[1]);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address)) return 2;
  FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
  if (!in || !out) return 2;
  setvbuf(out, NULL, _IOLBF, 0);

  char line[256], verb[32], name[32];
  long n, produced = 0;
  while (fgets(line, sizeof line, in)) {
    if (!strncmp(line, "quit", 4)) {
      fprintf(out, "%ld\n", produced);
      break;
    }
    if (sscanf(line, "%31s %31s %ld", verb, name, &n) != 3 || n < 1) return 4;
    const struct loop *loop = NULL;
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++)
      if (!strcmp(loops[i].name, name)) loop = &loops[i];
    if (!loop) return 5;
    if (loop->event[0]) produced += strcmp(verb, "pair") ? n : 2 * n;
    if (!strcmp(verb, "pair")) {
      fprintf(out, "%.4f\n", two_threads(loop, n));
    } else if (!strcmp(verb, "single")) {
      single(out, loop, n);
    } else {
      struct run r = {loop, n, 0, NULL};
      timed(&r);
      fprintf(out, "%.4f\n", r.ns_per_event);
    }
  }
  return 0;
}
