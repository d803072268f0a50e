/** What every runtime has without being told: the strategies and the echo tool. */

import type { Strategy } from '../actors/services.ts';
import type { AnyTool } from '../actors/tool.ts';
import { SwarmchartError } from '../machines/protocol/errors.ts';

/** Returns its `message`. Source: Implementation Guide, "Integration Test Example". */
export const echo: AnyTool = {
  name: 'echo',
  description: 'Returns its message.',
  input: [{ name: 'message', type: 'string', required: true, description: 'What to return' }],
  run: ({ message }: { readonly message: string }) => message,
};

const needsModel =
  (name: string): Strategy =>
  () => {
    const message = `The strategy "${name}" needs a language model, and none is configured; give one in the runtime's options (strategies.${name})`;
    return Promise.reject(new SwarmchartError('MODEL_NOT_CONFIGURED', message));
  };

/** Source: Implementation Guide, "Strategy Factory Implementation". */
export const BUILTIN_STRATEGIES: Readonly<Record<string, Strategy>> = {
  deterministic: ({ callTool }) => callTool(),
  conversational: needsModel('conversational'),
  reasoning: needsModel('reasoning'),
};
