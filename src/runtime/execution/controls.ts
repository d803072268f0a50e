/** Which controls an execution accepts, by the phase of its fold. */

const isSettled = (phase: string): boolean => phase === 'completed' || phase === 'failed' || phase === 'cancelled';
export const canBeCancelled = (phase: string): boolean => !isSettled(phase) && phase !== 'failing' && phase !== 'compensating';
export const canContinue = (phase: string): boolean => canBeCancelled(phase) && phase !== 'cancelling' && phase !== 'attempting.cancelling';
