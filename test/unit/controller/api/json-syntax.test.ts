import test from 'ava';
import { syntaxErrorPosition } from '../../../../controller/api/json-syntax.ts';
import { seededRandom } from '../../../../proto/process/random.ts';

const positions: readonly (readonly [text: string, position: number])[] = [
  ['', 0],
  ['{', 1],
  ['{"a"', 4],
  ['{"a" 1}', 5],
  ['{"a": }', 6],
  ['{"a": tru}', 6],
  ['{"a": 1,}', 8],
  ['[1,]', 3],
  ['[1 2]', 3],
  ['[1}', 2],
  ['{"a": "x', 8],
  ['{"a": "\\x"}', 7],
  ['{"a": "\n"}', 7],
  ['[01]', 2],
  ['1 2', 2],
  [' nul', 1],
  ['{a: 1}', 1],
];
for (const [text, position] of positions) {
  test(`${JSON.stringify(text)} is wrong at ${position}`, (t) => {
    t.throws(() => JSON.parse(text) as unknown);
    t.is(syntaxErrorPosition(text), position);
  });
}

test('valid text has no position of its own: it is right to its end', (t) => {
  for (const text of ['{}', ' [ ] ', '{"a": [1, -2.5e3, true, null, "x\\u00e9\\n", {}]}', '"x"', '0']) t.is(syntaxErrorPosition(text), text.length);
});

test('what JSON.parse takes is right to its end, what it refuses is wrong somewhere or too short', (t) => {
  const random = seededRandom(7);
  const original = '{"a": [1, -2.5, true, null, "x\\n"], "b": {"c": {}}}';
  for (let round = 0; round < 3_000; round += 1) {
    const at = Math.floor(random.next() * original.length);
    const replacement = '{}[],:"\\ 0a-'[Math.floor(random.next() * 12)] ?? '';
    const text = original.slice(0, at) + replacement + original.slice(at + (random.next() < 0.5 ? 0 : 1));
    let isValid = true;
    try {
      JSON.parse(text);
    } catch {
      isValid = false;
    }
    // A character that may stand nowhere, not even in a string.
    const position = syntaxErrorPosition(`${text}\0`);
    if (isValid) t.is(position, text.length, text);
    else t.true(position <= text.length, text);
  }
});
