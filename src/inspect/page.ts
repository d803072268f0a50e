/** The page between the inspector's window and this process: it frames the one, listens to the other, and hands on. */

/**
 * Nothing is asked for before the framed page says that it listens, and everything is asked for again when it says so again.
 * Then each message goes to that frame only, at the origin that spoke.
 */
export function bridgePage(url: URL, nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Swarmchart inspector</title>
<style nonce="${nonce}">html,body,iframe{height:100%;width:100%;margin:0;border:0}body{display:flex;flex-direction:column}
p{margin:0;padding:.3rem .6rem;font:13px system-ui,sans-serif;background:#eee;color:#222}</style>
</head>
<body>
<p id="state">Waiting for the inspector at ${escaped(url.href)}</p>
<iframe id="inspector" title="Inspector" src="${escaped(url.href)}"></iframe>
<script nonce="${nonce}">
const frame = document.getElementById('inspector');
const state = document.getElementById('state');
let socket;
function connect(origin) {
  if (socket) socket.onclose = socket.onmessage = null, socket.close();
  socket = new WebSocket('ws://' + location.host + '/' + location.search);
  socket.onopen = () => { state.textContent = 'Live'; };
  socket.onmessage = ({ data }) => frame.contentWindow.postMessage(JSON.parse(data), origin);
  socket.onclose = ({ code }) => {
    state.textContent = code === 1000 ? 'The process has ended; this is what it sent' : 'Disconnected';
    if (code === ${TOO_SLOW}) connect(origin);
  };
}
window.addEventListener('message', ({ data, origin, source }) => {
  if (source === frame.contentWindow && data && data.type === '@statelyai.connected') connect(origin);
});
</script>
</body>
</html>
`;
}

/** The WebSocket code for a viewer that cannot keep up; it may come again at once. */
export const TOO_SLOW = 1013;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');

export function pageHeaders(url: URL, port: number, nonce: string): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `connect-src ws://127.0.0.1:${port} ws://localhost:${port}`,
    `frame-src ${url.origin}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ];
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    // The address holds the token: the framed page must not learn it.
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  };
}
