// Five tools that ask the client for input, called by a client pinned to one era. Prints one JSON line: {tool: null | what went wrong}.
//   node cross_era.mjs legacy|modern URL [TOKEN]
import { connect, textOf } from './client.mjs';

const [era, url, token] = process.argv.slice(2);
const ROOTS = 'file:///one, file:///two';
const expected = {
  test_input_required_result_elicitation: 'Hello, Ada!',
  test_input_required_result_sampling: '[What is the capital of France?]',
  test_input_required_result_list_roots: `Roots: ${ROOTS}`,
  test_input_required_result_multi_round: 'Ada likes blue',
  test_input_required_result_multiple_inputs: `[Generate a greeting] Ada has ${ROOTS}`,
};
const values = { name: 'Ada', color: 'blue' };
const content = ({ requestedSchema }) =>
  Object.fromEntries(Object.keys(requestedSchema.properties).filter((field) => field in values).map((field) => [field, values[field]]));

const seen = Object.fromEntries(Object.keys(expected).map((tool) => [tool, 'not called']));
let client;
try {
  client = await connect(url, { era, token, content });
  await client.listTools();
  for (const [tool, wanted] of Object.entries(expected)) {
    try {
      const text = textOf(await client.callTool({ name: tool, arguments: {} }, { timeout: 15_000 }));
      seen[tool] = text === wanted ? null : `said: ${text}`;
    } catch (failure) {
      seen[tool] = String(failure.message);
    }
  }
} catch (failure) {
  for (const tool of Object.keys(seen)) seen[tool] = `no connection: ${failure.message}`;
}
await client?.close().catch(() => {});
console.log(JSON.stringify(seen));
process.exit(0);
