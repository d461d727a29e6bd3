// The image's HEALTHCHECK: does the node of this container answer /health? Argument: its configuration file.
// The TLS certificate is not checked: the question stays inside the container and carries nothing.
import { readFileSync } from 'node:fs';
import { get } from 'node:https';

const { host = '0.0.0.0', port } = JSON.parse(readFileSync(process.argv[2], 'utf8')).public;
const asked = get({
  host: host === '0.0.0.0' ? '127.0.0.1' : host,
  port,
  path: '/health',
  rejectUnauthorized: false,
  timeout: 4000,
});
asked.on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1));
asked.on('timeout', () => process.exit(1));
asked.on('error', () => process.exit(1));
