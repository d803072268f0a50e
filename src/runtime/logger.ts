/** Loggers: one that says nothing, and a guard around the caller's. */

import type { Secrets } from '../actors/services.ts';
import type { Logger } from '../actors/tool.ts';

export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Whoever logs must not fail because of it, nor show a secret. That a logger fails cannot be logged: the process warns of it, once. */
export function safeLogger(logger: Logger, secrets: Pick<Secrets, 'scrubAny'>): Logger {
  let hasWarned = false;
  const onFailure = () => {
    if (!hasWarned) process.emitWarning('The logger given to the runtime failed; what it was told is lost', 'SwarmchartWarning');
    hasWarned = true;
  };
  const safely = (level: keyof Logger) => (fields: object, message?: string) => {
    try {
      const written: unknown = logger[level](secrets.scrubAny(fields), secrets.scrubAny(message));
      if (written instanceof Promise) written.catch(onFailure);
    } catch {
      onFailure();
    }
  };
  return { debug: safely('debug'), info: safely('info'), warn: safely('warn'), error: safely('error') };
}
