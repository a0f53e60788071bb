// What the fixture offers: the tools, prompts and resources the conformance suites ask for by name. Written once for both eras: a tool that
// needs input returns `inputRequired(...)`, which the SDK turns into requests to the client on a 2025 connection.
import crypto from 'node:crypto';
import {
  acceptedContent, CLIENT_CAPABILITIES_META_KEY, completable, createRequestStateCodec, fromJsonSchema, inputRequired, inputResponse, McpServer,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import * as z from 'zod';

// A red dot, and a tenth of a second of silence.
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const WAV = silence(8000, 0.1).toString('base64');

function silence(rate, seconds) {
  const samples = Math.round(rate * seconds);
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8);
  for (const [at, size, value] of [[16, 4, 16], [20, 2, 1], [22, 2, 1], [24, 4, rate], [28, 4, rate * 2], [32, 2, 2], [34, 2, 16]])
    wav.writeUIntLE(value, at, size);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  return wav;
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const startingWith = (known) => (value) => known.filter((entry) => entry.startsWith(value));
const text = (words) => ({ type: 'text', text: words });
const said = (words) => ({ content: [text(words)] });
const user = (content) => ({ role: 'user', content });
const form = (message, properties, required = Object.keys(properties)) => ({
  method: 'elicitation/create',
  params: { mode: 'form', message, requestedSchema: { type: 'object', properties, ...(required.length > 0 && { required }) } },
});
const sample = (prompt, maxTokens) => ({ method: 'sampling/createMessage', params: { messages: [user(text(prompt))], maxTokens } });
const roots = () => ({ method: 'roots/list', params: {} });

const KEYS = {
  'What is your name?': 'user_name', 'What is the capital of France?': 'capital_question', 'Generate a greeting': 'greeting', 'Please confirm': 'confirm',
  'Step 1: What is your name?': 'step1', 'Step 2: What is your favorite color?': 'step2', 'What context should the prompt use?': 'user_context',
};

/** What a request to the client is called: its key in 2026, its JSON-RPC id in 2025. */
export function keyOf({ method, params }) {
  if (method === 'roots/list') return 'client_roots';
  return KEYS[params.message ?? params.messages?.at(-1).content.text] ?? 'answer';
}

const states = createRequestStateCodec({ key: crypto.randomBytes(32) });

// -- plain answers

function contentTools(server) {
  const mixed = { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: JSON.stringify({ test: 'data', value: 123 }) };
  const answers = {
    test_simple_text: [text('This is a simple text response for testing.')],
    test_image_content: [{ type: 'image', data: PNG, mimeType: 'image/png' }],
    test_audio_content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
    test_embedded_resource: [
      { type: 'resource', resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource content.' } },
    ],
    test_multiple_content_types: [
      text('Multiple content types test:'), { type: 'image', data: PNG, mimeType: 'image/png' }, { type: 'resource', resource: mixed },
    ],
  };
  for (const [name, content] of Object.entries(answers))
    server.registerTool(name, { description: `Answers with fixed content (${name}).` }, async () => ({ content }));
  server.registerTool('test_error_handling', { description: 'Fails every time.' }, async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  // Two that the suites do not know: they show whether ids and numbers survive the way.
  server.registerTool(
    'echo', { description: 'Says what it was told.', inputSchema: z.object({ text: z.string() }) }, async ({ text: words }) => said(words),
  );
}

// -- what happens beside the answer

function notifyingTools(server, hooks) {
  server.registerTool('test_tool_with_logging', { description: 'Logs three lines while it works.' }, async (ctx) => {
    const lines = ['Tool execution started', 'Tool processing data', 'Tool execution completed'];
    for (const [at, line] of lines.entries()) {
      if (at > 0) await pause(50);
      await ctx.mcpReq.log('info', line);
    }
    return said('Tool with logging executed');
  });
  server.registerTool('test_tool_with_progress', { description: 'Reports progress in three steps.' }, async (ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progress > 0) await pause(50);
      if (progressToken !== undefined) await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } });
    }
    return said('Tool with progress executed');
  });
  server.registerTool('test_logging_tool', { description: 'Logs one line, for those who asked for it.' }, async (ctx) => {
    await ctx.mcpReq.log('info', 'A line from test_logging_tool');
    return said('Logged');
  });
  server.registerTool('test_reconnection', { description: 'Hangs up in the middle; the answer waits for whoever resumes.' }, async (ctx) => {
    ctx.http?.closeSSE?.();
    await pause(150);
    return said('Reconnection test completed');
  });
  server.registerTool('test_trigger_tool_change', { description: 'Announces a change of the tool list.' }, async () => {
    hooks.toolsChanged(server);
    return said('The tool list changed');
  });
  server.registerTool('test_trigger_prompt_change', { description: 'Announces a change of the prompt list.' }, async () => {
    hooks.promptsChanged(server);
    return said('The prompt list changed');
  });
}

