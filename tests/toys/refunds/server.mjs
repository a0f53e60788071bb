// A small refunds MCP server on the official SDK: what the demo and the end-to-end tests put behind Callgate.
//   PORT   0: any (default); the first line on standard output is `listening PORT`
//   ERA    both (default) | legacy (2025-11-25 and older, with sessions) | modern (2026-07-28 only)
//   LOG    a file that gets one JSON line per request received, before it is answered: what the upstream really saw
//   TOKEN  when set, requests must carry `Authorization: Bearer TOKEN`
// Loopback only. The data is fixed; refunds live as long as the process.
import fs from 'node:fs';
import http from 'node:http';
import crypto from 'node:crypto';
import { createMcpHandler, isInitializeRequest, isLegacyRequest, McpServer } from '@modelcontextprotocol/server';
import { NodeStreamableHTTPServerTransport, toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import * as z from 'zod';

const { PORT = '0', ERA = 'both', LOG = '', TOKEN = '' } = process.env;

const charges = new Map(
  Array.from({ length: 10 }, (_, n) => [
    `ch_${101 + n}`,
    { id: `ch_${101 + n}`, customer: `cus_${1 + (n % 3)}`, amount: 250 * (n + 1), currency: n % 4 === 3 ? 'eur' : 'usd', refunded: 0 },
  ]),
);
let refunds = 0;

const said = (text, structuredContent) => ({ content: [{ type: 'text', text }], ...(structuredContent && { structuredContent }) });
const wrong = (text) => ({ ...said(text), isError: true });

function refundsServer() {
  const server = new McpServer({ name: 'refunds', version: '1.0.0' }, { instructions: 'Refunds for a small shop. All data is made up.' });
  server.registerTool(
    'refund_payment',
    {
      title: 'Refund a payment',
      description: 'Pays an amount of a charge back to the customer.',
      inputSchema: z.object({ charge_id: z.string(), amount: z.number(), currency: z.string().default('usd') }),
    },
    async ({ charge_id, amount, currency }) => {
      const charge = charges.get(charge_id);
      if (!charge) return wrong(`No charge ${charge_id}.`);
      charge.refunded += amount;
      refunds += 1;
      return said(`Refunded ${amount} ${currency} of ${charge_id}. Refund re_${String(refunds).padStart(4, '0')}.`);
    },
  );
  server.registerTool(
    'get_charge',
    { description: 'Shows one charge.', inputSchema: z.object({ charge_id: z.string() }), annotations: { readOnlyHint: true } },
    async ({ charge_id }) => (charges.has(charge_id) ? said(JSON.stringify(charges.get(charge_id))) : wrong(`No charge ${charge_id}.`)),
  );
  server.registerTool(
    'list_charges',
    {
      description: 'Lists charges, newest last.',
      inputSchema: z.object({ limit: z.number().int().min(1).max(100).default(10) }),
      annotations: { readOnlyHint: true },
    },
    async ({ limit }) => said(JSON.stringify([...charges.values()].slice(0, limit))),
  );
  server.registerTool(
    'delete_customer',
    { description: 'Deletes a customer and all charges for good.', inputSchema: z.object({ customer: z.string() }), annotations: { destructiveHint: true } },
    async ({ customer }) => {
      for (const [id, charge] of charges) if (charge.customer === customer) charges.delete(id);
      return said(`Deleted ${customer}.`);
    },
  );
  return server;
}

// 2025 revisions: one transport per session. 2026-07-28: no sessions, a fresh instance per request.
const sessions = new Map();
const modern = toNodeHandler(createMcpHandler(refundsServer, { legacy: 'reject' }));

async function legacy(req, res, body) {
  const id = req.headers['mcp-session-id'];
  if (id !== undefined && sessions.has(id)) return sessions.get(id).handleRequest(req, res, body);
  if (id !== undefined) return refuse(res, 404, -32001, 'Session not found');
  if (!isInitializeRequest(body)) return refuse(res, 400, -32000, 'Bad Request: initialize first');
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    onsessioninitialized: (opened) => void sessions.set(opened, transport),
  });
  transport.onclose = () => sessions.delete(transport.sessionId);
  await refundsServer().connect(transport);
  return transport.handleRequest(req, res, body);
}

function refuse(res, status, code, message) {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message } }));
}

async function read(req) {
  const pieces = [];
  for await (const piece of req) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

const server = http.createServer(async (req, res) => {
  const text = await read(req);
  let body;
  try {
    body = text === '' ? undefined : JSON.parse(text);
  } catch {
    return refuse(res, 400, -32700, 'Parse error');
  }
  if (LOG) fs.appendFileSync(LOG, JSON.stringify({ http: `${req.method} ${req.url}`, headers: req.headers, body }) + '\n');
  if (req.url.split('?')[0] !== '/mcp') return refuse(res, 404, -32000, 'Not found');
  if (TOKEN && req.headers.authorization !== `Bearer ${TOKEN}`) return refuse(res, 401, -32000, 'Unauthorized');
  const old = req.method !== 'POST' || (await isLegacyRequest(await toWebRequest(req, body), body));
  if (ERA === 'modern' || (ERA === 'both' && !old)) return modern(req, res, body);
  return legacy(req, res, body);
});
server.keepAliveTimeout = 60_000;
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
