/** Values that do harm to whoever looks at them carelessly. */

export const refuse = () => {
  throw new Error('refused to be looked at');
};

export function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

export function cyclic(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}