// -- schemas that must survive

function schemaTools(server) {
  const inputSchema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: { address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
    properties: {
      name: { type: 'string' },
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: { type: 'string' },
      email: { type: 'string' },
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  };
  server.registerTool(
    'json_schema_2020_12_tool', { description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(inputSchema) },
    async (args) => said(`JSON Schema 2020-12 tool called with: ${JSON.stringify(args)}`),
  );
  const mirrored = {
    type: 'object',
    properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, query: { type: 'string' } },
    required: ['region'],
  };
  server.registerTool(
    'test_x_mcp_header', { description: 'Its region is mirrored in a header.', inputSchema: fromJsonSchema(mirrored) },
    async ({ region }) => said(`Region: ${region}`),
  );
}

// -- input from the client

/** A tool of one round: asks `requests`, and answers what `done` makes of the responses; asks again while that is undefined. */
function asking(server, name, description, requests, done, inputSchema) {
  const ask = async (args, ctx) => done(ctx.mcpReq.inputResponses, args) ?? inputRequired({ inputRequests: requests(args) });
  server.registerTool(name, { description, ...(inputSchema && { inputSchema }) }, inputSchema ? ask : async (ctx) => ask({}, ctx));
}

const elicited = (responses, key) => {
  const view = inputResponse(responses, key);
  return view.kind === 'elicit' ? view : undefined;
};
const sampled = (responses, key) => {
  const view = inputResponse(responses, key);
  if (view.kind !== 'sampling') return undefined;
  return [view.result.content].flat().map((part) => part.text ?? '').join('');
};
const named = (responses, key, field) => {
  const value = acceptedContent(responses, key)?.[field];
  return typeof value === 'string' ? value : undefined;
};
const rooted = (responses, key) => {
  const view = inputResponse(responses, key);
  return view.kind === 'roots' ? view.roots.map((root) => root.uri).join(', ') : undefined;
};

function legacyInputTools(server) {
  asking(
    server, 'test_sampling', 'Asks the client\'s model.',
    ({ prompt }) => ({ answer: sample(prompt, 100) }),
    (responses) => {
      const words = sampled(responses, 'answer');
      return words === undefined ? undefined : said(`LLM response: ${words}`);
    },
    z.object({ prompt: z.string() }),
  );
  const answered = (label) => (responses) => {
    const view = elicited(responses, 'answer');
    return view && said(`${label}action=${view.action}, content=${JSON.stringify(view.content ?? {})}`);
  };
  asking(
    server, 'test_elicitation', 'Asks the user for a name and an address.',
    ({ message }) => ({
      answer: form(message, {
        username: { type: 'string', description: "User's response" }, email: { type: 'string', description: "User's email address" },
      }),
    }),
    answered('User response: '), z.object({ message: z.string() }),
  );
  asking(
    server, 'test_elicitation_sep1034_defaults', 'Asks for one value of each primitive type, all with defaults.',
    () => ({
      answer: form('Please review the values', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      }, []),
    }),
    answered('Elicitation completed: '),
  );
  const titled = (titles) => titles.map((title, at) => ({ const: `value${at + 1}`, title }));
  asking(
    server, 'test_elicitation_sep1330_enums', 'Asks for choices in all five forms.',
    () => ({
      answer: form('Please choose', {
        untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
        titledSingle: { type: 'string', oneOf: titled(['First Option', 'Second Option', 'Third Option']) },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2', 'opt3'], enumNames: ['Option One', 'Option Two', 'Option Three'] },
        untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
        titledMulti: { type: 'array', items: { anyOf: titled(['First Choice', 'Second Choice', 'Third Choice']) } },
      }, []),
    }),
    answered('Elicitation completed: '),
  );
}

