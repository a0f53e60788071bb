// What the client legs run: a gate in front of the suite's mock server, and a client that does the scenario's errand through it.
//   node driver.mjs URL     URL is the mock server's
//   CALLGATE_BINARY         the gate; without it the client goes straight to the mock server (the control)
//   CLIENT_ERA              legacy | modern: the era of the client, when it is not the scenario's
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { connect } from './client.mjs';

const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_CONTEXT, MCP_CONFORMANCE_PROTOCOL_VERSION = '2025-11-25', CALLGATE_BINARY } = process.env;
const context = JSON.parse(MCP_CONFORMANCE_CONTEXT || '{}');
const era = process.env.CLIENT_ERA || (MCP_CONFORMANCE_PROTOCOL_VERSION >= '2026' ? 'modern' : 'legacy');
const upstream = process.argv.at(-1);
const run = promisify(execFile);
const POLICY = 'version: "1"\ndefault: allow\nmethods: {elicitation/create: allow, sampling/createMessage: allow, roots/list: allow}\n';

// -- the gate

async function startGate() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'callgate-driver-'));
  const data = path.join(folder, 'data');
  const ready = path.join(folder, 'ready');
  const env = { PATH: process.env.PATH, HOME: folder };
  const log = fs.openSync(path.join(folder, 'gate.log'), 'w');
  const gate = spawn(CALLGATE_BINARY, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--ready-file', ready], { env, stdio: ['ignore', log, log] });
  const over = new Promise((done) => gate.once('exit', done));
  const stop = async () => {
    gate.kill('SIGTERM');
    const patience = setTimeout(() => gate.kill('SIGKILL'), 5000);
    await over;
    clearTimeout(patience);
    if (!process.env.CALLGATE_KEEP) fs.rmSync(folder, { recursive: true, force: true });
  };
  try {
    while (!fs.existsSync(ready) || !fs.readFileSync(ready, 'utf8').endsWith('\n')) {
      if (gate.exitCode !== null) throw new Error(fs.readFileSync(path.join(folder, 'gate.log'), 'utf8'));
      await new Promise((done) => setTimeout(done, 10));
    }
    const call = (...words) => run(CALLGATE_BINARY, [...words, '--data', data], { env, cwd: folder });
    fs.writeFileSync(path.join(folder, 'open.yaml'), POLICY);
    await call('server', 'add', 'mock', upstream, '--allow-private');
    await call('policy', 'put', 'open', path.join(folder, 'open.yaml'));
    const { stdout } = await call('grant', 'mint', 'driver', '--user', 'ada', '--server', 'mock', '--policy', 'open', '-o', 'json');
    return { url: `${fs.readFileSync(ready, 'utf8').trim().replace(/\/$/, '')}/mcp/mock/`, token: JSON.parse(stdout).token, stop };
  } catch (failure) {
    await stop();
    throw failure;
  }
}

// -- the errands

/** tools/list and tools/call as they are on the wire, with no client's scruples: every listed tool is called. */
async function callEveryListedTool({ url, token }) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  let id = 0;
  const ask = async (method, params, headers) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': method,
        ...(token && { Authorization: `Bearer ${token}` }), ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params: { ...params, _meta: meta } }),
    });
    return answer.json();
  };
  const listed = await ask('tools/list', {}, {});
  for (const { name, inputSchema } of listed.result.tools) {
    const words = Object.fromEntries(inputSchema.required.map((property) => [property, 'x']));
    const mirrored = name === 'valid_tool' ? { 'Mcp-Param-Region': 'x' } : {};
    await ask('tools/call', { name, arguments: words }, { 'Mcp-Name': name, ...mirrored });
  }
}

// A known-good client leaves out invalid tools by itself.
const callListedTools = async (client) => {
  const { tools } = await client.listTools();
  for (const { name } of tools) await client.callTool({ name, arguments: { region: 'x' } });
};
const listTools = async (client) => void (await client.listTools());
const callTools = (...names) => async (client) => {
  await client.listTools();
  for (const name of names) await client.callTool({ name, arguments: {} });
};

const errands = {
  initialize: listTools,
  tools_call: async (client) => {
    await client.listTools();
    await client.callTool({ name: 'add_numbers', arguments: { a: 5, b: 3 } });
  },
  'elicitation-sep1034-client-defaults': callTools('test_client_elicitation_defaults'),
  'sse-retry': callTools('test_reconnection'),
  'request-metadata': listTools,
  'sep-2322-client-request-state': async (client) => {
    await client.listTools();
    const call = (name) => client.callTool({ name, arguments: {} });
    await Promise.all([call('test_mrtr_echo_state'), call('test_mrtr_unrelated')]);
    await call('test_mrtr_no_state');
    await call('test_mrtr_no_result_type').catch(() => {}); // the SDK insists on resultType; the suite only looks for a retry
  },
  'http-standard-headers': async (client) => {
    const { tools } = await client.listTools();
    for (const { name } of tools) await client.callTool({ name, arguments: {} });
    const { resources } = await client.listResources();
    for (const { uri } of resources) await client.readResource({ uri });
    const { prompts } = await client.listPrompts();
    for (const { name } of prompts) await client.getPrompt({ name });
  },
  'http-custom-headers': async (client) => {
    await client.listTools();
    for (const { name, arguments: words } of context.toolCalls) await client.callTool({ name, arguments: words });
  },
  'http-invalid-tool-headers': callListedTools,
  'json-schema-ref-no-deref': listTools,
  'json-schema-2020-12-preservation': async (client) => {
    const { tools } = await client.listTools();
    const { inputSchema } = tools.find((tool) => tool.name === 'json_schema_2020_12_tool');
    await client.callTool({ name: 'json_schema_echo', arguments: { schema: inputSchema } });
  },
};

const DEFAULTS = { elicitation: { form: { applyDefaults: true } } };
const CONFIRM = { content: () => ({ confirmed: true }) };

async function errand(where) {
  if (scenario === 'http-invalid-tool-headers' && CALLGATE_BINARY) return callEveryListedTool(where);
  if (!errands[scenario]) throw new Error(`no errand for ${scenario}`);
  const extra = { 'elicitation-sep1034-client-defaults': DEFAULTS, 'sep-2322-client-request-state': CONFIRM }[scenario];
  const client = await connect(where.url, { era, token: where.token, ...extra });
  await errands[scenario](client);
  await client.close();
}

const where = CALLGATE_BINARY ? await startGate() : { url: upstream, stop: async () => {} };
let code = 0;
try {
  await errand(where);
} catch (failure) {
  console.error(failure);
  code = 1;
}
await where.stop();
process.exit(code);
