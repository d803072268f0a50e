/** Where a definition may refer to secrets, and to which. */

import type { Json } from '../../machines/protocol/execution.ts';
import { listSecrets, SECRETS } from '../../machines/references.ts';
import type { IssueList, Path } from './issues.ts';
import { didYouMean } from './suggest.ts';

/** The secrets that there are. */
export interface SecretNames {
  has(name: string): boolean;
  all(): Iterable<string>;
}

export function checkSecret(name: string, path: Path, known: SecretNames | undefined, issues: IssueList): void {
  if (known === undefined || known.has(name)) return;
  issues.add('SECRET_NOT_FOUND', path, `There is no secret "${name}".${didYouMean(name, known.all())}`);
}

/** Of a value that is kept, shown or compared, and of one that nobody resolves. */
export function refuseSecrets(value: Json | undefined, at: Path, issues: IssueList, why = 'only parameters are given secrets'): void {
  if (value === undefined) return;
  for (const { part, path } of listSecrets(value)) {
    issues.add('UNRESOLVED_REFERENCE', [...at, ...path], `${part.text} cannot be read here: ${why}.`);
  }
}

/** Nothing else can be read under the name of the secrets. */
export function refuseSecretsAsName(name: string, path: Path, issues: IssueList): void {
  if (name !== SECRETS) return;
  issues.add('INVALID_VALUE', path, `{{${SECRETS}.NAME}} reads a secret: choose another name than "${SECRETS}".`);
}
