// The upstream of the conformance runs: everything the suites ask for by name (fixture_surface.mjs), on the published SDK.
//   node fixture.mjs            Streamable HTTP on loopback; the first line on standard output is `listening PORT`
//   node fixture.mjs --stdio [--era ERA]    the same over standard input and output
//   PORT  0: any (default)
//   ERA   both (default) | legacy (2025-11-25 and older, with sessions) | modern (2026-07-28 only)
//   LOG   a file that gets one JSON line per HTTP request received
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import {
  createMcpHandler, isInitializeRequest, isLegacyRequest, localhostAllowedHostnames, localhostAllowedOrigins, validateHostHeader, validateOriginHeader,
} from '@modelcontextprotocol/server';
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { NodeStreamableHTTPServerTransport, toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import { keyOf, surface } from './fixture_surface.mjs';

const { PORT = '0', LOG = '' } = process.env;
const ERA = process.argv.includes('--era') ? process.argv[process.argv.indexOf('--era') + 1] : (process.env.ERA ?? 'both');

// A change is told on the connection that has one: a stdio pipe or a 2025 session. 2026 streams over HTTP hang on the handler.
const onConnection = {
  toolsChanged: (server) => server.sendToolListChanged(),
  promptsChanged: (server) => server.sendPromptListChanged(),
  resourceUpdated: (server, uri, watched) => watched.has(uri) && server.server.sendResourceUpdated({ uri }),
};

/** Connects a server whose requests to the client carry ids that say what is asked, as a 2025 server may choose: `user_name` instead of 3. */
async function connect(server, transport) {
  await server.connect(transport);
  const asked = new Map();
  const send = transport.send.bind(transport);
  const listener = transport.onmessage;
  transport.send = (message, options) => {
    if (message.method === undefined || message.id === undefined || message.method === 'ping') return send(message, options);
    let id = keyOf(message);
    for (let more = 2; asked.has(id); more += 1) id = `${keyOf(message)}-${more}`;
    asked.set(id, message.id);
    return send({ ...message, id }, options);
  };
  transport.onmessage = (message, extra) => {
    if (message.method !== undefined || !asked.has(message.id)) return listener(message, extra);
    const id = asked.get(message.id);
    asked.delete(message.id);
    return listener({ ...message, id }, extra);
  };
}

function stdio() {
  if (ERA === 'legacy') return connect(surface(onConnection), new StdioServerTransport());
  const always = { ...onConnection, resourceUpdated: (server, uri) => server.server.sendResourceUpdated({ uri }) };   // the SDK filters
  return serveStdio(({ era }) => surface(era === 'modern' ? always : onConnection), { legacy: ERA === 'modern' ? 'reject' : 'serve' });
}

/** Keeps the events of one session, for clients that come back with Last-Event-ID. */
class Events {
  #kept = [];

  async storeEvent(streamId, message) {
    this.#kept.push({ id: `${streamId}_${this.#kept.length}`, streamId, message });
    return this.#kept.at(-1).id;
  }

  async getStreamIdForEventId(id) {
    return this.#kept.find((event) => event.id === id)?.streamId;
  }

  async replayEventsAfter(lastId, { send }) {
    const from = this.#kept.findIndex((event) => event.id === lastId);
    const { streamId } = this.#kept[from];
    for (const event of this.#kept.slice(from + 1))
      if (event.streamId === streamId && Object.keys(event.message).length > 0) await send(event.id, event.message);
    return streamId;
  }
}

const sessions = new Map();

function refuse(res, status, code, message) {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message } }));
}

async function legacy(req, res, body) {
  const id = req.headers['mcp-session-id'];
  if (id !== undefined && sessions.has(id)) return sessions.get(id).handleRequest(req, res, body);
  if (id !== undefined) return refuse(res, 404, -32001, 'Session not found');
  if (!isInitializeRequest(body)) return refuse(res, 400, -32000, 'Bad Request: initialize first');
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    eventStore: new Events(),
    retryInterval: 200,
    onsessioninitialized: (opened) => void sessions.set(opened, transport),
  });
  transport.onclose = () => sessions.delete(transport.sessionId);
  await connect(surface(onConnection), transport);
  return transport.handleRequest(req, res, body);
}

async function read(req) {
  const pieces = [];
  for await (const piece of req) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

function serveHttp() {
  const handler = createMcpHandler(
    () => surface({
      toolsChanged: () => handler.notify.toolsChanged(),
      promptsChanged: () => handler.notify.promptsChanged(),
      resourceUpdated: (_, uri) => handler.notify.resourceUpdated(uri),
    }),
    { legacy: 'reject' },
  );
  const modern = toNodeHandler(handler);
  const server = http.createServer(async (req, res) => {
    const host = validateHostHeader(req.headers.host, localhostAllowedHostnames());
    const origin = validateOriginHeader(req.headers.origin, localhostAllowedOrigins());
    if (!host.ok || !origin.ok) return refuse(res, 403, -32000, (host.ok ? origin : host).message);
    const words = await read(req);
    let body;
    try {
      body = words === '' ? undefined : JSON.parse(words);
    } catch {
      return refuse(res, 400, -32700, 'Parse error');
    }
    if (LOG) fs.appendFileSync(LOG, JSON.stringify({ http: `${req.method} ${req.url}`, headers: req.headers, body }) + '\n');
    if (req.url.split('?')[0] !== '/mcp') return refuse(res, 404, -32000, 'Not found');
    const old = req.method !== 'POST' || (await isLegacyRequest(await toWebRequest(req, body), body));
    if (ERA === 'modern' || (ERA === 'both' && !old)) return modern(req, res, body);
    return legacy(req, res, body);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
}

if (process.argv.includes('--stdio')) stdio();
else serveHttp();