const NAME = { name: { type: 'string' } };

function inputRequiredTools(server) {
  asking(
    server, 'test_input_required_result_elicitation', 'Asks for a name.',
    () => ({ user_name: form('What is your name?', NAME) }),
    (responses) => {
      const name = named(responses, 'user_name', 'name');
      return name === undefined ? undefined : said(`Hello, ${name}!`);
    },
  );
  asking(
    server, 'test_input_required_result_sampling', 'Asks the client\'s model for a capital.',
    () => ({ capital_question: sample('What is the capital of France?', 100) }),
    (responses) => {
      const words = sampled(responses, 'capital_question');
      return words === undefined ? undefined : said(words);
    },
  );
  asking(
    server, 'test_input_required_result_list_roots', 'Asks for the client\'s roots.',
    () => ({ client_roots: roots() }),
    (responses) => {
      const uris = rooted(responses, 'client_roots');
      return uris === undefined ? undefined : said(`Roots: ${uris}`);
    },
  );
  asking(
    server, 'test_missing_capability', 'Needs a client that can sample.',
    () => ({ question: sample('Say a word.', 10) }),
    (responses) => {
      const words = sampled(responses, 'question');
      return words === undefined ? undefined : said(words);
    },
  );
  asking(
    server, 'test_streaming_elicitation', 'Asks for a confirmation.',
    () => ({ confirm: form('Go on?', { ok: { type: 'boolean' } }) }),
    (responses) => elicited(responses, 'confirm') && said('Confirmed'),
  );
  server.registerTool('test_input_required_result_capabilities', { description: 'Asks only what the client declared it can answer.' }, async (ctx) => {
    const able = ctx.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities() ?? {};
    if (Object.keys(ctx.mcpReq.inputResponses ?? {}).length > 0) return said('Answered');
    const inputRequests = {
      ...(able.elicitation && { name: form('What is your name?', NAME) }),
      ...(able.sampling && { greeting: sample('Generate a greeting', 50) }),
      ...(able.roots && { client_roots: roots() }),
    };
    return Object.keys(inputRequests).length > 0 ? inputRequired({ inputRequests }) : said('The client can answer nothing');
  });
}

function statefulTools(server) {
  const confirming = (name) =>
    server.registerTool(name, { description: 'Asks for a confirmation and checks its own state on the way back.' }, async (ctx) => {
      const state = ctx.mcpReq.requestState();
      if (state !== undefined && elicited(ctx.mcpReq.inputResponses, 'confirm')) return said(state.tool === name ? 'state-ok' : 'state of another tool');
      return inputRequired({
        inputRequests: { confirm: form('Please confirm', { ok: { type: 'boolean' } }) }, requestState: await states.mint({ tool: name }),
      });
    });
  confirming('test_input_required_result_request_state');
  confirming('test_input_required_result_tampered_state');
  server.registerTool('test_input_required_result_multiple_inputs', { description: 'Asks three things at once.' }, async (ctx) => {
    const responses = ctx.mcpReq.inputResponses;
    const [name, greeting, uris] = [named(responses, 'user_name', 'name'), sampled(responses, 'greeting'), rooted(responses, 'client_roots')];
    if (ctx.mcpReq.requestState() !== undefined && [name, greeting, uris].every((value) => value !== undefined))
      return said(`${greeting} ${name} has ${uris}`);
    return inputRequired({
      inputRequests: { user_name: form('What is your name?', NAME), greeting: sample('Generate a greeting', 50), client_roots: roots() },
      requestState: await states.mint({ asked: 'all' }),
    });
  });
  server.registerTool('test_input_required_result_multi_round', { description: 'Asks twice, one after the other.' }, async (ctx) => {
    const state = ctx.mcpReq.requestState();
    const name = state?.name ?? named(ctx.mcpReq.inputResponses, 'step1', 'name');
    if (state === undefined || name === undefined)
      return inputRequired({ inputRequests: { step1: form('Step 1: What is your name?', NAME) }, requestState: await states.mint({ round: 1 }) });
    const color = named(ctx.mcpReq.inputResponses, 'step2', 'color');
    if (color === undefined)
      return inputRequired({
        inputRequests: { step2: form('Step 2: What is your favorite color?', { color: { type: 'string' } }) },
        requestState: await states.mint({ round: 2, name }),
      });
    return said(`${name} likes ${color}`);
  });
}

