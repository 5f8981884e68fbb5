import express from 'express';
import { openBareMysql, openBareSqlite } from './bare.ts';

/*
 * The baseline over HTTP: express, its JSON parser, and a transaction of two rows for each post. BARE_MYSQL is the URL
 * of an empty database, or BARE_SQLITE a file to be made. It has as much of /readyz and /metrics as the benchmark asks for.
 */

const { BARE_MYSQL: url, BARE_SQLITE: path = '', PORT: port } = process.env;
const bare = url === undefined ? openBareSqlite(path) : await openBareMysql(url);

const app = express();
app.post('/api/posts', express.json(), async (request, response) => {
  const post = await bare.create(request.body);
  response.status(201).location(`/api/posts/${post.id}`).json(post);
});
app.get('/readyz', (_request, response) => response.json({ ready: true }));
app.get('/metrics', (_request, response) => {
  const { user, system } = process.cpuUsage();
  response
    .type('text/plain')
    .send(
      `process_cpu_seconds_total ${(user + system) / 1e6}\ntagwire_outbox_unpublished 0\ntagwire_outbox_unconfirmed 0\n`,
    );
});
const server = app.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void bare[Symbol.asyncDispose]().then(() => process.exit(0));
});
