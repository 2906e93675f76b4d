/** Order statistics of small samples; every function leaves its argument as it was. */

export const quantile = (values, q) => {
  if (values.length === 0) return NaN
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]
}

export const median = values => {
  if (values.length === 0) return NaN
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export const minimum = values => values.reduce((a, b) => Math.min(a, b), Infinity)

/** Median of a[i] / b[i]: a pair was measured within the same second, so the machine's drift cancels out. */
export const pairedRatio = (a, b) => median(a.map((value, i) => value / b[i]))

/** Median of a[i] - b[i], for what is measured as a surplus over a floor. */
export const pairedSurplus = (a, b) => median(a.map((value, i) => value - b[i]))
