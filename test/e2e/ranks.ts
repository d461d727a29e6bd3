/** Wilcoxon's signed-rank test: whether pairs differ in one direction more than chance makes them. Tails and drifts do not mislead it. */

/** @param differences one for each pair @returns the two-sided p, by the normal approximation; 1 where nothing differs */
export function signedRankP(differences: readonly number[]): number {
  const sorted = differences.filter((one) => one !== 0).sort((a, b) => Math.abs(a) - Math.abs(b));
  const n = sorted.length;
  let [positive, squares, i] = [0, 0, 0];
  while (i < n) {
    let end = i;
    while (end < n && Math.abs(sorted[end] as number) === Math.abs(sorted[i] as number)) end += 1;
    // Those that are equally large share the middle of their ranks.
    const rank = (i + 1 + end) / 2;
    for (; i < end; i += 1) {
      squares += rank * rank;
      if ((sorted[i] as number) > 0) positive += rank;
    }
  }
  if (squares === 0) return 1;
  const z = Math.abs(positive - (n * (n + 1)) / 4) / Math.sqrt(squares / 4);
  return 2 * upperTail(z);
}

/** Of the standard normal distribution (Abramowitz and Stegun, 26.2.17 via erfc, Numerical Recipes 6.2): relative error below 1.2e-7. */
function upperTail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const terms = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
  ];
  const series = terms.reduceRight((sum, term) => sum * t + term, 0);
  return 0.5 * t * Math.exp(-x * x + series);
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(part * sorted.length)] ?? Number.NaN;
}
