// A refunds server that only speaks HTTP+SSE (2024-11-05), on the published SDK's own SSEServerTransport.
//   LOG    a file that gets one JSON line per request received, before it is answered
//   TOKEN  when set, requests must carry `Authorization: Bearer TOKEN`
//   PORT   0: any (default)
//   ENDPOINT  what the endpoint event names instead of the server's own address
// The first line on standard output is `listening PORT`. Loopback only.
import fs from 'node:fs';
import http from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import * as z from 'zod';

const { LOG = '', TOKEN = '', ENDPOINT = '', PORT = '0' } = process.env;
const said = (text) => ({ content: [{ type: 'text', text }] });

function refundsServer() {
  const server = new McpServer({ name: 'old-refunds', version: '1.0.0' });
  server.registerTool(
    'refund_payment',
    { description: 'Pays back.', inputSchema: { charge_id: z.string(), amount: z.number(), currency: z.string().default('usd') } },
    async ({ charge_id, amount, currency }) => said(`Refunded ${amount} ${currency} of ${charge_id}.`),
  );
  server.registerTool('delete_customer', { description: 'Deletes.', inputSchema: { customer: z.string() } }, async () => said('Deleted.'));
  server.registerTool('get_charge', { description: 'Shows one charge.', inputSchema: { charge_id: z.string() } }, async ({ charge_id }) => {
    if (charge_id === 'ch_slow') await new Promise((resolve) => setTimeout(resolve, 60_000));
    return said(charge_id);
  });
  server.registerTool('list_charges', { description: 'Asks first, then lists.', inputSchema: {} }, async (_, extra) => {
    for (let done = 1; done <= 3; done += 1)
      if (extra._meta?.progressToken !== undefined)
        await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: extra._meta.progressToken, progress: done } });
    const answer = await server.server.elicitInput({
      message: 'Which currency?',
      requestedSchema: { type: 'object', properties: { currency: { type: 'string' } }, required: ['currency'] },
    });
    return said(`charges in ${answer.content?.currency ?? answer.action}`);
  });
  return server;
}

const streams = new Map();
const server = http.createServer(async (req, res) => {
  const pieces = [];
  for await (const piece of req) pieces.push(piece);
  const text = Buffer.concat(pieces).toString('utf8');
  const body = text === '' ? undefined : JSON.parse(text);
  if (LOG) fs.appendFileSync(LOG, JSON.stringify({ http: `${req.method} ${req.url}`, headers: req.headers, body }) + '\n');
  const url = new URL(req.url, 'http://127.0.0.1');
  if (TOKEN && req.headers.authorization !== `Bearer ${TOKEN}`) return res.writeHead(401).end();
  if (req.method === 'GET' && url.pathname === '/sse') {
    if (ENDPOINT) {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      return res.write(`event: endpoint\ndata: ${ENDPOINT}\n\n`);
    }
    const transport = new SSEServerTransport('/messages', res);
    streams.set(transport.sessionId, transport);
    res.on('close', () => streams.delete(transport.sessionId));
    return refundsServer().connect(transport);
  }
  const transport = streams.get(url.searchParams.get('sessionId'));
  if (req.method !== 'POST' || url.pathname !== '/messages') return res.writeHead(404).end();
  return transport ? transport.handlePostMessage(req, res, body) : res.writeHead(404).end('unknown stream');
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
