import test from 'ava';
import { podKind } from '../../../../proto/kinds.ts';
import { checkCreation, type Loose, pod, type Row } from './rules.ts';

const set = (field: string, value: unknown) => (object: Loose): void => void (object.spec[field] = value);

const life: Row[] = [
  ['every restart policy', set('restartPolicy', 'OnFailure')],
  ['an unknown restart policy', set('restartPolicy', 'Maybe'), 'spec.restartPolicy NotSupported'],
  ['no grace at all', set('terminationGracePeriodSeconds', 0)],
  ['a negative grace period', set('terminationGracePeriodSeconds', -1), 'spec.terminationGracePeriodSeconds Invalid'],
  ['a deadline of nothing', set('activeDeadlineSeconds', 0), 'spec.activeDeadlineSeconds Invalid'],
  ['bad names', (p) => void Object.assign(p.spec, { nodeName: 'A', serviceAccountName: 'B', priorityClassName: 'c_', runtimeClassName: '-d' }), 'spec.nodeName Invalid', 'spec.serviceAccountName Invalid', 'spec.priorityClassName Invalid', 'spec.runtimeClassName Invalid'],
  ['a pull secret without a name, which is only warned of', set('imagePullSecrets', [{}])],
  ['an unknown preemption policy', set('preemptionPolicy', 'x'), 'spec.preemptionPolicy NotSupported'],
  ['gates', (p) => void Object.assign(p.spec, { readinessGates: [{ conditionType: 'example.com/a' }], schedulingGates: [{ name: 'a' }] })],
  ['bad gates', (p) => void Object.assign(p.spec, { readinessGates: [{ conditionType: 'a b' }], schedulingGates: [{ name: 'a' }, { name: 'a' }] }), 'spec.readinessGates[0].conditionType Invalid', 'spec.schedulingGates[1] Duplicate'],
  ['a gate and a node', (p) => void Object.assign(p.spec, { nodeName: 'n', schedulingGates: [{ name: 'a' }] }), 'spec.nodeName Forbidden'],
  ['overhead', set('overhead', { cpu: '-1', x: '1' }), 'spec.overhead[cpu] Invalid', 'spec.overhead[x] Invalid'],
  ['an operating system', set('os', { name: 'plan9' }), 'spec.os.name NotSupported'],
  ['own users on the host network', (p) => void Object.assign(p.spec, { hostUsers: false, hostNetwork: true }), 'spec.hostNetwork Forbidden'],
];

