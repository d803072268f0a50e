/** How big a workflow definition may be. Everything beyond is refused with LIMIT_EXCEEDED before it costs anything. */
export const WORKFLOW_LIMITS = {
  /** Bytes of text, as UTF-8. */
  textBytes: 1024 * 1024,
  /** Nesting of the document as a whole: room for the deepest step with the deepest parameters. */
  documentDepth: 128,
  /** Values in the document, aliases counted as often as they are used. */
  documentNodes: 500_000,
  aliases: 100,
  /** Steps of one workflow, nested ones and those of the workflows that it calls included. */
  steps: 20_000,
  /** Groups within groups, the bodies of maps and loops and called workflows included. */
  stepDepth: 32,
  parametersDepth: 32,
  /** Items of a list that a definition spells out, for a map. */
  items: 10_000,
  iterations: 10_000,
  /** Inputs that a workflow declares. */
  inputs: 1_000,
  referencesPerText: 100,
  /** Problems reported; the rest is counted. */
  issues: 500,
} as const;

/** The longest timeout there is, about 25 days; also that of a group without one of its own: its steps bound it. */
export const MAX_TIMEOUT_MS = 2_147_483_647;
export const DEFAULT_TIMEOUT_MS = 30_000;

/** Keys that reach a prototype. No definition may hold one, at any depth. */
export const UNSAFE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
