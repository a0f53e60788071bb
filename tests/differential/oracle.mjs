// Node's side of the differential test. Reads pairs of frames (32-bit little-endian length, bytes): what the client sent and our
// canonical form of it. Answers one line per pair: `ok`, or what is different.
import { readFileSync } from 'node:fs';

const input = readFileSync(0);
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
let at = 0;

function frame() {
  const size = input.readUInt32LE(at);
  const bytes = input.subarray(at + 4, at + 4 + size);
  at += 4 + size;
  return bytes;
}

function same(a, b) {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  const others = Object.keys(b);
  return keys.length === others.length && keys.every((key, i) => key === others[i] && same(a[key], b[key]));
}

function compare(sent, canonical) {
  let original;
  try {
    original = JSON.parse(decoder.decode(sent));
  } catch (error) {
    return `node refuses the input: ${error.message}`;
  }
  let ours;
  try {
    ours = JSON.parse(decoder.decode(canonical));
  } catch (error) {
    return `node refuses the canonical form: ${error.message}`;
  }
  return same(original, ours) ? 'ok' : 'node reads another value from the canonical form';
}

const lines = [];
while (at < input.length) lines.push(compare(frame(), frame()).replaceAll('\n', ' '));
process.stdout.write(lines.map((line) => line + '\n').join(''));
