/** What can be held about the code's shape without reading it: directions of imports, seams, sizes, no dead files. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../..', import.meta.url));
const fileLinesMax = 400;
const functionLinesMax = 70;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '');
const sources = files.filter((file) => !file.startsWith('test/'));
const textOf = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
const text = (file: string): string => textOf.get(file) ?? '';

/** Files of the project that a file imports, statically or not. */
const importsOf = (file: string): string[] =>
  [...text(file).matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)].map((match) => normalize(join(dirname(file), match[1] ?? '')));

const withoutComments = (code: string): string => code.replaceAll(/\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, ' ')).replaceAll(/\/\/[^\n]*/g, '');

test('programs import the protocol and themselves, the protocol only itself', (t) => {
  const allowed: Readonly<Record<string, readonly string[]>> = {
    proto: ['proto'],
    controller: ['proto', 'controller'],
    agent: ['proto', 'agent'],
    cli: ['proto', 'cli'],
    deploy: ['proto'],
  };
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter((target) => !(allowed[file.split('/')[0] ?? ''] ?? []).includes(target.split('/')[0] ?? ''))
      .map((target) => `${file} imports ${target}`));
  t.deepEqual(wrong, []);
});

test('time and randomness are read in proto/process alone', (t) => {
  const seams = /\b(Date\.now|Math\.random|setTimeout|setInterval|new Date\(\)|performance\.now|process\.hrtime)\b/;
  const wrong = sources.filter((file) => !file.startsWith('proto/process/') && seams.test(withoutComments(text(file))));
  t.deepEqual(wrong, []);
});

test(`no source file is longer than ${fileLinesMax} lines`, (t) => {
  const long = sources.map((file) => [file, text(file).split('\n').length - 1] as const).filter(([, lines]) => lines > fileLinesMax);
  t.deepEqual(long, []);
});

/** Functions and methods as they open at the start of a line, to the closing brace at the same indentation. */
const functionLengths = (code: string): { name: string; lines: number }[] => {
  const all = code.split('\n');
  return all.flatMap((line, index) => {
    const opens = /^(\s*)(?:export\s+)?(?:async\s+)?(?:(?:static\s+|override\s+|private\s+)*(?:async\s+)?\*?\s*(#?\w+)\s*\([^)]*\)[^=;]*\{|function\*?\s+(\w+).*\{|const\s+(\w+)\s*=.*(?:=>|function).*\{)\s*$/.exec(line);
    if (!opens || /^\s*(if|for|while|switch|catch|return|else)\b/.test(line)) return [];
    const closing = all.findIndex((other, at) => at > index && other.startsWith(`${opens[1] ?? ''}}`));
    return closing < 0 ? [] : [{ name: opens[2] ?? opens[3] ?? opens[4] ?? '', lines: closing - index + 1 }];
  });
};

test(`no function is longer than ${functionLinesMax} lines`, (t) => {
  const long = sources.flatMap((file) =>
    functionLengths(text(file))
      .filter(({ lines }) => lines > functionLinesMax)
      .map(({ name, lines }) => `${file}: ${name} (${lines})`));
  t.deepEqual(long, []);
});

test('every source file is used', (t) => {
  const entries = new Set(['controller/main.ts', 'agent/main.ts', 'cli/main.ts', 'proto/schema/generate.ts']);
  const used = new Set(files.flatMap(importsOf));
  t.deepEqual(sources.filter((file) => !entries.has(file) && !used.has(file)), []);
});

test('no file hides what it holds behind a name like utils', (t) => {
  const vague = /(^|\/)(utils?|helpers?|common|types|misc|index)\.ts$/;
  t.deepEqual(files.filter((file) => vague.test(file)), []);
});

test('every folder of the programs has its paper', (t) => {
  const folders = new Set(sources.map(dirname));
  t.deepEqual([...folders].filter((folder) => !existsSync(join(root, folder, 'README.md'))), []);
});

test('only the settled names stand at the top level', (t) => {
  const settled = new Set([
    'package.json', 'package-lock.json', 'tsconfig.json', 'proto', 'controller', 'agent', 'cli', 'deploy', 'test',
    'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'LICENSE',
  ]);
  const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n').map((file) => file.split('/')[0] ?? '');
  t.deepEqual([...new Set(tracked)].filter((name) => name !== '' && !name.startsWith('.') && !settled.has(name)), []);
});
