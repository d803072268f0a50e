/** How a value names the secrets that belong in it. */

import type { Json } from './execution.ts';

/** A text within a value that secrets belong in. The value itself shows the references, as their author wrote them. */
export interface SecretText {
  /** Where the text stands in its value; list indexes are texts, too. */
  readonly path: readonly string[];
  readonly parts: readonly SecretPart[];
}

/** Literal text, or the name of a secret. */
export type SecretPart = string | { readonly secret: string };

/** Of an input or parameters: absent when there are none. */
export interface WithSecrets {
  readonly secrets?: readonly SecretText[];
}

export interface SealedValue extends WithSecrets {
  readonly value: Json;
}
