/* The measured loops: each has its own text, and the clock stays outside of it. */
#include <stdint.h>
#include <time.h>

static inline double now_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/*
 * Inlined, as V8 inlines the empty function of loops.mjs and as a disabled tracepoint is inlined in both; the
 * barrier keeps the compiler from removing the loop.
 */
static inline void empty_call(int32_t a)
{
  __asm__ volatile("" : : "r"(a) : "memory");
}

static int32_t word;

static void floor_empty(long n) { for (long i = 0; i < n; i++) empty_call((int32_t)i); }
static void floor_empty50(long n)
{
  for (long i = 0; i < n; i += 50)
    for (int s = 0; s < 50; s++) empty_call((int32_t)i);
}
static void floor_clock(long n)
{
  struct timespec t;
  for (long i = 0; i < n; i++) clock_gettime(CLOCK_MONOTONIC, &t);
}
static void floor_atomic(long n) { for (long i = 0; i < n; i++) __atomic_store_n(&word, (int32_t)i, __ATOMIC_SEQ_CST); }
static void floor_plain(long n)
{
  for (long i = 0; i < n; i++) *(volatile int32_t *)&word = (int32_t)i;
}

#ifdef WITH_LTTNG
#include "provider.h"

/* 15 characters each, as in loops.mjs. */
static const char *const texts[16] = {
  "request-0000000", "request-1111111", "request-2222222", "request-3333333",
  "request-4444444", "request-5555555", "request-6666666", "request-7777777",
  "request-8888888", "request-9999999", "request-aaaaaaa", "request-bbbbbbb",
  "request-ccccccc", "request-ddddddd", "request-eeeeeee", "request-fffffff"};

static void loop_none(long n) { for (long i = 0; i < n; i++) lttng_ust_tracepoint(bench, none); }
static void loop_int(long n) { for (long i = 0; i < n; i++) lttng_ust_tracepoint(bench, int, (int32_t)i); }
static void loop_three(long n)
{
  for (long i = 0; i < n; i++) lttng_ust_tracepoint(bench, three, (int32_t)i, 7, (uint64_t)i);
}
static void loop_text(long n)
{
  for (long i = 0; i < n; i++) lttng_ust_tracepoint(bench, text, (int32_t)i, texts[i & 15]);
}
#define SITE_CALL(s) lttng_ust_tracepoint(bench, site##s, (int32_t)i);
static void loop_sites(long n)
{
  for (long i = 0; i < n; i += 50) { BENCH_SITES(SITE_CALL) }
}
#endif

struct loop { const char *name; const char *event; void (*run)(long n); };

static const struct loop loops[] = {
  {"empty", "", floor_empty},
  {"empty50", "", floor_empty50},
  {"clock", "", floor_clock},
  {"atomic", "", floor_atomic},
  {"plain", "", floor_plain},
#ifdef WITH_LTTNG
  {"none", "bench:none", loop_none},
  {"int", "bench:int", loop_int},
  {"three", "bench:three", loop_three},
  {"text", "bench:text", loop_text},
  {"sites", "bench:site*", loop_sites},
#endif
};
