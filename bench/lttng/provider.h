/* The events of the comparison, field for field what bench/loops.mjs declares for Kymograph. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "provider.h"

#if !defined(BENCH_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_PROVIDER_H

#include <stdint.h>
#include <lttng/tracepoint.h>

/* Fifty sites, so that fifty different state words and probe tables are touched in turn. */
#ifndef BENCH_SITES
#define BENCH_TEN(X, d) X(d##0) X(d##1) X(d##2) X(d##3) X(d##4) X(d##5) X(d##6) X(d##7) X(d##8) X(d##9)
#define BENCH_SITES(X) BENCH_TEN(X, 0) BENCH_TEN(X, 1) BENCH_TEN(X, 2) BENCH_TEN(X, 3) BENCH_TEN(X, 4)
#endif

LTTNG_UST_TRACEPOINT_EVENT(bench, none, LTTNG_UST_TP_ARGS(), LTTNG_UST_TP_FIELDS())

LTTNG_UST_TRACEPOINT_EVENT(
  bench, int,
  LTTNG_UST_TP_ARGS(int32_t, a),
  LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int32_t, a, a)))

LTTNG_UST_TRACEPOINT_EVENT(
  bench, three,
  LTTNG_UST_TP_ARGS(int32_t, a, int32_t, b, uint64_t, c),
  LTTNG_UST_TP_FIELDS(
    lttng_ust_field_integer(int32_t, a, a)
    lttng_ust_field_integer(int32_t, b, b)
    lttng_ust_field_integer(uint64_t, c, c)))

LTTNG_UST_TRACEPOINT_EVENT(
  bench, text,
  LTTNG_UST_TP_ARGS(int32_t, a, const char *, s),
  LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int32_t, a, a) lttng_ust_field_string(s, s)))

LTTNG_UST_TRACEPOINT_EVENT_CLASS(
  bench, site_class,
  LTTNG_UST_TP_ARGS(int32_t, a),
  LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int32_t, a, a)))

#undef BENCH_INSTANCE
#define BENCH_INSTANCE(n) \
  LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(bench, site_class, bench, site##n, LTTNG_UST_TP_ARGS(int32_t, a))
BENCH_SITES(BENCH_INSTANCE)

#endif

#include <lttng/tracepoint-event.h>
