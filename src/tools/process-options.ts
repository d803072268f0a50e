/** What a tool may say about a child process, and what it learns of its end. */

export interface ProcessOptions {
  readonly cwd?: string;
  /** Variables the child sees besides the inherited ones. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names of variables passed on from this process; all others are withheld. @default INHERITED_ENVIRONMENT */
  readonly inheritEnv?: readonly string[];
  /** Ends the process group when aborted; the call then fails with CANCELLED. */
  readonly signal?: AbortSignal;
  /** After this long the process group is ended and the call fails with STEP_TIMEOUT. @default none */
  readonly timeoutMs?: number;
  /** Time between SIGTERM and SIGKILL, and the longest wait for output that an escaped grandchild holds open. @default 5_000 */
  readonly graceMs?: number;
  /** More bytes than this on stdout end the process group; the call then fails with OUTPUT_TOO_LARGE. @default 64 MiB */
  readonly maxOutputBytes?: number;
  /** How much of the end of stderr is kept. @default 8 KiB */
  readonly maxStderrBytes?: number;
  /** Exit codes that count as success. @default [0] */
  readonly acceptExitCodes?: readonly number[];
}

export interface RecordOptions extends ProcessOptions {
  /** @default '\n' */
  readonly separator?: '\n' | '\0';
  /** A longer record ends the process group; the call then fails with OUTPUT_TOO_LARGE. @default 16 MiB */
  readonly maxRecordBytes?: number;
}

export interface ProcessEnd {
  readonly exitCode: number;
  /** The end of what the process wrote to stderr. */
  readonly stderr: string;
}

export interface ProcessOutput extends ProcessEnd {
  readonly stdout: string;
}

/** Enough to find and run programs; nothing that usually holds a secret. */
export const INHERITED_ENVIRONMENT: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LANG',
  'TZ',
  'TMPDIR',
  'XDG_CONFIG_HOME',
  'SystemRoot',
  'PATHEXT',
  'USERPROFILE',
  'TEMP',
];

export const PROCESS_DEFAULTS = {
  inheritEnv: INHERITED_ENVIRONMENT,
  graceMs: 5_000,
  maxOutputBytes: 64 * 1024 * 1024,
  maxStderrBytes: 8 * 1024,
  maxRecordBytes: 16 * 1024 * 1024,
  acceptExitCodes: [0],
} as const satisfies RecordOptions;

export function environmentFor(options: ProcessOptions): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of options.inheritEnv ?? PROCESS_DEFAULTS.inheritEnv) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...options.env };
}
