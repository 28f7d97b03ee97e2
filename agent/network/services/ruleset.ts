/**
 * The proxy's table in nftables. A packet to a service costs a look-up of its address, protocol and port, a number, and a
 * look-up of that number's endpoint, however many services there are:
 *
 *     services:  address . protocol . port ──► goto pick_3                  node_ports: protocol . port ──► …
 *     pick_3:    mark = a random number below 3
 *     endpoints: address . protocol . port . mark ──► pod address . port
 *
 * Chains differ by the number of endpoints alone, so services share them: what changes is elements. With session affinity the
 * number stands for an endpoint's id, and `affinity` keeps a client's for a while. Pure.
 */
import type { Reach } from './frontends.ts';

export const table = 'berth_services';

/** A chain that translates: to `count` endpoints, or `localCount` of this node's own. */
export interface ChainSpec {
  readonly reach: Reach;
  readonly onNode: boolean;
  readonly count: number;
  readonly localCount: number;
  readonly affinitySeconds: number | undefined;
}

const outsideMark = '0x1';

/** The number for affinity lives in the upper half of the mark: the lower has bits of others. */
export const idStep = 0x1_0000;
export const idMax = 0xffff * idStep;

const choiceName = ({ onNode, count, affinitySeconds }: ChainSpec): string =>
  `${affinitySeconds === undefined ? 'pick' : `stick_${affinitySeconds}`}${onNode ? '_port' : ''}_${count}`;

export const chainName = (chain: ChainSpec): string => {
  if (chain.reach === 'internal') return choiceName(chain);
  return chain.reach === 'external' ? `outside_${choiceName(chain)}` : `local_${chain.localCount}_${choiceName(chain)}`;
};

const random = (count: number): string => `meta mark set ${count === 1 ? '0' : `numgen random mod ${count}`}`;
/** One client, one number, as long as there are as many: affinity where only this node's own endpoints serve. */
const hashed = (count: number): string => `meta mark set ${count === 1 ? '0' : `jhash ip saddr mod ${count}`}`;
const keyOf = (onNode: boolean): string => (onNode ? 'meta l4proto . th dport . meta mark' : 'ip daddr . meta l4proto . th dport . meta mark');
const client = 'ip saddr . ip daddr . meta l4proto . th dport';
const byId = 'meta l4proto { tcp, udp, sctp } dnat ip to meta mark map @by_id';

const pickRules = (onNode: boolean, number: string, set: string): string[] => [number, `dnat ip to ${keyOf(onNode)} map @${set}`];

/** An endpoint that is gone has no id: then the client is given another one. */
const stickRules = ({ onNode, count, affinitySeconds }: ChainSpec): string[] => {
  const remember = `meta mark != 0 update @affinity { ${client} timeout ${affinitySeconds}s : meta mark }`;
  return [
    'meta mark set 0',
    `meta mark set ${client} map @affinity`,
    remember,
    byId,
    `meta mark != 0 delete @affinity { ${client} : meta mark }`,
    random(count),
    `meta mark set ${keyOf(onNode)} map @${onNode ? 'port_ids' : 'ids'}`,
    remember,
    byId,
  ];
};

/** The chains that a chain needs, in the order of their making: name and rules. */
export const chainRules = (chain: ChainSpec, podNetwork: string): readonly (readonly [string, readonly string[]])[] => {
  const { reach, onNode, count, localCount, affinitySeconds } = chain;
  const choice = choiceName(chain);
  const made: [string, string[]][] = [
    [choice, affinitySeconds === undefined ? pickRules(onNode, random(count), onNode ? 'port_endpoints' : 'endpoints') : stickRules(chain)],
  ];
  const outside = [`ct mark set ct mark or ${outsideMark}`, `goto ${choice}`];
  if (reach === 'external') made.push([chainName(chain), outside]);
  if (reach === 'local') {
    const number = affinitySeconds === undefined ? random(localCount) : hashed(localCount);
    const own = localCount === 0 ? ['drop'] : pickRules(onNode, number, onNode ? 'local_port_endpoints' : 'local_endpoints');
    made.push([`outside_${choice}`, outside]);
    // Pods, and the node itself, reach all endpoints.
    made.push([chainName(chain), [`ip saddr ${podNetwork} goto ${choice}`, `fib saddr type local goto outside_${choice}`, ...own]]);
  }
  return made;
};

/** The table without a service, in place of whatever of it is there. */
export const emptyTable = (serviceNetwork: string): string => {
  const place = 'ipv4_addr . inet_proto . inet_service';
  const port = 'inet_proto . inet_service';
  const look = `ip daddr . meta l4proto . th dport vmap @services
    ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @node_ports`;
  const refuse = `ct state new ip daddr . meta l4proto . th dport @refused goto refuse
    ct state new ip daddr ${serviceNetwork} fib daddr type != local goto refuse`;
  return `table ip ${table}
delete table ip ${table}
table ip ${table} {
  map services { type ${place} : verdict; }
  map node_ports { type ${port} : verdict; }
  map endpoints { type ${place} . mark : ipv4_addr . inet_service; }
  map port_endpoints { type ${port} . mark : ipv4_addr . inet_service; }
  map local_endpoints { type ${place} . mark : ipv4_addr . inet_service; }
  map local_port_endpoints { type ${port} . mark : ipv4_addr . inet_service; }
  map ids { type ${place} . mark : mark; }
  map port_ids { type ${port} . mark : mark; }
  map by_id { type mark : ipv4_addr . inet_service; }
  map affinity { type ipv4_addr . ${place} : mark; flags dynamic,timeout; timeout 3h; size 65536; }
  set refused { type ${place}; }
  set refused_ports { type ${port}; }
  set hairpin { type ipv4_addr . ipv4_addr; }
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmp type port-unreachable
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    ${look}
  }
  chain from_node {
    type nat hook output priority -100; policy accept;
    ${look}
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ct mark and ${outsideMark} == ${outsideMark} masquerade
    ct status dnat ip saddr . ip daddr @hairpin masquerade
  }
  chain input {
    type filter hook input priority 0; policy accept;
    ct state new fib daddr type local meta l4proto . th dport @refused_ports goto refuse
    ct state new ip daddr . meta l4proto . th dport @refused goto refuse
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ${refuse}
  }
  chain output {
    type filter hook output priority 0; policy accept;
    ${refuse}
  }
}
`;
};
