/** EndpointSlices: up to a thousand endpoints of a service that have the same ports. */
import type { FieldError } from '../errors.ts';
import { validateTypedAddress } from './endpoint-address.ts';
import { broken, child, duplicate, duplicates, immutable, index, oneOf, type Path, required, tooMany } from './field-error.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from './kubernetes.ts';
import { labelName, qualifiedName, subdomainName } from './names.ts';
import type { KindRules } from './strategy.ts';

const endpointsMax = 1_000;
const addressesMax = 100;
const portsMax = 100;
const zonesMax = 8;

const validateEndpoint = (endpoint: Endpoint, type: string, path: Path): FieldError[] => {
  const addresses = endpoint.addresses ?? [];
  const addressesPath = child(path, 'addresses');
  const zones = endpoint.hints?.forZones ?? [];
  return [
    ...(addresses.length === 0 ? [required(addressesPath, 'must contain at least 1 address')] : []),
    ...(addresses.length > addressesMax ? [tooMany(addressesPath, addresses.length, addressesMax)] : []),
    ...addresses.flatMap((address, at) =>
      type === 'FQDN' ? broken(index(addressesPath, at), address, subdomainName) : validateTypedAddress(address, type, index(addressesPath, at))),
    ...(endpoint.hostname ? broken(child(path, 'hostname'), endpoint.hostname, labelName) : []),
    ...(endpoint.nodeName ? broken(child(path, 'nodeName'), endpoint.nodeName, subdomainName) : []),
    ...(zones.length > zonesMax ? [tooMany(child(path, 'hints', 'forZones'), zones.length, zonesMax)] : []),
    ...duplicates(zones.map(({ name }) => name), (at) => child(index(child(path, 'hints', 'forZones'), at), 'name')),
  ];
};

const validatePort = (port: EndpointPort, path: Path): FieldError[] => [
  ...(port.name ? broken(child(path, 'name'), port.name, labelName) : []),
  ...(port.protocol ? oneOf(child(path, 'protocol'), port.protocol, ['TCP', 'UDP', 'SCTP']) : [required(child(path, 'protocol'))]),
  ...(port.appProtocol ? broken(child(path, 'appProtocol'), port.appProtocol, qualifiedName) : []),
];

const validatePorts = (ports: readonly EndpointPort[]): FieldError[] => {
  const seen = new Set<string>();
  return [
    ...(ports.length > portsMax ? [tooMany('ports', ports.length, portsMax)] : []),
    ...ports.flatMap((port, at) => validatePort(port, index('ports', at))),
    // Here, unlike elsewhere, a name that is empty may stand once only.
    ...ports.flatMap(({ name }, at): FieldError[] => {
      const isTwice = seen.has(name ?? '');
      seen.add(name ?? '');
      return isTwice ? [duplicate(child(index('ports', at), 'name'), name ?? '')] : [];
    }),
  ];
};

export const endpointSliceRules: KindRules<EndpointSlice> = {
  name: subdomainName,
  setDefaults: (slice) => {
    slice.endpoints ??= [];
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: ({ addressType, endpoints, ports }) => [
    ...(addressType ? oneOf('addressType', addressType, ['FQDN', 'IPv4', 'IPv6']) : [required('addressType')]),
    ...((endpoints?.length ?? 0) > endpointsMax ? [tooMany('endpoints', endpoints.length, endpointsMax)] : []),
    ...(endpoints ?? []).flatMap((endpoint, at) => validateEndpoint(endpoint, addressType, index('endpoints', at))),
    ...validatePorts(ports ?? []),
  ],
  validateUpdate: (slice, old) => immutable('addressType', slice.addressType, old.addressType),
};