const network: Row[] = [
  ['everything', (p) => void Object.assign(p.spec, { hostname: 'web', subdomain: 'sub', dnsPolicy: 'None', dnsConfig: { nameservers: ['10.0.0.1', '::1'], searches: ['a.b.', '_x.y', '.'], options: [{ name: 'ndots', value: '5' }] }, hostAliases: [{ ip: '1.2.3.4', hostnames: ['a.b'] }] })],
  ['bad names', (p) => void Object.assign(p.spec, { hostname: 'a.b', subdomain: 'A' }), 'spec.hostname Invalid', 'spec.subdomain Invalid'],
  ['an unknown DNS policy', set('dnsPolicy', 'Never'), 'spec.dnsPolicy NotSupported'],
  ['no DNS at all', set('dnsPolicy', 'None'), 'spec.dnsConfig Required'],
  ['no nameserver', (p) => void Object.assign(p.spec, { dnsPolicy: 'None', dnsConfig: {} }), 'spec.dnsConfig.nameservers Required'],
  ['too many and bad nameservers', set('dnsConfig', { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', 'x'] }), 'spec.dnsConfig.nameservers Invalid', 'spec.dnsConfig.nameservers[3] Invalid'],
  ['too many search domains', set('dnsConfig', { searches: Array.from({ length: 33 }, (_, at) => `d${at}`) }), 'spec.dnsConfig.searches Invalid'],
  ['a bad search domain and option', set('dnsConfig', { searches: ['a b'], options: [{}] }), 'spec.dnsConfig.options[0] Required', 'spec.dnsConfig.searches[0] Invalid'],
  ['a bad alias', set('hostAliases', [{ ip: 'x', hostnames: ['A'] }]), 'spec.hostAliases[0].hostnames[0] Invalid', 'spec.hostAliases[0].ip Invalid'],
];

const expression = (operator: string, ...values: string[]) => ({ key: 'disk', operator, values });
const nodeTerms = (...terms: object[]) => set('affinity', { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } });
const terms = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';

const placement: Row[] = [
  ['a node selector', set('nodeSelector', { 'kubernetes.io/os': 'linux' })],
  ['a bad node selector', set('nodeSelector', { 'a b': '-' }), 'spec.nodeSelector Invalid', 'spec.nodeSelector Invalid'],
  ['every operator', nodeTerms({ matchExpressions: [expression('In', 'ssd'), expression('NotIn', 'hdd'), expression('Exists'), expression('DoesNotExist'), expression('Gt', '1'), expression('Lt', '9')], matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] })],
  ['no terms', nodeTerms(), `${terms} Required`],
  ['operators with the wrong values', nodeTerms({ matchExpressions: [expression('In'), expression('Exists', 'x'), expression('Gt', '1', '2'), expression('Like', 'x')] }), `${terms}[0].matchExpressions[0].values Required`, `${terms}[0].matchExpressions[1].values Forbidden`, `${terms}[0].matchExpressions[2].values Required`, `${terms}[0].matchExpressions[3].operator Invalid`],
  ['an unknown field', nodeTerms({ matchFields: [{ key: 'spec.x', operator: 'Exists' }] }), `${terms}[0].matchFields[0].key Invalid`, `${terms}[0].matchFields[0].operator Invalid`],
  ['a weight out of range', set('affinity', { nodeAffinity: { [preferred]: [{ weight: 101, preference: {} }] } }), `spec.affinity.nodeAffinity.${preferred}[0].weight Invalid`],
  ['a pod affinity without a topology', set('affinity', { podAntiAffinity: { [preferred]: [{ weight: 1, podAffinityTerm: { labelSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } } }] } }), `spec.affinity.podAntiAffinity.${preferred}[0].podAffinityTerm.labelSelector.matchExpressions[0].values Required`, `spec.affinity.podAntiAffinity.${preferred}[0].podAffinityTerm.topologyKey Required`],
  ['spread', set('topologySpreadConstraints', [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }])],
  ['bad spread', set('topologySpreadConstraints', [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'Panic', minDomains: 0 }]), ...['maxSkew Invalid', 'topologyKey Required', 'whenUnsatisfiable NotSupported', 'minDomains Invalid', 'minDomains Invalid'].map((error) => `spec.topologySpreadConstraints[0].${error}`)],
  ['the same spread twice', set('topologySpreadConstraints', [1, 2].map((maxSkew) => ({ maxSkew, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }))), 'spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable} Duplicate'],
  ['tolerations', set('tolerations', [{ operator: 'Exists' }, { key: 'a', value: 'b', effect: 'NoExecute', tolerationSeconds: 1 }])],
  ['bad tolerations', set('tolerations', [{ value: 'b' }, { key: 'a', tolerationSeconds: 1 }, { key: 'a', operator: 'Exists', value: 'b' }, { key: 'a', operator: 'Like', effect: 'x' }]), 'spec.tolerations[0].operator Invalid', 'spec.tolerations[1].effect Invalid', 'spec.tolerations[2].operator Invalid', 'spec.tolerations[3].effect NotSupported', 'spec.tolerations[3].operator NotSupported'],
];

const container = (securityContext: object) => (object: Loose): void => void (object.spec.containers[0].securityContext = securityContext);
const own = 'spec.containers[0].securityContext';

