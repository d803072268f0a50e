/** Looks at values that cannot be trusted: a getter, a proxy or a revoked one may throw whatever is asked of it. */

/** What `look` gives; undefined when it throws. */
export function safely<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** A member of anything, undefined where it cannot be read. Never throws. */
export const memberOf = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? safely(() => (value as Record<string, unknown>)[key]) : undefined;
