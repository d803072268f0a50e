/** An actor that notes what it hears and says nothing. */

import { type EventObject, fromCallback, type NonReducibleUnknown } from 'xstate';

export const hearing = <Command extends EventObject, Input extends NonReducibleUnknown>(note: (command: Command) => void) =>
  fromCallback<Command, Input>(({ receive }) => receive(note));
