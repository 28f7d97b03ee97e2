import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import { layoutOf } from '../../../cli/install/layout.ts';
import { unitText } from '../../../cli/install/units.ts';

const folder = new URL('../../../deploy/systemd/', import.meta.url);
const units = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const);

test('below another root everything is there, and the units name nothing outside it', (t) => {
  const { root, config, agentData, cgroupParent } = layoutOf('/srv/try');
  t.is(config('agent.yaml'), '/srv/try/etc/berth/agent.yaml');
  t.is(agentData, '/srv/try/var/lib/berth-agent');
  t.regex(cgroupParent, /^\/berth-[0-9a-f]{8}$/);
  for (const [name, text] of units) {
    const paths = [...unitText(text, root).matchAll(/(?<!\w)(\/[\w/.-]*berth[\w/.-]*)/g)].map((match) => match[1] ?? '');
    t.true(paths.length > 0, name);
    t.deepEqual(paths.filter((path) => !path.startsWith('/srv/try/')), [], name);
  }
});

test('at the root the units are what they are in the repository', (t) => {
  t.is(layoutOf('/').config('agent.yaml'), '/etc/berth/agent.yaml');
  t.is(layoutOf('/').cgroupParent, '/berth');
  for (const [name, text] of units) t.is(unitText(text, '/'), text, name);
});

test('whoever keeps containers alive is ended alone, and everything comes back', (t) => {
  for (const [name, text] of units) t.regex(text, /^Restart=always$/m, name);
  for (const name of ['berth-agent.service', 'berth-containerd.service']) t.regex(units.find(([unit]) => unit === name)?.[1] ?? '', /^KillMode=process$/m, name);
});
