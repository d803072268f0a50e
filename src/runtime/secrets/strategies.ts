/** Strategies of the embedder see no values of secrets: they may show a model what a tool has answered, or what it failed with. */

import type { Strategy } from '../../actors/services.ts';
import { NO_SECRETS, type RuntimeSecrets } from './secrets.ts';

export function withoutSecrets(strategy: Strategy, secrets: RuntimeSecrets): Strategy {
  if (secrets === NO_SECRETS) return strategy;
  return (call) => {
    const callTool = () =>
      call.callTool().then(
        (answer) => secrets.scrubAny(answer),
        (thrown: unknown) => Promise.reject(secrets.scrubAny(thrown)),
      );
    return strategy({ ...call, callTool });
  };
}
