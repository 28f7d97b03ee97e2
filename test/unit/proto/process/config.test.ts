import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { about, ConfigError, configFile, count, describeConfig, listOf, oneOrMore, optional, readableFile, readConfig, shape, text, url } from '../../../../proto/process/config.ts';

const expected = shape({
  name: about('whose it is', text),
  retries: about('how often', optional(count, 3)),
  tls: optional(shape({ certificate: readableFile }), undefined),
  servers: listOf(shape({ host: text })),
});

const folder = mkdtempSync(join(tmpdir(), 'berth-config-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const read = (content: string): unknown => {
  const file = join(folder, 'program.yaml');
  writeFileSync(file, content);
  try {
    return readConfig(file, expected);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replace(`${file}: `, ''));
  }
};

test('what is left out has its default', (t) => {
  t.deepEqual(read('name: a\nservers: [{ host: b }]\n'), { name: 'a', retries: 3, tls: undefined, servers: [{ host: 'b' }] });
});

test('every problem is told at once: unknown keys with the nearest that is known, wrong types with what stands there', (t) => {
  t.deepEqual(read('nmae: a\nretries: often\nservers: [{ host: [] }, 5]\nzzz: 1\n'), [
    'nmae is not known; did you mean name?',
    'zzz is not known; known here: name, retries, tls, servers',
    'name must be a text, and is missing',
    'retries must be a whole number of 0 or more, and is "often"',
    'servers[0].host must be a text, and is a list',
    'servers[1] must be a mapping',
  ]);
  t.deepEqual(read(''), ['the file must be a mapping, and is empty']);
});

test('what there may be several of may stand by itself', (t) => {
  const problems: string[] = [];
  t.deepEqual(oneOrMore(url).check('https://a:1', 'url', problems), ['https://a:1']);
  t.deepEqual(oneOrMore(url).check(['https://a:1', 'https://b:1/'], 'url', problems), ['https://a:1', 'https://b:1/']);
  t.deepEqual(problems, []);
  for (const wrong of ['http://a:1', 'https://a:1/path', ['https://'], []]) oneOrMore(url).check(wrong, 'url', problems);
  t.deepEqual(problems, [
    'url must be https://HOST:PORT, and is "http://a:1"', 'url must be https://HOST:PORT, and is "https://a:1/path"',
    'url[0] must be https://HOST:PORT, and is "https://"', 'url must be a list with at least one entry',
  ]);
});

test('a file that a setting names must be there and readable', (t) => {
  const certificate = join(folder, 'a.crt');
  t.deepEqual(read(`name: a\nservers: [{ host: b }]\ntls: { certificate: ${certificate} }\n`), [`tls.certificate: ${certificate} is not there`]);
  writeFileSync(certificate, '');
  chmodSync(certificate, 0o400);
  t.like(read(`name: a\nservers: [{ host: b }]\ntls: { certificate: ${certificate} }\n`), { tls: { certificate } });
});

test('a configuration that cannot be read, or is no YAML, is told with its name', (t) => {
  t.throws(() => readConfig(join(folder, 'absent.yaml'), expected), { instanceOf: ConfigError, message: /absent\.yaml/ });
  t.throws(() => configFile(['--config']), { instanceOf: ConfigError, message: /--help/ });
  t.regex(String(read('a: [')), /is not valid YAML/);
});

test('--help shows each setting, with what it is for and what holds without it', (t) => {
  const lines = describeConfig('program', 'Does something.', expected).split('\n').map((line) => line.replace(/ +#/, ' #'));
  t.deepEqual(lines.slice(7, -1), [
    '  name: # whose it is; a text; required',
    '  retries: # how often; a whole number of 0 or more; default 3',
    '  tls: # optional',
    '    certificate: # the path of a file that can be read; required',
    '  servers: # a list, each entry a mapping; required',
    '    host: # a text; required',
  ]);
});
