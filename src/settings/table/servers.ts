/** Servers for people, scripts and browsers: REST, metrics, WebSocket. */
import { maxRestBodyBytes } from '../bounds.ts'
import { size } from '../kinds/amount.ts'
import { list } from '../kinds/kind.ts'
import { hostName, ipAddress } from '../kinds/network.ts'
import { bool, filePath, integer, oneOf, port, text } from '../kinds/plain.ts'
import { token } from '../kinds/secret.ts'
import { setting } from '../row.ts'

export const rest = {
  rest: setting(bool, 'Serve the REST API.', { default: 'true' }),
  'rest-address': setting(ipAddress, 'The interface of the REST API.', { default: '127.0.0.1' }),
  'rest-port': setting(port, 'The port of the REST API.', { default: '8645', shifted: true }),
  'rest-relay-cache-capacity': setting(
    integer(0, 1_000_000),
    'Messages of all topics together that are kept until they are fetched.',
    {
      default: '50',
    },
  ),
  'rest-admin': setting(bool, 'Serve the paths under /admin.', { default: 'false' }),
  'rest-page': setting(bool, 'Serve the page for people at / of the REST port.', { default: 'true', ours: true }),
  'rest-allow-origin': setting(
    list(text),
    'An origin whose pages may use the API (CORS); * and ? stand for any characters. Repeatable.',
    { live: true },
  ),
  'rest-auth': setting(
    oneOf('auto', 'token', 'none'),
    'Who needs the token. auto: clients that are not on loopback or a private network, or come by a proxy or from a page of another site; token: all; none: nobody, as in nwaku, but for /admin from elsewhere.',
    { default: 'auto', ours: true, live: true },
  ),
  'rest-token': setting(
    token,
    'The token of rest-auth. As a flag it is visible in the process list: prefer --rest-token-file.',
    {
      unset: 'the one in rest-token-file',
      ours: true,
      live: true,
    },
  ),
  'rest-token-file': setting(filePath, 'The file with the token of rest-auth; made, once, when it is not there.', {
    unset: 'rest.token in data-dir',
    ours: true,
    live: true,
  }),
  'rest-max-body': setting(size(1024, maxRestBodyBytes), 'The largest body of a request.', {
    unset: '2 MiB, or twice max-msg-size if that is more',
    ours: true,
  }),
} as const

export const metrics = {
  'metrics-server': setting(bool, 'Serve metrics for Prometheus at /metrics, on a port of their own.', {
    default: 'false',
  }),
  'metrics-server-address': setting(ipAddress, 'The interface of the metrics server.', { default: '127.0.0.1' }),
  'metrics-server-port': setting(port, 'The port of the metrics server.', { default: '8008', shifted: true }),
  'metrics-logging': setting(bool, 'Log key figures every ten minutes, while the metrics server runs.', {
    default: 'true',
  }),
  'metrics-prefix': setting(
    oneOf('waku', 'logos_delivery'),
    'How the names of metrics begin: waku as nwaku to 0.37, logos_delivery for dashboards of newer nodes.',
    { default: 'waku', ours: true },
  ),
} as const

export const websocket = {
  'websocket-support': setting(bool, 'Listen for WebSocket, which browsers speak.', { default: 'false' }),
  'websocket-port': setting(port, 'The port of WebSocket, secure or not.', { default: '8000', shifted: true }),
  'websocket-secure-support': setting(bool, 'Listen for secure WebSocket (wss) instead; turns websocket-support on.', {
    default: 'false',
  }),
  'websocket-secure-key-path': setting(filePath, 'The private key of the certificate, PEM.', { live: true }),
  'websocket-secure-cert-path': setting(filePath, 'The certificate and its chain, PEM.', { live: true }),
  'acme-domain': setting(
    hostName,
    'Get a certificate for this name from an authority and renew it; turns secure WebSocket on, and announces the name.',
    { ours: true },
  ),
  'acme-agree-terms': setting(bool, "Agree to the authority's terms of service; without it none is asked.", {
    default: 'false',
    ours: true,
  }),
  'acme-email': setting(text, 'Where the authority writes to when something is wrong.', { ours: true }),
  'acme-directory-url': setting(text, 'The authority: the URL of its ACME directory.', {
    default: 'https://acme-v02.api.letsencrypt.org/directory',
    ours: true,
  }),
  'acme-http-port': setting(
    port,
    'Where the authority looks for the proof that the name is ours; it asks on port 80, which may lead here. Open only during an order.',
    { default: '80', ours: true },
  ),
  'webrtc-direct': setting(
    bool,
    'Listen for WebRTC-direct, by which browsers reach a node that has neither a name nor a certificate. Needs the optional packages.',
    { default: 'false', ours: true },
  ),
  'webrtc-direct-port': setting(port, 'The UDP port of WebRTC-direct.', {
    default: '9001',
    shifted: true,
    ours: true,
  }),
  'auto-tls': setting(
    bool,
    'Get a certificate for names that a public service (AutoTLS) gives to every public address of this peer id, so that browsers reach a node without a domain; turns secure WebSocket on. The service and the authority of acme-directory-url are contacted.',
    { default: 'false', ours: true },
  ),
  'auto-tls-forge-domain': setting(hostName, 'The domain below which the service of auto-tls gives names.', {
    default: 'libp2p.direct',
    ours: true,
  }),
  'auto-tls-registration-endpoint': setting(
    text,
    'Where the service of auto-tls is told the proof for the authority.',
    {
      default: 'https://registration.libp2p.direct',
      ours: true,
    },
  ),
} as const
