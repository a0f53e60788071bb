// Does one story with LangChain's MCP adapters and prints what it saw as one JSON line.
//   node langchain.mjs URL TOKEN '[["tool", {args}], ...]'
import { MultiServerMCPClient } from '@langchain/mcp-adapters';

const [url, token, calls] = process.argv.slice(2);
const client = new MultiServerMCPClient({
  mcpServers: { gate: { transport: 'http', url, headers: { Authorization: `Bearer ${token}` }, automaticSSEFallback: false } },
});
const tools = await client.getTools();
const seen = { tools: tools.map((tool) => tool.name).sort(), calls: [] };
for (const [name, args] of JSON.parse(calls)) {
  try {
    const tool = tools.find((entry) => entry.name === name);
    if (!tool) throw new Error(`no tool ${name}`);
    const answer = await tool.invoke(args);
    seen.calls.push({ text: typeof answer === 'string' ? answer : JSON.stringify(answer) });
  } catch (error) {
    seen.calls.push({ message: error.message });
  }
}
await client.close();
console.log(JSON.stringify(seen));
process.exit(0);
