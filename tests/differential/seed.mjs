// Differential test of the founding document's code validator and secret scanner (C-02 to C-14, C-30 to C-34): its own JavaScript, run
// here, against ours. usage: node seed.mjs SEED_ORACLE [--seed N] [--count N]. The inputs are made by code from pieces of the patterns.
import { spawnSync } from 'node:child_process';

const dangerous = [
  /fetch\s*\(\s*['"`]https?:\/\/(?!localhost|127\.0\.0\.1)/,
  /require\s*\(\s*['"`]https?/,
  /import\s+.*\s+from\s+['"`]https?/,
  /fs\.writeFileSync\s*\(\s*['"`]\/(?:etc|usr|var|root)/,
  /fs\.unlinkSync\s*\(\s*['"`](?:\.\.\/|\.\.\\.)/,
  /process\.chdir\s*\(\s*['"`](?:\.\.\/|\.\.\\.)/,
  /exec\s*\(\s*['"`](?:rm|del|format|sudo)/,
  /spawn\s*\(\s*['"`](?:rm|del|format|sudo)/,
  /child_process/,
  /process\.env\s*\[\s*['"`](?:PASSWORD|SECRET|KEY|TOKEN)/,
  /process\.argv/,
  /npm\s+(?:publish|install.*--global)/,
  /yarn\s+(?:publish|global\s+add)/,
  /git\s+(?:push.*--force|reset.*--hard|clean.*-fd)/,
];
const suspicious = [
  /eval\s*\(/,
  /Function\s*\(/,
  /setTimeout\s*\(\s*['"`]/,
  /setInterval\s*\(\s*['"`]/,
  /atob\s*\(/,
  /btoa\s*\(/,
  /Buffer\.from.*base64/,
  /import\s*\(\s*[^'"`\w]/,
  /require\s*\(\s*[^'"`\w]/,
];
const secrets = [
  ['password', /(?:password|pwd|pass)\s*[:=]\s*['"`]([^'"`]+)['"`]/gi],
  ['api-key', /(?:api[_-]?key|apikey)\s*[:=]\s*['"`]([^'"`]+)['"`]/gi],
  ['secret', /(?:secret|token)\s*[:=]\s*['"`]([^'"`]+)['"`]/gi],
  ['database-url', /(?:database[_-]?url|db[_-]?url)\s*[:=]\s*['"`]([^'"`]+)['"`]/gi],
  ['openai-key', /sk-[a-zA-Z0-9]{32,}/g],
  ['github-token', /ghp_[a-zA-Z0-9]{36}/g],
  ['slack-token', /xoxb-[a-zA-Z0-9-]+/g],
];

// JavaScript's `.` may match half of a character beyond the first plane; no JSON carries that. The other half is added.
function whole(matches, code) {
  const half = /[\ud800-\udbff]$/.test(matches[0]);
  return half ? [code.substr(matches.index, matches[0].length + 1)] : [matches[0]];
}

function validate(code) {
  const out = { safe: true, riskLevel: 'LOW', violations: [], recommendations: [] };
  for (const pattern of dangerous) {
    const matches = code.match(pattern);
    if (!matches) continue;
    out.safe = false;
    out.riskLevel = 'HIGH';
    out.violations.push({ type: 'DANGEROUS_OPERATION', pattern: pattern.source, matches: whole(matches, code), severity: 'HIGH' });
  }
  for (const pattern of suspicious) {
    const matches = code.match(pattern);
    if (!matches) continue;
    out.riskLevel = out.riskLevel === 'LOW' ? 'MEDIUM' : out.riskLevel;
    out.violations.push({ type: 'SUSPICIOUS_OPERATION', pattern: pattern.source, matches: whole(matches, code), severity: 'MEDIUM' });
  }
  if (code.includes('process.env'))
    out.violations.push({ type: 'ENVIRONMENT_ACCESS', description: 'Web application accessing process environment', severity: 'MEDIUM' });
  const some = (word) => out.violations.some((v) => v.pattern !== undefined && v.pattern.includes(word));   // as printed it throws here
  const recommend = (priority, action, description) => out.recommendations.push({ priority, action, description });
  if (out.violations.some((v) => v.type === 'DANGEROUS_OPERATION'))
    recommend('CRITICAL', 'MANUAL_REVIEW_REQUIRED', 'Code contains potentially dangerous operations that require security review');
  if (some('fetch') || some('http'))
    recommend('HIGH', 'NETWORK_REVIEW', 'Code makes external network requests - verify destinations are trusted');
  if (some('env')) recommend('MEDIUM', 'SECRETS_REVIEW', 'Code accesses environment variables - ensure no secrets are exposed');
  return out;
}

function scan(code) {
  const found = [];
  for (const [type, pattern] of secrets)
    for (const match of code.matchAll(pattern))
      found.push({ type, value: match[1] || match[0], line: code.slice(0, match.index).split('\n').length });
  return found;
}

// ---- inputs ------------------------------------------------------------------------------------------------------------

const options = process.argv.slice(3);
const option = (name, otherwise) => (options.includes(name) ? Number(options[options.indexOf(name) + 1]) : otherwise);
let state = option('--seed', 1) >>> 0 || 1;
function random(below) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  state >>>= 0;
  return state % below;
}
const pick = (list) => list[random(list.length)];
const letters = (size) => Array.from({ length: size }, () => pick([...'abcXYZ019'])).join('');

const words = [
  'fetch', 'require', 'import', 'from', 'fs.writeFileSync', 'fs.unlinkSync', 'process.chdir', 'exec', 'spawn', 'child_process', 'process.env',
  'process.argv', 'npm', 'yarn', 'git', 'publish', 'install', '--global', 'global', 'add', 'push', '--force', 'reset', '--hard', 'clean', '-fd',
  'eval', 'Function', 'setTimeout', 'setInterval', 'atob', 'btoa', 'Buffer.from', 'base64', 'http', 'https', '://', 'localhost', '127.0.0.1',
  'evil.example', '/etc', '/usr', '../', '..\\', '..', 'rm', 'del', 'format', 'sudo', 'PASSWORD', 'SECRET', 'KEY', 'TOKEN', 'password', 'pwd',
  'pass', 'Pass', 'apikey', 'api_key', 'API-KEY', 'secret', 'toKen', 'database_url', 'dbUrl', 'db-url', 'sk-', 'ghp_', 'xoxb-', 'x', 'a_b', '7',
  '\u017fecret', 'to\u212aen', '\u0130', '\u00e9',
];
const joints = ['', '', '', ' ', ' ', '  ', '\t', '\n', '\r', '\r\n', '\v', '\f', '\u00a0', '\u1680', '\u180e', '\u2003', '\u200b', '\u2028', '\u2029',
  '\u202f', '\u205f', '\u3000', '\ufeff', '\u0085', '\u001c', '.', ';', ','];
const marks = ['(', '(', '[', ']', ')', "'", '"', '`', "'", '"', ':', '=', '{', '}', '\\', '/', '-', '_', '\u{1f600}'];

function made() {
  let text = '';
  for (let left = 1 + random(14); left > 0; --left) {
    const kind = random(10);
    if (kind < 5) text += pick(words);
    else if (kind < 8) text += pick(marks);
    else if (kind < 9) text += pick(joints);
    else text += letters(pick([1, 5, 31, 32, 35, 36, 37]));
    text += pick(joints);
  }
  return text;
}

// A text that a pattern accepts, spoilt now and then.
function near() {
  let text = pick([...dangerous, ...suspicious, ...secrets.map(([, pattern]) => pattern)]).source;
  text = text.replace(/\(\?![^)]*\)/g, () => pick(['', 'localhost', '127.0.0.1', 'host']));
  text = text.replace(/\(\[\^'"`\]\+\)/g, () => pick(['', 'hunter2', 'a b\nc', '$x']));
  text = text.replace(/\[\^'"`\\w\]/g, () => pick(['(', ' ', 'a', "'", '\u00e9', '\u2028']));
  text = text.replace(/\[a-zA-Z0-9-?\](\{\d+,?\}|\+)/g, () => letters(pick([1, 31, 32, 36, 40])));
  text = text.replace(/\(\?:([^()]*)\)/g, (_, all) => pick(all.split('|')));
  text = text.replace(/\['"`\]/g, () => pick(["'", '"', '`']));
  text = text.replace(/\[:=\]/g, () => pick([':', '=', '=>']));
  text = text.replace(/\[_-\]\?/g, () => pick(['', '_', '-']));
  text = text.replace(/\\s\*/g, () => pick(joints)).replace(/\\s\+/g, () => pick(joints.slice(3)));
  text = text.replace(/\.\*/g, () => pick(['', ' x ', 'y', '\n', '\u2028', '\r'])).replace(/s\?/g, () => pick(['', 's']));
  text = text.replace(/\\(.)/g, '$1');
  if (random(4) === 0) {
    const at = random(text.length + 1);
    text = text.slice(0, at) + pick([...joints, ...marks, 'x']) + text.slice(at + random(2));
  }
  return pick(['', '', 'const a = 1;\n', 'x']) + text + pick(['', ';', "'", '\n', '/x']);
}

// ---- comparing ---------------------------------------------------------------------------------------------------------

const count = option('--count', 20000);
const inputs = Array.from({ length: count }, () => {
  let text = random(3) === 0 ? made() : near();
  while (random(4) === 0) text += pick(['\n', ' ', ';']) + near();
  return text.toWellFormed ? text.toWellFormed() : Buffer.from(text).toString();
});
const frames = [];
for (const text of inputs) {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(bytes.length);
  frames.push(head, bytes);
}
const run = spawnSync(process.argv[2], { input: Buffer.concat(frames), maxBuffer: 1 << 30 });
if (run.status !== 0) {
  console.error(`the oracle ended with ${run.status ?? run.signal}: ${run.stderr}`);
  process.exit(1);
}
let at = 0;
let different = 0;
let hits = 0;
const seen = new Set();
for (const text of inputs) {
  const size = run.stdout.readUInt32LE(at);
  const ours = JSON.parse(run.stdout.subarray(at + 4, at + 4 + size));
  at += 4 + size;
  const theirs = JSON.parse(JSON.stringify({ validation: validate(text), secrets: scan(text) }));
  for (const one of theirs.validation.violations) seen.add(one.pattern ?? one.type);
  for (const one of theirs.secrets) seen.add(one.type);
  hits += theirs.validation.violations.length + theirs.secrets.length;
  const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  if (same(ours, theirs)) continue;
  if (++different <= 5) console.log(`${JSON.stringify(text)}\n  theirs ${JSON.stringify(theirs)}\n  ours   ${JSON.stringify(ours)}`);
}
const all = dangerous.length + suspicious.length + 1 + secrets.length;
console.log(`${count} texts, ${hits} hits of ${seen.size} of ${all} patterns, ${different} different`);
process.exit(different > 0 || (count >= 5000 && seen.size < all) ? 1 : 0);
