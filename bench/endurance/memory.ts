/** What the process took at a time of the day. */
export interface MemorySample {
  readonly atHours: number;
  readonly rssMb: number;
  readonly heapMb: number;
}

const MB = 1024 * 1024;

export function sampleMemory(atHours: number): MemorySample {
  const { rss, heapUsed } = process.memoryUsage();
  return { atHours, rssMb: rss / MB, heapMb: heapUsed / MB };
}

/** By least squares, in MB an hour, once the first quarter of the day has warmed everything up. */
export function slopeOf(samples: readonly MemorySample[], of: 'rssMb' | 'heapMb'): number {
  const lastHours = samples.at(-1)?.atHours ?? 0;
  const warm = samples.filter(({ atHours }) => atHours >= lastHours / 4);
  const meanHours = mean(warm.map(({ atHours }) => atHours));
  const meanMb = mean(warm.map(sample => sample[of]));
  const spread = warm.reduce((sum, { atHours }) => sum + (atHours - meanHours) ** 2, 0);
  const rise = warm.reduce((sum, sample) => sum + (sample.atHours - meanHours) * (sample[of] - meanMb), 0);
  return spread === 0 ? 0 : rise / spread;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
