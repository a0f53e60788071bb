// Does one story with an official TypeScript SDK client and prints what it saw as one JSON line.
//   node sdk_client.mjs v1|v2 URL TOKEN '[["tool",{args}],...]'
const [generation, url, token, calls] = process.argv.slice(2);
const requestInit = token ? { headers: { Authorization: `Bearer ${token}` } } : {};
const seen = { tools: [], calls: [] };

async function connect() {
  if (generation === 'v1') {
    const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
    const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const client = new Client({ name: 'sdk-v1', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
    return client;
  }
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const client = new Client({ name: 'sdk-v2', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return client;
}

const client = await connect();
seen.version = client.getNegotiatedProtocolVersion?.() ?? null;
seen.tools = (await client.listTools()).tools.map((tool) => tool.name).sort();
for (const [name, args] of JSON.parse(calls)) {
  try {
    const result = await client.callTool({ name, arguments: args });
    seen.calls.push({ text: result.content.map((part) => part.text ?? '').join(''), isError: result.isError === true });
  } catch (error) {
    seen.calls.push({ code: error.code ?? null, message: error.message, data: error.data ?? null });
  }
}
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
