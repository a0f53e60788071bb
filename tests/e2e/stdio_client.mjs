// Does one story with an official TypeScript SDK client over standard input and output, and prints what it saw as one JSON line.
//   node stdio_client.mjs v1|v2 '["command","argument",...]' '[["tool",{args}],...]'
const [generation, command, calls] = process.argv.slice(2);
const [program, ...words] = JSON.parse(command);
const seen = { tools: [], calls: [], progress: 0, stderr: '' };
const parameters = { command: program, args: words, env: process.env, stderr: 'pipe' };

async function connect() {
  const v1 = generation === 'v1';
  const { Client } = await import(v1 ? '@modelcontextprotocol/sdk/client/index.js' : '@modelcontextprotocol/client');
  const { StdioClientTransport } = await import(v1 ? '@modelcontextprotocol/sdk/client/stdio.js' : '@modelcontextprotocol/client/stdio');
  const client = v1 ? new Client({ name: 'stdio-v1', version: '1' }) : new Client({ name: 'stdio-v2', version: '1' }, { versionNegotiation: { mode: 'auto' } });
  const transport = new StdioClientTransport(parameters);
  transport.stderr?.on('data', (piece) => { seen.stderr += piece; });
  await client.connect(transport);
  return client;
}

const client = await connect();
seen.version = client.getNegotiatedProtocolVersion?.() ?? null;
seen.tools = (await client.listTools()).tools.map((tool) => tool.name).sort();
const onprogress = () => { seen.progress += 1; };
for (const [name, args] of JSON.parse(calls)) {
  try {
    const options = { onprogress };
    const schema = generation === 'v1' ? [undefined] : [];
    const result = await client.callTool({ name, arguments: args }, ...schema, options);
    seen.calls.push({ text: result.content.map((part) => part.text ?? '').join(''), isError: result.isError === true });
  } catch (error) {
    seen.calls.push({ code: error.code ?? null, message: error.message });
  }
}
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
