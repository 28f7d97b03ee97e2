/** What the set-up script says on machines that Berth cannot run on: one line, with what to do. */
import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const script = fileURLToPath(new URL('../../deploy/setup.sh', import.meta.url));
const systemPath = '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A fresh clone: the script, no packages. */
const clone = mkdtempSync(join(tmpdir(), 'berth-setup-'));
mkdirSync(join(clone, 'deploy'));
copyFileSync(script, join(clone, 'deploy', 'setup.sh'));
writeFileSync(join(clone, 'package-lock.json'), '{}');
chmodSync(clone, 0o755);
test.after.always(() => rmSync(clone, { recursive: true, force: true }));

interface Result {
  readonly code: number;
  readonly lines: readonly string[];
}

/** Runs the script where the named programs say what they are given here. */
const setup = (programs: Readonly<Record<string, string>>, command: readonly string[] = [join(clone, 'deploy', 'setup.sh')]): Promise<Result> => {
  const folder = mkdtempSync(join(clone, 'programs-'));
  chmodSync(folder, 0o755);
  for (const [name, body] of Object.entries(programs)) writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return new Promise((resolve) => {
    execFile('bash', [...command], { env: { PATH: `${folder}:${systemPath}`, HOME: clone, TMPDIR: clone } }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, lines: `${stdout}${stderr}`.split('\n').filter((line) => line !== '') });
    });
  });
};

const node20 = 'echo 20';
const refusals: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
  ['another system than Linux', { uname: 'echo Darwin' }, /^error: .*needs Linux; this is Darwin\. Use a Linux machine/],
  ['a person who is not root', { id: 'echo 1000' }, /^error: .*needs root.*Run it again with sudo\.$/],
  ['a Node.js that is too old', { node: 'echo 18' }, /^error: Node\.js 18 is too old\. Install version 20 or newer/],
  ['a disk that is too full', { node: node20, df: 'echo head; echo "x 1 1 100000 1 /"' }, /^error: only 97 MB are free below .* and \d+ MB are needed\. Free some/],
  [
    'an npm registry out of reach',
    { node: node20, npm: 'echo "npm error code ENOTFOUND"; echo "npm error network request to the registry failed"; exit 1' },
    /^error: npm packages: npm error code ENOTFOUND .*Is the npm registry in reach.*berth-setup\.log\)$/,
  ],
];

for (const [title, programs, line] of refusals) {
  test(`${title} is told in one line`, async (t) => {
    const { code, lines } = await setup(programs);
    t.is(code, 1);
    t.is(lines.length, 1, lines.join('\n'));
    t.regex(lines[0] ?? '', line);
  });
}

test('on a machine that has everything the script does nothing and says nothing', async (t) => {
  t.deepEqual(await setup({}, [script]), { code: 0, lines: [] });
});
