/** What is measured: shapes of work, and the subjects that can do them. */

export interface Shape {
  readonly name: string;
  /** Steps of one run: each after the one before it, or all at once. */
  readonly order: 'chain' | 'fan-out';
  readonly steps: number;
  /** Runs that live at the same time. */
  readonly runs: number;
}

export const SHAPES: readonly Shape[] = [
  { name: 'chain of 1,000', order: 'chain', steps: 1_000, runs: 1 },
  { name: 'fan-out of 1,000', order: 'fan-out', steps: 1_000, runs: 1 },
  { name: 'fan-out of 10,000', order: 'fan-out', steps: 10_000, runs: 1 },
  { name: '1,000 runs of 3', order: 'chain', steps: 3, runs: 1_000 },
];

/** A subject made ready for one sample. Only `work` is measured. */
export interface Sample {
  work(): Promise<void>;
  end(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  prepare(shape: Shape): Promise<Sample>;
}