const security: Row[] = [
  ['a pod context', set('securityContext', { runAsUser: 0, fsGroup: 1, supplementalGroups: [2], fsGroupChangePolicy: 'Always', seccompProfile: { type: 'Localhost', localhostProfile: 'a/b.json' }, sysctls: [{ name: 'net.ipv4.ip_forward', value: '1' }, { name: 'kernel/shm_rmid_forced', value: '1' }] })],
  ['ids out of range', set('securityContext', { runAsUser: -1, runAsGroup: 2 ** 31, fsGroup: -1, supplementalGroups: [-1] }), ...['runAsUser', 'runAsGroup', 'fsGroup', 'supplementalGroups[0]'].map((field) => `spec.securityContext.${field} Invalid`)],
  ['an unknown profile', set('securityContext', { seccompProfile: { type: 'Strict' } }), 'spec.securityContext.seccompProfile.type NotSupported'],
  ['a profile without a type', set('securityContext', { seccompProfile: {} }), 'spec.securityContext.seccompProfile.type Required'],
  ['a local profile without a file', set('securityContext', { seccompProfile: { type: 'Localhost' } }), 'spec.securityContext.seccompProfile.localhostProfile Required'],
  ['a local profile elsewhere', set('securityContext', { seccompProfile: { type: 'Localhost', localhostProfile: '../a' } }), 'spec.securityContext.seccompProfile.localhostProfile Invalid'],
  ['a file for another type', set('securityContext', { seccompProfile: { type: 'Unconfined', localhostProfile: 'a' } }), 'spec.securityContext.seccompProfile.localhostProfile Invalid'],
  ['bad sysctls', set('securityContext', { sysctls: [{ name: 'A' }, { name: 'net.a' }, { name: 'net/a' }, {}] }), 'spec.securityContext.sysctls[0].name Invalid', 'spec.securityContext.sysctls[2].name Duplicate', 'spec.securityContext.sysctls[3].name Required'],
  ['a sysctl of the greatest length', set('securityContext', { sysctls: [{ name: 'a'.repeat(253), value: '' }, { name: 'b'.repeat(254), value: '' }] }), 'spec.securityContext.sysctls[1].name Invalid'],
  ["the host's own sysctls", (p) => void Object.assign(p.spec, { hostNetwork: true, hostIPC: true, securityContext: { sysctls: [{ name: 'net.a' }, { name: 'kernel.shmmax' }] } }), 'spec.securityContext.sysctls[0].name Invalid', 'spec.securityContext.sysctls[1].name Invalid'],
  ['unknown policies', set('securityContext', { fsGroupChangePolicy: 'x', supplementalGroupsPolicy: 'y' }), 'spec.securityContext.fsGroupChangePolicy NotSupported', 'spec.securityContext.supplementalGroupsPolicy NotSupported'],
  ['one process namespace', set('shareProcessNamespace', true)],
  ["the host's process namespace", set('hostPID', true)],
  ['two process namespaces', (p) => void Object.assign(p.spec, { hostPID: true, shareProcessNamespace: true }), 'spec.shareProcessNamespace Invalid'],
  ['a privileged container', container({ privileged: true, capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] }, procMount: 'Default' })],
  ['privileged without escalation', container({ privileged: true, allowPrivilegeEscalation: false }), `${own} Invalid`],
  ['administration without escalation', container({ capabilities: { add: ['SYS_ADMIN'] }, allowPrivilegeEscalation: false }), `${own} Invalid`],
  ['administration by its long name without escalation', container({ capabilities: { add: ['CAP_SYS_ADMIN'] }, allowPrivilegeEscalation: false }), `${own} Invalid`],
  ['another capability without escalation', container({ capabilities: { add: ['NET_ADMIN'] }, allowPrivilegeEscalation: false })],
  ['a user out of range', container({ runAsUser: -5 }), `${own}.runAsUser Invalid`],
  ['an unmasked proc with the host\'s users', container({ procMount: 'Unmasked' }), `${own}.procMount Invalid`],
  ['an unknown proc mount', container({ procMount: 'x' }), `${own}.procMount NotSupported`],
];

const tables: [string, Row[]][] = [['life', life], ['network', network], ['placement', placement], ['security', security]];

for (const [title, rows] of tables) {
  test(`pods are checked: ${title}`, (t) => checkCreation(t, podKind, pod(), rows));
}
