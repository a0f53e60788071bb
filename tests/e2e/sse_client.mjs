// Does one story with the published SDK's SSEClientTransport (2024-11-05) and prints what it saw as one JSON line.
//   node sse_client.mjs URL TOKEN '[["tool",{args}],...]' [stay]
// With `stay` it keeps its stream open after the calls, says `ready`, and tells when and how the stream ended.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const [url, token, calls, stay] = process.argv.slice(2);
const seen = { tools: [], calls: [], progress: 0, changed: 0 };
const client = new Client({ name: 'sdk-sse', version: '1' }, { capabilities: { elicitation: {} } });
client.setRequestHandler(ElicitRequestSchema, async () => ({ action: 'accept', content: { currency: 'eur' } }));
const transport = new SSEClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } });
await client.connect(transport);
seen.version = transport._protocolVersion ?? null;
client.fallbackNotificationHandler = async (note) => {
  if (note.method === 'notifications/tools/list_changed') seen.changed += 1;
};
seen.tools = (await client.listTools()).tools.map((tool) => tool.name).sort();
for (const [name, args] of JSON.parse(calls)) {
  try {
    const result = await client.callTool({ name, arguments: args }, undefined, { onprogress: () => (seen.progress += 1) });
    seen.calls.push({ text: result.content.map((part) => part.text ?? '').join(''), isError: result.isError === true });
  } catch (error) {
    seen.calls.push({ code: error.code ?? null, message: error.message, data: error.data ?? null });
  }
}
if (stay) {
  const began = Date.now();
  const ended = new Promise((resolve) => (client.onerror = () => resolve(Date.now())));
  console.log('ready');
  seen.ended = Math.min(await ended, began + 20_000) - began;
}
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
