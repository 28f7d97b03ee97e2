import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { lostAddresses, portRulesIn } from '../../../../agent/network/lost-addresses.ts';

test('addresses of sandboxes that nobody knows are lost; those of others, and host-local\'s own files, are not', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-leases-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const network = join(dir, 'berth');
  await mkdir(network);
  for (const [name, text] of [['10.1.0.2', 'known\r\neth0'], ['10.1.0.3', 'gone\r\neth0'], ['10.1.0.4', ''], ['last_reserved_ip.0', '10.1.0.4'], ['lock', '']] as const) {
    await writeFile(join(network, name), text);
  }
  const lost = await lostAddresses(dir)(new Set(['known']));
  t.is(lost[0]?.key, `address ${network}/10.1.0.3 of gone`);
  // One that the power left empty.
  t.true(lost[1]?.key.startsWith(`address ${network}/10.1.0.4 of nobody`));
  t.is((await lostAddresses(dir)(new Set(['known'])))[1]?.key, lost[1]?.key, 'it is the same in the next look');
  await writeFile(join(network, '10.1.0.4'), 'known\r\neth0');
  t.is((await lostAddresses(dir)(new Set(['known']))).length, 1, 'one that was just being written is not');
  await lost[0]?.end();
  t.deepEqual((await readdir(network)).sort(), ['10.1.0.2', '10.1.0.4', 'last_reserved_ip.0', 'lock']);
  t.deepEqual(await lostAddresses(join(dir, 'missing'))(new Set()), []);
});

test('portmap\'s rules are told from all others by the network and the sandbox in their comment', (t) => {
  const jump = 'CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"berth\\" id: \\"abc-1\\"" -m multiport --dports 8080 -j CNI-DN-0a1b2c';
  const saved = `*nat\n:CNI-DN-0a1b2c - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT\n-A ${jump}\n-A ${jump.replace('berth', 'other')}\nCOMMIT\n`;
  t.deepEqual(portRulesIn(saved), [{ jump, sandboxId: 'abc-1', chain: 'CNI-DN-0a1b2c' }]);
});
