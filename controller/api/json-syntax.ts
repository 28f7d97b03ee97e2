/**
 * Where JSON text stops being JSON. `JSON.parse` says it in words that differ from case to case and quote the text,
 * which may hold secrets; this is asked only after it has failed.
 */

type Expected = 'value' | 'first item' | 'first key' | 'key' | 'colon' | 'comma' | 'end';

const space = /[ \t\n\r]*/y;
const word = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

const matchEnd = (pattern: RegExp, text: string, start: number): number => {
  pattern.lastIndex = start;
  return pattern.test(text) ? pattern.lastIndex : start;
};

/** The index behind a string that begins at `start`; negative, minus one, the index of what is wrong in it. */
const stringEnd = (text: string, start: number): number => {
  for (let index = start + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (text[index] === '"') return index + 1;
    if (code < 0x20) return -index - 1;
    if (text[index] !== '\\') continue;
    const escape = /^(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/.exec(text.slice(index + 1, index + 6));
    if (escape === null) return -index - 1;
    index += escape[0].length;
  }
  return -text.length - 1;
};

/** The position of the first character that cannot stand where it stands; the text's length when it ends too early. */
export const syntaxErrorPosition = (text: string): number => {
  const containers: ('[' | '{')[] = [];
  const afterValue = (): Expected => (containers.length === 0 ? 'end' : 'comma');
  let expected: Expected = 'value';
  let index = matchEnd(space, text, 0);
  for (; index < text.length; index = matchEnd(space, text, index)) {
    const character = text[index];
    const inside: string | undefined = containers.at(-1);
    const mayBeValue: boolean = expected === 'value' || expected === 'first item';
    const mayBeKey: boolean = expected === 'key' || expected === 'first key';
    if (character === '"' && (mayBeValue || mayBeKey)) {
      const end = stringEnd(text, index);
      if (end < 0) return -end - 1;
      index = end;
      expected = mayBeKey ? 'colon' : afterValue();
    } else if (mayBeValue && (character === '[' || character === '{')) {
      containers.push(character);
      expected = character === '[' ? 'first item' : 'first key';
      index += 1;
    } else if (
      (character === ']' && inside === '[' && (expected === 'comma' || expected === 'first item')) ||
      (character === '}' && inside === '{' && (expected === 'comma' || expected === 'first key'))
    ) {
      containers.pop();
      expected = afterValue();
      index += 1;
    } else if (character === ',' && expected === 'comma') {
      expected = inside === '[' ? 'value' : 'key';
      index += 1;
    } else if (character === ':' && expected === 'colon') {
      expected = 'value';
      index += 1;
    } else {
      const end = mayBeValue ? matchEnd(word, text, index) : index;
      if (end === index) return index;
      index = end;
      expected = afterValue();
    }
  }
  return index;
};
