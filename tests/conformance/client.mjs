// A client of the published SDK, pinned to one era, that answers what servers ask: the driver and the cross-era script use it.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/** era: legacy | modern. answers: what to say to an elicitation; a model that echoes and two roots are always there. */
export async function connect(url, { era, token, elicitation = {}, content = () => ({}) }) {
  const client = new Client(
    { name: 'callgate-conformance', version: '1' },
    {
      capabilities: { elicitation: { form: {}, ...elicitation }, sampling: {}, roots: { listChanged: true } },
      versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' },
    },
  );
  client.setRequestHandler('elicitation/create', async (request) => ({ action: 'accept', content: content(request.params) }));
  client.setRequestHandler('sampling/createMessage', async (request) => {
    const asked = [request.params.messages.at(-1).content].flat().map((part) => part.text ?? '').join('');
    return { role: 'assistant', model: 'echo', stopReason: 'endTurn', content: { type: 'text', text: `[${asked}]` } };
  });
  client.setRequestHandler('roots/list', async () => ({ roots: [{ uri: 'file:///one', name: 'one' }, { uri: 'file:///two', name: 'two' }] }));
  const requestInit = token ? { headers: { Authorization: `Bearer ${token}` } } : {};
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return client;
}

export const textOf = (result) => (result.content ?? []).map((part) => part.text ?? '').join('');
