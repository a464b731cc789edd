/** fast-check parameters under the run's seed: WEIR_SEED, as the runner prints it. */
export function underSeed(numRuns: number): { seed?: number; numRuns: number } {
  const given = process.env['WEIR_SEED']
  return given === undefined || given === '' ? { numRuns } : { seed: Number(given) | 0, numRuns }
}
