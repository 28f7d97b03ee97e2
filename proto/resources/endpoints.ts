/** Endpoints: the addresses behind a service in the older form, one object for each service. */
import type { FieldError } from '../errors.ts';
import { validateEndpointAddress } from './endpoint-address.ts';
import { repackSubsets } from './endpoint-subsets.ts';
import { broken, child, index, inRange, oneOf, type Path, required } from './field-error.ts';
import type { EndpointAddress, Endpoints, EndpointSubset } from './kubernetes.ts';
import { labelName, subdomainName } from './names.ts';
import type { KindRules } from './strategy.ts';

const validateAddress = (address: EndpointAddress, path: Path): FieldError[] => [
  ...validateEndpointAddress(address.ip ?? '', child(path, 'ip')),
  ...(address.hostname ? broken(child(path, 'hostname'), address.hostname, labelName) : []),
  ...(address.nodeName ? broken(child(path, 'nodeName'), address.nodeName, subdomainName) : []),
];

const validateSubset = (subset: EndpointSubset, path: Path): FieldError[] => {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  return [
    ...(addresses.length + notReadyAddresses.length === 0 ? [required(path, 'must specify `addresses` or `notReadyAddresses`')] : []),
    ...addresses.flatMap((address, at) => validateAddress(address, index(child(path, 'addresses'), at))),
    ...notReadyAddresses.flatMap((address, at) => validateAddress(address, index(child(path, 'notReadyAddresses'), at))),
    ...ports.flatMap((port, at) => {
      const portPath = index(child(path, 'ports'), at);
      return [
        ...(port.name ? broken(child(portPath, 'name'), port.name, labelName) : ports.length > 1 ? [required(child(portPath, 'name'))] : []),
        ...inRange(child(portPath, 'port'), port.port ?? 0, 1, 65_535),
        ...(port.protocol ? oneOf(child(portPath, 'protocol'), port.protocol, ['TCP', 'UDP', 'SCTP']) : [required(child(portPath, 'protocol'))]),
      ];
    }),
  ];
};

const validate = ({ subsets }: Endpoints): FieldError[] => (subsets ?? []).flatMap((subset, at) => validateSubset(subset, index('subsets', at)));

/** In place; what is wrong is left where its author wrote it, for validation to point there. */
const repack = (endpoints: Endpoints): void => {
  if (endpoints.subsets?.length && validate(endpoints).length === 0) endpoints.subsets = repackSubsets(endpoints.subsets);
};

export const endpointsRules: KindRules<Endpoints> = {
  name: subdomainName,
  setDefaults: ({ subsets }) => {
    for (const { ports } of subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP';
  },
  prepareForCreate: repack,
  prepareForUpdate: repack,
  validate,
};