// -- prompts and resources

function prompts(server) {
  const image = { type: 'image', data: PNG, mimeType: 'image/png' };
  server.registerPrompt('test_simple_prompt', { description: 'A prompt without arguments.' }, async () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }));
  const argument = (description) => completable(z.string().describe(description), startingWith(['paris', 'park', 'party']));
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'A prompt with two arguments.', argsSchema: z.object({ arg1: argument('First test argument'), arg2: argument('Second test argument') }) },
    async ({ arg1, arg2 }) => ({ messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))] }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A prompt with a resource in it.', argsSchema: z.object({ resourceUri: z.string().describe('URI of the resource to embed') }) },
    async ({ resourceUri }) => ({
      messages: [
        user({ type: 'resource', resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } }),
        user(text('Please process the embedded resource above.')),
      ],
    }),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'A prompt with an image in it.' }, async () => ({
    messages: [user(image), user(text('Please analyze the image above.'))],
  }));
  server.registerPrompt('test_input_required_result_prompt', { description: 'A prompt that asks for its context first.' }, async (ctx) => {
    const context = named(ctx.mcpReq.inputResponses, 'user_context', 'context');
    if (context !== undefined) return { messages: [user(text(`Context: ${context}`))] };
    return inputRequired({ inputRequests: { user_context: form('What context should the prompt use?', { context: { type: 'string' } }) } });
  });
}

function resources(server, watched) {
  const fixed = (name, uri, description, content) =>
    server.registerResource(name, uri, { description, mimeType: content.mimeType }, async () => ({ contents: [{ uri, ...content }] }));
  fixed('static-text', 'test://static-text', 'Text that never changes.', {
    mimeType: 'text/plain', text: 'This is the content of the static text resource.',
  });
  fixed('static-binary', 'test://static-binary', 'A red dot.', { mimeType: 'image/png', blob: PNG });
  fixed('watched-resource', 'test://watched-resource', 'Something to subscribe to.', { mimeType: 'text/plain', text: 'Watched resource content.' });
  server.registerResource(
    'template', new ResourceTemplate('test://template/{id}/data', { list: undefined, complete: { id: startingWith(['1', '12', '123']) } }),
    { description: 'Data by id.', mimeType: 'application/json' },
    async (uri, { id }) => ({
      contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` }) }],
    }),
  );
  const answer = (keep) => async (request) => {
    keep(request.params.uri);
    return {};
  };
  server.server.setRequestHandler('resources/subscribe', answer((uri) => watched.add(uri)));
  server.server.setRequestHandler('resources/unsubscribe', answer((uri) => watched.delete(uri)));
  server.registerTool('touch_watched_resource', { description: 'Announces a change of test://watched-resource.' }, async (ctx) => {
    server.touched(ctx);
    return said('Touched');
  });
}

/** One server instance. hooks: {toolsChanged(server), promptsChanged(server), resourceUpdated(server, uri)}. */
export function surface(hooks) {
  const server = new McpServer(
    { name: 'callgate-conformance-fixture', version: '1.0.0' },
    {
      instructions: 'What the conformance suites ask for.',
      capabilities: {
        tools: { listChanged: true }, prompts: { listChanged: true }, resources: { subscribe: true, listChanged: true }, logging: {}, completions: {},
      },
      requestState: { verify: states.verify },
      cacheHints: { 'tools/list': { ttlMs: 1000, cacheScope: 'public' } },
    },
  );
  const watched = new Set();
  server.touched = () => hooks.resourceUpdated(server, 'test://watched-resource', watched);
  contentTools(server);
  notifyingTools(server, hooks);
  schemaTools(server);
  legacyInputTools(server);
  inputRequiredTools(server);
  statefulTools(server);
  prompts(server);
  resources(server, watched);
  return server;
}
