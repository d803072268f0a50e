/** A runtime's inbox, as the control server wants it. */

import type { Runtime } from '../../create-runtime.ts';
import type { Inbox } from './inbox.ts';

export const inboxOf = (runtime: Runtime): Inbox => {
  const { approvals } = runtime as Runtime & { readonly approvals?: Inbox };
  return approvals ?? { list: () => [], decide: () => Promise.resolve(false) };
};
